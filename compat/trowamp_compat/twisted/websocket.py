"""WebSocket on Twisted: protocols and factories for `reactor.connectTCP`, `reactor.listenTCP`, endpoints and their kin."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from .._logging import make_logger
from ..wamp.types import TransportDetails
from ..websocket import _wamp as wamp
from ..websocket import protocol as shared
from ..websocket._factory import configure_client
from ..websocket.interfaces import IWebSocketClientAgent
from ._connection import address_of
from ._face import TwistedFace

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
    "connectWS",
    "create_client_agent",
    "listenWS",
]


@implementer(IHalfCloseableProtocol, IPushProducer)
class WebSocketAdapterProtocol(shared.WebSocketProtocol, Protocol):
    """The part of a protocol that knows Twisted.

    Attributes:
        transport: The transport beneath.
    """

    log = make_logger("twisted")

    transport: Any = None
    _producer: Any = None

    # ---- Protocol

    def connectionMade(self) -> None:
        """Begin the opening handshake."""
        if not hasattr(self, "_face"):
            self._face = TwistedFace(getattr(self.factory, "reactor", None))
        self.transport_details = self._describe()
        self.peer = self.transport_details.peer
        self.transport.registerProducer(self, True)
        self._connected()
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(self.tcpNoDelay)

    def dataReceived(self, data: bytes) -> None:
        """Take octets."""
        self._received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # why it broke tells nothing
        """The connection is gone."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._lost()

    # ---- IHalfCloseableProtocol

    def readConnectionLost(self) -> None:
        """The peer sends nothing more."""
        self._close()

    def writeConnectionLost(self) -> None:
        """Nothing more can be sent."""

    # ---- IPushProducer: a server takes nothing from a client that does not take what was sent

    def pauseProducing(self) -> None:
        """The peer does not take what was sent."""
        self._writing_paused(True)
        if self.is_server:
            self.transport.pauseProducing()
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """The peer takes what is sent again."""
        self._writing_paused(False)
        if self.is_server:
            self.transport.resumeProducing()
        if self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is gone; `connectionLost` is called."""

    # ---- what users call

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let a producer know when to pause: it is told by `pauseProducing` and `resumeProducing`.

        Args:
            producer: What sends messages.
            streaming: Whether it does so until it is told to pause; otherwise only when it is told to resume.

        Raises:
            RuntimeError: There is one.
        """
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        self._producer = producer
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self._producer = None

    # ---- what the shared part needs

    def _write(self, data: bytes) -> None:
        self.transport.write(data)

    def _finish(self) -> None:
        if ISSLTransport.providedBy(self.transport) or not hasattr(self.transport, "loseWriteConnection"):
            self._close()
            return
        self._stop_watching()
        self.transport.loseWriteConnection()

    def _close(self) -> None:
        self._stop_watching()
        self.transport.loseConnection()

    def _abort(self) -> None:
        self.transport.abortConnection()

    def _stop_watching(self) -> None:
        """Let the transport end: one that is told to wait for a producer would not, and one that does not read would not see the peer's end."""
        self.transport.unregisterProducer()
        if self._is_paused:
            self.transport.resumeProducing()

    def _describe(self) -> TransportDetails:
        is_secure = ISSLTransport.providedBy(self.transport)
        return TransportDetails(
            channel_type=TransportDetails.CHANNEL_TYPE_TLS if is_secure else TransportDetails.CHANNEL_TYPE_TCP,
            channel_framing=TransportDetails.CHANNEL_FRAMING_WEBSOCKET,
            own=address_of(self.transport.getHost()),
            peer=address_of(self.transport.getPeer()),
            is_server=self.is_server,
            is_secure=is_secure,
            own_pid=os.getpid(),
            own_tid=threading.get_native_id(),
        )


class WebSocketServerProtocol(WebSocketAdapterProtocol, shared.WebSocketServerProtocol):
    """The server's side of one connection."""


class WebSocketClientProtocol(WebSocketAdapterProtocol, shared.WebSocketClientProtocol):
    """The client's side of one connection."""

    def _start_tls(self) -> None:
        self.transport.startTLS(self.factory.client_tls())
        self.transport_details = self._describe()
        self.startHandshake()


class WebSocketAdapterFactory:
    """The part of a factory that knows Twisted.

    Attributes:
        reactor: The reactor; None is the one that is installed when a connection is made.
    """

    log = make_logger("twisted")

    protocol: Any
    reactor: Any

    def buildProtocol(self, addr: Any) -> Any:  # noqa: ARG002  # the transport knows it
        """Make a protocol."""
        protocol = self.protocol()
        protocol.factory = self
        protocol._face = TwistedFace(self.reactor)
        return protocol


class WebSocketServerFactory(WebSocketAdapterFactory, shared.WebSocketServerFactory, ServerFactory):
    """Makes the server's side of connections.

    Args:
        args: As for `trowamp_compat.websocket.protocol.WebSocketServerFactory`.
        reactor: The reactor.
        kwargs: As there.
    """

    noisy = False
    protocol: Any = WebSocketServerProtocol

    def __init__(self, *args: Any, reactor: Any = None, **kwargs: Any) -> None:
        self.reactor = reactor
        shared.WebSocketServerFactory.__init__(self, *args, **kwargs)


class WebSocketClientFactory(WebSocketAdapterFactory, shared.WebSocketClientFactory, ClientFactory):
    """Makes the client's side of connections.

    Args:
        args: As for `trowamp_compat.websocket.protocol.WebSocketClientFactory`.
        reactor: The reactor.
        kwargs: As there.

    Attributes:
        contextFactory: How to make TLS; None verifies the host of the URL.
    """

    noisy = False
    protocol: Any = WebSocketClientProtocol
    contextFactory: Any = None

    def __init__(self, *args: Any, reactor: Any = None, **kwargs: Any) -> None:
        self.reactor = reactor
        shared.WebSocketClientFactory.__init__(self, *args, **kwargs)

    def client_tls(self) -> Any:
        """Return how to make TLS."""
        return self.contextFactory or optionsForClientTLS(self.host)


class _Flushing(wamp.WampWebSocketProtocol):
    def flush_soon(self) -> None:
        """Write what is queued: Twisted itself gathers what is written in one turn of the reactor."""
        self.flush()


class WampWebSocketServerProtocol(_Flushing, wamp.WampWebSocketServerProtocol, WebSocketServerProtocol):
    """The server's side of one connection that carries WAMP."""


class WampWebSocketClientProtocol(_Flushing, wamp.WampWebSocketClientProtocol, WebSocketClientProtocol):
    """The client's side of one connection that carries WAMP."""


class WampWebSocketServerFactory(wamp.WampWebSocketFactory, WebSocketServerFactory):
    """Makes the server's side of connections that carry WAMP.

    Args:
        factory: Makes the session: a callable without arguments, or a session.
        args: As for `WebSocketServerFactory`, without `protocols`.
        serializers: Objects of `trowamp_compat.wamp.serializer`, or names such as "cbor"; None is all there are.
        kwargs: As for `WebSocketServerFactory`.
    """

    protocol: Any = WampWebSocketServerProtocol

    def __init__(self, factory: Any, *args: Any, serializers: Sequence[Any] | None = None, **kwargs: Any) -> None:
        kwargs["protocols"] = self._set_wamp(factory, serializers)
        WebSocketServerFactory.__init__(self, *args, **kwargs)


class WampWebSocketClientFactory(wamp.WampWebSocketFactory, WebSocketClientFactory):
    """Makes the client's side of connections that carry WAMP.

    Args:
        factory: Makes the session: a callable without arguments, or a session.
        args: As for `WebSocketClientFactory`, without `protocols`.
        serializers: Objects of `trowamp_compat.wamp.serializer`, or names such as "cbor", in order of preference; None is all there are.
        kwargs: As for `WebSocketClientFactory`.
    """

    protocol: Any = WampWebSocketClientProtocol

    def __init__(self, factory: Any, *args: Any, serializers: Sequence[Any] | None = None, **kwargs: Any) -> None:
        kwargs["protocols"] = self._set_wamp(factory, serializers)
        WebSocketClientFactory.__init__(self, *args, **kwargs)


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
    return _ClientAgent(reactor)


class _ClientAgent(IWebSocketClientAgent):
    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def open(self, transport_config: Any, options: dict[str, Any], protocol_class: Any = None) -> Any:
        """Open a connection; return a Deferred for its protocol, which fires when messages can be sent."""
        factory = configure_client(
            _AgentFactory, transport_config, options, protocol_class, reactor=self._reactor or installed_reactor()
        )
        connectWS(factory)
        return factory.opened


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
