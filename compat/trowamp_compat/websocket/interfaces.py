"""What channels and their factories offer, as abstract classes to test against; the protocols and factories are registered as such."""

from __future__ import annotations

import abc
from typing import Any

from ._connection import WebSocketProtocol
from ._factory import WebSocketClientFactory, WebSocketServerFactory

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
    def onOpen(self, *args: Any, **kwargs: Any) -> Any:
        """Messages can be sent."""

    @abc.abstractmethod
    def onMessage(self, *args: Any, **kwargs: Any) -> Any:
        """A message has come."""

    @abc.abstractmethod
    def onClose(self, *args: Any, **kwargs: Any) -> Any:
        """The connection is gone."""

    @abc.abstractmethod
    def sendMessage(self, *args: Any, **kwargs: Any) -> Any:
        """Send a message."""

    @abc.abstractmethod
    def sendPing(self, *args: Any, **kwargs: Any) -> Any:
        """Send a ping."""

    @abc.abstractmethod
    def sendPong(self, *args: Any, **kwargs: Any) -> Any:
        """Send a pong."""

    @abc.abstractmethod
    def sendClose(self, *args: Any, **kwargs: Any) -> Any:
        """Begin the closing handshake."""


class IWebSocketChannelFrameApi(IWebSocketChannel):
    """Frames."""

    @abc.abstractmethod
    def onMessageBegin(self, *args: Any, **kwargs: Any) -> Any:
        """A message begins."""

    @abc.abstractmethod
    def onMessageFrame(self, *args: Any, **kwargs: Any) -> Any:
        """A frame of it has come."""

    @abc.abstractmethod
    def onMessageEnd(self, *args: Any, **kwargs: Any) -> Any:
        """It is complete."""

    @abc.abstractmethod
    def beginMessage(self, *args: Any, **kwargs: Any) -> Any:
        """Begin a message."""

    @abc.abstractmethod
    def sendMessageFrame(self, *args: Any, **kwargs: Any) -> Any:
        """Send a frame of it."""

    @abc.abstractmethod
    def endMessage(self, *args: Any, **kwargs: Any) -> Any:
        """End it."""


class IWebSocketChannelStreamingApi(IWebSocketChannelFrameApi):
    """Pieces of frames."""

    @abc.abstractmethod
    def onMessageFrameBegin(self, *args: Any, **kwargs: Any) -> Any:
        """A frame begins."""

    @abc.abstractmethod
    def onMessageFrameData(self, *args: Any, **kwargs: Any) -> Any:
        """Octets of it have come."""

    @abc.abstractmethod
    def onMessageFrameEnd(self, *args: Any, **kwargs: Any) -> Any:
        """It is complete."""

    @abc.abstractmethod
    def beginMessageFrame(self, *args: Any, **kwargs: Any) -> Any:
        """Begin a frame."""

    @abc.abstractmethod
    def sendMessageFrameData(self, *args: Any, **kwargs: Any) -> Any:
        """Send octets of it."""


class IWebSocketServerChannelFactory(abc.ABC):
    """Options of a server."""

    @abc.abstractmethod
    def setSessionParameters(self, *args: Any, **kwargs: Any) -> Any:
        """Set what the constructor sets."""

    @abc.abstractmethod
    def setProtocolOptions(self, *args: Any, **kwargs: Any) -> Any:
        """Set options."""

    @abc.abstractmethod
    def resetProtocolOptions(self, *args: Any, **kwargs: Any) -> Any:
        """Set all options as they are from the beginning."""


class IWebSocketClientChannelFactory(abc.ABC):
    """Options of a client."""

    @abc.abstractmethod
    def setSessionParameters(self, *args: Any, **kwargs: Any) -> Any:
        """Set what the constructor sets."""

    @abc.abstractmethod
    def setProtocolOptions(self, *args: Any, **kwargs: Any) -> Any:
        """Set options."""

    @abc.abstractmethod
    def resetProtocolOptions(self, *args: Any, **kwargs: Any) -> Any:
        """Set all options as they are from the beginning."""


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


IWebSocketChannelStreamingApi.register(WebSocketProtocol)
IWebSocketServerChannelFactory.register(WebSocketServerFactory)
IWebSocketClientChannelFactory.register(WebSocketClientFactory)
