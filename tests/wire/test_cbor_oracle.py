"""The library reads CBOR from a stream, and writes it without looking: what we do faster has to come out the same.

What it reads from a stream decides for every body whether it is one item; what it writes decides for every portable value which octets it has.
"""

from __future__ import annotations

import math
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp import RemoteProtocolError
from trowamp.wire._cbor import _AFTER, _NO_TAGS, _load_cbor, _load_small
from trowamp.wire._cbor_writer import write, write_list
from trowamp.wire._values import ATOMS, is_plain

bounded = settings(max_examples=150, deadline=None)

EDGES = [edge + step for bits in (0, 8, 16, 32, 63, 64) for edge in (2**bits, -(2**bits)) for step in (-1, 0, 1)]
integers = st.integers(-(2**70), 2**70) | st.sampled_from([*EDGES, 22, 23, 24, 25])
atoms = st.none() | st.booleans() | integers | st.floats() | st.text(st.characters()) | st.binary()
keys = st.text() | st.integers(0, 30) | st.binary(max_size=2)
anything = st.recursive(
    atoms | st.just(cbor2.undefined) | st.builds(bytearray) | st.dates(),
    lambda inner: st.lists(inner, max_size=5) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def written(values: list[Any]) -> bytes | None:
    """Return what our writer makes of a list; None if it refuses."""
    try:
        return write_list(values)
    except ValueError:
        return None


def written_by_the_library(values: list[Any]) -> bytes | None:
    """Return what is to come out: the library's octets if all values are plain, and are no lone surrogates."""
    try:
        return cbor2.dumps(values) if is_plain(values, ATOMS) else None
    except UnicodeEncodeError:
        return None


@bounded
@given(values=st.lists(anything, max_size=4))
def test_we_write_what_is_plain_as_the_library_does_and_nothing_else(values: list[Any]) -> None:
    assert written(values) == written_by_the_library(values)


@pytest.mark.parametrize("number", [*EDGES, 23, 24, 1.0, -0.0, 5e-324, 1.7976931348623157e308, math.inf, math.nan])
def test_numbers_at_the_edges_are_written_as_the_library_does_or_not_at_all(number: float) -> None:
    assert written([number, {"key": number}]) == written_by_the_library([number, {"key": number}])


@pytest.mark.parametrize("length", [0, 1, 23, 24, 63, 64, 255, 256, 65_535, 65_536])
def test_lengths_of_all_widths_are_written_as_the_library_does(length: int) -> None:
    numbers = range(length)
    for value in (
        "é" * (length // 2) + "x" * (length % 2),
        bytes(length),
        [0] * length,
        dict.fromkeys(map(str, numbers)),
    ):
        assert write(value) == cbor2.dumps(value)
        assert written([value]) == cbor2.dumps([value])


@pytest.mark.parametrize("depth", range(62, 68))
@pytest.mark.parametrize("innermost", [[], {}, [1], {"a": 1}], ids=str)
def test_what_is_nested_too_deep_is_not_written(depth: int, innermost: Any) -> None:
    value = innermost
    for level in range(depth - 1):
        value = {"a": value} if level % 2 else [value]
    assert written([value]) == written_by_the_library([value])
    assert (written([value]) is None) is (depth > 65)


@pytest.mark.parametrize(
    "value", [math.nan, "\ud800", 2**64, -(2**63) - 1, {1: 2}, {"a": bytearray()}, None], ids=ascii
)
@pytest.mark.parametrize("length", [62, 63, 64, 65])
def test_long_containers_are_looked_at_like_short_ones(value: Any, length: int) -> None:
    for container in ([0] * length + [value], {**dict.fromkeys(map(str, range(length))), "key": value}):
        assert written([container]) == written_by_the_library([container])
        assert (written([container]) is None) is (value is not None)
    assert written([dict.fromkeys(range(length))]) is None


@pytest.mark.parametrize("depth", [63, 64, 65, 66])
def test_long_containers_are_nested_no_deeper_than_short_ones(depth: int) -> None:
    value: Any = [0] * 100
    for _ in range(depth - 1):
        value = [value]
    assert written([value]) == written_by_the_library([value])
    assert (written([value]) is None) is (depth > 65)


def test_a_list_that_holds_itself_is_not_written() -> None:
    value: list[Any] = []
    value += [value, value]
    assert written(value) is None


# ---- reading


def read(body: bytes, load: Any) -> str:
    """Return what comes out of a body, so that 1 is not True; the same text whatever is wrong."""
    try:
        return repr(load(body))
    except (cbor2.CBORDecodeError, ValueError, RemoteProtocolError):
        return "refused"


def assert_same_verdict(body: bytes) -> None:
    assert read(body, _load_small) == read(body, lambda octets: _load_cbor(octets, _NO_TAGS)), body.hex()


HEADS = bytes(major << 5 | info for major in range(8) for info in (0, 1, 2, 23, 24, 25, 26, 27, 28, 31))
octets_of_cbor = st.lists(st.sampled_from(HEADS) | st.integers(0, 255), max_size=24).map(bytes)
bodies = st.builds(cbor2.dumps, st.lists(anything, max_size=3))


@settings(max_examples=400, deadline=None)
@given(body=octets_of_cbor)
def test_arbitrary_octets_are_read_as_from_a_stream(body: bytes) -> None:
    assert_same_verdict(body)


@bounded
@given(body=bodies, data=st.data())
def test_mutated_bodies_are_read_as_from_a_stream(body: bytes, data: st.DataObject) -> None:
    assert_same_verdict(body)
    place = data.draw(st.integers(0, len(body)))
    assert_same_verdict(body[:place] + data.draw(octets_of_cbor) + body[place + data.draw(st.integers(0, 3)) :])


def test_whatever_follows_a_message_or_is_missing_is_noticed() -> None:
    body = cbor2.dumps([50, 1, {}, ["text", b"octets", 1.5, 2**40, {"a": None}]])
    for cut in range(len(body)):
        assert read(body[:cut], _load_small) == "refused"
    for octet in range(256):
        for extra in range(1, 12):
            assert read(body + bytes((octet,)) * extra, _load_small) == "refused"
        for cut in range(len(body)):
            assert_same_verdict(body[:cut] + bytes((octet,)))


@pytest.mark.parametrize("known", range(1, len(_AFTER)))
def test_what_is_put_behind_a_body_cannot_be_faked_by_one_who_knows_a_part_of_it(known: int) -> None:
    body = cbor2.dumps([1])
    for part in (_AFTER[:known], _AFTER[-known:], _AFTER[:known] * 9, _AFTER[:known] + bytes(9 - known)):
        assert read(body + part, _load_small) == "refused"
        assert_same_verdict(body[:-1] + part)


@pytest.mark.parametrize("depth", [64, 65, 66, 67])
def test_the_same_depth_is_read(depth: int) -> None:
    for body in (b"\x81" * depth + b"\x01", b"\x9f" * depth + b"\xff" * depth, b"\xa1\x61a" * depth + b"\x01"):
        assert_same_verdict(body)
        assert (read(body, _load_small) == "refused") is (depth > 66)
