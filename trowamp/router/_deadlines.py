"""What has to happen later: one heap for all deadlines of a router.

Rules of this file:

1. The heap only reminds; the deadline is the item's own. An item whose deadline is infinite has none, and moving a deadline later needs no heap
   operation: whoever finds a reminder that no longer holds drops it or puts it where it belongs.
2. An item always has the same action, so an old reminder that meets a new deadline does no harm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from typing import Any, Protocol

_COMPACT_ABOVE = 256


class Timed(Protocol):
    """Something with a deadline: seconds on the caller's clock, infinity for none."""

    deadline: float


Action = Callable[[Any, float], None]  # what to do with an item whose deadline has passed, and the time it is
_Reminder = tuple[float, int, Any, Action]


class Deadlines:
    """Items in the order of their deadlines."""

    __slots__ = ("_cancelled", "_heap", "_sequence")

    def __init__(self) -> None:
        self._heap: list[_Reminder] = []
        self._sequence = 0
        self._cancelled = 0  # an estimate: how many reminders no longer hold

    def __len__(self) -> int:
        """How many items have a deadline."""
        return len({id(item) for _, _, item, _ in self._heap if item.deadline < math.inf})

    def push(self, item: Timed, deadline: float, action: Action) -> None:
        """Give an item a deadline, or another one, and say what happens then."""
        is_later = item.deadline <= deadline
        item.deadline = deadline
        if is_later:
            return
        self._sequence += 1
        heappush(self._heap, (deadline, self._sequence, item, action))

    def cancel(self, item: Timed) -> None:
        """Take an item's deadline away, if it has one."""
        if item.deadline < math.inf:
            item.deadline = math.inf
            self._cancelled += 1
            if self._cancelled > _COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
                self._compact()

    def next(self) -> float | None:
        """Return when something has to happen next, or None."""
        heap = self._heap
        while heap:
            when, sequence, item, action = heap[0]
            deadline = item.deadline
            if deadline <= when:
                return when
            if deadline == math.inf:
                heappop(heap)
                self._cancelled -= 1
            else:
                heapreplace(heap, (deadline, sequence, item, action))
        return None

    def due(self, now: float) -> Iterator[tuple[Any, Action]]:
        """Yield what has to happen by now, and forget it; what happens may push and cancel."""
        while (when := self.next()) is not None and when <= now:
            _, _, item, action = heappop(self._heap)
            item.deadline = math.inf
            yield item, action

    def _compact(self) -> None:
        self._heap = [reminder for reminder in self._heap if reminder[2].deadline < math.inf]
        heapify(self._heap)
        self._cancelled = 0
