"""When to try which transport again. Nothing here waits, knows the time or draws a random number.

Rule 1: the first attempt on each transport is made at once; every later one waits, and a joined session makes all waits short again.
Rule 2: no setting makes attempts follow each other without any delay, so a fleet of clients cannot flood a router that is down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

SHORTEST_DELAY: Final = 0.05


class ReconnectSchedule:
    """The delays between the attempts on one transport: growing up to a maximum, each spread by a jitter.

    Args:
        max_retries: Attempts after the first one, in a row without success; -1 for as many as it takes, 0 for none.
        initial_retry_delay: Seconds before the first retry. No delay is ever below 0.05 s.
        max_retry_delay: Seconds that the delay grows to, before the jitter.
        retry_delay_growth: Factor from one delay to the next, at least 1.
        retry_delay_jitter: Part of a delay by which it is at most shortened or lengthened, from 0 to 1.

    Raises:
        ValueError: An argument is out of its range.

    Attributes:
        retries: Delays handed out since the last reset.
    """

    __slots__ = ("_delay", "_growth", "_initial", "_jitter", "_limit", "_max", "retries")

    def __init__(
        self,
        max_retries: int = -1,
        initial_retry_delay: float = 1.5,
        max_retry_delay: float = 300.0,
        retry_delay_growth: float = 1.5,
        retry_delay_jitter: float = 0.1,
    ) -> None:
        if max_retries < -1:
            raise ValueError(f"max_retries is a number of retries, or -1 for no limit; not {max_retries}")
        _require("initial_retry_delay", initial_retry_delay, 0, math.inf)
        _require("max_retry_delay", max_retry_delay, initial_retry_delay, math.inf)
        _require("retry_delay_growth", retry_delay_growth, 1, math.inf)
        _require("retry_delay_jitter", retry_delay_jitter, 0, 1)
        self._limit = max_retries
        self._initial = initial_retry_delay
        self._max = max_retry_delay
        self._growth = retry_delay_growth
        self._jitter = retry_delay_jitter
        self.reset()

    def __repr__(self) -> str:
        limit = "" if self._limit < 0 else f" of {self._limit}"
        return f"<ReconnectSchedule {self.retries}{limit} retries, next after {self._delay:g} s>"

    def reset(self) -> None:
        """Start anew, after a session was joined."""
        self.retries = 0
        self._delay = self._initial

    def next_delay(self, jitter_sample: float) -> float | None:
        """Count one more retry.

        Args:
            jitter_sample: A random number, at least 0 and below 1; 0.5 gives the delay without jitter.

        Returns:
            Seconds to wait before the retry, or None when there were as many as allowed.
        """
        if 0 <= self._limit <= self.retries:
            return None
        self.retries += 1
        delay = self._delay * (1 + self._jitter * (2 * jitter_sample - 1))
        self._delay = min(self._delay * self._growth, self._max)
        return max(delay, SHORTEST_DELAY)

    def spread(self, jitter_sample: float) -> float:
        """Return the delay of an attempt that need not wait: only the jitter, so that not everybody comes in the same instant."""
        return max(self._initial * self._jitter * jitter_sample, SHORTEST_DELAY)

    def is_short(self, seconds: float) -> bool:
        """Tell whether a session of this length is as good as none."""
        return seconds < max(self._initial, SHORTEST_DELAY)


class Rotation:
    """Several transports tried one after the other, each on a schedule of its own.

    Ask `next_attempt`, wait, try, and report the outcome with `failed` or `succeeded`; after the session has ended ask again.

    Args:
        schedules: One for each transport, in the order of preference.

    Raises:
        ValueError: There is no transport.
    """

    def __init__(self, schedules: Sequence[ReconnectSchedule]) -> None:
        if not schedules:
            raise ValueError("there is no transport to connect with")
        self._schedules = list(schedules)
        self._usable = set(range(len(schedules)))
        self._untried = set(self._usable)
        self._position = 0
        self._moves = False

    def __repr__(self) -> str:
        return f"<Rotation over {len(self._schedules)} transports, {len(self._usable)} of them usable>"

    def next_attempt(self, jitter_sample: float) -> tuple[int, float] | None:
        """Choose the transport whose turn it is, and count the attempt.

        Args:
            jitter_sample: A random number, at least 0 and below 1.

        Returns:
            The index of the transport and the seconds to wait first, or None when no transport may be tried any more.
        """
        moves, self._moves = self._moves, False
        for offset in range(len(self._schedules)):
            index = (self._position + offset) % len(self._schedules)
            delay = self._delay_of(index, jitter_sample, moves=moves)
            if delay is not None:
                self._position = index
                self._untried.discard(index)
                return index, delay
        return None

    def failed(self, index: int, *, fatal: bool = False) -> None:
        """Give the next transport its turn.

        Args:
            index: The transport whose attempt failed.
            fatal: Trying it again would not help: leave it out from now on.
        """
        self._position = index + 1
        if fatal:
            self._usable.discard(index)

    def succeeded(self, index: int) -> None:
        """Make all waits short again, for a session was joined; when it ends it is the next transport's turn.

        Args:
            index: The transport that the session was joined on.
        """
        self._position = index + 1
        self._untried.clear()
        for schedule in self._schedules:
            schedule.reset()

    def move_on(self, *, lasted: float = math.inf) -> None:
        """Let the next attempt be made at once, for the router said that it shuts down, which is no failure.

        It is not, when there is no other transport, or when the session was so short that the routers send their clients in a circle.

        Args:
            lasted: Seconds that the session lasted.
        """
        current = (self._position - 1) % len(self._schedules)
        self._moves = bool(self._usable - {current}) and not self._schedules[current].is_short(lasted)

    def _delay_of(self, index: int, jitter_sample: float, *, moves: bool) -> float | None:
        if index not in self._usable:
            return None
        if index in self._untried:
            return 0.0
        schedule = self._schedules[index]
        return schedule.spread(jitter_sample) if moves else schedule.next_delay(jitter_sample)


def _require(name: str, value: float, lowest: float, highest: float) -> None:
    # written so that NaN fails too
    if not lowest <= value <= highest or math.isinf(value):
        above = f" to {highest:g}" if math.isfinite(highest) else " or more"
        raise ValueError(f"{name} is a number, {lowest:g}{above}; not {value}")
