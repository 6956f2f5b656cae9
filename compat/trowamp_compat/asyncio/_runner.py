"""Runs a session on asyncio."""

from __future__ import annotations

import asyncio
import signal
from typing import Any, Final

from .._logging import start_logging
from ..wamp._runner import Runner, RunnerComponent
from .component import Component
from .util import get_or_create_event_loop

_GRACE: Final = 5.0  # seconds to leave a session in when the loop was stopped


class _Component(RunnerComponent, Component):
    """A component on asyncio whose sessions a program makes itself."""


class ApplicationRunner(Runner):
    __doc__ = Runner.__doc__

    def run(
        self,
        make: Any,
        start_loop: bool = True,
        log_level: str | None = "info",
        *,
        auto_reconnect: bool = False,
    ) -> Any:
        """Run a session until its connection is gone, or the loop is stopped; Ctrl-C and SIGTERM leave the session.

        Args:
            make: Makes the session of a `ComponentConfig`; or is the session.
            start_loop: Whether to run a loop.
            log_level: The level to log at; None leaves logging as it is.
            auto_reconnect: Whether to come back after failures.

        Returns:
            None; a coroutine for transport and protocol if no loop is run.

        Raises:
            OSError: There is no connection to be had.
            Exception: `make` failed.
        """
        if log_level is not None:
            start_logging("asyncio", level=log_level)
        config = self._config(auto_reconnect=auto_reconnect)
        component = self._running = _Component(config, self.realm, self.extra, make)
        if not start_loop:
            return self._open(component, auto_reconnect=auto_reconnect)
        loop = get_or_create_event_loop()
        try:
            done = loop.run_until_complete(_started(component, loop))
            self._run(loop, done)
            error = done.exception() if done.done() and not done.cancelled() else None
        finally:
            self._running = None
            _finish(loop)
        self._raise_what_ended_it(error, component, auto_reconnect=auto_reconnect)
        return None

    async def _open(self, component: _Component, *, auto_reconnect: bool) -> tuple[Any, Any]:
        connection = await self._opened(component, asyncio.get_running_loop(), auto_reconnect=auto_reconnect)
        return connection.transport, connection

    def _run(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
        """Run the loop; when it is stopped, or interrupted, the session is left first."""
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self.stop)
            except (NotImplementedError, RuntimeError, ValueError):  # not on this platform, or not in this thread
                break
        done.add_done_callback(lambda _: loop.stop())
        loop.run_forever()
        if not done.done():
            self.stop()
            end = loop.call_later(_GRACE, loop.stop)
            while not done.done() and loop.time() < end.when():
                loop.run_forever()  # programs stop the loop when the session has been left, as they do when it ends by itself
            end.cancel()


async def _started(component: _Component, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    started: asyncio.Future[None] = component._start(loop)
    return started


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Let what still runs on the loop end; the loop itself is the program's."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
