"""Things of which only a few at a time may be under way: the others wait for their turn."""

from __future__ import annotations

import abc
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(abc.ABC, Generic[T]):
    """A queue before something that takes its time. Subclasses say what it is to begin.

    However many things wait, and however soon they end, no more than one of them is on the stack.

    Args:
        limit: How many may be under way at a time.
    """

    __slots__ = ("_is_going_on", "_limit", "_running", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running = 0
        self._waiting: deque[T] = deque()
        self._is_going_on = False

    @abc.abstractmethod
    def _begin(self, item: T) -> None:
        """Begin with a thing: count it as running; `_ended` is to be called when it has ended, which may be before this returns."""

    def _ended(self) -> None:
        """One has ended: the next may begin."""
        self._running -= 1
        self._go_on()

    def _go_on(self) -> None:
        """Begin with what waits, as far as there is room."""
        if self._is_going_on:
            return
        self._is_going_on = True
        try:
            while self._waiting and self._running < self._limit:
                self._begin(self._waiting.popleft())
        finally:
            self._is_going_on = False
