"""trowamp/_session_view.py, _calls.py, _waiter.py: what a caller gets, and when at the latest."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import answering, in_flight, open_pair, pending, settle
from trowamp import (
    ApplicationError,
    CallTimeout,
    NoSuchProcedure,
    Result,
    SerializationError,
)
from trowamp import messages as m
from trowamp.testing import open_scripted_router

Mode = Literal["killnowait", "kill", "skip"]
NO_CANCEL: dict[str, Any] = {"broker": {}, "dealer": {"features": {"progressive_call_results": True}}}


@pytest.mark.parametrize(
    ("args", "kwargs", "result"),
    [
        (None, None, None),
        ([], {}, None),
        ([1], None, 1),
        ([None], None, None),
        ([[1, 2]], None, [1, 2]),
        ([1, 2], None, Result(1, 2)),
        ([1], {"a": 2}, Result(1, a=2)),
        (None, {"a": 2}, Result(a=2)),
    ],
)
async def test_a_result_is_as_simple_as_the_answer_allows(args: Any, kwargs: Any, result: Any) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with answering(router, m.Call, lambda call: m.Result(call.request_id, {}, args, kwargs)):
            assert await session.call("com.example.f") == result


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        (None, None),
        (7, 7),
        ((1, 2), [1, 2]),
        ([], []),
        (Result(), None),
        (Result(1), 1),
        (Result(1, 2), Result(1, 2)),
        (Result(a=1), Result(a=1)),
        (Result(1, a=2), Result(1, a=2)),
    ],
)
async def test_what_a_procedure_returns_is_what_its_caller_gets(returned: Any, result: Any) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.f", lambda: returned)
        assert await caller.call("com.example.f") == result


async def test_everything_behind_the_uri_is_payload() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.f", Result)
        result = await caller.call("com.example.f", 1, procedure=2, options=3, timeout=4, args=5, kwargs=6, self=7)
        assert result.args == (1,)
        assert result.kwargs == {"procedure": 2, "options": 3, "timeout": 4, "args": 5, "kwargs": 6, "self": 7}


@pytest.mark.checklist("BP-C7")
async def test_an_error_arrives_with_its_uri_and_payload() -> None:
    def fail() -> None:
        raise ApplicationError("com.example.error.out_of_stock", "apples", 3, until="monday")

    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.f", fail)
        with pytest.raises(ApplicationError) as caught:
            await caller.call("com.example.f")
        error = caught.value
        assert type(error) is ApplicationError
        assert error.uri == "com.example.error.out_of_stock"
        assert error.args == ("apples", 3)
        assert error.kwargs == {"until": "monday"}


async def test_the_details_of_an_error_are_kept() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        error = "com.example.error"
        async with answering(router, m.Call, lambda call: m.Error(48, call.request_id, {"callee": 7}, error)):
            with pytest.raises(ApplicationError) as caught:
                await session.call("com.example.f")
        assert caught.value.details == {"callee": 7}


async def test_well_known_errors_are_classes_of_their_own() -> None:
    async with open_pair() as (_, caller, callee):
        with pytest.raises(NoSuchProcedure, match="com.example.nothing"):
            await caller.call("com.example.nothing")

        def refuse() -> None:
            raise trowamp.NotAuthorized("not you")

        await callee.register("com.example.f", refuse)
        with pytest.raises(trowamp.NotAuthorized, match="not you"):
            await caller.call("com.example.f")


async def test_a_payload_that_cannot_be_sent_leaves_no_trace() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(SerializationError):
            await session.call("com.example.f", object())
        with pytest.raises(ValueError, match="not a legal procedure"):
            await session.call("com..f")
        with pytest.raises(SerializationError):
            async with session.open_call("com.example.f", {1: 2}):
                pytest.fail("the call cannot have been made")
        assert router.has_received() == []
        assert pending(session) == {}
        async with answering(router, m.Call, lambda call: m.Result(call.request_id, {}, [call.request_id])):
            assert await session.call("com.example.f") == 1


async def test_calls_are_answered_in_any_order() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        results: list[tuple[int, int]] = []

        async def call(number: int) -> None:
            results.append((number, await session.call("com.example.f", number)))

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(call, number)
            calls = [await router.expect(m.Call) for _ in range(10)]
            for asked in reversed(calls):
                assert isinstance(asked.args, list)
                router.send(m.Result(asked.request_id, {}, [asked.args[0] * 2]))
        assert sorted(results) == [(number, number * 2) for number in range(10)]


# ---- timeouts and deadlines


async def test_a_timeout_is_enforced_here_when_the_router_does_not(autojump_clock: MockClock) -> None:
    async with open_scripted_router(NO_CANCEL) as router, router.open_session() as session:
        began = trio.current_time()
        with pytest.raises(CallTimeout, match=r"com\.example\.f did not answer within 5 s"):
            await session.with_options(timeout=5).call("com.example.f")
        assert trio.current_time() - began == pytest.approx(5)
        assert (await router.expect(m.Call)).options == {}
        assert pending(session) == {}


@pytest.mark.checklist("CT-C2")
async def test_a_timeout_of_the_router_is_the_same_error(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        timeout = trowamp.uris.ERROR_TIMEOUT
        async with answering(router, m.Call, lambda call: m.Error(48, call.request_id, {}, timeout)):
            with pytest.raises(CallTimeout):
                await session.with_options(timeout=5).call("com.example.f")


@pytest.mark.checklist("CT-C1")
@pytest.mark.parametrize("seconds", [0.0001, 0.2, 1 / 3, 1.0005, 5, 3600])
async def test_the_routers_timeout_is_never_shorter_than_the_scope(seconds: float, autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        await trio.sleep(0.1)  # a clock that stands at a round number would hide what rounding does
        with trio.move_on_after(seconds):
            await session.call("com.example.f")
        milliseconds = (await router.expect(m.Call)).options["timeout"]
        assert milliseconds == max(1, math.ceil(seconds * 1000))


@pytest.mark.checklist("CT-C1")
async def test_the_nearest_deadline_travels() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with trio.move_on_after(50), trio.CancelScope() as inner:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(session.with_options(timeout=90).call, "com.example.f")
                call = await router.expect(m.Call)
                inner.cancel()
        assert 49_000 < call.options["timeout"] <= 50_000


@pytest.mark.checklist("CT-C1")
async def test_a_router_that_does_not_enforce_deadlines_is_not_bothered_with_them() -> None:
    async with open_scripted_router(NO_CANCEL) as router, router.open_session() as session:
        async with answering(router, m.Call, lambda call: m.Result(call.request_id, {}, [call.options])):
            with trio.fail_after(5):
                assert await session.call("com.example.f") == {}


async def test_the_scope_rules_when_the_router_counts_along(autojump_clock: MockClock) -> None:
    async with open_pair() as (router, caller, callee):
        stopped = trio.Event()

        async def sleep() -> None:
            try:
                await trio.sleep_forever()
            finally:
                stopped.set()

        await callee.register("com.example.sleep", sleep)
        for seconds in (0.5, 1 / 3, 1.00049, 2.0):
            with trio.move_on_after(seconds) as scope:
                await caller.call("com.example.sleep")
            assert scope.cancelled_caught
            await stopped.wait()
            stopped = trio.Event()
        await settle()
        assert in_flight(router) == (0, 0)


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with trio.move_on_at(trio.current_time() - 1):
            await session.call("com.example.f")
        assert router.has_received() == []


# ---- views


async def test_a_view_is_another_object_and_the_session_stays_as_it_is(autojump_clock: MockClock) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.sleep", trio.sleep)
        hasty = caller.with_options(timeout=1)
        patient = hasty.with_options(timeout=10)
        with pytest.raises(CallTimeout):
            await hasty.call("com.example.sleep", 5)
        assert await patient.call("com.example.sleep", 5) is None
        assert await caller.call("com.example.sleep", 50) is None


async def test_the_caller_is_disclosed_when_it_wants_to_be() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.who", who)
        assert await caller.call("com.example.who") is None
        assert await caller.with_options(disclose_me=True).call("com.example.who") == caller.id


def who(invocation: trowamp.Invocation) -> int | None:
    return invocation.caller


async def test_a_name_where_a_list_belongs_is_refused() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(TypeError, match=r"give a list of names: \['joe'\]"):
            session.with_options(exclude_authid="joe")
        assert router.has_received() == []
