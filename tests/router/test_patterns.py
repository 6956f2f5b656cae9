"""Limits of what a session may have, and of what is kept for it."""

from __future__ import annotations

import pytest

from trowamp import uris
from trowamp.messages import Invocation, Register, Result, Subscribe, Unsubscribe, Unsubscribed

from .harness import World


def test_a_session_has_a_limited_number_of_registrations_and_subscriptions() -> None:
    world = World(max_session_entries=3)
    client = world.join()
    client.register("a")
    subscription_id = client.subscribe("a")
    client.subscribe("a", match="prefix")
    client.send(Subscribe(client.next_id(), {}, "b"))
    client.expect_error(uris.ERROR_NOT_AUTHORIZED)
    client.send(Register(client.next_id(), {}, "b"))
    client.expect_error(uris.ERROR_NOT_AUTHORIZED)
    client.send(Unsubscribe(client.next_id(), subscription_id))
    client.expect(Unsubscribed)
    client.register("b")
    world.join().subscribe("b")


def test_a_session_has_a_limited_number_of_calls_in_flight() -> None:
    world = World(max_session_calls=2)
    caller, callee = world.join(), world.join()
    callee.register("a")
    caller.call("a")
    caller.call("a")
    first, _ = callee.received()
    caller.call("a")
    assert caller.expect_error(uris.ERROR_LIMIT_REACHED).args == ["the limit of 2 calls in flight"]
    assert isinstance(first, Invocation)
    callee.answer(first)
    caller.expect(Result)
    caller.call("a")
    callee.expect(Invocation)


def test_a_session_has_a_limited_number_of_calls_to_answer() -> None:
    world = World(max_session_invocations=2)
    caller, other, callee = world.join(), world.join(), world.join()
    callee.register("a")
    for client in (caller, other):
        client.call("a")
    first, _ = callee.received()
    caller.call("a")
    caller.expect_error(uris.ERROR_UNAVAILABLE)
    assert callee.received() == []
    assert isinstance(first, Invocation)
    callee.answer(first)
    caller.expect(Result)
    other.call("a")
    callee.expect(Invocation)


def test_calls_beyond_that_go_to_another_callee_that_shares_the_registration() -> None:
    world = World(max_session_invocations=1)
    caller, first, second = world.join(), world.join(), world.join()
    for callee in (first, second):
        callee.register("a", invoke="first")
    caller.call("a")
    first.expect(Invocation)
    caller.call("a")
    second.expect(Invocation)
    caller.call("a")
    caller.expect_error(uris.ERROR_UNAVAILABLE)


@pytest.mark.parametrize("match", ["exact", "prefix", "wildcard"])
def test_what_is_kept_has_a_limited_length(world: World, match: str) -> None:
    """A wildcard pattern of a million dots would be a tree of a million nodes."""
    client = world.join()
    client.subscribe("x" * 1024, match=match)
    client.send(Subscribe(client.next_id(), {"match": match}, "x" * 1025))
    client.expect_error(uris.ERROR_INVALID_URI)
    client.send(Register(client.next_id(), {"match": match}, "x" * 1025))
    client.expect_error(uris.ERROR_INVALID_URI)


def test_realms_made_on_demand_have_names_of_a_limited_length() -> None:
    world = World(auto_realms=True)
    client = world.connect()
    client.hello("x" * 1025)
    assert client.peer.is_closing
    assert uris.ERROR_INVALID_URI in client.peer.close_reason
