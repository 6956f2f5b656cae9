"""Cryptosign: the client signs a challenge with its Ed25519 key, and the router with its own if the client wants that.

Channel binding is a hook that is off by default (A3): who knows a channel id of 32 octets that both sides agree on can bring it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from ..messages import Authenticate
from ..messages import Challenge as ChallengeMessage
from ._client import Stateless, Work
from ._keys import private_key_from
from ._octets import from_hex, mac, same
from ._principals import Directory, Principal, accepted, ask, not_available
from ._router import REFUSED, Attempt, Challenge, Outcome, Skip, Sources, malformed

METHOD: Final = "cryptosign"
SIZE: Final = 32  # octets of keys, challenges, channel ids
SIGNED_SIZE: Final = 96  # a signature and what it signs


def signed(key: SigningKey, challenge: bytes, channel_id: bytes | None = None) -> str:
    """Sign a challenge; the result holds what was signed as well, in hex (CS-C1).

    Args:
        key: The private key.
        challenge: 32 octets.
        channel_id: 32 octets that the challenge is combined with, or None.
    """
    return bytes(key.sign(bound(challenge, channel_id))).hex()


def bound(challenge: bytes, channel_id: bytes | None) -> bytes:
    """Combine a challenge with a channel id.

    Raises:
        ValueError: The channel id has not 32 octets.
    """
    if channel_id is None:
        return challenge
    if len(channel_id) != SIZE:
        raise ValueError(f"a channel id has {SIZE} octets")
    return bytes(a ^ b for a, b in zip(challenge, channel_id, strict=True))


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether `signature`, 96 octets, is one of this very message (CS-R1)."""
    try:
        content = VerifyKey(public_key).verify(signature)
    except BadSignatureError:
        return False
    return same(content, message)


class ChannelBinding(msgspec.Struct, frozen=True):
    """Binds a proof to the connection that it is sent over.

    Attributes:
        kind: Its name: "tls-unique" or "tls-exporter".
        channel_id: Returns the connection's channel id, 32 octets.
    """

    kind: str
    channel_id: Callable[[], bytes]


class Signer(Protocol):
    """An Ed25519 key that stays where it is, in an agent or a device, and signs there.

    Attributes:
        public_key: The public key, in hex.
    """

    public_key: str

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 octets; may block.

        Raises:
            ValueError: The key is not there any more, or does not sign.
        """
        ...


class _PrivateKey:
    """A key that is in this process."""

    def __init__(self, key: SigningKey) -> None:
        self.public_key = bytes(key.verify_key).hex()
        self._key = key

    def __repr__(self) -> str:
        return f"<private key of {self.public_key}>"

    def sign(self, message: bytes) -> bytes:
        return bytes(self._key.sign(message).signature)


class Cryptosign:
    """Authenticates a client with its Ed25519 key.

    Args:
        authid: The identity to claim; default: the one that the router knows for the key.
        private_key: 64 hexadecimal digits, 32 octets, or the contents of a file that holds them or an unencrypted OpenSSH key.
        signer: In its place: a key that stays where it is, such as one of `trowamp.ssh_agent_keys()`.
        router_key: The public key that the router has to prove to have, in hex; default: it proves nothing.
        channel_binding: What binds the proof to the connection; default: nothing.

    Raises:
        ValueError: A key is none, or there is not one of `private_key` and `signer`.
    """

    def __init__(
        self,
        authid: str | None = None,
        *,
        private_key: str | bytes | None = None,
        signer: Signer | None = None,
        router_key: str | None = None,
        channel_binding: ChannelBinding | None = None,
    ) -> None:
        if (private_key is None) is (signer is None):
            raise ValueError("give one of private_key and signer")
        self.authid = authid
        self._signer = signer or _PrivateKey(private_key_from(private_key or b""))
        self._router_key = None if router_key is None else from_hex(router_key, "router_key", SIZE)
        self._binding = channel_binding

    @property
    def public_key(self) -> str:
        """The public key, in hex: what a router has to know."""
        return self._signer.public_key

    def __repr__(self) -> str:
        return f"Cryptosign(authid={self.authid!r}, public_key={self.public_key!r})"

    def begin(self, nonce: bytes) -> CryptosignAttempt:
        """Begin a handshake.

        Raises:
            ValueError: The nonce is too short.
        """
        return CryptosignAttempt(self.authid, self._signer, self._router_key, self._binding, nonce)


class CryptosignAttempt(Stateless):
    """One handshake by cryptosign."""

    method: str = METHOD

    def __init__(
        self,
        authid: str | None,
        signer: Signer,
        router_key: bytes | None,
        binding: ChannelBinding | None,
        nonce: bytes,
    ) -> None:
        if router_key is not None and len(nonce) != SIZE:
            raise ValueError(f"a nonce of {SIZE} octets is needed")
        self.authid = authid
        self._signer = signer
        self._router_key = router_key
        self._binding = binding
        self._nonce = nonce
        self._is_router_proved = False

    def __repr__(self) -> str:
        return f"<CryptosignAttempt of {self.authid!r}>"

    def authextra(self) -> dict[str, Any]:
        """Say which key is to be proved, and challenge the router if it has to prove its own."""
        extra = {"pubkey": self._signer.public_key}
        if self._binding is not None:
            extra["channel_binding"] = self._binding.kind
        if self._router_key is not None:
            extra["challenge"] = self._nonce.hex()
        return extra

    def answer(self, challenge: ChallengeMessage) -> Authenticate | Work:
        """Sign the challenge: elsewhere, if the key is elsewhere.

        Raises:
            ValueError: It is malformed, binds to another channel than was asked for, or the router did not prove its key.
        """
        extra, binding = challenge.extra, self._binding
        octets = from_hex(extra.get("challenge"), "the router's cryptosign challenge", SIZE)  # CS-R4
        if extra.get("channel_binding") != (None if binding is None else binding.kind):  # CS-C2
            raise ValueError("the router uses another channel binding than was asked for")
        channel_id = None if binding is None else binding.channel_id()
        if self._router_key is not None:
            self._check_router(self._router_key, extra.get("signature"), channel_id)
        message = bound(octets, channel_id)
        if isinstance(self._signer, _PrivateKey):
            return self._signed(message)
        return Work(partial(self._signed, message))

    def _signed(self, message: bytes) -> Authenticate:
        """Answer with the signature and what was signed, in hex (CS-C1)."""
        return Authenticate((self._signer.sign(message) + message).hex(), {})

    def check_welcome(self, authextra: dict[str, Any]) -> None:
        """Check that the router has proved its key, if it had to.

        Raises:
            ValueError: It has not.
        """
        if self._router_key is not None and not self._is_router_proved:
            raise ValueError("the router did not prove that it has the key router_key")

    def _check_router(self, router_key: bytes, signature: Any, channel_id: bytes | None) -> None:
        """Check the router's signature of our challenge (CS-C3)."""
        octets = from_hex(signature, "the router's signature", SIGNED_SIZE)
        if not is_signed(router_key, bound(self._nonce, channel_id), octets):
            raise ValueError("the router's signature is not one by router_key: it may be an impostor")
        self._is_router_proved = True


class CryptosignCredential(msgspec.Struct, frozen=True):
    """The public keys of a principal, in hex."""

    public_keys: tuple[str, ...]

    def shadow(self, entropy: bytes) -> CryptosignCredential:
        """Make a credential of the same shape that nobody has the private keys for."""
        return CryptosignCredential(tuple(mac(entropy, bytes([i])).hex() for i in range(len(self.public_keys))))

    @classmethod
    def read(cls, value: Any, place: str) -> CryptosignCredential:
        """Read it from a configuration: one public key in hex, or a list of them.

        Raises:
            ValueError: It is neither; the text names the place.
        """
        keys = [value] if isinstance(value, str) else value
        if not isinstance(keys, list | tuple) or not 0 < len(keys) < 256:
            raise ValueError(f"{place} must be a public key in hex, or a list of them")
        return cls(tuple(from_hex(key, f"{place}: a public key", SIZE).hex() for key in keys))


ChannelIds = Callable[
    [Mapping[str, Any], str], bytes | None
]  # from what is known of a connection, and the kind of binding


class CryptosignAuthenticator:
    """Has clients sign challenges with their keys.

    Args:
        directory: Who the clients are.
        sources: Where challenges come from.
        private_key: The router's own key, for clients that want it proved; in the forms that `Cryptosign` takes. Default: it has none.
        channel_ids: Returns a connection's channel id, or None if there is no such binding. Default: there are none.

    Raises:
        ValueError: The key is none.
    """

    method: str = METHOD

    def __init__(
        self,
        directory: Directory,
        sources: Sources,
        *,
        private_key: str | bytes | None = None,
        channel_ids: ChannelIds | None = None,
    ) -> None:
        self._directory = directory
        self._sources = sources
        self._key = None if private_key is None else private_key_from(private_key)
        self._channel_ids = channel_ids

    def begin(self, attempt: Attempt) -> Outcome:
        """Challenge the client."""
        authextra = attempt.details.get("authextra") or {}
        try:
            public_key = from_hex(authextra.get("pubkey"), "authextra.pubkey", SIZE)  # CS-R4
            proof = self._proof(attempt, authextra)
        except ValueError as error:
            return malformed(str(error))
        if isinstance(proof, Skip):
            return proof
        claim = attempt.claim(METHOD, public_key=public_key.hex())
        return ask(self._directory, claim, partial(self._challenge, attempt, public_key, *proof))

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        """Check the signature, then whether the key is the principal's: who has no such key learns nothing (CS-R3)."""
        principal, public_key, message = attempt.state
        try:
            octets = from_hex(signature, "the signature", SIGNED_SIZE)
        except ValueError as error:
            return malformed(str(error))
        keys = principal.credentials[METHOD].public_keys
        is_owner = any([same(public_key, bytes.fromhex(key)) for key in keys])  # noqa: C419  # looks at all of them
        if is_signed(public_key, message, octets) and is_owner:
            return accepted(principal, attempt)
        return REFUSED

    def _proof(self, attempt: Attempt, authextra: dict[str, Any]) -> tuple[bytes | None, dict[str, Any]] | Skip:
        """Return the channel id, and what CHALLENGE says of the router itself."""
        said: dict[str, Any] = {}
        channel_id = None
        kind = authextra.get("channel_binding")
        if kind is not None and self._channel_ids is not None and isinstance(kind, str):
            channel_id = self._channel_ids(attempt.transport, kind)
        if channel_id is not None:
            said["channel_binding"] = kind  # else the client decides whether it goes on without (CS-C2)
        if authextra.get("challenge") is not None:
            challenge = from_hex(authextra["challenge"], "authextra.challenge", SIZE)
            if self._key is None:
                return Skip("this router has no key that it could prove")
            said["pubkey"] = bytes(self._key.verify_key).hex()
            said["signature"] = signed(self._key, challenge, channel_id)
        return channel_id, said

    def _challenge(
        self,
        attempt: Attempt,
        public_key: bytes,
        channel_id: bytes | None,
        said: dict[str, Any],
        principal: Principal,
    ) -> Outcome:
        if not isinstance(principal.credentials.get(METHOD), CryptosignCredential):
            return not_available(METHOD)
        challenge = self._sources.random_bytes(SIZE)
        attempt.state = principal, public_key, bound(challenge, channel_id)
        return Challenge({"challenge": challenge.hex(), "channel_binding": None, **said})
