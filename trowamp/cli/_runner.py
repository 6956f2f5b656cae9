"""Running a command's coroutine: Ctrl-C and SIGTERM end it in good order, with a GOODBYE to whoever is connected."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from .._exit_codes import OK
from .._failures import open_service_nursery

TERMINATED: Final = 128 + signal.SIGTERM  # what a shell shows for a program that SIGTERM ended


def run_service(main: Callable[[], Awaitable[None]]) -> int:
    """Run what serves until it is told to stop: SIGTERM is its good end. Returns the exit code; raises what `main` raises."""
    return trio.run(_until_sigterm, main, OK)


def run_job(main: Callable[[], Awaitable[None]]) -> int:
    """Run what has a result: SIGTERM keeps it from having one. Returns the exit code; raises what `main` raises."""
    return trio.run(_until_sigterm, main, TERMINATED)


async def _until_sigterm(main: Callable[[], Awaitable[None]], code: int) -> int:
    async with open_service_nursery() as nursery:
        scope = trio.CancelScope()
        await nursery.start(_cancel_on_sigterm, scope)
        with scope:
            await main()
            return OK
    return code


async def _cancel_on_sigterm(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as received:
        task_status.started()
        async for _ in received:
            scope.cancel()
