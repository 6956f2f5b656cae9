"""Writing CBOR: each value is checked as it is written.

cbor2 writes the same octets, but it takes anything, so all would have to be looked at before. Both together take three times as long for a small
message. What is long is left to it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from struct import Struct
from typing import Any, Final

import cbor2

from ._values import ATOMS, MESSAGE_DEPTH, is_plain

_pack_16: Final = Struct(">BH").pack
_pack_32: Final = Struct(">BI").pack
_pack_64: Final = Struct(">BQ").pack
_pack_float: Final = Struct(">Bd").pack

_FLOAT: Final = 0xFB  # of 64 bits
_FALSE, _TRUE, _NULL = b"\xf4", b"\xf5", b"\xf6"


def _head(major: int, number: int) -> bytes:
    """Return the beginning of an item in the fewest octets: its major type, and its length or value below 2**64 (RFC 8949, 3)."""
    kind = major << 5
    if number < 24:
        return bytes((kind | number,))
    if number < 0x100:
        return bytes((kind | 24, number))
    if number < 0x1_0000:
        return _pack_16(kind | 25, number)
    if number < 0x1_0000_0000:
        return _pack_32(kind | 26, number)
    return _pack_64(kind | 27, number)


_POSITIVE, _NEGATIVE, _OCTETS, _TEXT = range(4)  # major types; lists and dictionaries follow

_SHORT: Final = 256  # heads below which are made once
_LONG: Final = 64  # values in a container, from which on C makes up for looking at them first
_POSITIVES, _, _OF_OCTETS, _OF_TEXT, _OF_LIST, _OF_MAP = (
    tuple(_head(major, number) for number in range(_SHORT)) for major in range(6)
)


def _integer(value: int) -> bytes:
    if 0 <= value <= 0xFFFF_FFFF_FFFF_FFFF:
        return _head(_POSITIVE, value)
    if -0x8000_0000_0000_0000 <= value < 0:
        return _head(_NEGATIVE, -1 - value)
    raise ValueError("an integer is out of range")


def _simple(value: Any) -> bytes:
    if value is None:
        return _NULL
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if type(value) is float and value - value == 0.0:  # not so for the infinities and NaN
        return _pack_float(_FLOAT, value)
    raise ValueError("not portable, or not plain")


def _long(value: Any, levels: int) -> bytes:
    """Return the octets of a container with many values: to look at each is cheaper than to write it here."""
    if is_plain((value,), ATOMS, levels):
        return cbor2.dumps(value)
    raise ValueError("not portable, or not plain")


def _write(values: Iterable[Any], levels: int, append: Callable[[bytes], Any]) -> None:
    """Append the octets of values one after the other.

    Args:
        values: The values.
        levels: How many containers may still be nested in each of them.
        append: Takes octets.

    Raises:
        ValueError: A value is not portable, or not exactly of a type that is written here.
    """
    for value in values:
        kind = type(value)
        if kind is str:
            octets = value.encode()  # raises UnicodeEncodeError, which is a ValueError, for lone surrogates
            length = len(octets)
            append(_OF_TEXT[length] if length < _SHORT else _head(_TEXT, length))
            append(octets)
        elif kind is int:
            append(
                _POSITIVES[value]
                if 0 <= value < _SHORT
                else _pack_16(25, value)
                if 0 <= value < 0x1_0000
                else _integer(value)
            )
        elif kind is dict:
            length = len(value)
            if length >= _LONG or not levels:
                append(_long(value, levels))
                continue
            append(_OF_MAP[length])
            if length:
                for key in value:
                    if type(key) is not str:
                        raise ValueError("a key is no string")
                _write(chain.from_iterable(value.items()), levels - 1, append)
        elif kind is list or kind is tuple:
            length = len(value)
            if length >= _LONG or not levels:
                append(_long(value, levels))
                continue
            append(_OF_LIST[length])
            _write(value, levels - 1, append)
        elif kind is bytes:
            length = len(value)
            append(_OF_OCTETS[length] if length < _SHORT else _head(_OCTETS, length))
            append(value)
        else:
            append(_simple(value))


def write(value: Any) -> bytes:
    """Return a value's octets.

    Raises:
        ValueError: It is nested more than `MESSAGE_DEPTH` deep, or something in it is not portable, or not exactly of a type that codecs take.
    """
    parts: list[bytes] = []
    _write((value,), MESSAGE_DEPTH, parts.append)
    return b"".join(parts)


def write_list(values: Sequence[Any]) -> bytes:
    """Return the octets of a message's elements as a list; raises what `write` does."""
    parts = [_OF_LIST[len(values)]]  # messages are short
    _write(values, MESSAGE_DEPTH - 1, parts.append)
    return b"".join(parts)
