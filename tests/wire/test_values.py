from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import msgspec
import pytest

from trowamp._exceptions import SerializationError
from trowamp.messages import Publish, Result, Yield
from trowamp.wire._values import ATOMS, is_plain, refuse
from trowamp.wire.serializers import (
    DEFAULT_OFFER,
    SERIALIZERS,
    CborSerializer,
    JsonSerializer,
    MessagePackSerializer,
    Serializer,
)

each_serializer = pytest.mark.parametrize(
    "serializer", [SERIALIZERS[name] for name in DEFAULT_OFFER], ids=DEFAULT_OFFER
)


class Struct(msgspec.Struct):
    a: int = 1


@dataclasses.dataclass
class Dataclass:
    a: int = 1


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 1


class Word(enum.StrEnum):
    YES = "yes"


class Pair(NamedTuple):
    a: int
    b: int


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


def nested(depth: int) -> Any:
    value: Any = []
    for level in range(depth - 1):
        value = {"a": value} if level % 2 else [value]
    return value


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


UNPORTABLE: dict[str, Any] = {
    "not a number": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "a subclass's infinity": Real("inf"),
    "integer too great": 2**64,
    "integer too small": -(2**63) - 1,
    "huge integer": 10**5000,
    "lone surrogate": "a\ud800",
    "set": {1},
    "frozenset": frozenset(),
    "date and time": dt.datetime.now(dt.UTC),
    "date": dt.date(2020, 1, 1),
    "duration": dt.timedelta(1),
    "decimal": decimal.Decimal(1),
    "fraction": fractions.Fraction(1),
    "uuid": uuid.UUID(int=1),
    "complex": 1j,
    "struct": Struct(),
    "dataclass": Dataclass(),
    "enumeration": Color.RED,
    "enumeration of integers": Level.HIGH,
    "enumeration of strings": Word.YES,
    "object": object(),
    "class": int,
    "range": range(3),
    "iterator": iter([1]),
    "dict view": {}.keys(),
    "deque": deque([1]),
    "mock of an integer": MagicMock(spec=int),
    "raw MessagePack": msgspec.Raw(b"\x01"),
    "MessagePack extension": msgspec.msgpack.Ext(1, b""),
    "unset": msgspec.UNSET,
    "integer key": {1: 2},
    "boolean key": {True: 2},
    "null key": {None: 2},
    "octets as key": {b"a": 2},
    "tuple as key": {(): 2},
    "enumeration as key": {Word.YES: 1},
    "lone surrogate in a key": {"\udc00": 2},
    "65 deep": nested(65),
    "cycle": cyclic(),
}


class TestRefusal:
    @pytest.mark.parametrize("value", UNPORTABLE.values(), ids=UNPORTABLE.keys())
    @each_serializer
    def test_what_some_serializer_cannot_carry_is_refused_by_all(self, serializer: Serializer, value: Any) -> None:
        for args, kwargs in ([value], None), ([[value], b""], None), (None, {"x": value}):
            with pytest.raises(SerializationError):
                serializer.encode(Yield(1, {}, args, kwargs))
        with pytest.raises(SerializationError, match=r'^options(\["_x"\])?'):
            serializer.encode(Publish(1, {"_x": value}, "com.x"))

    @pytest.mark.parametrize(
        ("args", "kwargs", "text"),
        [
            ([1, {2}], None, r"^args\[1\]: a value of type set has no form that every serializer carries$"),
            ([], {"x": [1, 2, {"y": 2**64}]}, r'^kwargs\["x"\]\[2\]\["y"\]: the integer is not in the range from -2\*\*63'),
            ([float("nan")], None, r"^args\[0\]: nan is not a finite number$"),
            (["ok", "\ud800"], None, r"^args\[1\]: the string has a lone surrogate$"),
            ([{"a": {1: 2}}], None, r'^args\[0\]\["a"\]: a key is of type int; keys must be strings$'),
            ([Level.HIGH], None, r"^args\[0\]: Level is an enumeration; send a member's name or value$"),
            ([cyclic()], None, r"^args: values are nested more than 64 deep$"),
            ([], {'"\ud800' + 50 * "é": b"", "b": {1}}, r'^kwargs\["\\?"\\ud800(\\xe9){38}"\]: the string has a lone'),
        ],
    )  # fmt: skip
    @each_serializer
    def test_the_text_names_the_place_and_the_reason(
        self, serializer: Serializer, args: list[Any], kwargs: dict[str, Any] | None, text: str
    ) -> None:
        with pytest.raises(SerializationError, match=text):
            serializer.encode(Result(1, {}, args, kwargs))

    @each_serializer
    def test_a_uri_that_is_no_text_is_refused_too(self, serializer: Serializer) -> None:
        with pytest.raises(SerializationError, match="^topic: the string has a lone surrogate"):
            serializer.encode(Publish(1, {}, "com.\ud800"))


class TestAcceptance:
    @pytest.mark.parametrize(
        ("value", "arrives"),
        [
            ((1, (2,)), [1, [2]]),
            (bytearray(b"ab"), b"ab"),
            (memoryview(b"abcd")[::2], b"ac"),
            (Pair(1, 2), [1, 2]),
            (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
            (defaultdict(list, a=[1]), {"a": [1]}),
            (Counter("aab"), {"a": 2, "b": 1}),
            (Text("text"), "text"),
            ({Text("key"): 1}, {"key": 1}),
            (Whole(7), 7),
            (Real(0.5), 0.5),
        ],
    )
    @each_serializer
    def test_a_refinement_of_a_portable_type_arrives_as_that_type(
        self, serializer: Serializer, value: Any, arrives: Any
    ) -> None:
        assert repr(serializer.decode(serializer.encode(Result(1, {}, [value])))) == repr(Result(1, {}, [arrives]))

    @pytest.mark.parametrize(
        "value",
        [-(2**63), 2**64 - 1, 2**63, 0, -1, 5e-324, -0.0, 1.7976931348623157e308, 1e16, 0.1, "", "\U0010ffff", "a\0",
         b"", [], {}, {"": None}, [[]], True, False, None, nested(64), "x" * 70_000, b"x" * 70_000, "é" * 70_000],
        ids=lambda value: repr(value)[:20],
    )  # fmt: skip
    @each_serializer
    def test_the_borders_of_the_domain_are_inside(self, serializer: Serializer, value: Any) -> None:
        message = Result(1, {}, [value], {"x": value})
        assert repr(serializer.decode(serializer.encode(message))) == repr(message)

    @each_serializer
    def test_encoding_leaves_the_payload_as_it_is(self, serializer: Serializer) -> None:
        args: list[Any] = [(1, bytearray(b"x")), OrderedDict(a=b"y")]
        before = repr(args)
        serializer.encode(Result(1, {}, args))
        assert repr(args) == before


def test_a_decoded_value_of_a_type_that_codecs_do_not_make_today_is_refused_all_the_same() -> None:
    assert not is_plain([Whole(7)], ATOMS)
    assert "not every serializer carries" in str(refuse([Whole(7)]))


@pytest.mark.parametrize("make", [JsonSerializer, MessagePackSerializer, CborSerializer])
def test_a_program_can_say_what_is_sent_in_place_of_what_is_not_portable(make: type) -> None:
    asked: list[tuple[Any, bool]] = []

    def substitute(value: Any, is_key: bool) -> Any:
        asked.append((value, is_key))
        return str(value) if isinstance(value, int) and is_key else sorted(value) if isinstance(value, set) else value

    serializer = make(substitute)
    sent = serializer.encode(Result(1, {}, [{1: {3, 2}}, "plain"]))
    assert SERIALIZERS[serializer.name].decode(sent) == Result(1, {}, [{"1": [2, 3]}, "plain"])
    assert asked == [(1, True), ({2, 3}, False)]
    with pytest.raises(SerializationError, match=r"^args\[0\]: a value of type object"):
        serializer.encode(Result(1, {}, [object()]))
    with pytest.raises(SerializationError, match=r"^args\[0\]: a key is of type tuple"):
        serializer.encode(Result(1, {}, [{(): 1}]))
