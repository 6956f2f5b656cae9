"""Runs the program's loop until something is done, stopped or interrupted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final

from .._collector import spare_what_is_there
from .util import get_or_create_event_loop

_GRACE: Final = 5.0  # seconds to leave sessions in when the loop was stopped


def run_until_done(main: Callable[[], Coroutine[Any, Any, None]], stop: Callable[[], Any]) -> BaseException | None:
    """Run the loop that the program has set, else a new one, until `main` is done, or the loop is stopped; then end and close the loop.

    Args:
        main: What is run.
        stop: Makes `main` end soon; called after Ctrl-C and SIGTERM, and when the program has stopped the loop.

    Returns:
        What `main` has failed with; None if it has not, or if it had not ended in time after the loop was stopped.

    Raises:
        RuntimeError: The loop runs already.
    """
    loop = get_or_create_event_loop()
    if loop.is_running():
        raise RuntimeError("the event loop runs already: use start_loop=False there")
    done = loop.create_task(main())

    def stop_loop(_: object) -> None:
        loop.stop()

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stop)
            except (NotImplementedError, RuntimeError, ValueError):  # not on this platform, or not in this thread
                break
        done.add_done_callback(stop_loop)
        spare_what_is_there()
        loop.run_forever()
        if not done.done():
            stop()
            end = loop.call_later(_GRACE, loop.stop)
            while not done.done() and loop.time() < end.when():
                loop.run_forever()  # programs stop the loop when a session has been left, as they do when it ends by itself
            end.cancel()
        return done.exception() if done.done() and not done.cancelled() else None
    finally:
        done.remove_done_callback(stop_loop)
        _finish(loop)


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs on the loop, the program's tasks too, wait for its end, and close the loop."""
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
