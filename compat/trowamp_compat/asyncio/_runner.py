"""Runs a session on asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

from .._logging import start_logging
from ..wamp._runner import Runner, RunnerComponent
from ._connect import check_endpoint
from ._running import run_until_done
from .component import Component


class _Component(RunnerComponent, Component):
    """A component on asyncio whose sessions a program makes itself."""


class ApplicationRunner(Runner):
    __doc__ = Runner.__doc__
    _check_endpoint = staticmethod(check_endpoint)

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
        try:
            error = run_until_done(lambda: _lasting(component), self.stop)
        finally:
            self._running = None
        self._raise_what_ended_it(error, component, auto_reconnect=auto_reconnect)
        return None

    async def _open(self, component: _Component, *, auto_reconnect: bool) -> tuple[Any, Any]:
        connection = await self._opened(component, asyncio.get_running_loop(), auto_reconnect=auto_reconnect)
        return connection.transport, connection


async def _lasting(component: _Component) -> None:
    await component._start(asyncio.get_running_loop())
