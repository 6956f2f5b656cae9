"""Runs a session on Twisted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .._logging import Framework, start_logging
from ..wamp._runner import RunnerComponent, RunnerOptions, is_worth_raising
from ..wamp._transports import TransportConfig
from ._connect import connect
from ._face import TwistedFace


class _Component(RunnerComponent):
    _framework: ClassVar[Framework] = "twisted"

    def _make_face(self, loop: Any) -> Any:
        return TwistedFace(loop)

    def _connect(self, loop: Any, config: TransportConfig, make_session: Callable[[], Any]) -> Any:
        return connect(loop, config, make_session)


class ApplicationRunner:
    """Connects to a router and runs a session.

    Args:
        url: The router's URL: `ws://`, `wss://`, `rs://` or `rss://`.
        realm: The realm to join.
        extra: Goes to the session as `config.extra`; an exception in `extra["error"]` is raised at the end of `run`.
        serializers: What to offer: names, or serializer objects.
        ssl: `CertificateOptions`, or a creator as `optionsForClientTLS` makes it, or True; default: as the URL says.
        proxy: HTTP proxy: `{"host": …, "port": …}`.
        headers: HTTP headers for the handshake.
        more: WebSocket options, if it is a dictionary, and the numbers of the retries, by position (C-18).
        named: `websocket_options`, `max_retries`, `initial_retry_delay`, `max_retry_delay`, `retry_delay_growth`, `retry_delay_jitter`.

    Raises:
        AssertionError: An argument has the wrong type.
        RuntimeError: TLS is configured, but the URL is for a connection without.
    """

    def __init__(
        self,
        url: str,
        realm: str | None = None,
        extra: Any = None,
        serializers: Sequence[Any] | None = None,
        ssl: Any = None,
        proxy: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *more: Any,
        **named: Any,
    ) -> None:
        self._options = RunnerOptions(url, realm, extra, serializers, ssl, proxy, headers, more, named)
        self.url = self._options.url
        self.realm = self._options.realm
        self.extra = self._options.extra
        self._running: _Component | None = None

    def stop(self) -> Any:
        """Leave the session, and do not come back."""
        return self._running.stop() if self._running is not None else None

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
        if log_level is not None:
            start_logging("twisted", level=log_level)
        reactor = reactor if reactor is not None else TwistedFace().reactor
        config = self._options.config(auto_reconnect=auto_reconnect)
        config.endpoint.native = endpoint
        component = self._running = _Component(config, self.realm, self.extra, make)
        if not start_reactor:
            return self._open(component, reactor, auto_reconnect=auto_reconnect)
        errors: list[BaseException] = []
        self._run(component, reactor, errors)
        if errors and is_worth_raising(errors[0], component, auto_reconnect=auto_reconnect):
            raise errors[0]
        if isinstance(self.extra, dict) and isinstance(self.extra.get("error"), BaseException):
            raise self.extra["error"]
        return None

    def _run(self, component: _Component, reactor: Any, errors: list[BaseException]) -> None:
        def ended(result: Any) -> None:
            if isinstance(result, Failure):
                error: Any = result.value
                errors.append(error)
            if reactor.running:
                reactor.stop()

        def begin() -> None:
            component._start(reactor).addBoth(ended)
            reactor.addSystemEventTrigger("before", "shutdown", self._left)

        reactor.callWhenRunning(begin)
        reactor.run()

    def _left(self) -> Deferred[None]:
        """Return what the reactor waits for before it ends: the session is left."""
        component, left = self._running, Deferred[None]()
        assert component is not None
        assert component._work is not None
        component._work.done.addBoth(lambda _: left.callback(None))
        component.stop()
        return left

    def _open(self, component: _Component, reactor: Any, *, auto_reconnect: bool) -> Any:
        connected: Deferred[Any] = Deferred()

        def opened(_session: Any, transport: Any) -> None:
            if not connected.called:
                connected.callback(transport)

        def failed(failure: Failure) -> None:
            error: Any = failure.value
            if not connected.called:
                connected.errback(failure)
            elif is_worth_raising(error, component, auto_reconnect=auto_reconnect):
                component.log.error("the session has ended: {error!r}", error=error)

        component.on("connect", opened)
        component._start(reactor).addErrback(failed)
        return connected
