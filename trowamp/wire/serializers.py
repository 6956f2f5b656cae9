"""Serializers: messages to octets and back, in JSON, MessagePack and CBOR.

    >>> get_serializer("json").encode(Call(1, {}, "com.example.add2", [2, 3]))
    b'[48,1,{},"com.example.add2",[2,3]]'

All of them carry the same values, and raise `SerializationError` for any other: None, bool, int from -2**63 to 2**64 - 1, finite float, str without
lone surrogates, bytes, list (or tuple, which arrives as a list), and dict with str keys, nested at most 64 deep. JSON alone cannot carry a
string that begins with U+0000. What arrives is held to the same rules. A key that occurs twice in a dictionary is no error in
any of them; the last value counts. A router passes large payloads on as they are written, with both.

Whoever makes a serializer can say what it sends in place of other values: `JsonSerializer(substitute)`, and likewise the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ._batched import PrefixedSerializer, SeparatedSerializer
from ._cbor import CborSerializer
from ._json import JsonSerializer
from ._msgpack import MessagePackSerializer
from ._serializer import PayloadSerializer, Serializer

__all__ = [
    "BY_RAWSOCKET_ID",
    "BY_SUBPROTOCOL",
    "DEFAULT_OFFER",
    "PAYLOAD_SERIALIZERS",
    "SERIALIZERS",
    "CborSerializer",
    "JsonSerializer",
    "MessagePackSerializer",
    "PayloadSerializer",
    "PrefixedSerializer",
    "SeparatedSerializer",
    "Serializer",
    "get_serializer",
]

_PLAIN: Final[tuple[Serializer, ...]] = (CborSerializer(), MessagePackSerializer(), JsonSerializer())
_BATCHED: Final[tuple[Serializer, ...]] = (
    PrefixedSerializer(CborSerializer()),
    PrefixedSerializer(MessagePackSerializer()),
    SeparatedSerializer(JsonSerializer()),
)

#: Every serializer by its name.
SERIALIZERS: Final[Mapping[str, Serializer]] = MappingProxyType({each.name: each for each in _PLAIN + _BATCHED})

#: The names a client offers when not told otherwise, the preferred one first. Batched forms are never offered unasked (checklist T1).
DEFAULT_OFFER: Final = tuple(each.name for each in _PLAIN)

#: Every serializer by its WebSocket subprotocol.
BY_SUBPROTOCOL: Final[Mapping[str, Serializer]] = MappingProxyType({s.subprotocol: s for s in SERIALIZERS.values()})

#: The serializers that RawSocket knows, by their number in its handshake.
BY_RAWSOCKET_ID: Final[Mapping[int, Serializer]] = MappingProxyType({each.rawsocket_id: each for each in _PLAIN})

#: What serializes a payload by itself, before its message is serialized (PPT-B3).
PAYLOAD_SERIALIZERS: Final[Mapping[str, PayloadSerializer]] = MappingProxyType(
    {each.name: each for each in (CborSerializer(), MessagePackSerializer(), JsonSerializer())}
)


def get_serializer(name: str, among: Mapping[str, Serializer] = SERIALIZERS) -> Serializer:
    """Return the serializer with a name.

    Args:
        name: For example "cbor"; see `SERIALIZERS`.
        among: The serializers to choose from, by their names.

    Returns:
        The serializer.

    Raises:
        ValueError: There is none with this name.
    """
    try:
        return among[name]
    except KeyError:
        raise ValueError(f"no serializer is named {name!r}; there are {', '.join(among)}") from None
