"""What a session holds at the router, registrations and subscriptions alike: begun, active, given back or taken away."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import trio

from ._complaints import Complaints
from ._uri_pattern import UriPattern
from ._waiter import Waiter

if TYPE_CHECKING:
    from ._shell import SessionShell


class Held(ABC):
    """A registration or subscription.

    Args:
        shell: Whose it is.
        pattern: What it is for.
        log: Who is told when the router takes it away.

    Attributes:
        pattern: What it is for.
        id: The router's id; 0 until the router has agreed.
    """

    _noun: ClassVar[str]  # "registration of", as in what the log says

    def __init__(self, shell: SessionShell, pattern: UriPattern, log: logging.Logger) -> None:
        self._shell = shell
        self.pattern = pattern
        self.id = 0
        self._is_active = False
        self._log = log
        self._complaints = Complaints(log)  # about what others send

    @property
    def is_active(self) -> bool:
        """Whether anything can still arrive."""
        return self._is_active and self._shell.core.is_established

    @property
    def is_inline(self) -> bool:
        """Whether what arrives is handled before anything else can run."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Let go of tasks and buffers."""

    def begin(self, held_id: int) -> None:
        """The router agreed."""
        self.id = held_id
        self._is_active = True

    def revoked(self, reason: str | None) -> None:
        """The router took it away; what has arrived is still served."""
        self._is_active = False
        words = f": {reason}" if reason else ""
        self._log.warning("%s %r was revoked by the router%s", self._noun, self.pattern.text, words)

    async def _give_back(self, remove: Callable[..., bool]) -> None:
        """Give it back and wait for the router's agreement; a checkpoint. Cancelled, it takes effect all the same.

        Args:
            remove: The core's method for it.
        """
        waiter = Waiter()
        is_asked = self._is_active and remove(self.id, self, waiter)
        self._is_active = False
        self.close()
        if not is_asked:
            await trio.lowlevel.checkpoint()
            return
        self._shell.pump.flush()
        await waiter.wait(lambda: self._shell.core.forget_removal(waiter))

    def _give_back_nowait(self, remove: Callable[[int, Any], bool]) -> None:
        if self._is_active and remove(self.id, self):
            self._shell.pump.flush_soon()
        self._is_active = False
        self.close()

    def __repr__(self) -> str:
        state = f"id={self.id}" if self.is_active else "over"
        return f"<{type(self).__name__} {self.pattern.text!r} {state}>"
