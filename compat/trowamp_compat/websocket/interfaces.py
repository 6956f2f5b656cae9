"""What channels and their factories offer, as abstract classes to test against; the protocols and factories are registered as such."""

from __future__ import annotations

import abc
from typing import Any

from ..wamp.types import TransportDetails
from ._client import WebSocketClientProtocol
from ._factory import WebSocketClientFactory, WebSocketServerFactory
from ._server import WebSocketServerProtocol
from .types import ConnectionRequest, ConnectionResponse

__all__ = [
    "IWebSocketChannel",
    "IWebSocketChannelFrameApi",
    "IWebSocketChannelStreamingApi",
    "IWebSocketClientAgent",
    "IWebSocketClientChannelFactory",
    "IWebSocketServerChannelFactory",
]


class IWebSocketChannel(abc.ABC):
    """Whole messages, pings, and the closing handshake."""

    @abc.abstractmethod
    def onConnecting(self, transport_details: TransportDetails) -> Any:
        """The connection is there, and a client has not asked for WebSocket yet."""

    @abc.abstractmethod
    def onConnect(self, request_or_response: ConnectionRequest | ConnectionResponse) -> Any:
        """A client asks for WebSocket, or a server has accepted."""

    @abc.abstractmethod
    def onOpen(self) -> Any:
        """Messages can be sent."""

    @abc.abstractmethod
    def onMessage(self, payload: bytes, isBinary: bool) -> Any:
        """A message has come."""

    @abc.abstractmethod
    def onPing(self, payload: bytes) -> Any:
        """A ping has come."""

    @abc.abstractmethod
    def onPong(self, payload: bytes) -> Any:
        """A pong has come."""

    @abc.abstractmethod
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> Any:
        """The connection is gone."""

    @abc.abstractmethod
    def sendMessage(
        self,
        payload: bytes,
        isBinary: bool = False,
        fragmentSize: int | None = None,
        sync: bool = False,
        doNotCompress: bool = False,
    ) -> Any:
        """Send a message."""

    @abc.abstractmethod
    def sendPing(self, payload: bytes | None = None) -> Any:
        """Send a ping."""

    @abc.abstractmethod
    def sendPong(self, payload: bytes | None = None) -> Any:
        """Send a pong."""

    @abc.abstractmethod
    def sendClose(self, code: int | None = None, reason: str | None = None) -> Any:
        """Begin the closing handshake."""


class IWebSocketChannelFrameApi(IWebSocketChannel):
    """Frames."""

    @abc.abstractmethod
    def onMessageBegin(self, isBinary: bool) -> Any:
        """A message begins."""

    @abc.abstractmethod
    def onMessageFrame(self, payload: list[bytes]) -> Any:
        """A frame of it has come."""

    @abc.abstractmethod
    def onMessageEnd(self) -> Any:
        """It is complete."""

    @abc.abstractmethod
    def beginMessage(self, isBinary: bool = False, doNotCompress: bool = False) -> Any:
        """Begin a message."""

    @abc.abstractmethod
    def sendMessageFrame(self, payload: bytes, sync: bool = False) -> Any:
        """Send a frame of it."""

    @abc.abstractmethod
    def endMessage(self) -> Any:
        """End it."""


class IWebSocketChannelStreamingApi(IWebSocketChannelFrameApi):
    """Pieces of frames."""

    @abc.abstractmethod
    def onMessageFrameBegin(self, length: int) -> Any:
        """A frame begins."""

    @abc.abstractmethod
    def onMessageFrameData(self, payload: bytes) -> Any:
        """Octets of it have come."""

    @abc.abstractmethod
    def onMessageFrameEnd(self) -> Any:
        """It is complete."""

    @abc.abstractmethod
    def beginMessageFrame(self, length: int) -> Any:
        """Begin a frame."""

    @abc.abstractmethod
    def sendMessageFrameData(self, payload: bytes, sync: bool = False) -> Any:
        """Send octets of it."""


class _ChannelFactory(abc.ABC):
    @abc.abstractmethod
    def setSessionParameters(self, *args: Any, **kwargs: Any) -> Any:
        """Set what the constructor sets."""

    @abc.abstractmethod
    def setProtocolOptions(self, *args: Any, **kwargs: Any) -> Any:
        """Set options."""

    @abc.abstractmethod
    def resetProtocolOptions(self) -> Any:
        """Set all options as they are from the beginning."""


class IWebSocketServerChannelFactory(_ChannelFactory):
    """Options of a server."""


class IWebSocketClientChannelFactory(_ChannelFactory):
    """Options of a client."""


class IWebSocketClientAgent(abc.ABC):
    """Opens connections one by one."""

    @abc.abstractmethod
    def open(self, transport_config: Any, options: dict[str, Any], protocol_class: Any = None) -> Any:
        """Open a connection; return a future of the framework for its protocol.

        Args:
            transport_config: The URL.
            options: Arguments of the client's factory and options of the protocol, by their names.
            protocol_class: The class of the protocol.
        """


IWebSocketChannelStreamingApi.register(WebSocketServerProtocol)
IWebSocketChannelStreamingApi.register(WebSocketClientProtocol)
IWebSocketServerChannelFactory.register(WebSocketServerFactory)
IWebSocketClientChannelFactory.register(WebSocketClientFactory)
