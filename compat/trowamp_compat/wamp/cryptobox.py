"""Payloads that the router cannot read: a key ring for the payload codec of a session, with NaCl's boxes.

What travels is what Autobahn sends: JSON of the URI and the payload in a box, with `enc_algo` "cryptobox". The boxes are those of
`trowamp.payloads`.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

from trowamp.payloads import Key as CoreKey
from trowamp.payloads import KeyPair

from ._object_serializers import JsonObjectSerializer
from .interfaces import IPayloadCodec
from .types import EncodedPayload

__all__ = ["HAS_CRYPTOBOX", "EncodedPayload", "Key", "KeyRing"]

#: Whether payloads can be encrypted: always.
HAS_CRYPTOBOX: Final = True

_NONCE_SIZE: Final = 24
_json: Final = JsonObjectSerializer()


class Key:
    """What encrypts between an originator, who calls or publishes, and a responder, who is called or subscribed.

    Each side needs its own private key and the public key of the other.

    Args:
        originator_priv: The originator's private key, in base64.
        originator_pub: Its public key; follows from the private one.
        responder_priv: The responder's private key.
        responder_pub: Its public key; follows from the private one.

    Raises:
        ValueError: A text is no key, a public key is not that of the private one, or the keys are enough for neither side.

    Attributes:
        originator_box: What encrypts and decrypts at the originator, or None.
        responder_box: The same at the responder.
    """

    def __init__(
        self,
        originator_priv: str | bytes | None = None,
        originator_pub: str | bytes | None = None,
        responder_priv: str | bytes | None = None,
        responder_pub: str | bytes | None = None,
    ) -> None:
        key = CoreKey(
            originator_private=originator_priv,
            originator_public=originator_pub,
            responder_private=responder_priv,
            responder_public=responder_pub,
        )
        self.originator_box: Any = key.box(originates=True)
        self.responder_box: Any = key.box(originates=False)


class KeyRing(IPayloadCodec):
    """Encrypts payloads whose URI has a key; others travel as they are.

    A key holds for all URIs that begin with its text, and the longest one counts. What has a key that lacks this side's private part is not sent
    as it is, but refused.

    Args:
        default_key: For all other URIs: a `Key`, or a private key in base64 that everybody has.

    Raises:
        ValueError: It is no key.
    """

    def __init__(self, default_key: Key | str | None = None) -> None:
        self._keys: dict[str, Key] = {}
        if default_key is not None:
            self.set_key("", default_key)

    def generate_key(self) -> tuple[str, str]:
        """Return a new private key and its public one, in base64."""
        pair = KeyPair.of(secrets.token_bytes(32))
        return pair.private, pair.public

    def generate_key_hex(self) -> tuple[str, str]:
        """Return a new private key and its public one, in hexadecimal digits."""
        private, public = self.generate_key()
        return base64.b64decode(private).hex(), base64.b64decode(public).hex()

    def set_key(self, uri: str, key: Key | str | None) -> None:
        """Set the key of all URIs that begin with a text, or take it away.

        Args:
            uri: The text.
            key: A `Key`, or a private key in base64 that everybody has; None to take it away.

        Raises:
            ValueError: It is no key.
        """
        if key is None:
            self._keys.pop(uri, None)
        else:
            self._keys[uri] = key if isinstance(key, Key) else Key(originator_priv=key, responder_priv=key)

    def rotate_key(self, uri: str) -> tuple[str, str]:
        """Put a new key that everybody has in the place of the one of a text; return it, for the others.

        Args:
            uri: The text, as it was given to `set_key`.

        Returns:
            The new private key and its public one, in base64.

        Raises:
            KeyError: There is no key with this text.
        """
        if uri not in self._keys:
            raise KeyError(uri)
        private, public = self.generate_key()
        self.set_key(uri, private)
        return private, public

    def encode(
        self, is_originating: bool, uri: str, args: list[Any] | None = None, kwargs: dict[str, Any] | None = None
    ) -> EncodedPayload | None:
        """Encrypt a payload if its URI has a key.

        Raises:
            TypeError: JSON cannot carry the payload.
            ValueError: The key is not one for this side.
        """
        box = self._box(is_originating, uri)
        if box is None:
            return None
        content = _json.serialize({"uri": uri, "args": args, "kwargs": kwargs})
        return EncodedPayload(bytes(box.encrypt(content, secrets.token_bytes(_NONCE_SIZE))), "cryptobox", "json")

    def decode(
        self, is_originating: bool, uri: str, encoded_payload: EncodedPayload
    ) -> tuple[str, list[Any] | None, dict[str, Any] | None]:
        """Decrypt a payload; return the URI that it was encrypted for, and what it holds.

        Raises:
            ValueError: It is encrypted in another way or with another key, or there is no key.
        """
        if encoded_payload.enc_algo != "cryptobox":
            raise ValueError(f"received a payload that is encrypted with {encoded_payload.enc_algo!r}")
        if encoded_payload.enc_serializer != "json":
            raise ValueError(f"don't know how to process serializer {encoded_payload.enc_serializer!r}")
        box = self._box(is_originating, uri)
        if box is None:
            raise ValueError("received encrypted payload, but can't find key!")
        return _content(box, encoded_payload.payload)

    def _box(self, is_originating: bool, uri: str) -> Any:
        """Return the box of the longest text that has a key, or None if none has.

        Raises:
            ValueError: The key is not one for this side.
        """
        found = [text for text in self._keys if uri.startswith(text)]
        if not found:
            return None
        key = self._keys[max(found, key=len)]
        box = key.originator_box if is_originating else key.responder_box
        if box is None:
            side = "originators" if is_originating else "responders"
            raise ValueError(f"the key for {uri} is not one for {side}: it lacks their private key")
        return box


def _content(box: Any, octets: bytes) -> tuple[str, list[Any] | None, dict[str, Any] | None]:
    try:
        (content,) = _json.unserialize(box.decrypt(octets))
        return content["uri"], content.get("args"), content.get("kwargs")
    except Exception as error:
        raise ValueError(f"the payload cannot be decrypted: {error}") from error
