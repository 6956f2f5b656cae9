"""Large payloads: the octets that came in go out, to those who speak the sender's serializer; others, and the router itself, get the values."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Error, Event, Invocation, Publish, Result

from .harness import Client, World

LARGE = "x" * 5000
# Keys twice: an encoder does not write that, so it tells octets that were passed on from others.
TWICE = b'{"k":1,"k":"%s"}' % LARGE.encode()


def say_octets(client: Client, body: bytes) -> None:
    client.link.receive_data(body.decode())
    client._carry()


def bodies(client: Client) -> list[bytes]:
    return list(client.link.bodies_to_send())


@pytest.fixture
def caller(world: World) -> Client:
    return world.join(serializer="json")


def test_calls_results_and_errors_pass_in_the_octets_they_came_in(world: World, caller: Client) -> None:
    callee = world.join(serializer="json")
    callee.register("com.example.f")
    say_octets(caller, b'[48,1,{},"com.example.f",[],%s]' % TWICE)
    (invocation,) = bodies(callee)
    assert invocation.endswith(b",{},[],%s]" % TWICE)
    say_octets(callee, b'[70,1,{},["%s"],%s]' % (LARGE.encode(), TWICE))
    assert bodies(caller) == [b'[50,1,{},["%s"],%s]' % (LARGE.encode(), TWICE)]
    say_octets(caller, b'[48,2,{},"com.example.f"]')
    bodies(callee)
    say_octets(callee, b'[8,68,2,{},"com.example.error",[%s]]' % TWICE)
    assert bodies(caller) == [b'[8,48,2,{},"com.example.error",[%s]]' % TWICE]


def test_events_pass_in_their_octets_where_they_can(world: World, caller: Client) -> None:
    same, other = world.join(serializer="json"), world.join(serializer="cbor")
    for subscriber in (same, other):
        subscriber.subscribe("com.example.topic")
    say_octets(caller, b'[16,1,{},"com.example.topic",[%s]]' % TWICE)
    assert bodies(same)[0].endswith(b",{},[%s]]" % TWICE)
    event = other.expect(Event)
    assert event.args == [{"k": LARGE}]


@pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor"])
def test_large_events_are_retained_like_others(serializer: str) -> None:
    world = World()
    publisher = world.join(serializer="json")
    publisher.send(Publish(1, {"retain": True}, "com.example.topic", [LARGE, 2], {"k": 3}))
    late = world.join(serializer=serializer)
    late.say(32, 1, {"get_retained": True}, "com.example.topic")
    _, event = late.received()
    assert isinstance(event, Event)
    assert (event.args, event.kwargs) == ([LARGE, 2], {"k": 3})


def test_a_receiver_that_accepts_less_refuses_octets_too(world: World, caller: Client) -> None:
    callee = world.join(serializer="json", max_send_size=3000)
    callee.register("com.example.f")
    caller.call("com.example.f", LARGE)
    assert caller.expect(Error).error == uris.ERROR_PAYLOAD_SIZE_EXCEEDED


@pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor"])
def test_the_routers_own_procedures_take_large_arguments(world: World, serializer: str) -> None:
    caller = world.join(serializer=serializer)
    caller.call(uris.SESSION_COUNT, ["anonymous", LARGE])
    assert caller.expect(Result).args == [1]
    caller.call(uris.SESSION_COUNT, filter_authroles=["anonymous", LARGE])
    assert [type(message) for message in caller.received()] in ([Result], [Error])


def test_what_one_receiver_cannot_be_sent_is_refused_as_a_whole(world: World) -> None:
    sender, callee = world.join(serializer="cbor"), world.join(serializer="json")
    callee.register("com.example.f")
    sender.call("com.example.f", "\0" + LARGE)  # octets, to a reader of JSON
    assert sender.expect(Error).error == uris.ERROR_INVALID_ARGUMENT


def test_inputs_and_progress_are_large_too(world: World) -> None:
    caller, callee = world.join(), world.join()
    callee.register("com.example.f")
    caller.call("com.example.f", LARGE, options={"receive_progress": True})
    invocation: Any = callee.expect(Invocation)
    assert invocation.args == [LARGE]
    callee.progress(invocation, LARGE + "1")
    callee.answer(invocation, LARGE + "2")
    assert [message.args for message in caller.received() if isinstance(message, Result)] == [
        [LARGE + "1"],
        [LARGE + "2"],
    ]
