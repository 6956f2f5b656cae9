"""Helpers for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from asyncio import sleep

__all__ = ["get_or_create_event_loop", "sleep"]


def get_or_create_event_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that runs, or the one that this thread has; else make one and set it for this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    loop = None
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError):
        warnings.simplefilter("ignore", DeprecationWarning)  # some versions of Python make a loop, and warn of it
        loop = asyncio.get_event_loop()
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop
