"""Tasks that run a handler's jobs: up to a limit at once, kept for the next job when idle, because starting a task is dearer than waking one."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

from ._task_slot import TaskSlot

J = TypeVar("J")

_MAX_IDLE = 8  # tasks kept for later; a burst starts more, which end with it


class Workers(Generic[J]):
    """Runs jobs in arrival order.

    Args:
        nursery: Where the tasks live.
        work: Does one job; must not raise.
        concurrency: Jobs that run at once; None for no limit.
        name: What the tasks are called in Trio's own reports.
    """

    def __init__(
        self, nursery: trio.Nursery, work: Callable[[J], Awaitable[None]], concurrency: int | None, name: str
    ) -> None:
        self.queue: deque[J] = deque()
        self._nursery = nursery
        self._work = work
        self._limit = concurrency or float("inf")
        self._name = name
        self._tasks = 0
        self._idle: list[TaskSlot] = []
        self._is_closed = False

    def submit(self, job: J) -> None:
        """Queue a job and see to it that a task takes it."""
        self.queue.append(job)
        if self._idle:
            self._idle.pop().wake()
        elif self._tasks < self._limit:
            self._tasks += 1
            self._nursery.start_soon(self._run, name=self._name)

    def close(self) -> None:
        """Let every task end after its job."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().wake()

    async def _run(self) -> None:
        slot = TaskSlot()
        try:
            while True:
                while self.queue:
                    await self._work(self.queue.popleft())
                if self._is_closed or len(self._idle) >= _MAX_IDLE:
                    return
                self._idle.append(slot)
                await slot.park()
        finally:
            self._tasks -= 1
