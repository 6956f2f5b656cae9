"""Keys of the key ring: X25519 pairs of an originator and a responder."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any, Final

import msgspec
from nacl.public import Box, PrivateKey, PublicKey

SIZE: Final = 32  # octets of a key

KeyText = str | bytes  # base64 as Autobahn writes it, hexadecimal digits, or the octets themselves


class KeyPair(msgspec.Struct, frozen=True):
    """A private key and its public one, in base64. Its repr does not show the private one.

    Attributes:
        private: What nobody else may have.
        public: What the other side needs.
    """

    private: str
    public: str

    @classmethod
    def of(cls, private: KeyText) -> KeyPair:
        """Return the pair of a private key. Any 32 random octets are one: `KeyPair.of(secrets.token_bytes(32))`.

        Raises:
            ValueError: It is no key.
        """
        key = PrivateKey(key_octets(private, "the private key"))
        return cls(_text(bytes(key)), _text(bytes(key.public_key)))

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("public", self.public)]


class Key:
    """What encrypts between an originator, who calls or publishes, and a responder, who is called or subscribed.

    Either side needs its own private key and the public key of the other. Keys are base64 text, 64 hexadecimal digits, or 32 octets.

    Args:
        originator_private: The private key of callers and publishers, for sessions that are such.
        originator_public: Their public key; follows from the private one.
        responder_private: The private key of procedures and subscribers, for sessions that have such.
        responder_public: Their public key; follows from the private one.

    Raises:
        ValueError: A text is no key, a public key is not that of the private one, or the keys are enough for neither side.
    """

    __slots__ = ("_boxes", "originator_public", "responder_public")

    def __init__(
        self,
        *,
        originator_private: KeyText | None = None,
        originator_public: KeyText | None = None,
        responder_private: KeyText | None = None,
        responder_public: KeyText | None = None,
    ) -> None:
        originator, self.originator_public = _side("originator", originator_private, originator_public)
        responder, self.responder_public = _side("responder", responder_private, responder_public)
        self._boxes = {
            True: _box(originator, self.responder_public),
            False: _box(responder, self.originator_public),
        }
        if not any(self._boxes.values()):
            raise ValueError("a key needs the private key of one side and the public key of the other")

    @classmethod
    def shared(cls, private: KeyText) -> Key:
        """Return a key for everybody who has one private key, whichever side they are.

        Raises:
            ValueError: It is no key.
        """
        return cls(originator_private=private, responder_private=private)

    def box(self, *, originates: bool) -> Box | None:
        """Return what encrypts and decrypts on a side, or None if the key has not what that side needs."""
        return self._boxes[originates]

    def own_id(self, *, originates: bool) -> str:
        """Return the id of a side's public key (PPT-B6): what is encrypted for that side names it."""
        public = self.originator_public if originates else self.responder_public
        return key_id(public) if public is not None else ""

    def __repr__(self) -> str:
        sides = [name for name, box in zip(("originator", "responder"), self._boxes.values(), strict=True) if box]
        return f"<Key for {' and '.join(sides)}>"


def key_id(public: bytes) -> str:
    """Return the id of a public key: the last 20 octets of its SHA-256 in hex. The checksum in upper-case letters is left out."""
    return f"0x{hashlib.sha256(public).digest()[-20:].hex()}"


def key_octets(key: KeyText, what: str) -> bytes:
    """Read a key.

    Raises:
        ValueError: It is none; the text does not show it.
    """
    try:
        if isinstance(key, str):
            text = key.strip()  # files end with a new line
            key = bytes.fromhex(text) if len(text) == 2 * SIZE else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != SIZE:
        raise ValueError(f"{what} must be {SIZE} octets, in base64 or hexadecimal digits if it is text")
    return bytes(key)


def _side(name: str, private: KeyText | None, public: KeyText | None) -> tuple[PrivateKey | None, bytes | None]:
    given = None if public is None else key_octets(public, f"{name}_public")
    if private is None:
        return None, given
    key = PrivateKey(key_octets(private, f"{name}_private"))
    own = bytes(key.public_key)
    if given not in (None, own):
        raise ValueError(f"{name}_public is not the public key of {name}_private")
    return key, own


def _box(private: PrivateKey | None, public: bytes | None) -> Box | None:
    return None if private is None or public is None else Box(private, PublicKey(public))


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
