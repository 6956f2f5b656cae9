"""What those who wait are told when a session ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._exceptions import SessionClosed, SessionLost
from ._inbound import Reply


def replies_to(table: dict[int, Any], error: SessionClosed | SessionLost, left: int) -> Iterator[Reply[Any]]:
    """Empty a table of pending requests: whoever waits gets an error of its own.

    Args:
        table: The requests, each with its `waiter` and its `position` among all that was ever queued.
        error: Why the session ended.
        left: How many octets had left; a request behind them was certainly not executed.
    """
    for pending in table.values():
        if pending.waiter is not None:
            yield Reply(pending.waiter, None, copy_of(error, maybe_executed=pending.position < left))
    table.clear()


def copy_of(error: SessionClosed | SessionLost, *, maybe_executed: bool) -> SessionClosed | SessionLost:
    """One exception object per waiter: they collect tracebacks in different tasks."""
    if isinstance(error, SessionLost):
        return SessionLost(error.reason, abort_reason=error.abort_reason, maybe_executed=maybe_executed)
    copy = SessionClosed(error.reason, error.message, error.details)
    copy.maybe_executed = maybe_executed
    return copy
