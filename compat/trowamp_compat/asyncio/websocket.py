"""WebSocket on asyncio: protocols and factories for `loop.create_connection`, `loop.create_server` and their kin for Unix sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Sequence
from typing import Any

from .._logging import make_logger
from ..wamp._addresses import address_words
from ..wamp.types import TransportDetails
from ..websocket import _wamp as wamp
from ..websocket import protocol as shared
from ..websocket._factory import configure_client
from ..websocket.interfaces import IWebSocketClientAgent
from ._face import AsyncioFace

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
    "create_client_agent",
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


class WampWebSocketServerProtocol(wamp.WampWebSocketServerProtocol, WebSocketServerProtocol):
    """The server's side of one connection that carries WAMP."""


class WampWebSocketClientProtocol(wamp.WampWebSocketClientProtocol, WebSocketClientProtocol):
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


def create_client_agent(loop: asyncio.AbstractEventLoop | None = None) -> IWebSocketClientAgent:
    """Return what opens connections one by one, as a client.

    Args:
        loop: The loop; None is the one that runs when a connection is opened.
    """
    return _ClientAgent(loop)


class _ClientAgent(IWebSocketClientAgent):
    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop

    def open(self, transport_config: Any, options: dict[str, Any], protocol_class: Any = None) -> Any:
        """Open a connection; return a task for its protocol, which ends when messages can be sent."""
        loop = self._loop or asyncio.get_running_loop()
        factory = configure_client(WebSocketClientFactory, transport_config, options, protocol_class, loop=loop)
        return loop.create_task(_opened(factory, loop))


async def _opened(factory: WebSocketClientFactory, loop: asyncio.AbstractEventLoop) -> Any:
    if factory.proxy is not None:
        _, protocol = await loop.create_connection(factory, factory.proxy["host"], factory.proxy["port"])
    elif factory.host == "unix":
        _, protocol = await loop.create_unix_connection(factory, factory.port)
    else:
        tls = factory.context_factory() if factory.isSecure else None
        _, protocol = await loop.create_connection(factory, factory.host, factory.port, ssl=tls)
    try:
        return await protocol.is_open
    except asyncio.CancelledError:
        protocol.dropConnection(abort=True)
        raise


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
