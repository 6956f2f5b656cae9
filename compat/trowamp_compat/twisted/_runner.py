"""Runs a session on Twisted."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .._collector import spare_what_is_there
from .._logging import start_logging
from ..wamp._runner import Runner, RunnerComponent
from ._connect import check_endpoint
from ._face import TwistedFace, stop
from ._signals import HeldSignals
from .component import Component


class _Component(RunnerComponent, Component):
    """A component on Twisted whose sessions a program makes itself."""


class ApplicationRunner(Runner):
    __doc__ = Runner.__doc__
    _check_endpoint = staticmethod(check_endpoint)

    def run(
        self,
        make: Any,
        start_reactor: bool = True,
        auto_reconnect: bool = False,
        log_level: str | None = "info",
        endpoint: Any = None,
        reactor: Any = None,
    ) -> Any:
        """Run a session until its connection is gone, or the reactor is stopped, which leaves the session first.

        Args:
            make: Makes the session of a `ComponentConfig`; or is the session.
            start_reactor: Whether to run the reactor.
            auto_reconnect: Whether to come back after failures.
            log_level: The level to log at; None leaves logging as it is.
            endpoint: An endpoint to connect with, instead of the URL's.
            reactor: The reactor; default: the installed one.

        Returns:
            None; a Deferred of the protocol if the reactor is not run.

        Raises:
            Exception: Why there is no connection or no session, or what was put into `extra["error"]`.
        """
        errors: list[BaseException] = []
        if not start_reactor:
            component, reactor = self._prepared(make, endpoint, reactor, log_level, auto_reconnect=auto_reconnect)
            return self._opened(component, reactor, auto_reconnect=auto_reconnect)
        with HeldSignals() as signals:
            component, reactor = self._prepared(make, endpoint, reactor, log_level, auto_reconnect=auto_reconnect)
            self._run(component, reactor, signals, errors)
        self._raise_what_ended_it(errors[0] if errors else None, component, auto_reconnect=auto_reconnect)
        return None

    def _prepared(
        self, make: Any, endpoint: Any, reactor: Any, log_level: str | None, *, auto_reconnect: bool
    ) -> tuple[_Component, Any]:
        """Return what runs the session, and the reactor that it runs on."""
        if log_level is not None:
            start_logging("twisted", level=log_level)
        config = self._config(auto_reconnect=auto_reconnect)
        config.endpoint.native = endpoint
        self._running = component = _Component(config, self.realm, self.extra, make)
        return component, reactor if reactor is not None else TwistedFace().reactor

    def _run(self, component: _Component, reactor: Any, signals: HeldSignals, errors: list[BaseException]) -> None:
        def ended(result: Any) -> None:
            if isinstance(result, Failure):
                error: Any = result.value
                errors.append(error)
            stop(reactor)

        def begin() -> None:
            component._start(reactor).addBoth(ended)
            reactor.addSystemEventTrigger("before", "shutdown", self._left)

        reactor.callWhenRunning(signals.begin, reactor, begin)
        spare_what_is_there()
        reactor.run()

    def _left(self) -> Deferred[None]:
        """Return what the reactor waits for before it ends: the session is left."""
        component, left = self._running, Deferred[None]()
        assert component is not None
        assert component._work is not None
        component._work.done.addBoth(lambda _: left.callback(None))
        component.stop()
        return left
