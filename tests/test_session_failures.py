"""trowamp/_procedures.py, _handlers.py: how a procedure fails, and who hears of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio

import trowamp
from tests.sessions import open_pair, pending
from trowamp import ApplicationError, InvalidArgument

F = "com.example.f"


async def add(x: int, y: int) -> int:
    await trio.lowlevel.checkpoint()
    return x + y


async def test_wrong_arguments_are_the_callers_fault() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register(F, add)
        for args, kwargs in [((1,), {}), ((1, 2, 3), {}), ((1,), {"z": 2}), ((1, 2), {"y": 2})]:
            with pytest.raises(InvalidArgument) as caught:
                await caller.call(F, *args, **kwargs)
            assert caught.value.uri == trowamp.uris.ERROR_INVALID_ARGUMENT


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_type_error_inside_is_the_callees(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    def broken(x: int) -> int:
        return len(x)  # type: ignore[arg-type]  # the bug

    async def broken_async(x: int) -> int:
        return broken(x)

    async with open_pair() as (_, caller, callee):
        await callee.register(F, broken_async if is_async else broken)
        with pytest.raises(ApplicationError) as caught:
            await caller.call(F, 5)
        assert caught.value.uri == trowamp.uris.ERROR_RUNTIME_ERROR
        assert (caught.value.args, caught.value.kwargs) == ((), {})
        (record,) = caplog.records
        assert record.name == "trowamp.procedure"
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], TypeError)
        assert caller.is_open
        assert callee.is_open


async def test_the_text_of_an_unexpected_error_is_told_only_when_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise RuntimeError("the password is swordfish")

    for reveal, told in [(False, ()), (True, ("RuntimeError: the password is swordfish",))]:
        async with open_pair(reveal_errors=reveal) as (_, caller, callee):
            await callee.register(F, broken)
            with pytest.raises(ApplicationError) as caught:
                await caller.call(F)
            assert caught.value.args == told
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.ERROR]


async def test_failures_of_several_tasks_of_a_procedure_are_one_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError

    async def broken() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(fail)

    async with open_pair() as (_, caller, callee):
        await callee.register(F, broken)
        with pytest.raises(ApplicationError) as caught:
            await caller.call(F)
        assert caught.value.uri == trowamp.uris.ERROR_RUNTIME_ERROR
        assert len(caplog.records) == 1


@pytest.mark.checklist("BP-C6")
@pytest.mark.parametrize(
    "answer", [object(), {1: 2}, float("nan"), "\ud800"], ids=["object", "key", "nan", "surrogate"]
)
async def test_a_result_that_cannot_be_sent_is_an_error(answer: Any) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register(F, lambda: answer)
        with pytest.raises(ApplicationError) as caught:
            await caller.call(F)
        assert caught.value.uri == trowamp.uris.ERROR_INVALID_PAYLOAD
        assert pending(caller) == pending(callee) == {}


async def test_what_every_task_of_a_program_must_hear_ends_the_session() -> None:
    async def exit_program() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        async with open_pair() as (_, caller, callee):
            await callee.register(F, exit_program)
            await caller.call(F)
