"""MessagePack for loads: what a large message carries stays packed, or the load would be what limits a router."""

from __future__ import annotations

import importlib
from typing import Any

from .codecs import MSGPACK

_msgpack = importlib.import_module("msgpack")  # it has no types
LARGE = 4096  # octets
_HEAD = 1024  # octets; what is before the last element takes less


class Packed(bytes):
    """The last element of a message, as it has come or as it shall go."""


def packed(value: object) -> Packed:
    """Return a value packed once, to be the last element of many messages."""
    return Packed(MSGPACK.encode(value))


def pack(message: list[Any]) -> bytes:
    """Return a message's body."""
    if not isinstance(message[-1], Packed):
        return MSGPACK.encode(message)
    before = MSGPACK.encode(message[:-1])
    first = bytes((before[0] + 1,))  # it tells how many elements follow
    return b"".join((first, before[1:], message[-1]))


def unpack(body: bytes) -> list[Any]:
    """Return a message; the last element of a large one is `Packed`."""
    if len(body) < LARGE:
        return MSGPACK.decode(body)  # type: ignore[no-any-return]
    octets, unpacker = memoryview(body), _msgpack.Unpacker(read_size=_HEAD)
    unpacker.feed(octets[:_HEAD])
    before = [unpacker.unpack() for _ in range(unpacker.read_array_header() - 1)]
    return [*before, Packed(octets[unpacker.tell() :])]
