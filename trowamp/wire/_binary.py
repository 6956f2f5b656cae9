"""MessagePack and CBOR: formats that carry octets as such.

MessagePack is msgspec's: it encodes a small CALL in 50 ns where the `msgpack` package takes 160, decodes at least as fast, and is as strict about
lengths, UTF-8 and octets left over. CBOR is cbor2's, whose other habits (tags, trailing octets, keys of any type) are kept out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

import cbor2
import msgspec

from .._exceptions import RemoteProtocolError
from ..messages import MESSAGE_BY_CODE, Message, parse
from ._passing import WORTH_PASSING, keep_octets, passed_args, spliced, without_octets
from ._pieces import LARGE
from ._values import ATOMS, MAX_DEPTH, MESSAGE_DEPTH, PLAIN, Copier, Substitute, is_plain, plain_payload, refuse

if TYPE_CHECKING:
    from ._pieces import Octets


class BinarySerializer:
    """What both have in common.

    Args:
        substitute: As for `JsonSerializer`.
    """

    is_binary = True
    rawsocket_id: int
    _atoms: ClassVar[frozenset[type]]
    _dumps: Callable[[Any], bytes]
    _loads: Callable[[bytes], Any]
    _undefined: Any  # what JavaScript's encoders write for `undefined`, as it is decoded

    def __init__(self, substitute: Substitute | None = None) -> None:
        self._copier = Copier(substitute)

    def encode(self, message: Message) -> bytes:
        """Serialize one message; see `Serializer.encode`."""
        return bytes(self.encode_in_pieces(message))

    def encode_in_pieces(self, message: Message) -> Octets:
        """Serialize one message; see `Serializer.encode_in_pieces`."""
        wire = message.to_wire()
        if is_plain(wire, self._atoms):
            try:
                return self._dumps(wire)
            except (
                UnicodeEncodeError,
                OverflowError,
            ):  # a lone surrogate or too great an integer; the copier tells where
                pass
        elif (args := passed_args(wire)) is not None:
            return spliced(wire, args, self) or self.encode(without_octets(message))
        return self._dumps(self._copier.copy_message(message, wire))

    def decode(self, body: bytes) -> Message:
        """Deserialize exactly one message; see `Serializer.decode`."""
        return parse(self._load(body))

    def decode_to_pass_on(self, body: bytes) -> Message:
        """Deserialize one message for a router; see `Serializer.decode_to_pass_on`."""
        raw = self._load_verbatim(body) if len(body) >= WORTH_PASSING else None
        if raw is None:
            return self.decode(body)
        message = parse(raw)
        keep_octets(message, raw, body, self)
        return message

    def encode_head(self, elements: Sequence[Any], payload: int) -> bytes | None:
        """Serialize the beginning of a message; see `HeadSerializer`."""
        if not is_plain(elements, self._atoms):
            return None
        try:
            head = self._dumps(elements)
        except (UnicodeEncodeError, OverflowError):
            return None
        return (
            bytes((head[0] + payload,)) + head[1:]
        )  # both formats write the length of short lists into their first octet

    def decode_all(self, body: bytes) -> list[Message]:
        """Deserialize the one message that a body holds."""
        return [self.decode(body)]

    def _load(self, body: bytes) -> Any:
        """Return what a body holds, with portable values only if it is a list."""
        raw = self._load_verbatim(body)
        return self._put_right(self._loads(body)) if raw is None else raw

    def _load_verbatim(self, body: bytes) -> Any:
        """Return what a body holds; None if it is a list with values that are not portable, or are written in unusual ways."""
        raw = self._loads(body)
        return None if type(raw) is list and not is_plain(raw, self._atoms) else raw

    def _put_right(self, raw: Any) -> Any:
        """Return a list without what other formats have no word for; refuse what cannot be put right."""
        raw = _without_undefined(raw, self._undefined, MESSAGE_DEPTH)
        if type(raw) is list and not is_plain(raw, self._atoms):
            raise refuse(raw)
        return raw

    def encode_payload(self, payload: dict[str, Any]) -> bytes:
        """Serialize a dictionary by itself; see `PayloadSerializer.encode_payload`."""
        return self._dumps({name: self._copier.copy(value, (name,), MAX_DEPTH + 1) for name, value in payload.items()})

    def decode_payload(self, octets: bytes) -> dict[str, Any]:
        """Deserialize a dictionary by itself; see `PayloadSerializer.decode_payload`."""
        return plain_payload(_without_undefined(self._loads(octets), self._undefined, MESSAGE_DEPTH), self._atoms)


def _without_undefined(value: Any, undefined: Any, levels: int) -> Any:
    """Copy containers without `undefined`, as JSON would have it: None in a list, absent from a dictionary.

    JavaScript has such values wherever an option was not given, or a function returns nothing. What is nested deeper than it may be stays as it is.
    """
    kind = type(value)
    if kind is list and levels:
        return [_without_undefined(item, undefined, levels - 1) for item in value]
    if kind is dict and levels:
        return {
            key: _without_undefined(item, undefined, levels - 1) for key, item in value.items() if item != undefined
        }
    return None if value == undefined else value


_unpack: Final = msgspec.msgpack.Decoder().decode
_unpack_plain: Final = msgspec.msgpack.Decoder(PLAIN).decode
_unpack_elements: Final = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode

_BIN8: Final = 0xC4  # what octets up to 255 begin with
_SMALL: Final = 512  # octets of a message in which that is hardly anything else
_OCTETS_AT: Final = {0xC5: 3, 0xC6: 5}  # first octet of large octets: where they begin
_ATOMS_OR_VIEWS: Final = ATOMS | {int, memoryview}


def _load_msgpack(body: bytes) -> Any:
    """Decode one item. Keys of any type, extension types, dates and NaN come out as they are."""
    try:
        return _unpack(body)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"not MessagePack: {error}") from error


def _load_around_octets(body: bytes) -> list[Any] | None:
    """Decode a message, but for large octets among its Arguments, which become views of the body; None if there are none, or anything is unusual."""
    try:
        elements = _unpack_elements(body)
        message_type = MESSAGE_BY_CODE.get(_unpack(elements[0]))
        at = message_type.payload_at if message_type else None
        if at is None or at >= len(elements):
            return None
        arguments = [memoryview(each) for each in _unpack_elements(elements[at])]
        if not any(each[0] in _OCTETS_AT for each in arguments):
            return None
        raw = [None if number == at else _unpack(each) for number, each in enumerate(elements)]
        raw[at] = [each[_OCTETS_AT[each[0]] :] if each[0] in _OCTETS_AT else _unpack(each) for each in arguments]
    except (ValueError, RecursionError, IndexError, TypeError):
        return None  # whoever decodes all of it says what is wrong
    return raw


class MessagePackSerializer(BinarySerializer):
    """MessagePack with distinct str and bin families (SER-B2)."""

    name = "msgpack"
    subprotocol = "wamp.2.msgpack"
    rawsocket_id = 2
    _atoms = ATOMS | {int}  # the format has no greater integers than are portable
    _undefined = msgspec.msgpack.Ext(0, b"\0")  # the convention of msgpackr
    _dumps = staticmethod(msgspec.msgpack.Encoder().encode)
    _loads = staticmethod(_load_msgpack)

    def decode_to_pass_on(self, body: bytes) -> Message:
        """Deserialize one message for a router; see `Serializer.decode_to_pass_on`."""
        raw = _load_around_octets(body) if len(body) >= LARGE else None
        if raw is None or not is_plain(raw, _ATOMS_OR_VIEWS):
            return BinarySerializer.decode_to_pass_on(self, body)
        message = parse(raw)
        keep_octets(message, raw, body, self)
        return message

    def _load_verbatim(self, body: bytes) -> Any:
        if len(body) > _SMALL or _BIN8 not in body:  # to find octets where the type has none costs more than it saves
            try:
                return _unpack_plain(body)
            except (ValueError, RecursionError):
                pass  # it is wrong, or has portable values that the type does not know
        return BinarySerializer._load_verbatim(self, body)


class _Tags(dict[int, Callable[..., Any]]):
    """The decoders for CBOR's tags: only those below, not cbor2's own.

    Tags build what other formats lack (dates, sets), what costs the reader more than the writer (regular expressions, decimal exponents), and
    shared references: cycles, and trees with exponentially many paths. cbor2 asks here before it reads what is tagged.
    """

    def __missing__(self, tag: int) -> NoReturn:
        raise ValueError(f"tag {tag} is not allowed")


def _octets(value: Any, *_: Any) -> bytes:
    if type(value) is not bytes:
        raise ValueError("what is tagged as octets is none")
    return value


def _integer(value: Any, *_: Any) -> int:
    octets = _octets(value)
    if len(octets) > 8:
        raise ValueError("a big number does not fit into 64 bits")
    return int.from_bytes(octets, "big")


def _negative(value: Any, *_: Any) -> int:
    return -1 - _integer(value)


# What JavaScript's encoders write for ordinary values: BigInt, however small, and Uint8Array (RFC 8746).
_TAGS: Final = _Tags({2: _integer, 3: _negative, 64: _octets})
_NO_TAGS: Final = _Tags()


def _load_cbor(body: bytes, tags: _Tags = _TAGS) -> Any:
    """Decode one item. Octets as keys, `undefined`, simple values, NaN and integers below -2**63 come out as they are."""
    stream = BytesIO(body)
    try:
        raw = cbor2.load(
            stream,
            semantic_decoders=tags,
            read_size=len(body) + 1,
            max_depth=MESSAGE_DEPTH,
            strict_hashable_types=True,
        )
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise RemoteProtocolError(f"not CBOR: {error.__cause__ or error}") from error
    if stream.tell() != len(body):
        raise RemoteProtocolError("not CBOR: octets follow the message")  # SER-B5; cbor2 does not mind
    return raw


class CborSerializer(BinarySerializer):
    """CBOR without simple values, and with no tags but those of 64-bit integers and of octets."""

    name = "cbor"
    subprotocol = "wamp.2.cbor"
    rawsocket_id = 3
    _atoms = ATOMS
    _undefined = cbor2.undefined
    _dumps = staticmethod(cbor2.dumps)
    _loads = staticmethod(_load_cbor)

    def _load_verbatim(self, body: bytes) -> Any:
        try:
            raw = _load_cbor(body, _NO_TAGS)
        except RemoteProtocolError:
            return None  # it is wrong, or has tags
        return None if type(raw) is list and not is_plain(raw, self._atoms) else raw
