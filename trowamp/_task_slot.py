"""Parking one task until somebody wakes it: the cheapest hand-over that Trio has."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Final, TypeVar

import trio
from outcome import Outcome
from trio.lowlevel import Abort, current_task, reschedule, wait_task_rescheduled

R = TypeVar("R")


class _Woken(Outcome[None]):
    """What a woken task gets: nothing. Trio would make an object that says so for each; that is 7 % of a call among others in flight."""

    __slots__ = ()

    def unwrap(self) -> None:
        """Go on."""

    def send(self, gen: Generator[R, None, object]) -> R:
        """Have a generator go on."""
        return gen.send(None)

    async def asend(self, agen: AsyncGenerator[R, None]) -> R:
        """Have an asynchronous generator go on."""
        return await agen.asend(None)


_WOKEN: Final = _Woken()


class TaskSlot:
    """A place where one task sleeps until it is woken or cancelled. Waking a slot that is empty does nothing."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    async def park(self, on_cancel: Callable[[], object] | None = None) -> None:
        """Sleep until `wake`; a checkpoint.

        Args:
            on_cancel: Called, before the task goes on, if it is cancelled instead of woken.

        Raises:
            trio.BusyResourceError: Another task sleeps here.
        """
        if self._task is not None:
            raise trio.BusyResourceError("another task is waiting here already")
        self._task = current_task()

        def abort(_: object) -> Abort:
            self._task = None
            if on_cancel is not None:
                on_cancel()
            return Abort.SUCCEEDED

        await wait_task_rescheduled(abort)

    def wake(self) -> None:
        """Have the sleeping task go on in the next pass of the scheduler."""
        task = self._task
        if task is not None:
            self._task = None
            reschedule(task, _WOKEN)
