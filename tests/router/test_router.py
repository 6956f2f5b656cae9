"""The router as a whole: leaving in every order, violations, shutting down, what the shell is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trowamp import NoSuchSession, RemoteProtocolError, uris
from trowamp.messages import (
    Abort,
    Call,
    EventReceived,
    Goodbye,
    Hello,
    Interrupt,
    Invocation,
    Message,
    Publish,
    Register,
    Subscribe,
    Unregister,
    Unsubscribe,
    Welcome,
)
from trowamp.wire import get_serializer, rawsocket_server

from .harness import Client, World, roles_with

# ---- leaving


@pytest.mark.checklist("SES-B2", "SES-B4", "SES-R2", "SES-R3")
def test_goodbye_is_answered_and_ends_everything_the_session_had(world: World, caller: Client) -> None:
    client = world.join()
    client.register("a")
    client.subscribe("a")
    client.goodbye()
    assert client.expect(Goodbye) == Goodbye({}, uris.CLOSE_GOODBYE_AND_OUT)
    assert not client.peer.is_closing
    assert world.statistics() == {"connections": 2, "sessions": 1, "realms": 1, "deadlines": 1}
    caller.call("a")
    caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)


@pytest.mark.checklist("WS-B4")
def test_a_connection_can_carry_one_session_after_another(world: World) -> None:
    client = world.join()
    first = client.session_id
    client.goodbye()
    client.expect(Goodbye)
    client.join()
    assert client.session_id != first
    client.subscribe("a")
    client.goodbye()
    client.expect(Goodbye)
    world.pass_time(15)
    assert client.peer.close_reason == "no HELLO within 5 s"


@pytest.mark.checklist("SES-B5", "SES-B3")
def test_nothing_follows_the_routers_goodbye(world: World, caller: Client) -> None:
    callee = world.join()
    callee.register("a")
    caller.call("a")
    callee.expect(Invocation)
    caller.goodbye()
    caller.expect(Goodbye)
    callee.expect(Interrupt)
    assert caller.received() == []


@pytest.mark.checklist("SES-R5", "SES-B2")
def test_a_shutdown_says_goodbye_to_sessions_and_waits_for_the_answer(world: World, caller: Client) -> None:
    caller.subscribe("a")
    world.router.shutdown(world.now)
    assert caller.expect(Goodbye) == Goodbye({}, uris.CLOSE_SYSTEM_SHUTDOWN)
    assert not caller.peer.is_closing
    assert "sessions" not in world.statistics()
    caller.send(Goodbye({}, uris.CLOSE_GOODBYE_AND_OUT))
    assert caller.received() == []
    assert caller.peer.is_closing
    assert world.router.next_deadline() is None


@pytest.mark.checklist("SES-B2", "SES-B3")
def test_crossing_goodbyes_are_not_answered(world: World, caller: Client) -> None:
    world.router.shutdown(world.now)
    caller.goodbye()
    assert [type(message) for message in caller.received()] == [Goodbye]
    assert caller.peer.is_closing


def test_everything_else_after_the_routers_goodbye_is_ignored(world: World, caller: Client) -> None:
    world.router.shutdown(world.now)
    caller.expect(Goodbye)
    caller.call("a")
    caller.hello()
    caller.say(999)
    assert caller.received() == []
    assert world.statistics() == {"connections": 1, "realms": 1}


@pytest.mark.checklist("SM-R4")
def test_a_goodbye_that_is_not_answered_in_time_ends_the_connection(world: World, caller: Client) -> None:
    world.router.shutdown(world.now)
    world.pass_time(4.9)
    assert not caller.peer.is_closing
    world.pass_time(0.1)
    assert caller.peer.is_closing
    assert caller.peer.close_reason == "no answer to GOODBYE within 5 s"


@pytest.mark.checklist("SES-R5")
def test_nobody_joins_a_router_that_shuts_down(world: World) -> None:
    joining, silent = world.connect(), world.connect()
    closed = world.router.attach(rawsocket_server([get_serializer("json")]), transport={}, now=world.now)
    world.router.shutdown(world.now)
    for client in (joining, silent):
        assert client.expect(Abort).reason == uris.CLOSE_SYSTEM_SHUTDOWN
        assert client.peer.is_closing
    assert closed.is_closing
    assert not closed.link.data_to_send()
    late = world.connect()
    late.hello()
    assert late.expect(Abort).reason == uris.CLOSE_SYSTEM_SHUTDOWN


@pytest.mark.checklist("SES-R5")
def test_one_session_can_be_dismissed(world: World, caller: Client) -> None:
    session_id = caller.session_id
    world.router.dismiss("realm1", session_id, uris.CLOSE_KILLED, "go away", world.now)
    assert caller.expect(Goodbye) == Goodbye({"message": "go away"}, uris.CLOSE_KILLED)
    with pytest.raises(NoSuchSession):
        world.router.dismiss("realm1", session_id, uris.CLOSE_KILLED, "go away", world.now)
    assert caller.received() == []
    assert world.statistics() == {"connections": 1, "realms": 1, "deadlines": 1}


@pytest.mark.checklist("SES-R3")
def test_detaching_twice_does_nothing(world: World, caller: Client) -> None:
    caller.drop("first")
    caller.drop("second")
    assert caller.peer.close_reason == "first"
    assert world.statistics() == {"realms": 1}
    caller.call("a")
    world.router.violation(caller.peer, RemoteProtocolError("late"), world.now)
    assert caller.received() == []
    assert world.router.take_dirty() == []


# ---- violations


@pytest.mark.checklist("PV-R", "MSG-B3")
@pytest.mark.parametrize("request_type", [16, 32, 34, 48, 64, 66])
def test_clients_answer_invocations_only(world: World, request_type: int) -> None:
    client = world.join()
    client.say(8, request_type, 1, {}, "com.example.error")
    assert client.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


@pytest.mark.checklist("PV-R", "MSG-B3")
def test_an_error_for_something_that_is_no_request_is_a_violation(caller: Client) -> None:
    caller.say(8, 5, 1, {}, "com.example.error")
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


@pytest.mark.checklist("PV-B", "PV-B2", "WS-B3")
def test_octets_that_are_no_message_end_the_session(world: World, caller: Client) -> None:
    callee = world.join(serializer="json")
    callee.register("a")
    caller.call("a")
    callee.expect(Invocation)
    callee.link.receive_data("[48, 1,")
    callee._carry()
    assert callee.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    assert callee.peer.is_closing
    caller.expect_error(uris.ERROR_CANCELED)


def test_a_transport_that_never_opened_is_closed_silently(world: World) -> None:
    link = rawsocket_server([get_serializer("json")])
    peer = world.router.attach(link, transport={}, now=world.now)
    world.router.violation(peer, RemoteProtocolError("GET / HTTP/1.0"), world.now)
    assert peer.is_closing
    assert peer.close_reason == "GET / HTTP/1.0"
    assert world.router.take_dirty() == [peer]


REQUESTS: list[Callable[[int], Message]] = [
    lambda number: Call(number, {}, "a"),
    lambda number: Publish(number, {}, "a"),
    lambda number: Subscribe(number, {}, "a"),
    lambda number: Unsubscribe(number, 1),
    lambda number: Register(number, {}, "a"),
    lambda number: Unregister(number, 1),
]


@pytest.mark.checklist("ID-R1", "ID-R2", "PV-R")
@pytest.mark.parametrize("request_for", REQUESTS)
@pytest.mark.parametrize("number", [1, 2, 4])
def test_gaps_in_request_ids_are_a_violation_only_in_strict_mode(
    request_for: Callable[[int], Message], number: int
) -> None:
    for is_strict in (False, True):
        client = World(strict_request_ids=is_strict).join()
        client.send(Publish(1, {}, "a"))
        client.send(Publish(2, {}, "a"))
        client.send(request_for(number))
        assert client.peer.is_closing is is_strict


@pytest.mark.checklist("ID-R1", "ID-B2")
def test_sequential_ids_are_fine_in_strict_mode_and_wrap_around() -> None:
    client = World(strict_request_ids=True).join()
    for number, request_for in enumerate(REQUESTS, 1):
        client.send(request_for(number))
    assert not client.peer.is_closing
    session = client.peer.session
    assert session is not None
    session.last_request_id = 2**53 - 1
    for number in (2**53, 1, 2):
        client.send(Publish(number, {}, "a"))
    assert not client.peer.is_closing


@pytest.mark.checklist("ACK-B1", "FEAT-R1")
def test_acknowledged_delivery_is_ignored(caller: Client) -> None:
    caller.send(EventReceived(1))
    assert caller.received() == []
    assert not caller.peer.is_closing


def test_words_that_a_connection_cannot_carry_are_left_out(caller: Client) -> None:
    caller.link.max_send_size = 60
    caller.call("com.example." + "x" * 100)
    assert caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE).args is None
    caller.link.max_send_size = 10
    caller.call("a")
    assert caller.received() == []
    assert caller.peer.close_reason.startswith("ERROR cannot be sent: message of ")


def test_an_abort_that_a_connection_cannot_carry_is_left_out(caller: Client) -> None:
    caller.link.max_send_size = 10
    caller.say(999)
    assert caller.received() == []
    assert caller.peer.is_closing


# ---- what the shell is told


def test_a_peer_is_dirty_once_however_much_is_queued_for_it(world: World, caller: Client) -> None:
    world.router.take_dirty()
    callee = world.join()
    callee.register("a")
    for _ in range(5):
        caller.call("a")
    assert world.router.take_dirty() == [callee.peer]
    assert world.router.take_dirty() == []
    caller.call("a")
    assert world.router.take_dirty() == [callee.peer]


def test_statistics_are_zero_when_all_have_left(world: World) -> None:
    clients = [world.join() for _ in range(4)]
    for number, client in enumerate(clients):
        client.register(f"p{number}")
        client.subscribe("t")
        client.subscribe("t", match="prefix")
    for client in clients:
        client.call("p0", options={"timeout": 1000})
    assert world.statistics() == {
        "connections": 4,
        "sessions": 4,
        "realms": 1,
        "registrations": 4,
        "subscriptions": 2,
        "calls_in_flight": 4,
        "deadlines": 4,
    }
    for client in clients:
        client.drop()
    assert world.statistics() == {"realms": 1}
    assert len(world.router._ids) == 0
    assert world.router.next_deadline() is None


def test_representations_tell_what_is_going_on(world: World) -> None:
    client = world.connect()
    assert repr(client.peer) == "<Peer joining>"
    client.join()
    assert f"<Session {client.session_id} " in repr(client.peer)
    assert repr(world.router) == "<Router with 1 connections, realms: realm1>"
    world.router.shutdown(world.now)
    assert repr(client.peer) == "<Peer leaving>"
    client.drop("gone")
    assert repr(client.peer) == "<Peer closing: gone>"


def test_a_session_can_begin_before_the_transport_has_opened(world: World) -> None:
    from trowamp.wire import rawsocket_client

    link = rawsocket_server([get_serializer("json")])
    client = rawsocket_client(get_serializer("json"))
    peer = world.router.attach(link, transport={}, now=world.now)
    link.receive_data(bytes(client.data_to_send()))
    client.receive_data(bytes(link.data_to_send()))
    link.data_sent(len(link.data_to_send()))
    world.router.receive(peer, Hello("realm1", {"roles": roles_with(())}), world.now)
    client.receive_data(bytes(link.data_to_send()))
    assert [type(message) for message in client.received()] == [Welcome]
