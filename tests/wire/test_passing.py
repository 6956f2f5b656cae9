"""Large payloads pass a router in the octets they came in, where the receiver has the sender's serializer; and only then."""

from __future__ import annotations

import math
from typing import Any

import cbor2
import msgspec
import pytest

from trowamp import RemoteProtocolError
from trowamp.messages import Call, Event, Invocation, Message, Publish, Result, Yield
from trowamp.wire import SERIALIZERS, Serializer, get_serializer
from trowamp.wire._passing import WORTH_PASSING, PassedArgs

NAMES = ("json", "msgpack", "cbor")
FILLER = "x" * WORTH_PASSING
PAYLOADS: list[tuple[list[Any] | None, dict[str, Any] | None]] = [
    ([FILLER], None),
    ([FILLER, {"a": [1, 2.5, None, True]}, b"octets"], None),
    ([1], {"k": FILLER}),
    (None, {"k": FILLER, "n": -1}),
    ([[[[[[[[[FILLER]]]]]]]], 2**64 - 1], {"deep": [{"a": {"b": {}}}]}),
    ([b"\0" * WORTH_PASSING], None),
]


@pytest.fixture(params=NAMES)
def serializer(request: pytest.FixtureRequest) -> Serializer:
    return get_serializer(request.param)


def _received(serializer: Serializer, args: Any, kwargs: Any = None) -> Call:
    message = serializer.decode_to_pass_on(serializer.encode(Call(1, {}, "com.example.f", args, kwargs)))
    assert isinstance(message, Call)
    return message


@pytest.mark.parametrize(("args", "kwargs"), PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_receiver_with_the_same_serializer_gets_the_octets_that_came(
    serializer: Serializer, args: Any, kwargs: Any
) -> None:
    message = _received(serializer, args, kwargs)
    assert type(message.args) is PassedArgs
    octets = bytes(message.args.octets)
    for onward in (
        Invocation(2**40, 7, {"caller": 5, "procedure": "a.b"}, message.args, message.kwargs),
        Result(9, {}, message.args, message.kwargs),
        Event(1, 2, {"topic": "a"}, message.args, message.kwargs),
    ):
        body = serializer.encode(onward)
        assert body.endswith(octets)
        assert serializer.decode(body) == msgspec.structs.replace(onward, args=args or [])


@pytest.mark.parametrize(("args", "kwargs"), PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize("other", NAMES)
def test_a_receiver_with_another_serializer_gets_the_same_values(
    serializer: Serializer, other: str, args: Any, kwargs: Any
) -> None:
    message = _received(serializer, args, kwargs)
    onward = get_serializer(other).encode(Yield(3, {}, message.args, message.kwargs))
    assert get_serializer(other).decode(onward) == Yield(3, {}, args or [], kwargs)


@pytest.mark.parametrize("name", sorted(SERIALIZERS))
def test_what_a_router_decodes_is_what_everybody_decodes(name: str) -> None:
    serializer = SERIALIZERS[name]
    for args, kwargs in [*PAYLOADS, ([], None), ([1], {"a": 2})]:
        body = serializer.encode(Publish(1, {}, "com.example.topic", args, kwargs))
        assert serializer.decode_to_pass_on(body) == serializer.decode(body)


def test_a_payload_that_was_exchanged_is_encoded(serializer: Serializer) -> None:
    message = _received(serializer, [FILLER], {"k": 1})
    body = serializer.encode(Result(1, {}, message.args, {"k": 2}))
    assert serializer.decode(body) == Result(1, {}, [FILLER], {"k": 2})
    body = serializer.encode(Result(1, {}, message.args))
    assert serializer.decode(body) == Result(1, {}, [FILLER])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("json", b'[48, 1, {}, "com.example.f", ["%s"]]' % FILLER.encode()),
        ("json", b'[48,1,{},"com.example.f",["%s"],{}]' % FILLER.encode()),
        ("json", b'[48,1,{},"com.example.f",["%s"],null]' % FILLER.encode()),
        ("json", b'[48,1,{},"com.example.f",null,{"k":"%s"}]' % FILLER.encode()),
        ("json", b'[48,1,{},"com.example.f",["%s"]]\n' % FILLER.encode()),
        ("msgpack", b"\xdc\0\5" + msgspec.msgpack.encode([48, 1, {}, "com.example.f", [FILLER]])[1:]),
        ("msgpack", msgspec.msgpack.encode([48, 1, {}, "com.example.f", [FILLER, msgspec.msgpack.Ext(0, b"\0")]])),
        ("cbor", b"\x9f" + cbor2.dumps([48, 1, {}, "com.example.f", [FILLER]])[1:] + b"\xff"),
        ("cbor", cbor2.dumps([48, 1, {}, "com.example.f", [FILLER, cbor2.undefined]])),
        ("cbor", cbor2.dumps([48, 1, {}, "com.example.f", [FILLER, cbor2.CBORTag(64, b"octets")]])),
    ],
    ids=range(10),
)
def test_what_is_written_in_unusual_ways_is_written_in_the_usual_way_for_others(name: str, body: bytes) -> None:
    serializer = get_serializer(name)
    message: Any = serializer.decode_to_pass_on(body)
    onward = Result(1, {}, message.args, message.kwargs)
    plain = Result(1, {}, list(message.args or []), message.kwargs)
    assert serializer.encode(onward) == serializer.encode(plain)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, {1: 2}, msgspec.msgpack.Ext(1, b"x")], ids=["nan", "inf", "key", "extension"]
)
def test_what_is_not_portable_is_refused_however_large_it_is(value: Any) -> None:
    body = msgspec.msgpack.encode([48, 1, {}, "com.example.f", [FILLER, value]])
    with pytest.raises(RemoteProtocolError):
        get_serializer("msgpack").decode_to_pass_on(body)


def test_details_that_cannot_be_carried_are_refused_beside_a_payload_that_passes(serializer: Serializer) -> None:
    message = _received(serializer, [FILLER])
    with pytest.raises(ValueError, match="surrogate"):
        serializer.encode(Event(1, 2, {"publisher_authid": "\ud800"}, message.args))


def test_small_payloads_keep_nothing(serializer: Serializer) -> None:
    message: Message = _received(serializer, ["small"])
    assert isinstance(message, Call)
    assert type(message.args) is list
