"""What msgspec checks while it decodes is what `is_plain` would have found, and what it refuses is looked at again."""

from __future__ import annotations

import math
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp import RemoteProtocolError
from trowamp.messages import Result
from trowamp.wire import Serializer, get_serializer
from trowamp.wire._values import ATOMS, PLAIN, is_certainly_plain, is_plain

_ENCODERS = {"msgpack": msgspec.msgpack.encode, "json": msgspec.json.encode}
_DECODERS = {"msgpack": msgspec.msgpack, "json": msgspec.json}
_ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
_VALUES = st.recursive(_ATOMS, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner))


@pytest.fixture(params=["msgpack", "json"])
def serializer(request: pytest.FixtureRequest) -> Serializer:
    return get_serializer(request.param)


@pytest.mark.parametrize("name", ["msgpack", "json"])
@given(values=st.lists(_VALUES))
def test_what_the_type_lets_pass_is_plain_and_decoded_as_without_it(name: str, values: list[Any]) -> None:
    body = _ENCODERS[name](values)
    try:
        typed = _DECODERS[name].decode(body, type=PLAIN)
    except msgspec.ValidationError:
        return
    assert is_plain(typed, ATOMS)
    assert repr(typed) == repr(_DECODERS[name].decode(body))


_ANYTHING = st.recursive(
    _ATOMS
    | st.integers()
    | st.binary()
    | st.just(cbor2.undefined)
    | (st.integers(0, 19) | st.integers(32, 255)).map(cbor2.CBORSimpleValue),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab") | st.integers() | st.binary(), inner),
)


@given(values=st.lists(_ANYTHING))
def test_what_is_certainly_plain_among_all_that_cbor_can_hold_is_plain(values: list[Any]) -> None:
    assert is_plain(values, ATOMS) or not is_certainly_plain(values)


def test_an_ordinary_message_is_certainly_plain() -> None:
    assert is_certainly_plain([36, 1, 2, {"topic": "com.example"}, ["hello", 1, 2.5, None, [True, {"a": {}}]], {}])


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        2**63,
        2**64 - 1,
        -(2**63),
        1.7976931348623157e308,
        -0.0,
        "",
        {},
        [],
        [[[[[[[[1]]]]]]]],
        {"a": {"b": {"c": {"d": {"e": {"f": 2}}}}}},
    ],
    ids=str,
)
def test_portable_values_arrive_whether_or_not_the_type_knows_them(serializer: Serializer, value: Any) -> None:
    message = serializer.decode(serializer.encode(Result(1, {}, ["x" * 600, value])))
    assert isinstance(message, Result)
    assert repr(message.args) == repr(["x" * 600, value])


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, {1: 2}, {None: 2}, {b"a": 1}, msgspec.msgpack.Ext(5, b"x")],
    ids=["nan", "inf", "-inf", "1", "None", "octets", "extension"],
)
@pytest.mark.parametrize("filler", [0, 600])
def test_what_is_not_portable_is_refused_in_messages_of_any_size(value: Any, filler: int) -> None:
    body = msgspec.msgpack.encode([50, 1, {}, ["x" * filler, value]])
    with pytest.raises(RemoteProtocolError, match=r"message\[3\]\[1\]"):
        get_serializer("msgpack").decode(body)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**40])
def test_integers_that_only_json_could_carry_are_refused(number: int) -> None:
    with pytest.raises(RemoteProtocolError, match="range"):
        get_serializer("json").decode(b"[50,1,{},[%d]]" % number)


def test_octets_arrive_in_small_and_in_large_messages() -> None:
    serializer = get_serializer("msgpack")
    for size in (0, 1, 255, 256, 70_000):
        message = serializer.decode(serializer.encode(Result(1, {}, [b"\xc4" * size, "text"], {"k": b"x"})))
        assert message == Result(1, {}, [b"\xc4" * size, "text"], {"k": b"x"})
