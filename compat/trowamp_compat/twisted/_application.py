"""Applications of decorated functions, and sessions as services of `twistd`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, inlineCallbacks

from ..wamp.types import CloseDetails, ComponentConfig, SessionDetails
from ._runner import ApplicationRunner
from ._sessions import ApplicationSession
from .websocket import WampWebSocketClientFactory


class _Session(ApplicationSession):
    """The session of an application."""

    def __init__(self, config: ComponentConfig, application: Application) -> None:
        super().__init__(config)
        self.app = application

    @inlineCallbacks
    def onConnect(self) -> Any:
        yield self.app._fire_signal("onconnect")
        self.join(self.config.realm)

    @inlineCallbacks
    def onJoin(self, details: SessionDetails) -> Any:  # noqa: ARG002
        for uri, procedure in self.app._procedures:
            yield self.register(procedure, uri)
        for uri, handler in self.app._handlers:
            yield self.subscribe(handler, uri)
        yield self.app._fire_signal("onjoined")

    @inlineCallbacks
    def onLeave(self, details: CloseDetails) -> Any:  # noqa: ARG002
        yield self.app._fire_signal("onleave")
        self.disconnect()

    @inlineCallbacks
    def onDisconnect(self) -> Any:
        yield self.app._fire_signal("ondisconnect")


class Application:
    """A program of decorated functions.

    Args:
        prefix: Stands before the names of functions that are registered or subscribed without a URI.

    Attributes:
        session: The session, once there is one.
    """

    def __init__(self, prefix: str | None = None) -> None:
        self.session: Any = None
        self._prefix = prefix
        self._procedures: list[tuple[str, Callable[..., Any]]] = []
        self._handlers: list[tuple[str, Callable[..., Any]]] = []
        self._signals: dict[str, list[Callable[..., Any]]] = {}

    def __call__(self, config: ComponentConfig) -> Any:
        """Make the session.

        Raises:
            AssertionError: There is one already.
        """
        if self.session is not None:
            raise AssertionError("an application has one session")
        self.session = _Session(config, self)
        return self.session

    def run(self, url: str = "ws://localhost:8080/ws", realm: str = "realm1", start_reactor: bool = True) -> Any:
        """Connect, and run.

        Args:
            url: The router's URL.
            realm: The realm to join.
            start_reactor: Whether to run the reactor.
        """
        return ApplicationRunner(url, realm).run(self, start_reactor=start_reactor)

    def register(self, uri: str | None = None) -> Callable[[Any], Any]:
        """Decorate a procedure; a generator function yields what it waits for.

        Args:
            uri: The URI; default: the prefix and the function's name.
        """
        return self._decorator(uri, self._procedures)

    def subscribe(self, uri: str | None = None) -> Callable[[Any], Any]:
        """Decorate an event handler; a generator function yields what it waits for.

        Args:
            uri: The topic; default: the prefix and the function's name.
        """
        return self._decorator(uri, self._handlers)

    def signal(self, name: str) -> Callable[[Any], Any]:
        """Decorate a function that is called when something happens.

        Args:
            name: "onconnect", "onjoined", "onleave", "ondisconnect", or one of the program's own.
        """

        def decorate(function: Any) -> Any:
            self._signals.setdefault(name, []).append(_driven(function))
            return function

        return decorate

    @inlineCallbacks
    def _fire_signal(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call the functions of a signal, one after the other; what fails is logged."""
        for function in self._signals.get(name, ()):
            try:
                yield self.session._face.as_future(function, *args, **kwargs)
            except Exception as error:  # noqa: BLE001  # the others are called nevertheless
                self.session.log.error("failure in signal {name}: {error!r}", name=name, error=error)

    def _decorator(self, uri: str | None, found: list[tuple[str, Callable[..., Any]]]) -> Callable[[Any], Any]:
        def decorate(function: Any) -> Any:
            if uri is None and not self._prefix:
                raise AssertionError("a function without a URI needs an application with a prefix")
            found.append((uri if uri is not None else f"{self._prefix}.{function.__name__}", _driven(function)))
            return function

        return decorate


class Service(service.MultiService):
    """A session as a service: connects when it is started, and comes back until it is stopped.

    Args:
        url: The router's URL.
        realm: The realm to join.
        make: Makes the session of a `ComponentConfig`.
        extra: Goes to the session as `config.extra`.
        context_factory: TLS configuration, as `ssl` of `ApplicationRunner`.

    Raises:
        Exception: There is TLS configuration, but the URL is for a connection without; or a subclass has another `factory`.

    Attributes:
        factory: What makes WebSocket connections; for programs that look at it.
        reactor: The reactor; default: the installed one.
    """

    factory: Any = WampWebSocketClientFactory
    reactor: Any = None

    def __init__(self, url: str, realm: str, make: Any, extra: Any = None, context_factory: Any = None) -> None:
        self.url = url
        self.realm = realm
        self.extra = extra if extra is not None else {}
        self.make = make
        self.context_factory = context_factory
        self._runner: ApplicationRunner | None = None
        service.MultiService.__init__(self)  # type: ignore[no-untyped-call]
        self.setupService()

    def setupService(self) -> None:
        """Prepare the connection."""
        if self.context_factory is not None and self.url.startswith(("ws:", "rs:")):
            raise Exception(f"context_factory is for connections with TLS, not for {self.url!r}")
        if self.factory is not WampWebSocketClientFactory:
            raise Exception("another factory would not be used: connect it with reactor.connectTCP, or an endpoint")
        self._runner = ApplicationRunner(self.url, self.realm, self.extra, ssl=self.context_factory)

    def startService(self) -> None:
        """Connect."""
        super().startService()  # type: ignore[no-untyped-call]
        assert self._runner is not None
        opened: Deferred[Any] = self._runner.run(
            self.make, start_reactor=False, auto_reconnect=True, log_level=None, reactor=self.reactor
        )
        opened.addErrback(lambda _: None)  # what fails is logged, and tried again

    def stopService(self) -> Any:
        """Leave the session."""
        super().stopService()  # type: ignore[no-untyped-call]
        return self._runner.stop() if self._runner is not None else None


def _driven(function: Any) -> Any:
    return inlineCallbacks(function) if inspect.isgeneratorfunction(function) else function
