"""Any protocol of Twisted over WebSocket: its octets travel as messages, whose borders mean nothing.

Messages are binary, or text in base64 for peers that cannot do that; the subprotocol says which.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from ..websocket import protocol as shared
from ..websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from ._channels import (
    WebSocketAdapterProtocol,
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)

_BASE64: Final = "base64"
_SUBPROTOCOLS: Final = ("binary", _BASE64)


@implementer(ITransport)
class WrappingWebSocketAdapter(WebSocketAdapterProtocol):
    """Mixed into protocols: the transport of the protocol that is wrapped.

    Attributes:
        wrapped: The protocol that is wrapped.
        disconnecting: Whether the connection is being closed.
    """

    wrapped: Any
    _is_binary = True
    _is_made = False

    def _choose(self, subprotocol: str) -> None:
        self._is_binary = subprotocol != _BASE64

    @property
    def is_made(self) -> Any:
        """A Deferred for the protocol's connection: this protocol, or the error."""
        return self._future("made")

    # ---- what WebSocket tells

    def onOpen(self) -> None:
        """Give the protocol its transport."""
        self._is_made = True
        self.wrapped.makeConnection(self)
        self._end("made", None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hand octets to the protocol."""
        if isBinary is not self._is_binary:
            self._fail(self.CLOSE_STATUS_CODE_UNSUPPORTED_DATA, "the subprotocol has messages of the other kind")
            return
        if not isBinary:
            try:
                payload = base64.b64decode(payload, validate=True)
            except binascii.Error:
                self._fail(self.CLOSE_STATUS_CODE_INVALID_PAYLOAD, "the message is not base64")
                return
        self.wrapped.dataReceived(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: ARG002  # protocols are told less
        """Tell the protocol that the connection is gone, if it was made."""
        if not self._is_made:
            self._end("made", ConnectionError(reason))
        else:
            error: Exception = ConnectionDone() if wasClean else ConnectionLost(reason)
            self.wrapped.connectionLost(Failure(error))  # type: ignore[no-untyped-call]

    # ---- ITransport

    @property
    def disconnecting(self) -> bool:
        """Whether the connection is being closed."""
        return not self.isOpen()

    def write(self, data: bytes) -> None:
        """Send octets; nothing happens when the connection is being closed."""
        if data and self.isOpen():
            self.sendMessage(bytes(data) if self._is_binary else base64.b64encode(data), self._is_binary)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send octets."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close in good order, when everything was sent."""
        self.sendClose(self.CLOSE_STATUS_CODE_NORMAL)

    def abortConnection(self) -> None:
        """Close at once."""
        self.dropConnection(abort=True)

    def getHost(self) -> Any:
        """Return the address of this side."""
        return self.transport.getHost()

    def getPeer(self) -> Any:
        """Return the address of the other side."""
        return self.transport.getPeer()


class WrappingWebSocketServerProtocol(WrappingWebSocketAdapter, WebSocketServerProtocol):
    """The server's side of one connection."""

    def onConnect(self, request: shared.ConnectionRequest) -> str:
        """Choose the first subprotocol that the client offers and we know.

        Raises:
            ConnectionDeny: There is none.
        """
        for offered in request.protocols:
            if offered in self.factory.protocols:
                self._choose(offered)
                return offered
        known = ", ".join(self.factory.protocols)
        raise shared.ConnectionDeny(
            shared.ConnectionDeny.NOT_ACCEPTABLE, f"this server only speaks WebSocket subprotocols {known}"
        )


class WrappingWebSocketClientProtocol(WrappingWebSocketAdapter, WebSocketClientProtocol):
    """The client's side of one connection."""

    def onConnect(self, response: shared.ConnectionResponse) -> None:
        """Check what the server selected.

        Raises:
            Exception: It selected nothing.
        """
        if response.protocol is None:
            raise Exception(f"the server does not speak any of the WebSocket subprotocols {self.factory.protocols}")
        self._choose(response.protocol)


class _Wrapping(shared.WebSocketFactory):
    """Mixed into factories.

    Args:
        factory: The factory of the protocols to wrap.
        url: The URL.
        reactor: The reactor; None is the installed one.
        enableCompression: Whether messages may be compressed.
        autoFragmentSize: Octets for one frame of what is sent; 0 for any.
        subprotocol: One more subprotocol to speak, with binary messages.
    """

    setProtocolOptions: Any
    COMPRESSION: dict[str, Any]

    def __init__(
        self,
        factory: Any,
        url: str | None,
        reactor: Any = None,
        enableCompression: bool = True,
        autoFragmentSize: int = 0,
        subprotocol: str | None = None,
    ) -> None:
        more = [subprotocol] if subprotocol else []
        super().__init__(url, protocols=[*_SUBPROTOCOLS, *more], reactor=reactor)  # type: ignore[call-arg]  # of the framework's factory
        self.wrapped = factory
        compression = self.COMPRESSION if enableCompression else {}
        self.setProtocolOptions(autoFragmentSize=autoFragmentSize, **compression)

    def buildProtocol(self, addr: Any) -> Any:
        """Make a protocol around one of the factory that is wrapped; None if that makes none."""
        wrapped = self.wrapped.buildProtocol(addr)
        if wrapped is None:
            return None
        protocol = super().buildProtocol(addr)  # type: ignore[misc]  # of the framework's factory
        protocol.wrapped = wrapped
        return protocol

    def startFactory(self) -> None:
        """Start the factory that is wrapped, too."""
        self.wrapped.doStart()

    def stopFactory(self) -> None:
        """Stop the factory that is wrapped, too."""
        self.wrapped.doStop()


def _accept(offers: list[Any]) -> PerMessageDeflateOfferAccept | None:
    known = [offer for offer in offers if isinstance(offer, PerMessageDeflateOffer)]
    return PerMessageDeflateOfferAccept(known[0]) if known else None


class WrappingWebSocketServerFactory(_Wrapping, WebSocketServerFactory):
    """Serves another factory's protocols over WebSocket."""

    protocol: Any = WrappingWebSocketServerProtocol
    COMPRESSION = {"perMessageCompressionAccept": _accept}  # noqa: RUF012


class WrappingWebSocketClientFactory(_Wrapping, WebSocketClientFactory):
    """Connects another factory's protocols over WebSocket."""

    protocol: Any = WrappingWebSocketClientProtocol
    COMPRESSION = {"perMessageCompressionOffers": [PerMessageDeflateOffer()]}  # noqa: RUF012
