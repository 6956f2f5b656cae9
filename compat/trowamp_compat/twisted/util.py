"""Helpers for Twisted."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["sleep"]


def sleep(delay: float, reactor: Any = None) -> Deferred[None]:
    """Return a Deferred that fires after some time.

    Args:
        delay: Seconds.
        reactor: The reactor; default: the installed one.
    """
    if reactor is None:
        from twisted.internet import reactor  # noqa: PLC0415  # importing it installs one
    waiting: Deferred[None] = Deferred(lambda _: call.cancel())
    call = reactor.callLater(delay, waiting.callback, None)
    return waiting
