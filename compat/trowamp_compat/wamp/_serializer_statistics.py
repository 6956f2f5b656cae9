"""Counters of what a serializer has done."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ["SerializerStatistics"]

_UNITS: Final = ("bytes", "messages", "rated_messages")


class SerializerStatistics:
    """Counts messages and octets, and "rated" messages: one for each 512 octets or part of it.

    Attributes:
        RATED_MESSAGE_SIZE: How many octets make one rated message.
    """

    RATED_MESSAGE_SIZE = 512

    SERIALIZER_ID: str

    def __init__(self) -> None:
        self._cycle = 0
        self._autoreset: tuple[int | None, int | None, Callable[[dict[str, Any]], None]] | None = None
        self._begin()

    def stats_reset(self) -> int:
        """Set all counters to nothing; return the time, in nanoseconds since 1970."""
        self._begin()
        return self._since

    def stats_bytes(self) -> int:
        """Return the octets that were serialized and read."""
        return self._total("bytes")

    def stats_messages(self) -> int:
        """Return the messages that were serialized and read."""
        return self._total("messages")

    def stats_rated_messages(self) -> int:
        """Return the rated messages that were serialized and read."""
        return self._total("rated_messages")

    def stats(self, reset: bool = True, details: bool = False) -> dict[str, Any]:
        """Return all counters.

        Args:
            reset: Whether to set them to nothing.
            details: Whether to return what was serialized and what was read apart.
        """
        found: dict[str, Any] = {
            "cycle": self._cycle,
            "serializer": self.SERIALIZER_ID,
            "timestamp": self._since,
            "duration": time.monotonic_ns() - self._began,
        }
        if details:
            found.update({way: dict(counts) for way, counts in self._counts.items()})
        else:
            found.update({unit: self._total(unit) for unit in _UNITS})
        if reset:
            self._begin()
        return found

    def set_stats_autoreset(
        self,
        rated_messages: int | None,
        duration: int | None,
        callback: Callable[[dict[str, Any]], None],
        reset_now: bool = False,
    ) -> None:
        """Have a function called with the counters, which begin anew, whenever enough has happened.

        Args:
            rated_messages: After so many rated messages; None or 0 for any number.
            duration: After so many nanoseconds; None or 0 for any time. It is looked at with each message.
            callback: The function.
            reset_now: Whether the counters begin anew at once.

        Raises:
            AssertionError: Neither a number nor a time is given.
        """
        if not rated_messages and not duration:
            raise AssertionError("a number of rated messages or a duration is needed")
        self._autoreset = (rated_messages, duration, callback)
        if reset_now:
            self._begin()

    def _begin(self) -> None:
        self._cycle += 1
        self._since = time.time_ns()
        self._began = time.monotonic_ns()
        self._counts = {way: dict.fromkeys(_UNITS, 0) for way in ("serialized", "unserialized")}

    def _count(self, way: str, octets: int, messages: int) -> None:
        counts = self._counts[way]
        counts["bytes"] += octets
        counts["messages"] += messages
        counts["rated_messages"] += -(-octets // self.RATED_MESSAGE_SIZE)
        if self._autoreset is not None:
            rated, duration, callback = self._autoreset
            is_time = duration and time.monotonic_ns() - self._began >= duration
            if is_time or (rated and self.stats_rated_messages() >= rated):
                callback(self.stats(reset=True))

    def _total(self, unit: str) -> int:
        return sum(counts[unit] for counts in self._counts.values())
