"""Running a command's coroutine: Ctrl-C and SIGTERM end it in good order, with a GOODBYE to whoever is connected."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping

import trio

from .._exit_codes import INTERRUPTED, OK
from .._failures import open_service_nursery
from ._process import TERMINATED

Main = Callable[[], Awaitable[None]]


def run_job(main: Main) -> int:
    """Run what has a result: SIGTERM keeps it from having one.

    Returns:
        The exit code.

    Raises:
        BaseException: What `main` raises.
    """
    return trio.run(_until_told, main, {signal.SIGTERM: TERMINATED, signal.SIGINT: INTERRUPTED})


def run_service(main: Main) -> int:
    """Run what serves until it is told to stop: SIGTERM is its good end. Returns and raises as `run_job` does."""
    return trio.run(_until_told, main, {signal.SIGTERM: OK, signal.SIGINT: INTERRUPTED})


def run_foreign_code(main: Main) -> int:
    """Run a service with code of the user's: Ctrl-C is a KeyboardInterrupt, for it has to end what blocks. Returns and raises as `run_job` does."""
    try:
        return trio.run(_until_told, main, {signal.SIGTERM: OK})
    except KeyboardInterrupt:
        return INTERRUPTED


async def _until_told(main: Main, codes: Mapping[signal.Signals, int]) -> int:
    """Run `main`; return the code of the signal that ended it, if one did.

    A signal cancels, and so ends everything where it waits; KeyboardInterrupt might come out of the middle of drawing a bar.
    """
    scope = trio.CancelScope()
    told: list[int] = []
    async with open_service_nursery() as nursery:
        await nursery.start(_cancel_when_told, codes, scope, told)
        with scope:
            await main()
            return OK
    return codes[signal.Signals(told[0])]


async def _cancel_when_told(
    codes: Mapping[signal.Signals, int],
    scope: trio.CancelScope,
    told: list[int],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Cancel at the first signal; a second Ctrl-C is Python's own again. What a shell made a background job ignore stays ignored."""
    heeded = [number for number in codes if signal.getsignal(number) is not signal.SIG_IGN]
    if not heeded:
        task_status.started()
        return
    with trio.open_signal_receiver(*heeded) as received:
        task_status.started()
        told.append(await anext(received))
        scope.cancel()
