"""The slot where one task sleeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trowamp._task_slot import _WOKEN, TaskSlot


async def test_a_sleeping_task_goes_on_when_it_is_woken() -> None:
    slot, woken = TaskSlot(), []

    async def sleeper() -> None:
        await slot.park()
        woken.append(True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleeper)
        await wait_all_tasks_blocked()
        assert not woken
        slot.wake()
    assert woken == [True]


async def test_tasks_can_be_woken_any_number_of_times_and_each_gets_nothing() -> None:
    slots = [TaskSlot() for _ in range(3)]
    got: list[object] = []

    async def sleeper(slot: TaskSlot) -> None:
        got.extend([await slot.park() for _ in range(3)])  # type: ignore[func-returns-value]  # that it is nothing is the point

    async with trio.open_nursery() as nursery:
        for slot in slots:
            nursery.start_soon(sleeper, slot)
        for _ in range(3):
            await wait_all_tasks_blocked()
            for slot in slots:
                slot.wake()
    assert got == [None] * 9


async def test_a_second_task_cannot_sleep_in_a_slot() -> None:
    slot = TaskSlot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.park)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError, match="waiting here already"):
            await slot.park()
        slot.wake()


async def test_a_cancelled_task_leaves_the_slot_free_and_says_so_first() -> None:
    slot, told = TaskSlot(), []
    with trio.move_on_after(1) as scope:
        await slot.park(lambda: told.append(scope.cancelled_caught))
    assert told == [False]
    assert scope.cancelled_caught
    slot.wake()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.park)
        await wait_all_tasks_blocked()
        slot.wake()


async def test_what_a_woken_task_gets_is_an_outcome_for_generators_too() -> None:
    def plain() -> Generator[str, None, None]:
        yield "" if (yield "") is None else "something"

    async def asynchronous() -> AsyncGenerator[str, None]:
        yield "" if (yield "") is None else "something"

    generator = plain()
    next(generator)
    async with aclosing(asynchronous()) as other:
        await anext(other)
        assert _WOKEN.send(generator) == await _WOKEN.asend(other) == ""
