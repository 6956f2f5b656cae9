r"""JSON, and WAMP's rule for octets in it (SER-B3): a string of U+0000 and base64 stands for octets.

The rule takes strings that begin with U+0000 away from applications: sending one in JSON raises. Keys of dictionaries are strings always.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .._exceptions import RemoteProtocolError
from ..messages import Message, parse
from ._passing import WORTH_PASSING, keep_octets, passed_args, spliced, without_octets
from ._values import ATOMS, MAX_DEPTH, PLAIN, Copier, Substitute, is_plain, not_portable, plain_payload, refuse

if TYPE_CHECKING:
    from ._pieces import Octets

_BACKSLASH: Final = 0x5C  # looked for first, because it is found or missed at once
_NUL: Final = b"\\u0000"  # U+0000 has no other spelling in JSON

_ATOMS: Final = ATOMS - {bytes}  # msgspec writes octets, but as plain base64

_dumps: Final = msgspec.json.Encoder().encode
_loads: Final = msgspec.json.Decoder().decode
_loads_plain: Final = msgspec.json.Decoder(PLAIN).decode


class _JsonCopier(Copier):
    def text(self, value: str, path: tuple[Any, ...]) -> str:
        if value.startswith("\0"):
            raise not_portable(path, "a string that begins with U+0000 would arrive as octets from JSON")
        return super().text(value, path)

    def octets(self, value: bytes, path: tuple[Any, ...]) -> str:  # noqa: ARG002 - any octets will do
        return "\0" + b64encode(value).decode("ascii")


class JsonSerializer:
    """JSON in UTF-8, compact, without escapes where none are needed.

    Args:
        substitute: Called with each value that is not portable, and whether it is a key; returns what is sent in its place, a str for a key, or the
            value itself for nothing, which is the default: it raises.
    """

    name = "json"
    subprotocol = "wamp.2.json"
    rawsocket_id = 1
    is_binary = False

    def __init__(self, substitute: Substitute | None = None) -> None:
        self._copier = _JsonCopier(substitute)

    def encode(self, message: Message) -> bytes:
        """Serialize one message; see `Serializer.encode`."""
        return bytes(self.encode_in_pieces(message))

    def encode_in_pieces(self, message: Message) -> Octets:
        """Serialize one message; see `Serializer.encode_in_pieces`."""
        wire = message.to_wire()
        if is_plain(wire, _ATOMS):
            try:
                body = _dumps(wire)
            except UnicodeEncodeError:  # a lone surrogate; the copier tells where
                pass
            else:
                if _BACKSLASH not in body or _NUL not in body:
                    return body
        elif (args := passed_args(wire)) is not None:
            return spliced(wire, args, self) or self.encode(without_octets(message))
        return _dumps(self._copier.copy_message(message, wire))

    def decode(self, body: bytes) -> Message:
        """Deserialize exactly one message; see `Serializer.decode`."""
        return parse(_load_message(body))

    def decode_to_pass_on(self, body: bytes) -> Message:
        """Deserialize one message for a router; see `Serializer.decode_to_pass_on`."""
        raw = _load_message(body)
        message = parse(raw)
        if len(body) >= WORTH_PASSING and body.endswith(b"]"):  # no white space follows
            keep_octets(message, raw, body, self)
        return message

    def encode_head(self, elements: Sequence[Any], payload: int) -> bytes | None:  # noqa: ARG002  # JSON does not count
        """Serialize the beginning of a message; see `HeadSerializer`."""
        if not is_plain(elements, _ATOMS):
            return None
        try:
            head = _dumps(elements)
        except UnicodeEncodeError:
            return None
        return None if _NUL in head else head[:-1] + b","

    def encode_payload(self, payload: dict[str, Any]) -> bytes:
        """Serialize a dictionary by itself; see `PayloadSerializer.encode_payload`."""
        return _dumps({name: self._copier.copy(value, (name,), MAX_DEPTH + 1) for name, value in payload.items()})

    def decode_payload(self, octets: bytes) -> dict[str, Any]:
        """Deserialize a dictionary by itself; see `PayloadSerializer.decode_payload`."""
        payload = _with_octets(plain_payload(_load(octets), _ATOMS))
        assert type(payload) is dict
        return payload

    def decode_all(self, body: bytes) -> list[Message]:
        """Deserialize the one message that a body holds."""
        return [self.decode(body)]


def _load_message(body: bytes) -> Any:
    """Return what a body holds, with portable values only if it is a list, and octets where strings stand for some."""
    try:
        raw = _loads_plain(body)
    except (ValueError, RecursionError):
        raw = _load_unusual(body)
    return _with_octets(raw) if _BACKSLASH in body and _NUL in body else raw


def _load_unusual(body: bytes) -> Any:
    """Decode what is no `PLAIN` message: it is wrong, or has portable values that the type does not know."""
    raw = _load(body)
    if type(raw) is list and not is_plain(raw, _ATOMS):
        raise refuse(raw)
    return raw


def _load(body: bytes) -> Any:
    try:
        return _loads(body)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"not JSON: {error}") from error


def _with_octets(value: Any) -> Any:
    """Return a decoded value with octets for the strings that stand for some."""
    kind = type(value)
    if kind is str and value.startswith("\0"):
        return _octets(value)
    if kind is list:
        return [_with_octets(item) for item in value]
    if kind is dict:
        return {key: _with_octets(item) for key, item in value.items()}
    return value


def _octets(text: str) -> bytes:
    try:
        return a2b_base64(text[1:], strict_mode=True)
    except ValueError as error:
        raise RemoteProtocolError(f"a string that begins with U+0000 is not base64 after it: {error}") from error
