"""trowamp/_session_view.py, _waiter.py: cancelled calls, what they send and what they leave behind."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import in_flight, open_pair, pending, settle
from trowamp import (
    SessionLost,
)
from trowamp import messages as m
from trowamp.testing import open_scripted_router

Mode = Literal["killnowait", "kill", "skip"]
NO_CANCEL: dict[str, Any] = {"broker": {}, "dealer": {"features": {"progressive_call_results": True}}}


@pytest.mark.checklist("CC-C1", "CC-C6")
@pytest.mark.parametrize("mode", ["killnowait", "skip"])
async def test_a_cancelled_call_is_over_at_once(mode: Mode, autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with trio.move_on_after(1) as scope:
            await session.with_options(cancel_mode=mode).call("com.example.f")
        assert scope.cancelled_caught
        assert trio.current_time() == pytest.approx(scope.deadline)
        assert pending(session) == {}
        call = await router.expect(m.Call)
        assert await router.expect(m.Cancel) == m.Cancel(call.request_id, {"mode": mode})


@pytest.mark.checklist("CC-C2")
@pytest.mark.parametrize("is_error", [True, False])
async def test_a_killed_call_waits_until_the_callee_has_stopped(is_error: bool, autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        ended: list[float] = []

        async def call() -> None:
            with trio.move_on_after(1):
                await session.with_options(cancel_mode="kill").call("com.example.f")
            ended.append(trio.current_time())

        nursery.start_soon(call)
        request_id = (await router.expect(m.Call)).request_id
        assert await router.expect(m.Cancel) == m.Cancel(request_id, {"mode": "kill"})
        await trio.sleep(3)
        assert pending(session) == {"pending_calls": 1}
        assert ended == []
        if is_error:
            router.send(m.Error(48, request_id, {}, trowamp.uris.ERROR_CANCELED))
        else:
            router.send(m.Result(request_id, {}, ["too late"]))
        await settle()
        assert ended == [trio.current_time()]
        assert pending(session) == {}


@pytest.mark.checklist("CC-C2")
async def test_a_killed_call_does_not_wait_for_ever(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with trio.move_on_after(1):
            await session.with_options(cancel_mode="kill").call("com.example.f")
        assert trio.current_time() == pytest.approx(11)
        call = await router.expect(m.Call)
        router.send(m.Error(48, call.request_id, {}, trowamp.uris.ERROR_CANCELED))
        await settle()
        assert session.statistics().late_replies == 1
        assert pending(session) == {}


async def test_a_killed_call_that_is_answered_at_the_same_moment_does_not_wait(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:

        async def call(scope: trio.CancelScope) -> None:
            with scope:
                await session.with_options(cancel_mode="kill").call("com.example.f")

        for _ in range(50):  # the scheduler's order is random
            scope = trio.CancelScope()
            nursery.start_soon(call, scope)
            request_id = (await router.expect(m.Call)).request_id
            scope.cancel()
            router.send(m.Error(48, request_id, {}, trowamp.uris.ERROR_CANCELED))
            await settle()
            assert pending(session) == {}
            router.has_received()
        assert trio.current_time() < 1


@pytest.mark.parametrize("closed", [True, False])
async def test_a_killed_call_stops_waiting_when_the_session_ends(closed: bool, autojump_clock: MockClock) -> None:
    began = trio.current_time()
    with pytest.raises(trowamp.SessionClosed if closed else SessionLost):
        async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
            nursery.start_soon(session.with_options(cancel_mode="kill").call, "com.example.f")
            await router.expect(m.Call)
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await router.expect(m.Cancel)
                if closed:
                    router.send(m.Goodbye({}, "wamp.close.system_shutdown"))
                else:
                    router.disconnect()
    assert trio.current_time() - began < 1


@pytest.mark.parametrize("mode", ["killnowait", "kill", "skip"])
@pytest.mark.checklist("CC-C6")
async def test_a_router_that_cannot_cancel_is_not_asked_to(mode: Mode, autojump_clock: MockClock) -> None:
    async with open_scripted_router(NO_CANCEL) as router, router.open_session(check_features=False) as session:
        with trio.move_on_after(1):
            await session.with_options(cancel_mode=mode).call("com.example.f")
        assert trio.current_time() == pytest.approx(1)
        await settle()
        (call,) = router.has_received()
        assert isinstance(call, m.Call)
        router.send(m.Result(call.request_id, {}, ["late"]))
        await settle()
        assert session.statistics().late_replies == 1
        assert session.is_open


@pytest.mark.checklist("CC-C3")
async def test_a_result_may_win_against_the_cancellation() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        results: list[Any] = []
        scope = trio.CancelScope()

        async def call() -> None:
            with scope:
                results.append(await session.call("com.example.f"))

        nursery.start_soon(call)
        request_id = (await router.expect(m.Call)).request_id
        router.send(m.Result(request_id, {}, ["in time"]))
        while not results:
            await trio.lowlevel.checkpoint()
        scope.cancel()
        await settle()
        assert router.has_received() == []


@pytest.mark.checklist("PV-C2")
async def test_late_answers_of_cancelled_calls_reach_nobody() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        with trio.move_on_after(0.001):
            await session.call("com.example.f")
        first = await router.expect(m.Call)
        await router.expect(m.Cancel)
        nursery.start_soon(session.call, "com.example.g")
        second = await router.expect(m.Call)
        router.send(
            m.Result(first.request_id, {"progress": True}, ["late part"]),
            m.Result(first.request_id, {}, ["late"]),
            m.Error(48, first.request_id, {}, trowamp.uris.ERROR_CANCELED),
            m.Result(second.request_id, {}, ["in time"]),
        )
        await settle()
        assert session.statistics().late_replies == 3
        assert pending(session) == {}


async def test_cancelling_a_call_cancels_the_procedure() -> None:
    async with open_pair() as (router, caller, callee), trio.open_nursery() as nursery:
        began, ended = trio.Event(), trio.Event()

        async def slow() -> None:
            began.set()
            try:
                await trio.sleep_forever()
            finally:
                ended.set()

        await callee.register("com.example.slow", slow)
        for mode in ("killnowait", "kill"):
            began, ended = trio.Event(), trio.Event()
            scope = trio.CancelScope()

            async def call(mode: Mode = mode, scope: trio.CancelScope = scope) -> None:
                with scope:
                    await caller.with_options(cancel_mode=mode).call("com.example.slow")

            nursery.start_soon(call)
            await began.wait()
            scope.cancel()
            await ended.wait()
            await settle()
            assert pending(caller) == pending(callee) == {}
            assert in_flight(router) == (0, 0)


async def test_with_mode_skip_the_procedure_goes_on() -> None:
    async with open_pair() as (router, caller, callee):
        began, go_on, finished = trio.Event(), trio.Event(), trio.Event()

        async def slow() -> None:
            began.set()
            await go_on.wait()
            finished.set()

        await callee.register("com.example.slow", slow)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(caller.with_options(cancel_mode="skip").call, "com.example.slow")
                await began.wait()
                scope.cancel()
        assert pending(caller) == {}
        go_on.set()
        await finished.wait()
        await settle()
        assert pending(callee) == {}
        assert in_flight(router) == (0, 0)
