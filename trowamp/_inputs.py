"""What a caller sends while its call runs, on its way to the procedure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import Any

from ._exceptions import BufferOverflow
from ._intake import Intake
from ._types import unwrap
from .messages import Invocation

MAX_WAITING_INPUTS = 10_000  # of one call

_ADVICE = "take its inputs faster, or answer with progress, for which the caller waits"


class InputStream(AsyncIterator[Any]):
    """The further inputs of a call, for the procedure to iterate over: `async for value in call.inputs`. One task at a time may wait.

    The call's own arguments are not among them. Each input is None, a value, or a `Result`, as what a call returns.
    """

    __slots__ = ("_intake", "_procedure")

    def __init__(self, procedure: str, *, is_finished: bool) -> None:
        self._procedure = procedure
        self._intake: Intake[Any] = Intake()
        self._intake.is_over = is_finished

    def add(self, message: Invocation) -> None:
        """Take one more input; one without progress is the last, and an empty last one says only that (PCI-C4)."""
        is_last = not message.details.get("progress")
        intake = self._intake
        if intake.is_over:
            return
        if message.args or message.kwargs or not is_last:
            if len(intake.items) >= MAX_WAITING_INPUTS:
                intake.end(BufferOverflow(self._procedure, MAX_WAITING_INPUTS, _ADVICE))
                return
            intake.add(unwrap(message.args, message.kwargs))
        if is_last:
            intake.end()

    def __aiter__(self) -> InputStream:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        """Return the next input; a checkpoint.

        Raises:
            BufferOverflow: Inputs came faster than they were taken; those that were waiting have been returned.
            StopAsyncIteration: The caller has ended its inputs.
        """
        return self._intake.take()

    def __repr__(self) -> str:
        return f"<InputStream of {self._procedure!r} {'ended' if self._intake.is_over else 'open'}>"
