"""The client against a real Crossbar.io: what holds over every transport of our own router holds there too, and so does this."""

from __future__ import annotations

import functools
from typing import Any, get_args

import pytest
import trio

import trowamp
from tests.sessions import pending
from tests.test_transport_matrix import (  # noqa: F401  # collected here, with the fixture `way` of this folder
    test_a_call_is_answered,
    test_a_large_payload_arrives_whole,
    test_a_procedure_sees_that_its_call_was_cancelled,
    test_an_error_arrives_as_it_was_raised,
    test_calls_run_side_by_side,
    test_events_reach_who_subscribed_to_a_pattern,
    test_octets_stay_octets,
    test_results_come_in_parts,
)
from trowamp import Event, Invocation, Result, Session, SessionClosed
from trowamp._session import CancelMode

from .conftest import Way

F = "com.example.f"
TOPIC = "com.example.topic"


async def barrier(*sessions: Session) -> None:
    """Make a round trip on each: what the router sent before is there."""
    for session in sessions:
        await session.with_options(acknowledge=True).publish("com.example.barrier")


async def check_nothing_is_pending(*sessions: Session) -> None:
    await barrier(*sessions)
    assert [pending(session) for session in sessions] == [{}] * len(sessions)


def whoami(call: Invocation) -> list[Any]:
    return [call.caller, call.caller_authid, call.caller_authrole]


# ---- calls


@pytest.mark.parametrize("mode", get_args(CancelMode))
async def test_cancelling_a_call_follows_its_mode(way: Way, mode: CancelMode) -> None:
    began, interrupted, go_on = trio.Event(), trio.Event(), trio.Event()

    async def work() -> str:
        began.set()
        try:
            await go_on.wait()
        except trio.Cancelled:
            interrupted.set()
            raise
        return "late"

    async with way.sessions() as (caller, callee):
        await callee.register(F, work)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.with_options(cancel_mode=mode).call, F)
            await began.wait()
            nursery.cancel_scope.cancel()
        if mode == "kill":
            assert interrupted.is_set()
        elif mode == "killnowait":
            await interrupted.wait()
        go_on.set()
        await check_nothing_is_pending(caller, callee)
        assert interrupted.is_set() == (mode != "skip")


@pytest.mark.differs("R6")
async def test_a_call_that_takes_too_long_ends_on_time(way: Way) -> None:
    """Crossbar counts seconds and announces no timeouts: the caller's own clock rules, nothing goes along, and CANCEL ends the callee."""
    ended = trio.Event()
    told: set[object] = set()

    async def sleep(call: Invocation) -> None:
        told.add(call.details.get("timeout"))
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async with way.sessions() as (caller, callee):
        assert not caller.details.supports("dealer", "call_timeout")
        await callee.register(F, sleep)
        with pytest.raises(trowamp.CallTimeout):
            await caller.with_options(timeout=0.05).call(F)
        await ended.wait()
        with trio.move_on_after(0.05) as scope:
            await caller.call(F)
        assert scope.cancelled_caught
        await check_nothing_is_pending(caller, callee)
    assert told == {None}


async def test_leaving_a_stream_of_results_early_stops_the_callee(way: Way) -> None:
    ended = trio.Event()

    async def endless(call: Invocation) -> None:
        try:
            while True:
                await call.progress("again")
        finally:
            ended.set()

    async with way.sessions() as (caller, callee):
        await callee.register(F, endless)
        async with caller.open_call(F) as stream:
            assert await anext(stream) == "again"
        await ended.wait()
        await check_nothing_is_pending(caller, callee)


async def test_errors_of_the_router_have_classes_of_their_own(way: Way) -> None:
    async with way.sessions() as (caller, callee):
        with pytest.raises(trowamp.NoSuchProcedure):
            await caller.call("com.example.nobody")
        registration = await callee.register(F, whoami)
        with pytest.raises(trowamp.ProcedureAlreadyExists):
            await caller.register(F, whoami)
        await registration.unregister()
        with pytest.raises(trowamp.NoSuchProcedure):
            await caller.call(F)


async def test_a_bug_in_a_procedure_stays_its_secret(way: Way) -> None:
    def fail() -> None:
        raise ValueError("the password is 1234")

    async with way.sessions() as (caller, callee):
        await callee.register(F, fail)
        with pytest.raises(trowamp.ApplicationError) as caught:
            await caller.call(F)
        assert (caught.value.uri, caught.value.args) == ("wamp.error.runtime_error", ())


async def test_a_callee_that_leaves_fails_the_calls_it_was_serving(way: Way) -> None:
    began = trio.Event()

    async def sleep() -> None:
        began.set()
        await trio.sleep_forever()

    async with way.open_session() as caller, trio.open_nursery() as nursery:
        async with way.open_session() as callee:
            await callee.register(F, sleep)

            async def call() -> None:
                with pytest.raises(trowamp.ApplicationError):
                    await caller.call(F)

            nursery.start_soon(call)
            await began.wait()
    assert began.is_set()


@pytest.mark.parametrize(
    ("invoke", "served_by"),
    [("roundrobin", ["one", "other"] * 3), ("first", ["one"] * 6), ("last", ["other"] * 6), ("random", None)],
)
async def test_sessions_share_a_procedure(way: Way, invoke: Any, served_by: list[str] | None) -> None:
    async with way.sessions() as (one, other), way.open_session() as caller:
        await one.register(F, lambda: "one", invoke=invoke)
        await other.register(F, lambda: "other", invoke=invoke)
        served = [await caller.call(F) for _ in range(6)]
        assert served == served_by if served_by else set(served) <= {"one", "other"}


async def test_procedures_can_be_patterns(way: Way) -> None:
    async with way.sessions() as (caller, callee):

        def get(name: str, call: Invocation) -> list[str]:
            return [name, call.procedure]

        def grow(call: Invocation) -> str:
            return call.procedure

        await callee.register("com.example.<name>.get", get)
        await callee.register("com.example.tree", grow, match="prefix")
        await callee.register("com.example.tree.oak", lambda: "exact")
        assert await caller.call("com.example.lamp.get") == ["lamp", "com.example.lamp.get"]
        assert await caller.call("com.example.tree.elm") == "com.example.tree.elm"
        assert await caller.call("com.example.tree.oak") == "exact"


async def test_the_best_pattern_serves_the_call(way: Way) -> None:
    async with way.sessions() as (caller, callee):
        for uri in ("com..b.c", "com.a..c", "com.a...", "com.."):
            await callee.register(uri, functools.partial(str, uri), match="wildcard")
        assert await caller.call("com.a.b.c") == "com.a..c"
        for uri in ("com", "com.a"):
            await callee.register(uri, functools.partial(str, uri), match="prefix")
        assert await caller.call("com.a.b.c") == "com.a"


@pytest.mark.differs("CI", "PI")
async def test_who_speaks_is_told_where_the_router_says_so(way: Way) -> None:
    """Crossbar discloses by its configuration, whatever `disclose_me` says."""
    async with way.sessions() as (one, other):
        identity = [other.id, other.details.authid, "anonymous"]
        await one.register(F, whoami)
        async with one.open_subscription(TOPIC) as events:
            for view in (other, other.with_options(disclose_me=True), other.with_options(disclose_me=False)):
                assert await view.call(F) == identity
                await view.publish(TOPIC)
                event = await anext(events)
                assert [event.publisher, event.publisher_authid, event.publisher_authrole] == identity


# ---- events


async def test_a_publisher_chooses_who_hears(way: Way) -> None:
    heard: list[tuple[str, Any]] = []

    async with way.sessions() as (one, other):
        await one.subscribe(TOPIC, lambda what: heard.append(("one", what)))
        await other.subscribe(TOPIC, lambda what: heard.append(("other", what)))
        loudly = one.with_options(acknowledge=True)
        for what, view in {
            "plain": loudly,
            "to me too": loudly.with_options(exclude_me=False),
            "eligible": loudly.with_options(exclude_me=False, eligible=[one.id]),
            "excluded": loudly.with_options(exclude_me=False, exclude=[one.id]),
            "excluded by role": loudly.with_options(exclude_me=False, exclude_authrole=["anonymous"]),
            "eligible by name": loudly.with_options(eligible_authid=[other.details.authid or ""]),
        }.items():
            assert await view.publish(TOPIC, what)
            await barrier(one, other)
        assert sorted(heard) == [
            ("one", "eligible"),
            ("one", "to me too"),
            ("other", "eligible by name"),
            ("other", "excluded"),
            ("other", "plain"),
            ("other", "to me too"),
        ]


async def test_events_stay_in_order(way: Way) -> None:
    async with way.sessions() as (publisher, subscriber):
        async with subscriber.open_subscription(TOPIC) as events:
            for number in range(300):
                await publisher.publish(TOPIC, number, double=number * 2)
            assert [(await anext(events)).args[0] for _ in range(300)] == list(range(300))


async def test_who_unsubscribed_hears_no_more(way: Way) -> None:
    heard: list[int] = []
    async with way.sessions() as (publisher, subscriber):
        subscription = await subscriber.subscribe(TOPIC, heard.append)
        again = await subscriber.subscribe(TOPIC, heard.append)
        await publisher.with_options(acknowledge=True).publish(TOPIC, 1)
        await barrier(subscriber)
        await again.unsubscribe()
        await publisher.with_options(acknowledge=True).publish(TOPIC, 2)
        await barrier(subscriber)
        await subscription.unsubscribe()
        await publisher.with_options(acknowledge=True).publish(TOPIC, 3)
        await barrier(subscriber)
        assert heard == [1, 1, 2]


async def test_an_event_is_kept_for_who_comes_later(way: Way) -> None:
    topic = f"com.example.retained.{way.serializer}.{way.url[:2]}"
    async with way.sessions() as (publisher, subscriber):
        await publisher.with_options(acknowledge=True, retain=True).publish(topic, "kept")
        async with subscriber.open_subscription(topic, get_retained=True) as events:
            event = await anext(events)
        assert (event.args, event.details["retained"]) == (("kept",), True)


async def test_octets_and_large_values_travel_in_events_too(way: Way) -> None:
    octets = bytes(range(256)) * 4096
    async with way.sessions() as (publisher, subscriber):
        async with subscriber.open_subscription(TOPIC) as events:
            await publisher.publish(TOPIC, octets, note="grüß göttin \0 🐌")
            event: Event = await anext(events)
            assert (event.args, event.kwargs) == ((octets,), {"note": "grüß göttin \0 🐌"})


# ---- sessions


async def test_a_session_says_goodbye_and_is_gone(way: Way) -> None:
    async with way.open_session() as session:
        await session.register(F, Result)
        session.leave("com.example.close.lunch")
        with pytest.raises(SessionClosed):
            await session.call(F)
    async with way.open_session() as session:
        await session.register(F, Result)
        assert await session.call(F, 1) == 1


async def test_the_router_ends_a_session_with_a_reason(way: Way) -> None:
    with pytest.raises(SessionClosed) as caught:
        async with way.sessions() as (one, other):
            with trio.CancelScope(shield=True):
                await other.call("wamp.session.kill", one.id, reason="com.example.close.bedtime", message="it is late")
            await trio.sleep_forever()
    assert caught.value.reason == "com.example.close.bedtime"


async def test_a_serializer_can_be_negotiated(way: Way) -> None:
    async with trowamp.open_session(way.url, realm="realm1") as session:
        await session.register(F, Result)
        assert await session.call(F, b"\0", [1]) == Result(b"\0", [1])


async def test_a_realm_that_is_not_there_is_an_error_with_a_name(way: Way) -> None:
    with pytest.raises(trowamp.JoinError) as caught:
        async with trowamp.open_session(way.url, realm="nowhere", serializers=[way.serializer]):
            raise AssertionError
    assert caught.value.reason == "wamp.error.no_such_realm"
