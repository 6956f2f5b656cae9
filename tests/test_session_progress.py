"""trowamp/_calls.py: calls whose progressive results are taken one by one."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import in_flight, open_pair, pending, settle
from trowamp import (
    BufferOverflow,
    CallTimeout,
    Canceled,
    Result,
)
from trowamp import messages as m
from trowamp.testing import ALL_FEATURES, open_scripted_router

Mode = Literal["killnowait", "kill", "skip"]
NO_CANCEL: dict[str, Any] = {"broker": {}, "dealer": {"features": {"progressive_call_results": True}}}


async def parts_of(stream: trowamp.CallStream) -> list[Any]:
    return [part async for part in stream]


@pytest.mark.checklist("PCR-C2", "PCR-C3")
async def test_progressive_results_come_one_by_one_and_then_the_result() -> None:
    async with open_pair() as (_, caller, callee):

        async def count(n: int, invocation: trowamp.Invocation) -> Result:
            for i in range(n):
                await invocation.progress(i)
            await invocation.progress()
            await invocation.progress(1, 2, a=3)
            return Result(n, done=True)

        await callee.register("com.example.count", count)
        async with caller.open_call("com.example.count", 3) as stream:
            assert repr(stream) == "<CallStream 'com.example.count' running>"
            assert await parts_of(stream) == [0, 1, 2, None, Result(1, 2, a=3)]
            assert await stream.result() == await stream.result() == Result(3, done=True)
            assert repr(stream) == "<CallStream 'com.example.count' over>"
        assert await caller.call("com.example.count", 3) == Result(3, done=True)  # who does not ask gets none
        assert pending(caller) == pending(callee) == {}


async def test_asking_for_the_result_skips_the_parts() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with session.open_call("com.example.f") as stream:
            request_id = (await router.expect(m.Call)).request_id
            router.send(
                m.Result(request_id, {"progress": True}, [1]),
                m.Result(request_id, {"progress": True}, [2]),
                m.Result(request_id, {}, ["end"]),
            )
            assert await stream.result() == "end"
            assert await parts_of(stream) == []


async def test_leaving_early_cancels_the_call() -> None:
    async with open_pair() as (router, caller, callee):
        ended = trio.Event()

        async def endless(invocation: trowamp.Invocation) -> None:
            try:
                while True:
                    await invocation.progress("again")
            finally:
                ended.set()

        await callee.register("com.example.endless", endless)
        async with caller.open_call("com.example.endless") as stream:
            async for _ in stream:
                break
        await ended.wait()
        await settle()
        assert await parts_of(stream) != []  # what had come can still be taken
        with pytest.raises(trio.ClosedResourceError, match="the call was cancelled"):
            await stream.result()
        assert pending(caller) == pending(callee) == {}
        assert in_flight(router) == (0, 0)


@pytest.mark.parametrize(("mode", "sent"), [("killnowait", "killnowait"), ("skip", "skip"), ("kill", "killnowait")])
async def test_leaving_early_does_not_wait(mode: Mode, sent: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with session.with_options(cancel_mode=mode).open_call("com.example.f"):
            call = await router.expect(m.Call)
        assert await router.expect(m.Cancel) == m.Cancel(call.request_id, {"mode": sent})
        assert pending(session) == {}


async def test_cancelling_the_block_cancels_the_call(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with trio.move_on_after(1):
            async with session.open_call("com.example.f") as stream:
                await parts_of(stream)
        call = await router.expect(m.Call)
        assert call.options == {"receive_progress": True, "timeout": 1000}
        assert (await router.expect(m.Cancel)).request_id == call.request_id
        assert pending(session) == {}


async def test_a_call_can_be_given_up_from_another_task() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with session.open_call("com.example.f") as stream, trio.open_nursery() as nursery:
            nursery.start_soon(parts_of, stream)
            await settle()
            stream.cancel()
            stream.cancel()
        with pytest.raises(trio.ClosedResourceError):
            await stream.result()
        await settle()
        assert [type(message) for message in router.has_received()] == [m.Call, m.Cancel]


async def test_only_one_task_may_wait_for_parts() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with session.open_call("com.example.f") as stream, trio.open_nursery() as nursery:
            nursery.start_soon(parts_of, stream)
            await settle()
            with pytest.raises(trio.BusyResourceError):
                await stream.result()
            stream.cancel()


async def test_an_error_comes_behind_the_parts_before_it() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        taken = []
        async with session.open_call("com.example.f") as stream:
            request_id = (await router.expect(m.Call)).request_id
            router.send(
                m.Result(request_id, {"progress": True}, [1]),
                m.Result(request_id, {"progress": True}, [2]),
                m.Error(48, request_id, {}, trowamp.uris.ERROR_CANCELED, ["no more"]),
            )
            await settle()
            with pytest.raises(Canceled, match="no more"):
                async for part in stream:
                    taken.append(part)  # noqa: PERF401  # what was taken before the error counts
            with pytest.raises(Canceled):
                await stream.result()
        assert taken == [1, 2]
        assert router.has_received() == []


async def test_parts_that_nobody_takes_overflow_their_buffer() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with session.with_options(buffer=2).open_call("com.example.f") as stream:
            request_id = (await router.expect(m.Call)).request_id
            router.send(*(m.Result(request_id, {"progress": True}, [i]) for i in range(5)))
            assert await router.expect(m.Cancel) == m.Cancel(request_id, {"mode": "killnowait"})
            assert await anext(stream) == 0
            assert await anext(stream) == 1
            with pytest.raises(BufferOverflow) as caught:
                await anext(stream)
            assert (caught.value.uri, caught.value.limit) == ("com.example.f", 2)
            assert "buffer=" in str(caught.value)
            assert "overflow=" not in str(caught.value)  # a call has no such option
        assert pending(session) == {}


@pytest.mark.parametrize("roles", [ALL_FEATURES, NO_CANCEL], ids=["counting router", "plain router"])
async def test_a_progressive_call_times_out_as_a_whole(roles: dict[str, Any], autojump_clock: MockClock) -> None:
    async with open_scripted_router(roles) as router, router.open_session() as session:
        taken = []
        with pytest.raises(CallTimeout, match="did not answer within 5 s"):
            async with session.with_options(timeout=5).open_call("com.example.f") as stream:
                call = await router.expect(m.Call)
                assert call.options.get("timeout") == (5000 if roles is ALL_FEATURES else None)
                router.send(m.Result(call.request_id, {"progress": True}, [1]))
                async for part in stream:
                    taken.append(part)  # noqa: PERF401  # what was taken before the timeout counts
        assert taken == [1]
        assert trio.current_time() == pytest.approx(5)
        await settle()
        cancelled = [type(message) for message in router.has_received()]
        assert cancelled == ([m.Cancel] if roles is ALL_FEATURES else [])
        assert pending(session) == {}


async def test_the_timeout_of_a_call_does_not_bound_what_is_done_with_its_result(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with session.with_options(timeout=5).open_call("com.example.f") as stream:
            call = await router.expect(m.Call)
            router.send(m.Result(call.request_id, {}, ["quick"]))
            assert await stream.result() == "quick"
            await trio.sleep(60)


async def test_a_result_to_a_call_that_asked_for_no_progress_is_only_the_final_one() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        results: list[Any] = []

        async def call() -> None:
            results.append(await session.call("com.example.f"))

        nursery.start_soon(call)
        request_id = (await router.expect(m.Call)).request_id
        router.send(m.Result(request_id, {"progress": True}, [1]), m.Result(request_id, {}, [2]))
        await settle()
        assert results == [2]
