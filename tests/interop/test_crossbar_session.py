"""Our client against a real Crossbar.io: what is its own, beside the scenarios that all libraries share."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import trowamp
from tests.sessions import pending
from tests.test_transport_matrix import (  # noqa: F401  # collected here, with the fixture `way` of this folder
    test_events_reach_who_subscribed_to_a_pattern,
)
from trowamp import Invocation, Result, Session, SessionClosed

from .conftest import Way

F = "com.example.f"
TOPIC = "com.example.topic"
PATIENCE = 20.0  # seconds for a machine that is busy


async def barrier(*sessions: Session) -> None:
    """Make a round trip on each: what the router sent before is there."""
    for session in sessions:
        await session.with_options(acknowledge=True).publish("com.example.barrier")


async def check_nothing_is_pending(*sessions: Session) -> None:
    """Wait until nothing is: an INTERRUPT may be on its way, and a procedure takes a moment to stop."""
    left = [{"not looked at": 1}]
    with trio.move_on_after(PATIENCE):
        while any(left):
            await barrier(*sessions)
            left = [pending(session) for session in sessions]
    assert left == [{}] * len(sessions)


def whoami(call: Invocation) -> list[Any]:
    return [call.caller, call.caller_authid, call.caller_authrole]


async def test_who_kills_a_call_waits_until_its_callee_has_stopped(way: Way) -> None:
    began, interrupted = trio.Event(), trio.Event()

    async def work() -> None:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            interrupted.set()

    async with way.sessions() as (caller, callee):
        await callee.register(F, work)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.with_options(cancel_mode="kill").call, F)
            await began.wait()
            nursery.cancel_scope.cancel()
        assert interrupted.is_set()
        await check_nothing_is_pending(caller, callee)


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


async def test_the_names_in_a_pattern_become_arguments(way: Way) -> None:
    def get(name: str, call: Invocation) -> list[str]:
        return [name, call.procedure]

    async with way.sessions() as (caller, callee):
        await callee.register("com.example.<name>.get", get)
        assert await caller.call("com.example.lamp.get") == ["lamp", "com.example.lamp.get"]


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


async def test_a_session_says_goodbye_in_its_own_words_and_is_gone(way: Way) -> None:
    async with way.open_session() as session:
        await session.register(F, Result)
        session.leave("com.example.close.lunch")
        with pytest.raises(SessionClosed):
            await session.call(F)
    async with way.open_session() as session:
        await session.register(F, Result)
        assert await session.call(F, 1) == 1


async def test_a_serializer_can_be_negotiated(way: Way) -> None:
    async with trowamp.open_session(way.url, realm="realm1") as session:
        await session.register(F, Result)
        assert await session.call(F, b"\0", [1]) == Result(b"\0", [1])
