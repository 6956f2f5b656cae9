"""WebSocket on asyncio: protocols and factories for `loop.create_connection`, `loop.create_server` and their kin for Unix sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from typing import Any

from .._logging import make_logger
from ..wamp._addresses import address_words
from ..wamp.types import TransportDetails
from ..websocket import protocol as shared
from ._face import AsyncioFace

__all__ = [
    "WebSocketAdapterFactory",
    "WebSocketAdapterProtocol",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
]


class WebSocketAdapterProtocol(shared.WebSocketProtocol, asyncio.Protocol):
    """The part of a protocol that knows asyncio.

    Attributes:
        transport: The transport beneath.
    """

    log = make_logger("asyncio")

    transport: Any = None
    _producer: Any = None

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the opening handshake."""
        self.transport = transport
        if not hasattr(self, "_face"):
            self._face = AsyncioFace(asyncio.get_running_loop())
        self.transport_details = self._describe()
        self.peer = self.transport_details.peer
        self._connected()
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(self.tcpNoDelay))

    def data_received(self, data: bytes) -> None:
        """Take octets."""
        self._received(data)

    def eof_received(self) -> None:
        """The peer sends nothing more; the transport closes itself."""

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002  # why it broke tells nothing
        """The connection is gone."""
        self._lost()

    def pause_writing(self) -> None:
        """The peer does not take what was sent: take nothing from it that would add to it."""
        self._writing_paused(True)
        if self.is_server:
            self.transport.pause_reading()
        if self._producer is not None:
            self._producer.pauseProducing()

    def resume_writing(self) -> None:
        """The peer takes what is sent again."""
        self._writing_paused(False)
        if self.is_server:
            self.transport.resume_reading()
        if self._producer is not None:
            self._producer.resumeProducing()

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
        if not self.transport.is_closing():
            self.transport.write(data)

    def _finish(self) -> None:
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _close(self) -> None:
        self.transport.close()

    def _abort(self) -> None:
        self.transport.abort()

    def _describe(self) -> TransportDetails:
        look_up = self.transport.get_extra_info
        sock = look_up("socket")
        is_secure = look_up("ssl_object") is not None
        return TransportDetails(
            channel_type=TransportDetails.CHANNEL_TYPE_TLS if is_secure else TransportDetails.CHANNEL_TYPE_TCP,
            channel_framing=TransportDetails.CHANNEL_FRAMING_WEBSOCKET,
            own=address_words(look_up("sockname")),
            peer=address_words(look_up("peername")),
            is_server=self.is_server,
            is_secure=is_secure,
            own_pid=os.getpid(),
            own_tid=threading.get_native_id(),
            own_fd=sock.fileno() if sock is not None else None,
        )


class WebSocketServerProtocol(WebSocketAdapterProtocol, shared.WebSocketServerProtocol):
    """The server's side of one connection."""


class WebSocketClientProtocol(WebSocketAdapterProtocol, shared.WebSocketClientProtocol):
    """The client's side of one connection."""

    def _start_tls(self) -> None:
        loop = asyncio.get_running_loop()
        self.transport.pause_reading()
        started = loop.start_tls(
            self.transport, self, self.factory.context_factory(), server_hostname=self.factory.host
        )
        future = self._face.future_of(started)
        self._face.when_done(future, self._tls_started, lambda error: self.failProxyConnect(f"TLS failed: {error}"))

    def _tls_started(self, transport: Any) -> None:
        self.transport = transport
        self.transport_details = self._describe()
        self.startHandshake()


class WebSocketAdapterFactory:
    """The part of a factory that knows asyncio.

    Attributes:
        loop: The loop; None is the one that runs when a connection is made.
    """

    log = make_logger("asyncio")

    protocol: Any
    loop: asyncio.AbstractEventLoop | None

    def __call__(self) -> Any:
        """Make a protocol."""
        protocol = self.protocol()
        protocol.factory = self
        loop = self.loop or _running_loop()
        if loop is not None:
            protocol._face = AsyncioFace(loop)
        return protocol


class WebSocketServerFactory(WebSocketAdapterFactory, shared.WebSocketServerFactory):
    """Makes the server's side of connections.

    Args:
        args: As for `trowamp_compat.websocket.protocol.WebSocketServerFactory`.
        loop: The loop.
        kwargs: As there.
    """

    protocol: Any = WebSocketServerProtocol

    def __init__(self, *args: Any, loop: asyncio.AbstractEventLoop | None = None, **kwargs: Any) -> None:
        self.loop = loop or _running_loop()
        shared.WebSocketServerFactory.__init__(self, *args, **kwargs)


class WebSocketClientFactory(WebSocketAdapterFactory, shared.WebSocketClientFactory):
    """Makes the client's side of connections.

    Args:
        args: As for `trowamp_compat.websocket.protocol.WebSocketClientFactory`.
        loop: The loop.
        kwargs: As there.

    Attributes:
        ssl: The context for TLS through a proxy; None makes the default one.
    """

    protocol: Any = WebSocketClientProtocol
    ssl: Any = None

    def __init__(self, *args: Any, loop: asyncio.AbstractEventLoop | None = None, **kwargs: Any) -> None:
        self.loop = loop or _running_loop()
        shared.WebSocketClientFactory.__init__(self, *args, **kwargs)

    def context_factory(self) -> Any:
        """Return the context for TLS through a proxy."""
        import ssl  # noqa: PLC0415  # it takes its time, and few need it

        return self.ssl if isinstance(self.ssl, ssl.SSLContext) else ssl.create_default_context()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
