"""Authentication of sessions: one class per method, and the small functions that go with them.

    session.add_authenticator(create_authenticator("wampcra", authid="joe", secret="secret2"))

What is computed is computed by `trowamp.auth`. An authenticator serves any number of sessions, one after the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import time
from typing import Any, ClassVar, Final

from argon2.low_level import Type, hash_secret_raw

from trowamp import auth as core
from trowamp.messages import Challenge as CoreChallenge

from .interfaces import IAuthenticator

__all__ = [
    "AuthAnonymous",
    "AuthAnonymousProxy",
    "AuthCryptoSign",
    "AuthCryptoSignProxy",
    "AuthScram",
    "AuthTicket",
    "AuthWampCra",
    "check_totp",
    "compute_totp",
    "compute_wcs",
    "create_authenticator",
    "derive_key",
    "derive_scram_credential",
    "generate_totp_secret",
    "generate_wcs",
    "pbkdf2",
]

#: The characters that `generate_wcs` chooses from.
WCS_SECRET_CHARSET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

_COMMON: Final = ("authextra", "authid", "authrole")


class _Authenticator(IAuthenticator):
    """What all methods have in common.

    Attributes:
        name: The method's name.
        authid: The identity to claim, or None.
        authrole: The role to ask for, or None.
    """

    name: ClassVar[str]

    def __init__(self, **kw: Any) -> None:
        self._args = kw
        self.authid: str | None = kw.get("authid")
        self.authrole: str | None = kw.get("authrole")

    @property
    def authextra(self) -> dict[str, Any]:
        """What is added to HELLO."""
        return dict(self._args.get("authextra") or {})

    def on_welcome(self, session: Any, authextra: dict[str, Any] | None) -> str | None:  # noqa: ARG002
        """Return None if the router has proved what it must, else why not."""
        return None

    def _check_options(self, *known: str) -> None:
        for key in self._args:
            if key not in (*_COMMON, *known):
                raise ValueError(f"Unexpected key '{key}' for {type(self).__name__}")

    def _needed(self, *names: str) -> None:
        for name in names:
            if not self._args.get(name):
                raise ValueError(f"Must provide '{name}' for {self.name}")


def _answered(session: Any, answer: Any) -> Any:
    """Return a signature, or a future for one that takes time to compute."""
    if not isinstance(answer, core.Work):
        return answer.signature
    face = getattr(session, "_face", None)

    def compute() -> str:
        return answer.run().signature

    return compute() if face is None else face.in_thread(compute)


def _core_challenge(challenge: Any) -> CoreChallenge:
    return CoreChallenge(challenge.method, challenge.extra or {})


class AuthAnonymous(_Authenticator):
    """Asks for an anonymous session.

    Args:
        kw: `authid`, `authrole` and `authextra`, all optional.
    """

    name = "anonymous"

    def on_challenge(self, session: Any, challenge: Any) -> Any:  # noqa: ARG002
        """Refuse: there is nothing that could be proved.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("an anonymous session is not challenged")


class AuthAnonymousProxy(AuthAnonymous):
    """The same for a proxy that joins for somebody else."""

    name = "anonymous-proxy"


class AuthTicket(_Authenticator):
    """Shows a ticket.

    Args:
        kw: `ticket`; `authid`, `authrole` and `authextra` are optional.

    Raises:
        ValueError: There is no ticket.
    """

    name = "ticket"

    def __init__(self, **kw: Any) -> None:
        try:
            self._ticket = kw.pop("ticket")
        except KeyError:
            raise ValueError("ticket authentication requires 'ticket=' kwarg") from None
        super().__init__(**kw)

    def on_challenge(self, session: Any, challenge: Any) -> Any:  # noqa: ARG002
        """Return the ticket."""
        return self._ticket


class AuthWampCra(_Authenticator):
    """Signs challenges with a secret, plain or salted as the router says.

    Args:
        kw: `authid` and `secret`; `authrole` and `authextra` are optional.

    Raises:
        ValueError: An option is missing, or not known.
    """

    name = "wampcra"

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)
        self._check_options("secret")
        self._needed("secret", "authid")
        secret = self._args.pop("secret")
        text = secret.decode("utf8") if isinstance(secret, bytes) else str(secret)
        self._core = core.WampCra(str(self.authid), text)

    def on_challenge(self, session: Any, challenge: Any) -> Any:
        """Return the signature, or a future for it if the key has to be derived for long.

        Raises:
            ValueError: There is nothing to sign, or the router asks for an absurd amount of work.
        """
        return _answered(session, self._core.answer(_core_challenge(challenge)))


class AuthCryptoSign(_Authenticator):
    """Signs challenges with an Ed25519 key; the public key goes into `authextra` by itself.

    Args:
        kw: `privkey`, 64 hexadecimal digits; `authid`, `authrole` and `authextra` are optional. With `channel_binding` in `authextra`, for
            example "tls-unique", what is signed is bound to the TLS channel.

    Raises:
        ValueError: An option is missing, not known, or no key.
    """

    name = "cryptosign"

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)
        self._check_options("privkey")
        self._needed("privkey")
        self._privkey = kw["privkey"]
        public = core.Cryptosign(self.authid, private_key=self._privkey).public_key
        extra = dict(kw.get("authextra") or {})
        if extra.setdefault("pubkey", public) != public:
            raise ValueError("the public key in authextra is not that of the private key")
        self._binding: str | None = extra.get("channel_binding")
        self._args = {**kw, "authextra": extra}

    def on_challenge(self, session: Any, challenge: Any) -> Any:
        """Return the signature.

        Raises:
            ValueError: The challenge is malformed, or bound to another channel than was asked for.
        """
        binding = None
        if self._binding is not None:
            binding = core.ChannelBinding(self._binding, lambda: _channel_id(session, str(self._binding)))
        signer = core.Cryptosign(self.authid, private_key=self._privkey, channel_binding=binding)
        return _answered(session, signer.begin(secrets.token_bytes(32)).answer(_core_challenge(challenge)))


def _channel_id(session: Any, kind: str) -> bytes:
    """Return the id of the session's TLS channel.

    Raises:
        ValueError: There is none: what was to be bound is not sent unbound.
    """
    transport = getattr(session, "_transport", None) or getattr(session, "transport", None)
    details = getattr(transport, "transport_details", None)
    found = (getattr(details, "channel_id", None) or {}).get(kind)
    if not isinstance(found, bytes):
        raise ValueError(f"this connection has no channel id {kind!r}")
    return found


class AuthCryptoSignProxy(AuthCryptoSign):
    """The same for a proxy that joins for somebody else."""

    name = "cryptosign-proxy"


class AuthScram(_Authenticator):
    """Proves a password by SCRAM, in Crossbar.io's dialect; the router has to prove that it knows the password's keys.

    Args:
        kw: `authid` and `password`; `authrole` and `authextra` are optional. `kdf`, `salt`, `iterations`, `memory` and `channel_binding` are what
            is expected of the router's challenge, numbers the least of it. `nonce` is base64 text, and for tests (C-19).

    Raises:
        ValueError: An option is missing, not known, or holds characters that it may not hold.
    """

    name = "scram"

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)
        self._check_options("password", "nonce", *_EXPECTED)
        self._needed("authid", "password")
        self._core = core.CrossbarScram(kw["authid"], kw["password"])
        nonce = kw.get("nonce")
        self._fixed_nonce = None if nonce is None else base64.b64decode(nonce)
        self._attempt: Any = None
        self._is_answered = False

    @property
    def authextra(self) -> dict[str, Any]:
        """What is added to HELLO, the nonce of this handshake in it."""
        if self._attempt is None or self._is_answered:
            self._attempt = self._core.begin(self._fixed_nonce or secrets.token_bytes(32))
            self._is_answered = False
        return {**super().authextra, **self._attempt.authextra()}

    def on_challenge(self, session: Any, challenge: Any) -> Any:
        """Return a future for the proof.

        Raises:
            ValueError: The challenge is not acceptable, or not what is expected.
        """
        extra = challenge.extra or {}
        for name, is_met in _EXPECTED.items():
            expected = self._args.get(name)
            if expected is not None and not is_met(extra.get(name), expected):
                raise ValueError(
                    f"the router's SCRAM challenge has {name}={extra.get(name)!r:.80}, not {expected!r:.80}"
                )
        if self._attempt is None:
            raise ValueError("a challenge before HELLO")
        self._is_answered = True
        return _answered(session, self._attempt.answer(_core_challenge(challenge)))

    def on_welcome(self, session: Any, authextra: dict[str, Any] | None) -> str | None:  # noqa: ARG002
        """Return None if the router has proved itself, else why not."""
        if self._attempt is None:
            return "the router did not prove itself"
        try:
            self._attempt.check_welcome(authextra or {})
        except ValueError as error:
            return str(error)
        return None


def _is_same_function(found: Any, expected: Any) -> bool:
    """Compare names of key derivation functions, which are spelt in two ways."""
    return str(found).replace("-", "") == str(expected).replace("-", "")


def _is_same(found: Any, expected: Any) -> bool:
    return bool(found == expected)


def _is_enough(found: Any, expected: Any) -> bool:
    return isinstance(found, int) and found >= int(expected)


# What can be expected of a challenge, and when it is met.
_EXPECTED: Final = {
    "kdf": _is_same_function,
    "salt": _is_same,
    "channel_binding": _is_same,
    "iterations": _is_enough,
    "memory": _is_enough,
}

_CLASSES: Final = {
    each.name: each
    for each in (
        AuthAnonymous,
        AuthAnonymousProxy,
        AuthTicket,
        AuthWampCra,
        AuthCryptoSign,
        AuthCryptoSignProxy,
        AuthScram,
    )
}


def create_authenticator(name: str, **kwargs: Any) -> Any:
    """Make the authenticator of a method.

    Args:
        name: "anonymous", "anonymous-proxy", "ticket", "wampcra", "cryptosign", "cryptosign-proxy" or "scram".
        kwargs: The options of its class.

    Raises:
        ValueError: There is no such method, or an option is missing or not known.
    """
    try:
        kind: Any = _CLASSES[name]
    except KeyError:
        raise ValueError(f"Unknown authenticator '{name}' ({', '.join(_CLASSES)})") from None
    return kind(**kwargs)


# ---- WAMP-CRA


def generate_wcs(length: int = 14) -> bytes:
    """Return a random secret of letters and digits.

    Args:
        length: How many.
    """
    return "".join(secrets.choice(WCS_SECRET_CHARSET) for _ in range(length)).encode("ascii")


def compute_wcs(key: str | bytes, challenge: str | bytes) -> bytes:
    """Sign a challenge: base64 of the HMAC-SHA256.

    Raises:
        AssertionError: A value is neither text nor octets.
    """
    return base64.b64encode(hmac.digest(_octets(key), _octets(challenge), "sha256"))


def pbkdf2(data: bytes, salt: bytes, iterations: int = 1000, keylen: int = 32, hashfunc: str | None = None) -> bytes:
    """Derive a key with PBKDF2.

    Args:
        data: The secret.
        salt: The salt.
        iterations: How often to iterate.
        keylen: The length of the key in octets.
        hashfunc: The hash function; default: SHA-256.

    Raises:
        ValueError: A value has the wrong type, or there is no such hash function.
    """
    if not (
        isinstance(data, bytes) and isinstance(salt, bytes) and isinstance(iterations, int) and isinstance(keylen, int)
    ):
        raise ValueError("Invalid argument types")
    return hashlib.pbkdf2_hmac(hashfunc or "sha256", data, salt, iterations, keylen)


def derive_key(secret: str | bytes, salt: str | bytes, iterations: int = 1000, keylen: int = 32) -> bytes:
    """Derive the key that signs from a salted secret: base64 of PBKDF2.

    Args:
        secret: The secret.
        salt: The salt.
        iterations: How often to iterate.
        keylen: The length of the key in octets, before it becomes base64.

    Raises:
        AssertionError: A value is neither text nor octets.
    """
    return base64.b64encode(pbkdf2(_octets(secret), _octets(salt), iterations, keylen))


def _octets(value: str | bytes) -> bytes:
    if not isinstance(value, str | bytes):
        raise AssertionError(f"text or octets are needed, not {type(value).__name__}")
    return value.encode("utf8") if isinstance(value, str) else value


# ---- one-time passwords (RFC 6238)


def generate_totp_secret(length: int = 10) -> str:
    """Return a random secret in base32.

    Args:
        length: Its length in octets, before it becomes base32.
    """
    return base64.b32encode(secrets.token_bytes(length)).decode("ascii")


def compute_totp(secret: str, offset: int = 0) -> str:
    """Return the one-time password of six digits for now.

    Args:
        secret: The secret in base32.
        offset: How many intervals of 30 seconds later.

    Raises:
        ValueError: The secret is not base32.
    """
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">q", offset + int(time.time()) // 30), "sha1")
    start = digest[19] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def check_totp(secret: str, ticket: str) -> bool:
    """Tell whether a one-time password is right for now, or for 30 seconds before or after.

    Raises:
        ValueError: The secret is not base32.
    """
    return any(hmac.compare_digest(ticket.encode(), compute_totp(secret, offset).encode()) for offset in (-1, 0, 1))


# ---- SCRAM


def derive_scram_credential(email: str, password: str, salt: bytes | None = None) -> dict[str, Any]:
    """Return what a router has to know of a password, as Crossbar.io's configuration takes it.

    Args:
        email: The identity; it makes the salt if none is given.
        password: The password.
        salt: The salt, 16 octets.

    Raises:
        ValueError: The salt has another length.
    """
    salt = hashlib.sha256(email.encode("utf8")).digest()[:16] if salt is None else salt
    if len(salt) != 16:
        raise ValueError("a salt of 16 octets is needed")
    iterations, memory = 4096, 512
    derived = hash_secret_raw(password.encode("utf8"), salt, iterations, memory, 1, 32, Type.ID)
    salted = base64.b64encode(derived).rstrip(b"=")  # text, as Crossbar.io and Autobahn have it
    return {
        "kdf": "argon2id-13",
        "memory": memory,
        "iterations": iterations,
        "salt": salt.hex(),
        "stored-key": hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).hexdigest(),
        "server-key": hmac.digest(salted, b"Server Key", "sha256").hex(),
    }
