"""How long calls took."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timing:
    """Measures calls, one by one and all together."""

    def __init__(self) -> None:
        self._durations: list[float] = []
        self._started = self._ended = time.perf_counter()

    def start(self) -> None:
        """The first call begins now."""
        self._started = self._ended = time.perf_counter()

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure one call; one that fails does not count."""
        started = time.perf_counter()
        yield
        self._ended = time.perf_counter()
        self._durations.append(self._ended - started)

    def summary(self) -> str:
        """Tell it in one line."""
        return describe(self._durations, self._ended - self._started)


def describe(durations: list[float], total: float) -> str:
    """Tell in one line how long calls took.

    Args:
        durations: Seconds of each call.
        total: Seconds from the first call to the last result.
    """
    count = len(durations)
    if count <= 1:
        return f"{count} call in {_milliseconds(total)}"
    ordered = sorted(durations)
    rate = count / total if total else math.inf
    parts = [f"{name} {_milliseconds(value)}" for name, value in _percentiles(ordered)]
    return f"{count} calls in {_milliseconds(total)}, {rate:.0f}/s; each: {', '.join(parts)}"


def _percentiles(ordered: list[float]) -> Iterator[tuple[str, float]]:
    last = len(ordered) - 1
    for name, share in (("fastest", 0.0), ("median", 0.5), ("99%", 0.99), ("slowest", 1.0)):
        yield name, ordered[round(last * share)]


def _milliseconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"
