"""What is done once before a run sleeps: when, how often, and what happens to errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import outcome
import pytest
import trio
from trio.lowlevel import add_instrument, remove_instrument
from trio.testing import MockClock, wait_all_tasks_blocked

from trowamp import _before_sleep
from trowamp._before_sleep import before_sleep
from trowamp._failures import leaves


async def busy(passes: int) -> None:
    for _ in range(passes):
        await trio.lowlevel.checkpoint()


async def test_a_chore_is_done_once_when_everybody_waits() -> None:
    done: list[str] = []

    def chore() -> None:
        done.append("chore")

    before_sleep().ask(chore)
    assert not done
    await wait_all_tasks_blocked()
    assert done == ["chore"]
    await wait_all_tasks_blocked()
    assert done == ["chore"]


async def test_a_chore_waits_for_a_busy_run_only_a_few_passes() -> None:
    done: list[str] = []

    def chore() -> None:
        done.append("chore")

    before_sleep().ask(chore)
    await busy(_before_sleep._BUSY_PASSES - 1)
    assert not done
    await busy(3)
    assert done == ["chore"]


async def test_a_clock_that_jumps_when_everybody_waits_does_not_jump_over_a_chore(autojump_clock: MockClock) -> None:
    times: list[float] = []

    def chore() -> None:
        times.append(trio.current_time())

    start = trio.current_time()
    before_sleep().ask(chore)
    await trio.sleep(1000)
    assert times == [start]


async def test_what_a_chore_returns_may_wake_a_task() -> None:
    task = trio.lowlevel.current_task()

    def wake() -> None:
        trio.lowlevel.reschedule(task, outcome.Value("woken"))

    def chore() -> Callable[[], None]:
        return wake

    before_sleep().ask(chore)
    with trio.fail_after(10):
        assert await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED) == "woken"


def test_a_chore_that_fails_fails_the_run_and_not_the_chores_after_it() -> None:
    done: list[str] = []

    def broken() -> None:
        raise ZeroDivisionError("a bug")

    def chore() -> None:
        done.append("chore")

    async def main() -> None:
        before_sleep().ask(broken)
        before_sleep().ask(chore)
        await trio.sleep(math.inf)

    with pytest.raises(trio.TrioInternalError) as caught:
        trio.run(main)
    assert isinstance(caught.value.__cause__, BaseExceptionGroup)
    assert [str(error) for error in leaves(caught.value.__cause__)] == ["a bug"]
    assert done == ["chore"]


async def test_a_run_that_has_no_chores_any_more_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_before_sleep, "_UNUSED_PASSES", 5)
    installed: list[object] = []
    monkeypatch.setattr(_before_sleep, "add_instrument", recording(installed.append, add_instrument))
    monkeypatch.setattr(_before_sleep, "remove_instrument", recording(installed.remove, remove_instrument))
    done: list[int] = []

    def chore() -> None:
        done.append(len(installed))

    for _ in range(2):
        before_sleep().ask(chore)
        await wait_all_tasks_blocked()
        await busy(10)
        assert not installed
    assert done == [1, 1]


def recording(note: Callable[[Any], object], function: Callable[[Any], None]) -> Callable[[Any], None]:
    def noted(argument: Any) -> None:
        note(argument)
        function(argument)

    return noted


def test_each_run_has_its_own() -> None:
    async def main() -> object:
        return before_sleep()

    assert trio.run(main) is not trio.run(main)
