"""WebSocket on Twisted without WAMP: protocols and factories."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from .._logging import make_logger
from ..websocket import protocol as shared
from ._face import TwistedFace
from ._producing import AskedProducer
from ._wire import TwistedWire


@implementer(IHalfCloseableProtocol, IPushProducer)
class WebSocketAdapterProtocol(shared.WebSocketProtocol, Protocol):
    """The part of a protocol that knows Twisted."""

    log = make_logger("twisted")

    # ---- Protocol

    def connectionMade(self) -> None:
        """Begin the opening handshake."""
        if not hasattr(self, "_face"):
            self._face = TwistedFace(getattr(self.factory, "reactor", None))
        self.transport.registerProducer(self, True)
        self._connected(TwistedWire(self.transport))

    def dataReceived(self, data: bytes) -> None:
        """Take octets."""
        self._received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # why it broke tells nothing
        """The connection is gone."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._lost()

    # ---- what users call

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let a producer know when to pause.

        Args:
            producer: What writes.
            streaming: Whether it does so until it is told to pause; otherwise it is asked for each piece.

        Raises:
            RuntimeError: There is one.
        """
        asked = producer if streaming else AskedProducer(producer, self._face.call_soon, self._broken)
        super().registerProducer(asked, True)

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        producer, self._producer = self._producer, None
        if isinstance(producer, AskedProducer):
            producer.stop()

    # ---- IHalfCloseableProtocol

    def readConnectionLost(self) -> None:
        """The peer sends nothing more."""
        self._wire.close()

    def writeConnectionLost(self) -> None:
        """Nothing more can be sent."""

    # ---- IPushProducer

    def pauseProducing(self) -> None:
        """The peer does not take what was sent."""
        self._paused()

    def resumeProducing(self) -> None:
        """The peer takes what is sent again."""
        self._resumed()

    def stopProducing(self) -> None:
        """The connection is gone; `connectionLost` is called."""


class WebSocketServerProtocol(WebSocketAdapterProtocol, shared.WebSocketServerProtocol):
    """The server's side of one connection."""


class WebSocketClientProtocol(WebSocketAdapterProtocol, shared.WebSocketClientProtocol):
    """The client's side of one connection."""


class WebSocketAdapterFactory(shared.WebSocketFactory):
    """The part of a factory that knows Twisted.

    Args:
        args: As for the class of the same name in `trowamp_compat.websocket.protocol`.
        reactor: The reactor; None is the one that is installed when a connection is made.
        kwargs: As there.

    Attributes:
        reactor: The reactor.
    """

    log = make_logger("twisted")
    noisy = False

    protocol: Any
    reactor: Any

    def __init__(self, *args: Any, reactor: Any = None, **kwargs: Any) -> None:
        self.reactor = reactor
        super().__init__(*args, **kwargs)

    def buildProtocol(self, addr: Any) -> Any:  # noqa: ARG002  # the transport knows it
        """Make a protocol."""
        protocol = self.protocol()
        protocol.factory = self
        protocol._face = TwistedFace(self.reactor)
        return protocol


class WebSocketServerFactory(WebSocketAdapterFactory, shared.WebSocketServerFactory, ServerFactory):
    """Makes the server's side of connections."""

    protocol: Any = WebSocketServerProtocol


class WebSocketClientFactory(WebSocketAdapterFactory, shared.WebSocketClientFactory, ClientFactory):
    """Makes the client's side of connections.

    Attributes:
        contextFactory: How to make TLS; None verifies the host of the URL.
    """

    protocol: Any = WebSocketClientProtocol
    contextFactory: Any = None

    def client_tls(self) -> Any:
        """Return how to make TLS."""
        return self.contextFactory or optionsForClientTLS(self.host)
