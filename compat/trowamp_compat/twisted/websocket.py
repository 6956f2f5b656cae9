"""WebSocket on Twisted: protocols and factories for `reactor.connectTCP`, `reactor.listenTCP`, endpoints and their kin."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..websocket import _wamp as wamp
from ..websocket._agent import ClientAgent, configure_client
from ..websocket.interfaces import IWebSocketClientAgent
from ._channels import (
    WebSocketAdapterFactory,
    WebSocketAdapterProtocol,
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from ._wrapping import (
    WrappingWebSocketAdapter,
    WrappingWebSocketClientFactory,
    WrappingWebSocketClientProtocol,
    WrappingWebSocketServerFactory,
    WrappingWebSocketServerProtocol,
)

__all__ = [
    "WampWebSocketClientFactory",
    "WampWebSocketClientProtocol",
    "WampWebSocketServerFactory",
    "WampWebSocketServerProtocol",
    "WebSocketAdapterFactory",
    "WebSocketAdapterProtocol",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "WrappingWebSocketAdapter",
    "WrappingWebSocketClientFactory",
    "WrappingWebSocketClientProtocol",
    "WrappingWebSocketServerFactory",
    "WrappingWebSocketServerProtocol",
    "connectWS",
    "create_client_agent",
    "listenWS",
]


class _Flushing(wamp.WampWebSocketProtocol):
    def flush_soon(self) -> None:
        """Write what is queued: Twisted itself gathers what is written in one turn of the reactor."""
        if not self._is_receiving:
            self._flush()


class WampWebSocketServerProtocol(_Flushing, wamp.WampWebSocketServerProtocol, WebSocketServerProtocol):
    """The server's side of one connection that carries WAMP."""


class WampWebSocketClientProtocol(_Flushing, wamp.WampWebSocketClientProtocol, WebSocketClientProtocol):
    """The client's side of one connection that carries WAMP."""


class WampWebSocketServerFactory(wamp.WampWebSocketFactory, WebSocketServerFactory):
    """Makes the server's side of connections that carry WAMP."""

    protocol: Any = WampWebSocketServerProtocol


class WampWebSocketClientFactory(wamp.WampWebSocketFactory, WebSocketClientFactory):
    """Makes the client's side of connections that carry WAMP."""

    protocol: Any = WampWebSocketClientProtocol


def connectWS(
    factory: Any, contextFactory: Any = None, timeout: float = 30, bindAddress: tuple[str, int] | None = None
) -> Any:
    """Connect a client to the host of its factory's URL.

    Args:
        factory: A `WebSocketClientFactory`.
        contextFactory: How to make TLS, for "wss"; None verifies the host.
        timeout: Seconds for the connection.
        bindAddress: This side's host and port.

    Returns:
        Twisted's connector.
    """
    reactor = factory.reactor or installed_reactor()
    if contextFactory is not None:
        factory.contextFactory = contextFactory
    if factory.proxy is not None:
        host, port = factory.proxy["host"], factory.proxy["port"]
        return reactor.connectTCP(host, port, factory, timeout, bindAddress)
    if factory.host == "unix":
        return reactor.connectUNIX(factory.port, factory, timeout)
    if factory.isSecure:
        return reactor.connectSSL(factory.host, factory.port, factory, factory.client_tls(), timeout, bindAddress)
    return reactor.connectTCP(factory.host, factory.port, factory, timeout, bindAddress)


def listenWS(factory: Any, contextFactory: Any = None, backlog: int = 50, interface: str = "") -> Any:
    """Listen on the port of a server's factory's URL.

    Args:
        factory: A `WebSocketServerFactory`.
        contextFactory: How to make TLS, for "wss".
        backlog: How many connections may wait for being accepted.
        interface: The address to listen on; empty for all.

    Returns:
        Twisted's port.

    Raises:
        ValueError: The URL is "wss", and there is no `contextFactory`.
    """
    reactor = factory.reactor or installed_reactor()
    if factory.host == "unix":
        return reactor.listenUNIX(factory.port, factory, backlog)
    if not factory.isSecure:
        return reactor.listenTCP(factory.port, factory, backlog, interface)
    if contextFactory is None:
        raise ValueError("a server needs a contextFactory for wss://")
    return reactor.listenSSL(factory.port, factory, contextFactory, backlog, interface)


def create_client_agent(reactor: Any = None) -> IWebSocketClientAgent:
    """Return what opens connections one by one, as a client.

    Args:
        reactor: The reactor; None is the installed one.
    """

    def open_connection(*what: Any) -> Any:
        factory = configure_client(_AgentFactory, *what, reactor=reactor or installed_reactor())
        connectWS(factory)
        return factory.opened

    return ClientAgent(open_connection)


class _AgentFactory(WebSocketClientFactory):
    """Makes one protocol, and tells when it is open."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened: Deferred[Any] = Deferred()

    def buildProtocol(self, addr: Any) -> Any:
        """Make the protocol."""
        protocol = super().buildProtocol(addr)
        protocol.is_open.chainDeferred(self.opened)
        return protocol

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: ARG002  # it is not tried again
        """There is no connection."""
        self.opened.errback(reason)


def installed_reactor() -> Any:
    """Return the reactor that is installed; one is, if none was."""
    from twisted.internet import reactor  # noqa: PLC0415  # importing it installs one

    return reactor
