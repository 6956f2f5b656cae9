"""What the client core knows of the invocations that run at its callee: from INVOCATION to the final answer."""

from __future__ import annotations

from typing import Generic, TypeVar

from ..messages import Invocation

T = TypeVar("T")


class InvocationTable(Generic[T]):
    """The running invocations of one session.

    Args:
        has_inputs: Whether the router may send further inputs: then an invocation that is over may be named once more.

    Attributes:
        running: The shell's token of each by its request id; None until there is one.
        fed: Those whose caller sends further inputs.
    """

    __slots__ = ("_has_inputs", "_interrupted", "_last", "fed", "running")

    def __init__(self, *, has_inputs: bool) -> None:
        self.running: dict[int, T | None] = {}
        self.fed: set[int] = set()
        self._interrupted: set[int] = set()
        self._has_inputs = has_inputs
        self._last = 0

    def is_over(self, request_id: int) -> bool:
        """Tell whether an invocation that does not run has been answered before; one that has not, counts as begun from here on."""
        if not self._has_inputs:
            return False
        if request_id <= self._last:  # PCI-C4, PCI-C5: it was answered before this input came
            return True
        self._last = request_id
        return False

    def begin(self, message: Invocation) -> None:
        """An invocation runs."""
        self.running[message.request_id] = None
        if message.details and message.details.get("progress"):
            self.fed.add(message.request_id)

    def feed(self, message: Invocation) -> bool:
        """Take a further input of a running invocation; return whether its caller may send one."""
        if message.request_id not in self.fed:
            return False
        if not message.details.get("progress"):
            self.fed.discard(message.request_id)
        return True

    def interrupt(self, request_id: int) -> T | None:
        """Note that nobody wants progress any more; return the token, or None if it is over already, or never began (CC-C5)."""
        token = self.running.get(request_id)
        if token is not None:
            self._interrupted.add(request_id)
        return token

    def takes_progress(self, request_id: int) -> bool:
        """Tell whether progress may be sent (PCR-C4, PCR-C6)."""
        return request_id in self.running and request_id not in self._interrupted

    def end(self, request_id: int) -> bool:
        """Forget an invocation; return whether it ran."""
        was_running = request_id in self.running
        self.running.pop(request_id, None)
        self._interrupted.discard(request_id)
        self.fed.discard(request_id)
        return was_running

    def clear(self) -> None:
        """Forget all."""
        self.running.clear()
        self._interrupted.clear()
        self.fed.clear()
