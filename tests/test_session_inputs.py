"""Callers that stream: `call.send`, and `call.inputs` at the other end."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import in_flight, open_pair, pending, settle
from trowamp import Result, _inputs
from trowamp import messages as m
from trowamp.testing import open_scripted_router

pytestmark = pytest.mark.trio


async def total(first: int, call: trowamp.Invocation) -> int:
    result = first
    async for value in call.inputs:
        result += value
        await call.progress(result)
    return result


@pytest.mark.checklist("PCI-C1", "PCI-C4")
async def test_a_caller_streams_inputs_and_takes_results_in_between() -> None:
    async with open_pair() as (router, caller, callee):
        await callee.register("com.example.total", total)
        async with caller.with_options(stream_inputs=True).open_call("com.example.total", 1) as call:
            await call.send(2)
            assert await anext(call) == 3
            await call.send(3)
            assert await anext(call) == 6
            await call.end_inputs()
            assert await call.result() == 6
        assert pending(caller) == pending(callee) == {}
        assert in_flight(router) == (0, 0)


async def collect(call: trowamp.Invocation) -> list[str]:
    return [repr(value) async for value in call.inputs]


async def test_inputs_are_what_results_are() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.collect", collect)
        async with caller.with_options(stream_inputs=True).open_call("com.example.collect") as call:
            await call.send()
            await call.send([1])
            await call.send(1, a=2)
            await call.end_inputs("last")
            assert await call.result() == ["None", "[1]", "Result(1, a=2)", "'last'"]


async def test_a_call_with_arguments_only_has_no_inputs() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.collect", collect)
        assert await caller.call("com.example.collect") == []
        assert await caller.with_options(stream_inputs=True).call("com.example.collect") == []


@pytest.mark.checklist("PCI-C3", "PCI-C5")
async def test_a_procedure_may_answer_before_the_last_input() -> None:
    async def first_only(call: trowamp.Invocation) -> Any:
        return await anext(call.inputs)

    async with open_pair() as (router, caller, callee):
        await callee.register("com.example.first", first_only)
        async with caller.with_options(stream_inputs=True).open_call("com.example.first") as call:
            for value in (1, 2, 3):
                await call.send(value)
            assert await call.result() == 1
            with pytest.raises(trio.BrokenResourceError):
                await call.send(4)
            await call.end_inputs()  # there is nothing to end
        assert await caller.call("wamp.session.count") == 2
        assert pending(caller) == pending(callee) == {}
        assert in_flight(router) == (0, 0)


@pytest.mark.checklist("PCI-C4")
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_procedure_may_ignore_inputs(is_async: bool) -> None:
    async def later(value: int) -> int:
        await trio.sleep(1)
        return value

    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.f", later if is_async else lambda value: value)
        async with caller.with_options(stream_inputs=True).open_call("com.example.f", 1) as call:
            try:
                await call.send(2)
            except trio.BrokenResourceError:
                assert not is_async
            await call.end_inputs()
            assert await call.result() == 1


async def test_leaving_the_block_cancels_the_procedure_that_waits_for_inputs() -> None:
    cancelled = trio.Event()

    async def wait(call: trowamp.Invocation) -> None:
        try:
            async for _ in call.inputs:
                pass
        except trio.Cancelled:
            cancelled.set()
            raise

    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.wait", wait)
        async with caller.with_options(stream_inputs=True).open_call("com.example.wait") as call:
            await call.send(1)
            await settle()
        await cancelled.wait()
        with pytest.raises(trio.ClosedResourceError):
            await call.send(2)


async def test_a_procedure_that_waits_its_turn_keeps_its_inputs(autojump_clock: MockClock) -> None:
    async def slow(call: trowamp.Invocation) -> list[Any]:
        await trio.sleep(1)
        return [value async for value in call.inputs]

    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.slow", slow, concurrency=1)
        view = caller.with_options(stream_inputs=True)
        async with view.open_call("com.example.slow") as first, view.open_call("com.example.slow") as second:
            await second.send("b")
            await first.end_inputs("a")
            await second.end_inputs()
            assert (await first.result(), await second.result()) == (["a"], ["b"])


async def test_inputs_that_nobody_takes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_inputs, "MAX_WAITING_INPUTS", 2)
    go_on = trio.Event()
    seen = []
    advice: list[str] = []

    async def slow(call: trowamp.Invocation) -> None:
        await go_on.wait()
        try:
            while True:
                seen.append(await anext(call.inputs))
        except trowamp.BufferOverflow as error:
            seen.append(str(error.limit))
            advice.append(error.advice)

    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.slow", slow)
        async with caller.with_options(stream_inputs=True).open_call("com.example.slow") as call:
            for value in range(4):
                await call.send(value)
            await call.end_inputs()
            await settle()
            go_on.set()
            await call.result()
    assert seen == [0, 1, "2"]
    assert "=" not in advice[0]  # no option makes the buffer larger


async def test_inputs_end_with_the_session() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.total", total)
        async with caller.with_options(stream_inputs=True).open_call("com.example.total", 1) as call:
            caller.leave()
            for send in (call.send, call.end_inputs):
                with pytest.raises(trowamp.SessionClosed):
                    await send(1)


async def test_sending_has_its_rules() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.total", total)
        async with caller.open_call("com.example.total", 1) as call:
            with pytest.raises(trowamp.LocalProtocolError, match="stream_inputs=True"):
                await call.send(1)
        async with caller.with_options(stream_inputs=True).open_call("com.example.total", 1) as call:
            with pytest.raises(trowamp.SerializationError):
                await call.send(float("nan"))
            await call.end_inputs(2)
            for send in (call.send, call.end_inputs):
                with pytest.raises(trio.ClosedResourceError):
                    await send(3)
            assert await call.result() == 3


@pytest.mark.checklist("PCI-R1", "FEAT-C1")
async def test_a_router_without_the_feature_is_not_asked_for_it() -> None:
    bare: dict[str, Any] = {"dealer": {}}
    async with open_scripted_router(roles=bare) as router, router.open_session() as session:
        with pytest.raises(trowamp.FeatureNotSupported, match="progressive_call_invocations"):
            session.with_options(stream_inputs=True)
        session.with_options(stream_inputs=False)
    async with open_scripted_router(roles=bare) as router, router.open_session(check_features=False) as session:
        async with session.with_options(stream_inputs=True).open_call("com.example.f") as call:
            first = await router.expect(m.Call)
            await call.send(1)
            second = await router.expect(m.Call)
            assert (first.options, second.options) == ({"receive_progress": True, "progress": True}, {"progress": True})
            assert first.request_id == second.request_id
            router.send(m.Result(first.request_id, {}, ["done"]))
            assert await call.result() == "done"


async def test_a_stream_of_inputs_tells_its_state() -> None:
    stream = _inputs.InputStream("com.example.f", is_finished=False)
    assert repr(stream) == "<InputStream of 'com.example.f' open>"
    stream.add(m.Invocation(1, 2, {}, None, {"a": 1}))
    assert repr(stream) == "<InputStream of 'com.example.f' ended>"
    assert await anext(stream) == Result(a=1)
