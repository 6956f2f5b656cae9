"""Small messages are read into their class at once. That must never show: neither in what comes out, nor in what is refused, nor in the words."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trowamp import RemoteProtocolError, SerializationError
from trowamp.messages import MESSAGE_BY_CODE, Call, Result
from trowamp.wire._binary import BinarySerializer
from trowamp.wire._cbor import CborSerializer
from trowamp.wire._msgpack import MessagePackSerializer

msgpack: Any = importlib.import_module("msgpack")  # it has no types


class Empty(IntEnum):
    """A member that is false."""

    NOTHING = 0


class LeisurelyCbor(CborSerializer):
    """Reads every message the long way."""

    _readers = {}  # noqa: RUF012


class CarefulMessagePack(MessagePackSerializer):
    """Reads small messages as it does those that may hold octets."""

    decode = BinarySerializer.decode


class LeisurelyMessagePack(CarefulMessagePack):
    """Reads every message the long way."""

    _readers = {}  # noqa: RUF012


FORMATS: dict[str, tuple[BinarySerializer, BinarySerializer, Callable[[Any], bytes]]] = {
    "cbor": (CborSerializer(), LeisurelyCbor(), cbor2.dumps),
    "msgpack": (MessagePackSerializer(), LeisurelyMessagePack(), msgpack.packb),
    "msgpack, octets": (CarefulMessagePack(), LeisurelyMessagePack(), msgpack.packb),
}

texts = st.sampled_from(
    ["", "a", "progress", "receive_progress", "ppt_scheme", "ppt_serializer", "publisher", "timeout"]
)
atoms = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.integers(0, 3)
    | st.floats()
    | texts
    | st.binary(max_size=3)
)
keys = texts | st.integers(0, 1)
values = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=2), max_leaves=6
)
ids = st.integers(1, 300) | st.just(2**53) | values
dictionaries: st.SearchStrategy[Any] = st.just({}) | st.dictionaries(keys, atoms, max_size=2) | values
arguments = st.lists(values, max_size=3) | values


def nested(levels: int) -> list[Any]:
    """Return a list with lists in it, so many levels deep."""
    inner: list[Any] = []
    for _ in range(levels - 1):
        inner = [inner]
    return inner


@st.composite
def bodies(draw: st.DrawFn) -> list[Any]:
    """Draw a list that looks like a message."""
    cls = MESSAGE_BY_CODE[draw(st.sampled_from(sorted(MESSAGE_BY_CODE)))]
    of_field = {"args": arguments, "kwargs": dictionaries, cls.dictionary: dictionaries}
    fields = [
        draw(of_field.get(name, texts if name in {"procedure", "topic", "error", "reason"} else ids))
        for name in cls.__struct_fields__
    ]
    return [cls.code, *fields[: draw(st.integers(max(cls.shortest - 2, 0), len(fields)))]]


def outcome(serializer: BinarySerializer, body: bytes) -> str:
    """Return what comes of reading, told so that 1 differs from True and 1.0."""
    try:
        return repr(serializer.decode(body))
    except RemoteProtocolError as error:
        return f"refused: {error}"


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=1500)
@given(body=bodies(), junk=st.binary(max_size=1))
@example(body=[50, 1, {}, nested(65)], junk=b"")
@example(body=[50, 1, {}, nested(66)], junk=b"")
@example(body=[50, 1, {"a": nested(64)}, []], junk=b"")
@example(body=[50, 1, {"a": nested(65)}, []], junk=b"")
@example(body=[50, 1, {}, [float("nan")]], junk=b"")
@example(body=[50, 1, {"progress": 1}], junk=b"")
@example(body=[50, 1, {}, b"octets"], junk=b"")
@example(body=[50, 1, {"ppt_scheme": "x_a"}, b"octets"], junk=b"")
@example(body=[50, True, {}], junk=b"")
@example(body=[50, 1, {}, ["x" * 246]], junk=b"")
@example(body=[50, 1, {}, ["x" * 256]], junk=b"")
@example(body=[50, 0, {}], junk=b"")
@example(body=[50, 1, {}, [1], {"a": 1}], junk=b"")
@example(body=[50, 1, {}, None, {"a": 1}], junk=b"")
@example(body=[50, 1, {}, [], {}], junk=b"")
@example(body=[50, 1, {}, [1], {1: 1}], junk=b"")
@example(body=[50, 1, {}, [1], {"a": 1}, 1], junk=b"")
@example(body=[50, 1, {}, nested(7)], junk=b"")
@example(body=[50, 1, {}, [2**64 - 1, 2**63, -(2**63)]], junk=b"")
@example(body=[50, 1, {}, ["x" * 5000, list(range(1000)), {"a": nested(6)}]], junk=b"")
@example(body=[50, 1, {}, ["x" * 5000, b"octets"]], junk=b"")
@example(body=[50, 1, {}, ["x" * 5000, nested(65)]], junk=b"")
def test_what_comes_of_a_small_message_is_what_comes_of_it_the_long_way(
    name: str, body: list[Any], junk: bytes
) -> None:
    short, long, dumps = FORMATS[name]
    octets = dumps(body) + junk
    assert outcome(short, octets) == outcome(long, octets)


@pytest.mark.parametrize("name", FORMATS)
def test_a_small_result_is_read_the_short_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short, _, dumps = FORMATS[name]
    monkeypatch.setattr("trowamp.wire._binary.parse", None)  # the long way
    assert short.decode(dumps([50, 7, {}, [1, "a"]])) == Result(7, {}, [1, "a"])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda octets: memoryview(bytearray(octets))])
@pytest.mark.parametrize("name", FORMATS)
def test_octets_of_every_kind_are_read(name: str, kind: Callable[[bytes], Any]) -> None:
    short, _, dumps = FORMATS[name]
    assert short.decode(kind(dumps([50, 7, {}, [1]]))) == Result(7, {}, [1])


@pytest.mark.parametrize("name", FORMATS)
def test_what_are_no_octets_is_a_mistake_of_the_program(name: str) -> None:
    with pytest.raises(TypeError):
        FORMATS[name][0].decode([0x93, 50, 1, 0x80])  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [set(), Empty.NOTHING, Decimal(0), MappingProxyType({})])
@pytest.mark.parametrize("name", FORMATS)
def test_options_that_are_empty_but_not_portable_are_refused(name: str, options: Any) -> None:
    with pytest.raises(SerializationError, match="^options"):
        FORMATS[name][0].encode(Call(1, options, "com.example.f", [1]))
