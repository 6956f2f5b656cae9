"""CBOR: cbor2 reads it, and its other habits (tags, octets after the item, keys of any type) are kept out here. How it is written: `_cbor_writer`."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from os import urandom
from typing import Any, Final, NoReturn

import cbor2
from msgspec import convert

from .._exceptions import RemoteProtocolError
from ._binary import BinarySerializer, readers
from ._cbor_writer import write, write_list
from ._pieces import LARGE
from ._values import ATOMS, MESSAGE_DEPTH, is_certainly_plain, is_plain


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


# cbor2 does not say whether octets follow an item unless that is in a stream, and a stream costs more than to decode a small message. So this integer
# is put behind the body, and is found there if the body is one item. Nobody else can know it; whoever did could write it behind an item as well.
# Nothing that comes out depends on it.
_AFTER: Final = b"\x1b\xff" + urandom(7)
_AFTER_IT: Final = int.from_bytes(_AFTER[1:], "big")


def _load_small(body: bytes) -> Any:
    """Decode one item, without tags.

    Raises:
        cbor2.CBORDecodeError, ValueError: It is wrong, or has tags. The text is for nobody: it may tell what was put behind.
    """
    raw, after = cbor2.loads(
        b"\x82" + body + _AFTER,
        semantic_decoders=_NO_TAGS,
        max_depth=MESSAGE_DEPTH + 1,
        strict_hashable_types=True,
    )
    if after != _AFTER_IT:
        raise ValueError("octets follow the message, or are missing")
    return raw


# Octets of a message from which on most have so many values that it pays to have msgspec look first, although it gives up where there are octets.
_WORTH_A_TRY: Final = 512


class CborSerializer(BinarySerializer):
    """CBOR without simple values, and with no tags but those of 64-bit integers and of octets."""

    name = "cbor"
    subprotocol = "wamp.2.cbor"
    rawsocket_id = 3
    _atoms = ATOMS
    _undefined = cbor2.undefined
    _dumps = staticmethod(write)
    _dumps_checked = staticmethod(write_list)
    _loads = staticmethod(_load_cbor)
    _start = 3  # classes below 24 have one octet less; of these only PUBLISH is frequent
    _readers = readers(_start, write, lambda cls: lambda body: convert(_load_small(body), cls))
    _wrong = (cbor2.CBORDecodeError, ValueError)

    def _load_verbatim(self, body: bytes) -> Any:
        try:
            raw = _load_small(body) if len(body) < LARGE else _load_cbor(body, _NO_TAGS)
        except (*self._wrong, RemoteProtocolError):
            return None  # it is wrong, or has tags
        if type(raw) is not list or (len(body) >= _WORTH_A_TRY and is_certainly_plain(raw)):
            return raw
        return raw if is_plain(raw, self._atoms) else None
