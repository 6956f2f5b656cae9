"""Where a task waits for the answer to its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ._task_slot import TaskSlot
from .messages import Message, Result


class Waiter(TaskSlot):
    """One request's waiter: the core keeps it, the reader resolves it, one task waits in it."""

    __slots__ = ("_error", "_message")

    def __init__(self) -> None:
        super().__init__()
        self._message: Any = None
        self._error: Exception | None = None

    def resolve(self, message: Message | None, error: Exception | None) -> None:
        """Give the answer: a message, or the error that takes its place."""
        self._message = message
        self._error = error
        self.wake()

    @property
    def has_answer(self) -> bool:
        """Whether `resolve` was called."""
        return self._message is not None or self._error is not None

    def progress(self, message: Result) -> None:
        """Ignore a progressive result: this request did not ask for any."""

    async def wait(self, on_cancel: Callable[[], object]) -> Any:
        """Wait for the answer and return its message; a checkpoint.

        Raises:
            ApplicationError: The router or callee answered ERROR.
            SessionClosed, SessionLost: The session ended first.
        """
        await self.park(on_cancel)
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # the traceback holds this frame: no cycle
        return self._message


class Activatable(Protocol):
    """A registration or subscription that waits for the router's agreement."""

    def activate(self, message: Any) -> None:
        """Take REGISTERED or SUBSCRIBED."""
        ...


class ActivatingWaiter(Waiter):
    """Waits for REGISTERED or SUBSCRIBED, and activates the handler before the reader looks at the next message (ORD-C1)."""

    __slots__ = ("_target",)

    def __init__(self, target: Activatable) -> None:
        super().__init__()
        self._target = target

    def resolve(self, message: Message | None, error: Exception | None) -> None:
        """Give the answer."""
        if message is not None:
            self._target.activate(message)
        super().resolve(message, error)
