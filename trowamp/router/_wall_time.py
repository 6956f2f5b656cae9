"""Dates and times for people: the meta API and the event history tell them, nothing is decided by them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

UtcNow = Callable[[], datetime]  # returns the time, in UTC


def as_text(moment: datetime) -> str:
    """Write a time in UTC as RFC 3339 and ISO 8601 do: `2024-02-29T12:00:00.000000Z`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
