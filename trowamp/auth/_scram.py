"""SCRAM: the client proves that it knows a password, the router that it was told of it; neither is sent, and no password is stored.

There are two dialects (A1). "wamp-scram" is the specification's. "scram" is what Crossbar.io and Autobahn speak: other names, another form of the
salted password, nonces joined as octets and not as texts.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec

from ..messages import Authenticate
from ..messages import Challenge as ChallengeMessage
from ._client import MIN_NONCE, Stateless, Work
from ._octets import from_base64, mac, same, to_base64
from ._principals import Directory, Principal, accepted, ask, no_authid, not_available
from ._reading import check_keys, integer, text
from ._router import REFUSED, Attempt, Challenge, Outcome, Sources, malformed
from ._saslprep import saslprep
from ._scram_dialects import CROSSBAR, SPECIFICATION, Dialect
from ._scram_keys import (
    ARGON2,
    KEY_SIZE,
    PBKDF2,
    SALT_SIZES,
    Costs,
    Keys,
    auth_message,
    client_proof,
    recovered_stored_key,
    server_signature,
)

NONCE_SIZE: Final = 24  # octets; a multiple of three, so that joined octets are joined texts as well
_MAX_NONCE: Final = 1024  # characters


class Scram:
    """Authenticates a client with a password by "wamp-scram"; a router that does not prove itself is refused (SC-C4).

    Args:
        authid: The identity to claim.
        password: The password.

    Raises:
        ValueError: One of them holds characters that it may not hold.
    """

    dialect: Dialect = SPECIFICATION

    def __init__(self, authid: str, password: str) -> None:
        self.authid = saslprep(authid, "the authid")  # SC-C3
        saslprep(password, "the password")
        self._password = password

    def __repr__(self) -> str:
        return f"{type(self).__name__}(authid={self.authid!r})"

    def begin(self, nonce: bytes) -> ScramAttempt:
        """Begin a handshake.

        Raises:
            ValueError: The nonce is too short.
        """
        return ScramAttempt(self.dialect, self.authid, self._password, nonce)


class CrossbarScram(Scram):
    """The same with the dialect of Crossbar.io, "scram".

    Offer both with `auth=[CrossbarScram(…), Scram(…)]`, in this order: Crossbar refuses everybody whose first method it has never heard of.
    """

    dialect = CROSSBAR


class ScramAttempt(Stateless):
    """One handshake by SCRAM."""

    def __init__(self, dialect: Dialect, authid: str, password: str, nonce: bytes) -> None:
        if len(nonce) < MIN_NONCE:
            raise ValueError(f"a nonce of {MIN_NONCE} octets at least is needed")
        self.method = dialect.method
        self.authid: str | None = authid
        self._dialect = dialect
        self._name = authid
        self._password = password
        self._nonce = to_base64(nonce[:NONCE_SIZE])
        self._expected: bytes | None = None

    def __repr__(self) -> str:
        return f"<ScramAttempt by {self.method} of {self.authid!r}>"

    def authextra(self) -> dict[str, Any]:
        """Send the client's nonce."""
        return {"nonce": self._nonce}

    def answer(self, challenge: ChallengeMessage) -> Work:
        """Prove that the password is known.

        Raises:
            ValueError: The challenge is malformed, does not continue this handshake, or asks for too little or too much work.
        """
        self._expected = None
        extra, dialect = challenge.extra, self._dialect
        nonce, salt = extra.get("nonce"), extra.get("salt")
        if not isinstance(nonce, str) or len(nonce) > _MAX_NONCE or not dialect.continues(nonce, self._nonce):
            raise ValueError("the router's SCRAM nonce does not continue the client's (SC-C1)")
        octets = from_base64(salt, "the salt of the router's SCRAM challenge")
        if len(octets) not in SALT_SIZES:
            raise ValueError("the salt of the router's SCRAM challenge is too short or too long")
        if extra.get("channel_binding") is not None:
            raise ValueError("the router demands a channel binding that was not asked for")
        costs = _costs_in(extra, dialect)
        message = auth_message(
            self._name, self._nonce, nonce, salt=str(salt), iterations=costs.iterations, binding=dialect.binding
        )
        return Work(partial(self._proof, octets, costs, message, nonce))

    def check_welcome(self, authextra: dict[str, Any]) -> None:
        """Check the router's proof (SC-C4).

        Raises:
            ValueError: It is missing or wrong.
        """
        if self._expected is None:
            raise ValueError("the router did not ask for the proof that SCRAM demands, and so proved nothing itself")
        if not same(self._dialect.signature_in(authextra), self._expected):
            raise ValueError("the router does not know the keys of the password: it may be an impostor")

    def _proof(self, salt: bytes, costs: Costs, message: bytes, nonce: str) -> Authenticate:
        keys = Keys.of(self._dialect.salted(self._password, salt, costs))
        self._expected = server_signature(keys.server_key, message)
        return Authenticate(to_base64(client_proof(keys, message)), self._dialect.answer_extra(nonce))


def _costs_in(extra: dict[str, Any], dialect: Dialect) -> Costs:
    """Read how a challenge wants the password to be stretched.

    Raises:
        ValueError: Not at all, or too little or too much (SC-C2).
    """
    kdf, iterations, memory = extra.get("kdf"), extra.get("iterations"), extra.get("memory")
    function = dialect.functions.get(kdf) if isinstance(kdf, str) else None
    if function is None:
        raise ValueError("the router's SCRAM challenge names no key derivation function of this method")
    if type(iterations) is not int or (function == ARGON2 and type(memory) is not int):
        raise ValueError("the router's SCRAM challenge does not say how much work is to be done")
    costs = Costs(function, iterations, memory if function == ARGON2 and type(memory) is int else 0)
    try:
        costs.check()
    except ValueError as error:
        raise ValueError(f"the router's SCRAM challenge demands {error} (SC-C2)") from None
    return costs


class ScramCredential(msgspec.Struct, frozen=True):
    """What a router knows of a password (SC-R2): enough to check proofs, not enough to make them."""

    costs: Costs
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __repr__(self) -> str:
        return "<ScramCredential>"

    def shadow(self, entropy: bytes) -> ScramCredential:
        """Make a credential of the same shape that nobody has the secret for; its salt is always the same (SC-R1)."""
        salt = b"".join(mac(entropy, b"salt%d" % block) for block in range(len(self.salt) // 32 + 1))
        return ScramCredential(
            self.costs, salt[: len(self.salt)], mac(entropy, b"stored key"), mac(entropy, b"server key")
        )

    @classmethod
    def of(cls, dialect: Dialect, password: str, salt: bytes, costs: Costs) -> ScramCredential:
        """Make the credential of a password; that takes time.

        Raises:
            ValueError: The password holds characters that it may not hold, or the costs are out of bounds.
        """
        costs.check()
        keys = Keys.of(dialect.salted(password, salt, costs))
        return cls(costs, salt, keys.stored_key, keys.server_key)

    def write(self) -> dict[str, Any]:
        """Return it as a configuration says it."""
        memory = {"memory": self.costs.memory} if self.costs.kdf == ARGON2 else {}
        return {
            "kdf": self.costs.kdf,
            "iterations": self.costs.iterations,
            **memory,
            "salt": to_base64(self.salt),
            "stored_key": to_base64(self.stored_key),
            "server_key": to_base64(self.server_key),
        }

    @classmethod
    def read(cls, dialect: Dialect, value: Any, place: str) -> ScramCredential:
        """Read it from a configuration: what `hash-password` made of the password.

        Raises:
            ValueError: It is something else; the text names the place.
        """
        keys = ("kdf", "iterations", "memory", "salt", "stored_key", "server_key")
        check_keys(value, keys, place, optional=("memory",))
        kdf = text(value, "kdf", place)
        if kdf not in dialect.functions.values():
            raise ValueError(f"{place}.kdf must be one of {', '.join(dialect.functions.values())}")
        huge = range(2**31)
        memory = integer(value, "memory", place, huge) if kdf == ARGON2 else 0
        costs = Costs(kdf, integer(value, "iterations", place, huge), memory)
        try:
            costs.check()
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        return cls(
            costs,
            _octets(value, "salt", place, SALT_SIZES),
            _octets(value, "stored_key", place, range(KEY_SIZE, KEY_SIZE + 1)),
            _octets(value, "server_key", place, range(KEY_SIZE, KEY_SIZE + 1)),
        )


def _octets(table: dict[str, Any], key: str, place: str, sizes: range) -> bytes:
    octets = from_base64(table.get(key), f"{place}.{key}")
    if len(octets) not in sizes:
        raise ValueError(f"{place}.{key} has the wrong length")
    return octets


class ScramAuthenticator:
    """Has clients prove that they know their passwords.

    Args:
        directory: Who the clients are.
        sources: Where nonces come from.
        dialect: Which of the two.
    """

    def __init__(self, directory: Directory, sources: Sources, dialect: Dialect = SPECIFICATION) -> None:
        self.method = dialect.method
        self._dialect = dialect
        self._directory = directory
        self._sources = sources

    def begin(self, attempt: Attempt) -> Outcome:
        """Challenge the client."""
        claim = attempt.claim(self.method)
        if not claim.authid:
            return no_authid(self.method)
        nonce = claim.authextra.get("nonce")
        try:
            authid = saslprep(claim.authid, "the authid")
            if len(from_base64(nonce, "authextra.nonce")) < 8 or len(str(nonce)) > _MAX_NONCE:
                return malformed("authextra.nonce is too short or too long")
        except ValueError as error:
            return malformed(str(error))
        if claim.authextra.get("channel_binding"):
            return malformed("this router supports no channel binding")
        claim = msgspec.structs.replace(claim, authid=authid)
        return ask(self._directory, claim, partial(self._challenge, attempt, authid, str(nonce)))

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        """Check the client's proof, and add the router's (SC-R1)."""
        principal, credential, message, nonce = attempt.state
        try:
            proof = from_base64(signature, "the signature")
        except ValueError as error:
            return malformed(str(error))
        if len(proof) != KEY_SIZE or not self._dialect.repeats(extra, nonce):
            return malformed("AUTHENTICATE does not fit to the challenge")
        if not same(recovered_stored_key(credential.stored_key, message, proof), credential.stored_key):
            return REFUSED
        proved = self._dialect.verifier(server_signature(credential.server_key, message))
        return accepted(principal, attempt, **proved)

    def _challenge(self, attempt: Attempt, authid: str, client_nonce: str, principal: Principal) -> Outcome:
        credential = principal.credentials.get(self.method)
        if not isinstance(credential, ScramCredential):
            return not_available(self.method)
        costs, dialect = credential.costs, self._dialect
        nonce = dialect.joined(client_nonce, self._sources.random_bytes(NONCE_SIZE))
        salt = to_base64(credential.salt)
        message = auth_message(
            authid, client_nonce, nonce, salt=salt, iterations=costs.iterations, binding=dialect.binding
        )
        attempt.state = principal, credential, message, nonce
        names = {ours: theirs for theirs, ours in dialect.functions.items()}
        challenge = {"nonce": nonce, "salt": salt, "kdf": names[costs.kdf], "iterations": costs.iterations}
        return Challenge(challenge if costs.kdf == PBKDF2 else {**challenge, "memory": costs.memory})
