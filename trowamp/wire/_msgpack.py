"""MessagePack is msgspec's.

It encodes a small CALL in 50 ns where the `msgpack` package takes 160, decodes at least as fast, and is as strict about lengths, UTF-8 and octets
left over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import astuple

from .._exceptions import RemoteProtocolError
from ..messages import MESSAGE_BY_CODE, Message, check_options, parse
from ._binary import REFUSED, BinarySerializer, readers
from ._passing import keep_octets
from ._pieces import LARGE
from ._values import ATOMS, PLAIN, PLAIN_DICT, is_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._pieces import Octets

_ATOMS: Final = ATOMS | {int}  # the format has no greater integers than are portable

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder().decode
_unpack_plain: Final = msgspec.msgpack.Decoder(PLAIN).decode
_unpack_elements: Final = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode

_BIN8: Final = 0xC4  # what octets up to 255 begin with
_SMALL: Final = 512  # octets of a message in which that is hardly anything else
_OCTETS_AT: Final = {0xC5: 3, 0xC6: 5}  # first octet of large octets: where they begin
_ATOMS_OR_VIEWS: Final = _ATOMS | {memoryview}


def _dumps_checked(elements: Sequence[Any]) -> bytes:
    """Encode a list. What is looked for here would be written all the same; a lone surrogate, or too great an integer, would not."""
    if is_plain(elements, _ATOMS):
        return _pack(elements)
    raise ValueError("not portable, or not plain")


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


def _plain_type(cls: type[Message]) -> Any:
    """Return a type like a class of messages, for values that are certainly portable."""
    types = {"args": PLAIN, "kwargs": PLAIN_DICT, cls.dictionary: PLAIN_DICT}
    fields: list[Any] = []
    for field in msgspec.structs.fields(cls):
        kind = types.get(field.name, field.type)
        fields.append((field.name, kind) if field.required else (field.name, kind | None, None))
    return msgspec.defstruct(f"Plain{cls.__name__}", fields, tag=cls.code, array_like=True, gc=False)


_START: Final = 2  # octets that tell the class of a message with a payload, and how many elements it has
_PLAIN_READERS: Final = readers(_START, _pack, lambda cls: msgspec.msgpack.Decoder(_plain_type(cls)).decode)
_WRONG: Final = (ValueError, RecursionError)  # what decoders raise


class MessagePackSerializer(BinarySerializer):
    """MessagePack with distinct str and bin families (SER-B2)."""

    name = "msgpack"
    subprotocol = "wamp.2.msgpack"
    rawsocket_id = 2
    _atoms = _ATOMS
    _undefined = msgspec.msgpack.Ext(0, b"\0")  # the convention of msgpackr
    _dumps = staticmethod(_pack)
    _dumps_checked = staticmethod(_dumps_checked)
    _loads = staticmethod(_load_msgpack)
    _start = _START
    _readers = readers(_START, _pack, lambda cls: msgspec.msgpack.Decoder(cls).decode)
    _wrong = _WRONG

    def encode_in_pieces(self, message: Message) -> Octets:
        """Serialize one message; see `Serializer.encode_in_pieces`."""
        wire = message.to_wire()
        try:  # what `_dumps_checked` does, with a function less for each message
            if is_plain(wire, _ATOMS):
                return _pack(wire)
        except REFUSED:
            pass
        return self._encode_unusual(message, wire)

    def decode(self, body: bytes) -> Message:
        """Deserialize exactly one message; see `Serializer.decode`."""
        may_fit = type(body) is bytes and _BIN8 not in body  # octets that can be changed cannot be looked up
        reader = _PLAIN_READERS.get(body[:_START]) if may_fit else None
        if reader is not None:
            read, cls, dictionary_of = reader
            try:
                message = cls(*astuple(read(body)))
            except _WRONG:
                pass  # or it has portable values that the type does not know
            else:
                options = dictionary_of(message)
                if options:
                    check_options(cls, options)
                return message
        return BinarySerializer.decode(self, body)

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
