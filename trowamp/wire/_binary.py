"""What MessagePack and CBOR have in common: they carry octets as such, and write how long a list is before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..messages import MESSAGE_BY_CODE, Message, check_options, parse
from ._passing import WORTH_PASSING, keep_octets, passed_args, spliced, without_octets
from ._values import MAX_DEPTH, MESSAGE_DEPTH, Copier, Substitute, is_plain, plain_payload, refuse

if TYPE_CHECKING:
    from ._pieces import Octets

# What codecs raise for lone surrogates and for too great integers, and our checks for the rest.
REFUSED: Final = (ValueError, OverflowError)


# Octets of a message up to which to look at each value costs less than to have all of them compared with a type.
_SMALL: Final = 256

# What reads messages of a class; the class; and what finds its dictionary.
Reader = tuple[Callable[[bytes], Any], type[Message], Callable[[Any], Any]]


def readers(
    start: int, dumps: Callable[[Any], bytes], reading: Callable[[type[Message]], Callable[[bytes], Any]]
) -> dict[bytes, Reader]:
    """Return what reads messages with a payload by the octets that they begin with: number of elements, and class.

    Args:
        start: How many octets that are; classes for which it takes another number are left out.
        dumps: Writes a list.
        reading: Makes what reads the messages of a class.
    """
    found: dict[bytes, Reader] = {}
    for cls in MESSAGE_BY_CODE.values():
        if cls.payload_at is not None and cls.dictionary is not None and len(dumps([cls.code])) == start:
            reader = reading(cls), cls, attrgetter(cls.dictionary)
            sizes = range(cls.shortest, cls.longest + 1)
            found |= {dumps([cls.code, *range(1, size)])[:start]: reader for size in sizes}
    return found


class BinarySerializer:
    """What both have in common.

    Args:
        substitute: As for `JsonSerializer`.
    """

    is_binary = True
    rawsocket_id: int
    _atoms: ClassVar[frozenset[type]]
    _readers: ClassVar[dict[bytes, Reader]]
    _start: ClassVar[int]  # octets by which a reader is found
    _wrong: ClassVar[tuple[type[Exception], ...]]  # what readers raise
    _dumps: Callable[[Any], bytes]  # of a value that the copier has made
    _dumps_checked: Callable[[Sequence[Any]], bytes]  # of a list; refuses what is not portable, or not plain
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
        try:
            return self._dumps_checked(wire)
        except REFUSED:
            return self._encode_unusual(message, wire)

    def _encode_unusual(self, message: Message, wire: tuple[Any, ...]) -> Octets:
        """Serialize a message with values that are refused, or not known to be portable."""
        args = passed_args(wire)
        if args is not None:
            return spliced(wire, args, self) or self.encode(without_octets(message))
        return self._dumps(self._copier.copy_message(message, wire))

    def decode(self, body: bytes) -> Message:
        """Deserialize exactly one message; see `Serializer.decode`."""
        is_small = type(body) is bytes and len(body) <= _SMALL  # octets that can be changed cannot be looked up
        reader = self._readers.get(body[: self._start]) if is_small else None
        if reader is not None:
            read, cls, dictionary_of = reader
            try:
                message = read(body)
            except self._wrong:
                pass  # or written in an unusual way: what follows tells
            else:
                options, args, kwargs = dictionary_of(message), message.args, message.kwargs
                if args is None or type(args) is list:
                    if not (options or kwargs):
                        if not args or is_plain(args, self._atoms, MAX_DEPTH):
                            return message  # type: ignore[no-any-return]
                    elif is_plain((options, args, kwargs), self._atoms):
                        if options:
                            check_options(cls, options)
                        return message  # type: ignore[no-any-return]
        raw = self._load_verbatim(body)
        return parse(self._put_right(self._loads(body)) if raw is None else raw)

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
        try:
            head = self._dumps_checked(elements)
        except REFUSED:
            return None
        # both formats write the length of short lists into their first octet
        return bytes((head[0] + payload,)) + head[1:]

    def decode_all(self, body: bytes) -> list[Message]:
        """Deserialize the one message that a body holds."""
        return [self.decode(body)]

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
