"""Keys for WAMP-cryptosign: Ed25519 pairs from octets, files, OpenSSH and seed phrases."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, Final

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from trowamp.auth import private_key_from

from ..util import parse_keyfile, xor
from ._cryptosign_authextra import CryptosignAuthextra
from ._ready import ready
from .interfaces import ICryptosignKey, ISecurityModule
from .mnemonic import mnemonic_to_private_key
from .types import Challenge

__all__ = ["HAS_CRYPTOSIGN", "CryptosignAuthextra", "CryptosignKey", "format_challenge"]

#: Whether keys can be used: always.
HAS_CRYPTOSIGN: Final = True

_SIZE: Final = 32  # octets of keys, challenges and channel ids
_ARMOR: Final = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END OPENSSH PRIVATE KEY-----", re.DOTALL)


def format_challenge(
    challenge: Challenge, channel_id: bytes | None = None, channel_id_type: str | None = None
) -> bytes:
    """Return what has to be signed for a challenge.

    Args:
        challenge: The challenge.
        channel_id: The id of the connection's TLS channel, or None.
        channel_id_type: What kind of id it is; None binds nothing.

    Raises:
        ValueError: The challenge is malformed, or of another method, or bound to another kind of channel; or the id has not 32 octets.
    """
    if challenge.method not in ("cryptosign", "cryptosign-proxy"):
        raise ValueError(f"a challenge by cryptosign is needed, not by {challenge.method!r}")
    text = challenge.extra.get("challenge")
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("the challenge must be 64 hexadecimal digits")
    binding = challenge.extra.get("channel_binding")
    if channel_id_type is not None and binding != channel_id_type:
        raise ValueError(f"the challenge is bound to {binding!r}, not to {channel_id_type!r}")
    octets = bytes.fromhex(text)
    if channel_id_type is None:
        return octets
    if channel_id is None or len(channel_id) != _SIZE:
        raise ValueError(f"a channel id of {_SIZE} octets is needed")
    return xor(octets, channel_id)


class CryptosignKey(ICryptosignKey):
    """An Ed25519 key, private or public only.

    Args:
        key: A `nacl.signing.SigningKey` or `VerifyKey`.
        can_sign: Whether it is private.
        security_module: Where it lives, if that is elsewhere.
        key_no: Its number there.
        comment: Words about it.

    Raises:
        ValueError: `key` is none, or not of the kind that `can_sign` says.

    Attributes:
        comment: Words about it, or None.
    """

    def __init__(
        self,
        key: Any,
        can_sign: bool,
        security_module: ISecurityModule | None = None,
        key_no: int | None = None,
        comment: str | None = None,
    ) -> None:
        if not isinstance(key, SigningKey if can_sign else VerifyKey):
            raise ValueError(f"invalid type {type(key)} for key")
        self._key: Any = key
        self._can_sign = can_sign
        self._security_module = security_module
        self._key_no = key_no
        self.comment = comment

    def __repr__(self) -> str:
        return f"<CryptosignKey {self.public_key()!r}{'' if self._can_sign else ' (public only)'}>"

    @property
    def security_module(self) -> ISecurityModule | None:
        """Where it lives, or None."""
        return self._security_module

    @property
    def key_no(self) -> int | None:
        """Its number there, or None."""
        return self._key_no

    @property
    def key_type(self) -> str:
        """Its type: "cryptosign"."""
        return "cryptosign"

    @property
    def can_sign(self) -> bool:  # type: ignore[override]  # documented as a method, but always was a property
        """Whether it is private."""
        return self._can_sign

    def public_key(self, binary: bool = False) -> Any:
        """Return the public key, in hexadecimal digits or as octets."""
        octets = bytes(self._key.verify_key if self._can_sign else self._key)
        return octets if binary else octets.hex()

    def sign(self, data: bytes) -> Any:
        """Return a future for the signature, 64 octets.

        Raises:
            ValueError: The private key is not there, or the data are no octets.
        """
        return ready(self._signed(data)[:64])

    def sign_challenge(
        self, challenge: Challenge, channel_id: bytes | None = None, channel_id_type: str | None = None
    ) -> Any:
        """Return a future for the answer to a challenge: the signature and what was signed, in hexadecimal digits.

        Raises:
            ValueError: The private key is not there, or see `format_challenge`.
        """
        return ready(self._signed(format_challenge(challenge, channel_id, channel_id_type)).hex())

    def verify_challenge(
        self,
        challenge: Challenge,
        signature: bytes,
        channel_id: bytes | None = None,
        channel_id_type: str | None = None,
    ) -> bool:
        """Return whether a signature, as `sign_challenge` returns it, answers a challenge.

        Raises:
            ValueError: See `format_challenge`.
        """
        data = format_challenge(challenge, channel_id, channel_id_type)
        octets = bytes.fromhex(signature) if isinstance(signature, str) else signature
        try:
            return bool(VerifyKey(self.public_key(binary=True)).verify(octets) == data)
        except (BadSignatureError, ValueError):
            return False

    def recover(self, data: bytes, signature: bytes) -> bytes:
        """Refuse: the public key cannot be told from an Ed25519 signature.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the public key cannot be told from an Ed25519 signature")

    def _signed(self, data: bytes) -> bytes:
        if not self._can_sign:
            raise ValueError("a signing key required to sign")
        if not isinstance(data, bytes):
            raise ValueError(f"octets are needed, not {type(data).__name__}")
        return bytes(self._key.sign(data))

    @classmethod
    def from_pubkey(cls, pubkey: bytes, comment: str | None = None) -> CryptosignKey:
        """Make a key of a public key, 32 octets.

        Raises:
            ValueError: It is none.
        """
        return cls(VerifyKey(_key_octets(pubkey)), can_sign=False, comment=comment)

    @classmethod
    def from_bytes(cls, key: bytes, comment: str | None = None) -> CryptosignKey:
        """Make a key of a private key, 32 octets.

        Raises:
            ValueError: It is none.
        """
        return cls(SigningKey(_key_octets(key)), can_sign=True, comment=comment)

    @classmethod
    def from_file(cls, filename: str, comment: str | None = None) -> CryptosignKey:
        """Read a private key from a file of 32 octets.

        Raises:
            OSError: The file cannot be read.
            ValueError: It holds something else.
        """
        return cls.from_bytes(Path(filename).read_bytes(), comment or f"from_file {filename}")

    @classmethod
    def from_keyfile(cls, keyfile: str) -> CryptosignKey:
        """Read a private key from a file as Crossbar.io writes it, with the line `private-key-ed25519: …`.

        Raises:
            OSError: The file cannot be read.
            ValueError: It holds no key.
        """
        return cls.from_bytes(bytes.fromhex(parse_keyfile(keyfile, private=True)["private-key-ed25519"]))

    @classmethod
    def from_ssh_file(cls, filename: str) -> CryptosignKey:
        """Read a key from a file of OpenSSH's, private (not encrypted) or public.

        Raises:
            OSError: The file cannot be read.
            ValueError: It holds no Ed25519 key.
        """
        return cls.from_ssh_bytes(Path(filename).read_text(encoding="utf-8"))

    @classmethod
    def from_ssh_bytes(cls, key_data: str | bytes) -> CryptosignKey:
        """Make a key of what is in a file of OpenSSH's, private (not encrypted) or public.

        Raises:
            ValueError: It is no Ed25519 key.
        """
        octets = key_data.encode("utf-8") if isinstance(key_data, str) else key_data
        armored = _ARMOR.search(octets)
        if armored is None:
            return cls._from_ssh_public(octets)
        key = private_key_from(octets)
        return cls(key, can_sign=True, comment=_ssh_comment(key, base64.b64decode(armored[1])))

    @classmethod
    def _from_ssh_public(cls, line: bytes) -> CryptosignKey:
        kind, *rest = line.split(None, 2) or [b""]
        if kind != b"ssh-ed25519" or not rest:
            raise ValueError("this is neither a private key of OpenSSH's nor a public one of the type ssh-ed25519")
        comment = rest[1].decode("utf-8", "replace").strip() if len(rest) > 1 else None
        return cls.from_pubkey(base64.b64decode(rest[0])[-_SIZE:], comment)

    @classmethod
    def from_seedphrase(cls, seedphrase: str, index: int = 0) -> CryptosignKey:
        """Derive a private key from a seed phrase.

        Args:
            seedphrase: The words.
            index: Which of the phrase's keys.
        """
        return cls.from_bytes(mnemonic_to_private_key(seedphrase, f"m/44'/655'/0'/0/{index}"))


def _key_octets(key: Any) -> bytes:
    if not isinstance(key, bytes):
        raise ValueError(f"invalid key type {type(key)} (expected binary)")
    if len(key) != _SIZE:
        raise ValueError(f"invalid key length {len(key)} (expected {_SIZE})")
    return key


def _ssh_comment(key: SigningKey, octets: bytes) -> str | None:
    """Return the comment, which stands behind the pair of keys in a private key of OpenSSH's."""
    start = octets.rindex(bytes(key) + bytes(key.verify_key)) + 2 * _SIZE
    end = start + 4 + int.from_bytes(octets[start : start + 4], "big")
    return octets[start + 4 : end].decode("utf-8", "replace") or None
