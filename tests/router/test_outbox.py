"""Consumers that do not read: bounded memory, nobody else waits, and the losses are counted."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Event, Goodbye, Invocation, Result
from trowamp.wire import WholeMessages

from .harness import Client, World

KILOBYTE = "x" * 1000


def crowd(**options: Any) -> tuple[World, Client, Client, Client]:
    """Return a router with an outbox limit of 10 kB, a publisher, and two subscribers."""
    world = World(outbox_limit=10_000, **options)
    publisher, slow, healthy = world.join(), world.join(), world.join()
    for client in (slow, healthy):
        client.subscribe("t")
    return world, publisher, slow, healthy


def test_a_subscriber_that_does_not_read_is_ended_and_others_miss_nothing() -> None:
    world, publisher, slow, healthy = crowd()
    for number in range(30):
        publisher.publish("t", number, KILOBYTE)
        assert [event.args for event in healthy.events()] == [[number, KILOBYTE]]
    assert slow.peer.is_closing
    assert slow.peer.close_reason.startswith("the peer does not read fast enough: ")
    messages = slow.received()
    assert isinstance(messages[-1], Goodbye)
    assert messages[-1].reason == uris.CLOSE_KILLED
    assert messages[-1].details == {"message": slow.peer.close_reason}
    assert len(messages) == 11  # ten events are over the limit
    figures = world.statistics()
    assert (figures["slow_consumers"], figures["sessions"]) == (1, 2)
    assert slow.peer in world.router.take_dirty()


def test_what_is_queued_stays_below_the_limit_and_one_message() -> None:
    _, publisher, slow, _ = crowd()
    for _ in range(100):
        publisher.publish("t", KILOBYTE)
    assert slow.peer.outbox.size < 10_000 + 1100 + 300


def test_a_peer_that_reads_is_not_slow_however_much_it_gets() -> None:
    world, publisher, slow, healthy = crowd()
    for _ in range(100):
        publisher.publish("t", KILOBYTE)
        slow.received()
        healthy.received()
    assert "slow_consumers" not in world.statistics()


def test_ending_a_slow_callee_fails_its_calls() -> None:
    world = World(outbox_limit=10_000)
    caller, callee = world.join(), world.join()
    callee.register("a")
    for _ in range(15):
        caller.call("a", KILOBYTE)
    errors = caller.received()
    assert callee.peer.is_closing
    assert [getattr(error, "error", None) for error in errors[:10]] == [uris.ERROR_CANCELED] * 10
    assert [getattr(error, "error", None) for error in errors[10:]] == [uris.ERROR_NO_SUCH_PROCEDURE] * 5
    assert "calls_in_flight" not in world.statistics()


def test_ending_one_slow_peer_may_end_another() -> None:
    """The ERRORs for the calls of a slow callee can be too much for a caller that does not read either."""
    world = World(outbox_limit=3_000)
    caller, callee, other = world.join(), world.join(), world.join()
    callee.register("a")
    other.received()
    for _ in range(100):
        caller.call("a", "x" * 20)
        if caller.peer.is_closing:
            break
    assert callee.peer.is_closing
    assert caller.peer.is_closing
    assert world.statistics()["slow_consumers"] == 2
    assert not other.peer.is_closing


def test_a_caller_that_does_not_read_results_is_ended() -> None:
    world = World(outbox_limit=10_000)
    caller, callee = world.join(), world.join()
    callee.register("a")
    for _ in range(20):
        caller.call("a")
        for message in callee.received():
            if isinstance(message, Invocation):
                callee.answer(message, KILOBYTE)
    assert caller.peer.is_closing
    assert not callee.peer.is_closing


def test_drop_events_loses_events_and_keeps_the_session() -> None:
    world, publisher, slow, healthy = crowd(slow_consumer="drop_events")
    for number in range(30):
        publisher.publish("t", number, KILOBYTE)
        assert len(healthy.events()) == 1
    assert not slow.peer.is_closing
    kept = slow.events()
    assert [event.args for event in kept] == [[number, KILOBYTE] for number in range(len(kept))]
    assert len(kept) == 9
    assert world.statistics()["dropped_events"] == 21
    publisher.publish("t", 99)
    assert slow.expect(Event).args == [99]


def test_drop_events_still_ends_a_session_that_does_not_read_replies() -> None:
    world = World(outbox_limit=10_000, slow_consumer="drop_events")
    caller, callee, publisher = world.join(), world.join(), world.join()
    callee.register("a")
    caller.subscribe("t")
    for _ in range(10):
        publisher.publish("t", KILOBYTE)
    for number in range(20):
        caller.call("a")
        for message in callee.received():
            if isinstance(message, Invocation):
                callee.answer(message, KILOBYTE)
        if number == 5:
            assert not caller.peer.is_closing
    assert caller.peer.is_closing
    results = [message for message in caller.received() if isinstance(message, Result)]
    assert len(results) == 11


@pytest.mark.parametrize("policy", ["drop_connection", "drop_events"])
def test_nothing_is_queued_after_the_end(policy: str) -> None:
    world, publisher, slow, healthy = crowd(slow_consumer=policy)
    slow.drop()
    for _ in range(20):
        publisher.publish("t", KILOBYTE)
        healthy.expect(Event)
    assert slow.received() == []
    assert "dropped_events" not in world.statistics()


# ---- too much for too long


def test_a_peer_that_takes_nothing_of_much_has_ten_seconds() -> None:
    world, publisher, slow, healthy = crowd(outbox_soft_limit=3_000)
    for _ in range(4):
        publisher.publish("t", KILOBYTE)
    healthy.received()
    world.pass_time(9.9)
    assert not slow.peer.is_closing
    world.pass_time(0.1)
    assert slow.peer.close_reason.startswith("the peer does not read fast enough: ")
    goodbye = slow.received()[-1]
    assert isinstance(goodbye, Goodbye)
    assert goodbye.reason == uris.CLOSE_KILLED
    publisher.publish("t", 1)
    assert healthy.expect(Event).args == [1]
    assert world.statistics()["slow_consumers"] == 1
    assert "deadlines" not in world.statistics()


def test_a_little_may_wait_for_ever() -> None:
    world, publisher, slow, _ = crowd(outbox_soft_limit=3_000)
    publisher.publish("t", KILOBYTE)
    world.pass_time(3600)
    assert not slow.peer.is_closing
    assert slow.expect(Event).args == [KILOBYTE]


def test_a_peer_that_reads_late_starts_afresh() -> None:
    world, publisher, slow, healthy = crowd(outbox_soft_limit=3_000)
    for _ in range(5):
        for _ in range(4):
            publisher.publish("t", KILOBYTE)
        healthy.received()
        world.pass_time(9)
        slow.received()
        world.pass_time(9)
    assert not slow.peer.is_closing
    assert "deadlines" not in world.statistics()


def test_a_peer_that_is_behind_but_takes_as_much_as_may_wait_is_not_slow() -> None:
    world, publisher, behind, healthy = crowd(outbox_soft_limit=3_000)
    for _ in range(4):
        publisher.publish("t", KILOBYTE)
    for _ in range(60):  # it takes one event a second, and is never less behind
        before = behind.peer.outbox.size
        publisher.publish("t", KILOBYTE)
        behind.link.sent_octets += behind.peer.outbox.size - before
        healthy.received()
        world.pass_time(1)
    assert behind.peer.outbox.size > 3_000
    assert not behind.peer.is_closing
    world.pass_time(20)
    assert behind.peer.is_closing


def test_who_asks_for_lost_events_instead_has_all_the_time() -> None:
    world, publisher, slow, _ = crowd(outbox_soft_limit=3_000, slow_consumer="drop_events")
    for _ in range(4):
        publisher.publish("t", KILOBYTE)
    world.pass_time(3600)
    assert not slow.peer.is_closing
    assert len(slow.events()) == 4


def links_in_memory() -> int:
    gc.collect()
    return sum(isinstance(thing, WholeMessages) for thing in gc.get_objects())


def test_a_peer_that_left_with_much_waiting_is_forgotten_at_once() -> None:
    world, publisher, slow, healthy = crowd(outbox_soft_limit=3_000)
    for _ in range(4):
        publisher.publish("t", KILOBYTE)
        healthy.received()
    assert world.statistics()["deadlines"] == 1
    before = links_in_memory()
    slow.drop()
    assert "deadlines" not in world.statistics()
    world.router.take_dirty()
    del slow
    assert links_in_memory() == before - 1
    world.pass_time(100)
    assert "slow_consumers" not in world.statistics()
