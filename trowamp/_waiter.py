"""Where a task waits for the answer to its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ._task_slot import TaskSlot
from .messages import Message, Result


class Waiter(TaskSlot):
    """One request's waiter: the core keeps it, the reader resolves it, one task waits in it.

    Attributes:
        has_answer: Whether `resolve` was called.
    """

    __slots__ = ("_error", "_message", "has_answer")

    def __init__(self) -> None:
        super().__init__()
        self._message: Any = None
        self._error: Exception | None = None
        self.has_answer = False

    def resolve(self, message: Message | None, error: Exception | None) -> None:
        """Give the answer: a message, or the error that takes its place."""
        self.has_answer = True
        self._message = message
        self._error = error
        self.wake()

    def progress(self, message: Result) -> None:
        """Ignore a progressive result: this request did not ask for any."""

    async def wait(self, on_cancel: Callable[[], object]) -> Any:
        """Wait for the answer and return its message; a checkpoint.

        Raises:
            ApplicationError: The router or callee answered ERROR.
            SessionClosed, SessionLost: The session ended first.
        """
        await self.park(on_cancel)
        return self.answer()

    def answer(self) -> Any:
        """Return the answer's message, if it `has_answer`.

        Raises:
            ApplicationError, SessionClosed, SessionLost: As with `wait`.
        """
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
