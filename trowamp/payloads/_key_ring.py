"""End-to-end encryption: a key ring encrypts what has a key, with NaCl's box, in the specification's form or in Autobahn's.

What is encrypted is bound to what it is about: the receiver compares the URI inside with the one that the router says. In the specification's form
it is also bound to what it is, so that a router cannot hand a caller its own call as the result. The router sees URIs, sizes and who talks to whom,
and can drop and repeat what it has seen.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from nacl.exceptions import CryptoError
from nacl.public import Box

from .._exceptions import (
    DecryptionFailed,
    InvalidArgument,
    LocalProtocolError,
    RemoteProtocolError,
    TrustedUriMismatch,
)
from .._uri_pattern import is_reserved
from ..wire.serializers import PAYLOAD_SERIALIZERS
from ._codec import WAMP, Encoded, Payload, PayloadCodec, RandomOctets, Subject, not_encrypted, payload_of
from ._key import Key, KeyText

Dialect = Literal["ppt", "autobahn"]

CIPHER: Final = "xsalsa20poly1305"
CRYPTOBOX: Final = "cryptobox"
NONCE: Final = Box.NONCE_SIZE

_JSON: Final = PAYLOAD_SERIALIZERS["json"]
_CBOR: Final = PAYLOAD_SERIALIZERS["cbor"]

Keys = Key | KeyText | Sequence[Key | KeyText]


class KeyRing(PayloadCodec):
    """Encrypts calls, results, errors and events whose URI has a key; everything else travels as it is.

    `KeyRing({"com.example.secret.": Key(originator_private=..., responder_public=...)})`

    A key holds for all URIs that begin with its text, the longest one counts. What has a key is encrypted or refused, in both directions.

    Args:
        keys: Beginnings of URIs to their keys; the empty text is for all URIs but the reserved ones. A text or octets in place of a `Key` is a
            private key that both sides have. Of several keys the first encrypts, and all decrypt: so keys can be changed without a break.
        dialect: What is sent: "ppt" is the specification's form, "autobahn" what Autobahn's key ring sends. Both are read, and answered alike.
        allow_plain: Whether calls and events with a key are also taken unencrypted: while not everybody has the key yet.

    Raises:
        ValueError: A key is none, or there is no such dialect.
    """

    def __init__(self, keys: Mapping[str, Keys], *, dialect: Dialect = "ppt", allow_plain: bool = False) -> None:
        if dialect not in ("ppt", "autobahn"):
            raise ValueError(f'dialect must be "ppt" or "autobahn", not {dialect!r}')
        self._keys: dict[str, tuple[Key, ...]] = {}
        self._lengths: list[int] = []  # of the beginnings, the longest first
        self._dialect = dialect
        self._allows_plain = allow_plain
        for beginning, given in keys.items():
            self.set_key(beginning, given)

    def set_key(self, beginning: str, keys: Keys | None) -> None:
        """Set the keys of all URIs that begin with a text, or take them away. Counts from the next message on.

        Raises:
            ValueError: A key is none.
        """
        self._keys.pop(beginning, None)
        if keys is not None:
            several = [keys] if isinstance(keys, Key | str | bytes) else keys
            found = tuple(key if isinstance(key, Key) else Key.shared(key) for key in several)
            if not found:
                raise ValueError(f"no key for {beginning!r}: to take it away, say None")
            self._keys[beginning] = found
        self._lengths = []
        for length in {len(each) for each in self._keys}:
            insort(self._lengths, length, key=int.__neg__)

    def __repr__(self) -> str:
        return f"<KeyRing for {', '.join(map(repr, self._keys)) or 'nothing'}>"

    # ---- what a session asks

    def encode(
        self, subject: Subject, args: Sequence[Any], kwargs: dict[str, Any], random_octets: RandomOctets
    ) -> Encoded | None:
        """Encrypt what has a key; answer in the form of the request."""
        if subject.is_answer:
            dialect = _dialect_of(subject.request)
            if dialect is None:
                return super().encode(subject, args, kwargs, random_octets)
        else:
            if self._keys_of(subject) is None:
                return None
            dialect = self._dialect
        nonce = random_octets(NONCE)
        encrypt = self._encrypt if dialect == "ppt" else self._encrypt_as_autobahn
        return encrypt(subject, args, kwargs, nonce)

    def decode(self, subject: Subject, encoded: Encoded) -> Payload:
        """Decrypt what is encrypted, and look whether it is what it should be."""
        dialect = _dialect_of(encoded.options)
        if dialect is None:
            if self.refuses_plain(subject):
                raise not_encrypted(subject)
            return super().decode(subject, encoded)
        asked = _dialect_of(subject.request) if subject.is_answer else None
        if asked not in (None, dialect):
            raise DecryptionFailed("the answer is encrypted in another form than the call was")
        return (self._decrypt if dialect == "ppt" else self._decrypt_as_autobahn)(subject, encoded)

    def refuses_plain(self, subject: Subject) -> bool:
        """Tell whether a payload has to be encrypted: all that has a key, and the answer to what was encrypted.

        Errors under "wamp." may be the router's own, and Autobahn's callees encrypt none that they have no key for.
        """
        if not subject.is_answer:
            return not self._allows_plain and self._keys_of(subject) is not None
        asked = _dialect_of(subject.request)
        if subject.error is not None:
            return asked == "ppt" and not is_reserved(subject.error)
        return asked is not None

    # ---- the specification's form

    def _encrypt(self, subject: Subject, args: Sequence[Any], kwargs: dict[str, Any], nonce: bytes) -> Encoded:
        keys = self._keys_of(subject)
        originates = not subject.is_answer
        key = _named(keys or (), subject.request.get("ppt_keyid"), originates=False) if subject.is_answer else None
        key = key or _first(keys, subject)
        content = {"kind": subject.kind, "uri": subject.uri, "args": list(args), "kwargs": kwargs}
        if subject.error is not None:
            content["error"] = subject.error
        octets = _box(key, subject, originates=originates).encrypt(_CBOR.encode_payload(content), nonce)
        options = {
            "ppt_scheme": WAMP,
            "ppt_serializer": "cbor",
            "ppt_cipher": CIPHER,
            "ppt_keyid": key.own_id(originates=not originates),
        }
        return Encoded([bytes(octets)], options)

    def _decrypt(self, subject: Subject, encoded: Encoded) -> Payload:
        options = encoded.options
        if options["ppt_cipher"] != CIPHER or options.get("ppt_serializer") != "cbor":  # PPT-C1
            raise InvalidArgument(f"payloads are encrypted with {CIPHER} and serialized with cbor here")
        keys = self._keys_of(subject) or ()
        name = options.get("ppt_keyid")
        if name is not None:
            key = _named(keys, name, originates=subject.is_answer)
            if key is None:
                raise DecryptionFailed(f"no key with the id {name:.50} for {subject.uri}")
            keys = (key,)
        content = _decrypted(keys, subject, encoded, _CBOR.decode_payload)
        if [content.get(name) for name in ("kind", "uri", "error")] != [subject.kind, subject.uri, subject.error]:
            raise _mismatch(subject)
        return payload_of(content)

    # ---- Autobahn's

    def _encrypt_as_autobahn(
        self, subject: Subject, args: Sequence[Any], kwargs: dict[str, Any], nonce: bytes
    ) -> Encoded:
        """Encrypt a payload with its URI. Autobahn has the key of an error by the error's own URI; without one the URI alone has to do."""
        keys = self._keys_of(subject) if subject.error is None else self._find(subject.error)
        if subject.error is not None and keys is None:
            return Encoded([], {})
        content = {"uri": subject.error or subject.uri, "args": list(args), "kwargs": kwargs}
        box = _box(_first(keys, subject), subject, originates=not subject.is_answer)
        octets = box.encrypt(_JSON.encode_payload(content), nonce)
        return Encoded(bytes(octets), {"enc_algo": CRYPTOBOX, "enc_serializer": "json"})

    def _decrypt_as_autobahn(self, subject: Subject, encoded: Encoded) -> Payload:
        if encoded.options["enc_algo"] != CRYPTOBOX or encoded.options.get("enc_serializer") != "json":
            raise InvalidArgument("payloads in this form are encrypted with cryptobox and serialized with json")
        keys = (self._keys_of(subject) if subject.error is None else self._find(subject.error)) or ()
        content = _decrypted(keys, subject, encoded, _JSON.decode_payload)
        if content.get("uri") != (subject.error or subject.uri):
            raise _mismatch(subject)
        return payload_of(content)

    # ---- keys

    def _keys_of(self, subject: Subject) -> tuple[Key, ...] | None:
        """Return the keys for a procedure or topic; the router's own have none."""
        return None if is_reserved(subject.uri) else self._find(subject.uri)

    def _find(self, uri: str) -> tuple[Key, ...] | None:
        for length in self._lengths:
            keys = self._keys.get(uri[:length])
            if keys is not None:
                return keys
        return None


def _dialect_of(options: Mapping[str, Any]) -> Dialect | None:
    """Say in which form something is encrypted, if it is."""
    if "enc_algo" in options:
        return "autobahn"
    return "ppt" if options.get("ppt_scheme") == WAMP and "ppt_cipher" in options else None


def _first(keys: tuple[Key, ...] | None, subject: Subject) -> Key:
    if keys is None:
        raise LocalProtocolError(f"the key ring has lost its key for {subject.uri}")
    return keys[0]


def _named(keys: tuple[Key, ...], name: Any, *, originates: bool) -> Key | None:
    """Return the key whose public part on a side has this id."""
    return next((key for key in keys if key.own_id(originates=originates) == name), None)


def _box(key: Key, subject: Subject, *, originates: bool) -> Box:
    box = key.box(originates=originates)
    if box is None:
        side = "callers and publishers" if originates else "procedures and subscribers"
        raise LocalProtocolError(f"the key for {subject.uri} is not one for {side}: it lacks their private key")
    return box


def _decrypted(keys: Sequence[Key], subject: Subject, encoded: Encoded, decode: Any) -> dict[str, Any]:
    """Decrypt with the first key that fits, and deserialize.

    Raises:
        DecryptionFailed: No key fits, or what comes out is no payload.
    """
    boxes = [box for key in keys if (box := key.box(originates=subject.is_answer)) is not None]
    if not boxes:
        raise DecryptionFailed(f"no key to decrypt the {subject.kind} of {subject.uri} with")
    octets = encoded.octets()
    for box in boxes:
        try:
            plain = box.decrypt(octets)
        except (CryptoError, ValueError):  # another key, or octets that somebody has touched
            continue
        try:
            content: dict[str, Any] = decode(plain)
        except RemoteProtocolError as error:
            raise DecryptionFailed(f"what was encrypted is no payload: {error}") from None
        return content
    raise DecryptionFailed(f"the {subject.kind} of {subject.uri} was not encrypted with a key that is known here")


def _mismatch(subject: Subject) -> TrustedUriMismatch:
    return TrustedUriMismatch(f"what came as the {subject.kind} of {subject.uri} was encrypted for something else")
