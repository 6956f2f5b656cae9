"""Standard input, line by line, without keeping the event loop waiting."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator

import trio

_CHUNK = 65536


async def lines_of_stdin() -> AsyncGenerator[bytes, None]:
    """Yield the lines of standard input without their ends, each as soon as it is there.

    Past Python's buffers: the thread that waits for input is given up on cancellation, and must not hold a lock of theirs then.

    Yields:
        One line.
    """
    rest = b""
    while chunk := await trio.to_thread.run_sync(os.read, 0, _CHUNK, abandon_on_cancel=True):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest
