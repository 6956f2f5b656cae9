"""WAMP-CRA: the client signs a challenge with a secret that both sides know, and never sends it.

A salted secret is stretched with PBKDF2 first; what signs is then the base64 text of the derived key, as all implementations do it (A2).
"""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import Any, Final

import msgspec

from ..messages import Authenticate
from ..messages import Challenge as ChallengeMessage
from ._client import ClientAttempt, Stateless, Work
from ._octets import from_base64, mac, same, to_base64
from ._principals import Directory, Principal, accepted, ask, no_authid, not_available
from ._reading import check_keys, integer, text
from ._router import REFUSED, Attempt, Challenge, Outcome, Sources

METHOD: Final = "wampcra"

# What a client computes for whoever challenges it (CRA-C3).
MAX_ITERATIONS: Final = 10_000_000
KEY_LENGTHS: Final = range(16, 65)
MAX_CHALLENGE: Final = 65536  # characters
_QUICK: Final = 2000  # iterations that take about a millisecond: fewer are not worth a thread

DEFAULT_ITERATIONS: Final = 100_000


def derive_key(secret: str, salt: str, iterations: int = 1000, keylen: int = 32) -> bytes:
    """Derive the key that signs from a salted secret (CRA-C2).

    Args:
        secret: The secret.
        salt: The salt, any text.
        iterations: How often PBKDF2 iterates; time is proportional to it.
        keylen: The length of the derived key, before it becomes base64 text.
    """
    return to_base64(
        hashlib.pbkdf2_hmac(
            "sha256", secret.encode("utf-8", "surrogatepass"), salt.encode("utf-8", "surrogatepass"), iterations, keylen
        )
    ).encode()


def sign(key: bytes, challenge: str) -> str:
    """Sign a challenge (CRA-C1)."""
    return to_base64(mac(key, challenge.encode("utf-8", "surrogatepass")))


class WampCra(Stateless):
    """Authenticates a client with a secret, plain or salted as the router says.

    Args:
        authid: The identity to claim.
        secret: The secret.
    """

    method: str = METHOD

    def __init__(self, authid: str, secret: str) -> None:
        self.authid: str | None = authid
        self._secret = secret

    def __repr__(self) -> str:
        return f"WampCra(authid={self.authid!r})"

    def begin(self, nonce: bytes) -> ClientAttempt:
        """Begin a handshake; nothing has to be remembered."""
        return self

    def answer(self, challenge: ChallengeMessage) -> Authenticate | Work:
        """Sign the challenge.

        Raises:
            ValueError: There is nothing to sign, or the router asks for an absurd amount of work.
        """
        extra = challenge.extra
        to_sign = extra.get("challenge")
        if not isinstance(to_sign, str) or not 0 < len(to_sign) <= MAX_CHALLENGE:
            raise ValueError("the router's WAMP-CRA challenge holds no text to sign")
        salt = extra.get("salt")
        if salt is None:
            return Authenticate(sign(self._secret.encode("utf-8", "surrogatepass"), to_sign), {})
        if not isinstance(salt, str):
            raise ValueError("the salt in the router's WAMP-CRA challenge is not a text")
        iterations = _number(extra, "iterations", 1000, range(1, MAX_ITERATIONS + 1))
        keylen = _number(extra, "keylen", 32, KEY_LENGTHS)
        work = Work(partial(self._signed, to_sign, salt, iterations, keylen))
        return work.run() if iterations <= _QUICK else work

    def _signed(self, to_sign: str, salt: str, iterations: int, keylen: int) -> Authenticate:
        return Authenticate(sign(derive_key(self._secret, salt, iterations, keylen), to_sign), {})


def _number(extra: dict[str, Any], name: str, default: int, allowed: range) -> int:
    value = extra.get(name)
    if value is None:
        return default
    if type(value) is not int or value not in allowed:
        raise ValueError(f"the router's WAMP-CRA challenge demands {name} that this client refuses (CRA-C3)")
    return value


class WampCraCredential(msgspec.Struct, frozen=True):
    """What a router knows of a secret: the key that signs, and how a client comes to it."""

    key: bytes
    salt: str | None = None
    iterations: int = 0
    keylen: int = 0

    def __repr__(self) -> str:
        return "<WampCraCredential>"

    def shadow(self, entropy: bytes) -> WampCraCredential:
        """Make a credential of the same shape that nobody has the secret for."""
        salt = None if self.salt is None else shadow_text(entropy, self.salt)
        return WampCraCredential(mac(entropy, b"key"), salt, self.iterations, self.keylen)

    def parameters(self) -> dict[str, Any]:
        """Return what a client needs to know to come to the key."""
        if self.salt is None:
            return {}
        return {"salt": self.salt, "iterations": self.iterations, "keylen": self.keylen}

    @classmethod
    def read(cls, value: Any, place: str) -> WampCraCredential:
        """Read it from a configuration: the secret itself, or what `hash-password` made of it: `{"key": …, "salt": …, "iterations": …, "keylen": …}`.

        Raises:
            ValueError: It is neither; the text names the place.
        """
        if isinstance(value, str) and value:
            return cls(value.encode("utf-8", "surrogatepass"))
        if not isinstance(value, dict):
            raise ValueError(f"{place} must be a text, or a table as `trowamp hash-password` makes it")
        check_keys(value, ("key", "salt", "iterations", "keylen"), place, optional=("keylen",))
        return cls(
            text(value, "key", place).encode("utf-8", "surrogatepass"),
            text(value, "salt", place),
            integer(value, "iterations", place, range(1, MAX_ITERATIONS + 1)),
            integer(value, "keylen", place, KEY_LENGTHS, default=32),
        )


def shadow_text(entropy: bytes, like: str) -> str:
    """Make a text of random octets in the form of another: hexadecimal digits, base64, or any text of its length."""
    size = len(like)
    octets = b"".join(mac(entropy, b"salt%d" % block) for block in range(size // 32 + 1))
    if re.fullmatch(r"([0-9a-f]{2})+", like):
        return octets[: size // 2].hex()
    try:
        return to_base64(octets[: len(from_base64(like, "a salt"))])
    except ValueError:
        return to_base64(octets)[:size]


class WampCraAuthenticator:
    """Has clients sign challenges with their secrets.

    Args:
        directory: Who the clients are.
        sources: Where nonces and the time come from.
    """

    method: str = METHOD

    def __init__(self, directory: Directory, sources: Sources) -> None:
        self._directory = directory
        self._sources = sources

    def begin(self, attempt: Attempt) -> Outcome:
        """Challenge the client."""
        claim = attempt.claim(METHOD)
        if not claim.authid:
            return no_authid(METHOD)
        return ask(self._directory, claim, partial(self._challenge, attempt))

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        """Check the signature; whatever it is, the challenge is used up (CRA-R2)."""
        principal, expected = attempt.state
        if same(signature.encode("utf-8", "surrogatepass"), expected):
            return accepted(principal, attempt)
        return REFUSED

    def _challenge(self, attempt: Attempt, principal: Principal) -> Outcome:
        credential = principal.credentials.get(METHOD)
        if not isinstance(credential, WampCraCredential):
            return not_available(METHOD)
        challenge = self._text(attempt, principal)
        attempt.state = principal, sign(credential.key, challenge).encode()
        return Challenge({"challenge": challenge, **credential.parameters()})

    def _text(self, attempt: Attempt, principal: Principal) -> str:
        """Say what is to be signed (CRA-R1)."""
        now = self._sources.utc_now().replace(tzinfo=None)
        description = {
            "authid": principal.authid,
            "authrole": principal.role,
            "authmethod": METHOD,
            "authprovider": principal.provider,
            "nonce": to_base64(self._sources.random_bytes(24)),
            "timestamp": now.isoformat(timespec="milliseconds") + "Z",
            "session": attempt.session_id,
        }
        return msgspec.json.encode(description).decode()
