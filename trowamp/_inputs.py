"""What a caller sends while its call runs, on its way to the procedure."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import trio

from ._exceptions import BufferOverflow
from ._task_slot import TaskSlot
from ._types import unwrap
from .messages import Invocation

MAX_WAITING_INPUTS = 10_000  # of one call

_ADVICE = "take its inputs faster, or answer with progress, for which the caller waits"


class InputStream(AsyncIterator[Any]):
    """The further inputs of a call, for the procedure to iterate over: `async for value in call.inputs`. One task at a time may wait.

    The call's own arguments are not among them. Each input is None, a value, or a `Result`, as what a call returns.
    """

    __slots__ = ("_is_finished", "_is_overrun", "_procedure", "_slot", "_waiting")

    def __init__(self, procedure: str, *, is_finished: bool) -> None:
        self._procedure = procedure
        self._is_finished = is_finished
        self._is_overrun = False
        self._waiting: deque[Any] = deque()
        self._slot = TaskSlot()

    def add(self, message: Invocation) -> None:
        """Take one more input; one without progress is the last, and an empty last one says only that (PCI-C4)."""
        is_last = not message.details.get("progress")
        if len(self._waiting) >= MAX_WAITING_INPUTS:
            self._is_overrun = True
        elif not self._is_overrun and (message.args or message.kwargs or not is_last):
            self._waiting.append(unwrap(message.args, message.kwargs))
        self._is_finished = self._is_finished or is_last or self._is_overrun
        self._slot.wake()

    def __aiter__(self) -> InputStream:
        return self

    async def __anext__(self) -> Any:
        """Return the next input; a checkpoint.

        Raises:
            BufferOverflow: Inputs came faster than they were taken; those that were waiting have been returned.
            StopAsyncIteration: The caller has ended its inputs.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._waiting or self._is_finished:
            await trio.lowlevel.cancel_shielded_checkpoint()
        while not (self._waiting or self._is_finished):
            await self._slot.park()
        if self._waiting:
            return self._waiting.popleft()
        if self._is_overrun:
            raise BufferOverflow(self._procedure, MAX_WAITING_INPUTS, _ADVICE)
        raise StopAsyncIteration

    def __repr__(self) -> str:
        return f"<InputStream of {self._procedure!r} {'ended' if self._is_finished else 'open'}>"
