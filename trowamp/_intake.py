"""What comes one by one for one task that takes it one by one."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from trio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled

from ._task_slot import TaskSlot

T = TypeVar("T")


class Intake(TaskSlot, Generic[T]):
    """A queue that one task takes from.

    Attributes:
        items: What has come and is not taken yet.
        is_over: Whether nothing more is going to come.
    """

    __slots__ = ("_error", "is_over", "items")

    def __init__(self) -> None:
        super().__init__()
        self.items: deque[T] = deque()
        self.is_over = False
        self._error: Exception | None = None

    def add(self, item: T) -> None:
        """Add an item and wake the task."""
        self.items.append(item)
        if self._task is not None:
            self.wake()

    def end(self, error: Exception | None = None) -> None:
        """Let nothing more come; what is there can still be taken. Of several errors the first counts."""
        self.is_over = True
        self._error = self._error or error
        self.wake()

    async def take(self) -> T:
        """Return the next item; a checkpoint.

        Raises:
            Exception: The error that ended it; all items have been taken.
            StopAsyncIteration: It has ended; all items have been taken.
            trio.BusyResourceError: Another task waits.
        """
        await checkpoint_if_cancelled()
        if self.items or self.is_over:
            await cancel_shielded_checkpoint()
        while not (self.items or self.is_over):
            await self.park()
        if self.items:
            return self.items.popleft()
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration
