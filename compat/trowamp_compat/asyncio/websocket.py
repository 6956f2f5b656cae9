"""WebSocket on asyncio: protocols and factories for `loop.create_connection`, `loop.create_server` and their kin for Unix sockets."""

from __future__ import annotations

import asyncio
from typing import Any

from .._logging import make_logger
from ..websocket import _wamp as wamp
from ..websocket import protocol as shared
from ..websocket._agent import ClientAgent, configure_client
from ..websocket.interfaces import IWebSocketClientAgent
from ._face import AsyncioFace
from ._wire import AsyncioWire, read_in_smaller_parts

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
    """The part of a protocol that knows asyncio."""

    log = make_logger("asyncio")

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the opening handshake."""
        if not hasattr(self, "_face"):
            self._face = AsyncioFace(asyncio.get_running_loop())
        read_in_smaller_parts(transport)
        self._connected(AsyncioWire(transport))

    def data_received(self, data: bytes) -> None:
        """Take octets."""
        self._received(data)

    def eof_received(self) -> None:
        """The peer sends nothing more; the transport closes itself."""

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002  # why it broke tells nothing
        """The connection is gone."""
        self._lost()

    def pause_writing(self) -> None:
        """The peer does not take what was sent."""
        self._paused()

    def resume_writing(self) -> None:
        """The peer takes what is sent again."""
        self._resumed()


class WebSocketServerProtocol(WebSocketAdapterProtocol, shared.WebSocketServerProtocol):
    """The server's side of one connection."""


class WebSocketClientProtocol(WebSocketAdapterProtocol, shared.WebSocketClientProtocol):
    """The client's side of one connection."""


class WebSocketAdapterFactory(shared.WebSocketFactory):
    """The part of a factory that knows asyncio.

    Args:
        args: As for the class of the same name in `trowamp_compat.websocket.protocol`.
        loop: The loop; None is the one that runs when the factory, or a connection, is made.
        kwargs: As there.

    Attributes:
        loop: The loop.
    """

    log = make_logger("asyncio")

    protocol: Any
    loop: asyncio.AbstractEventLoop | None

    def __init__(self, *args: Any, loop: asyncio.AbstractEventLoop | None = None, **kwargs: Any) -> None:
        self.loop = loop or _running_loop()
        super().__init__(*args, **kwargs)

    def __call__(self) -> Any:
        """Make a protocol."""
        protocol = self.protocol()
        protocol.factory = self
        loop = self.loop or _running_loop()
        if loop is not None:
            protocol._face = AsyncioFace(loop)
        return protocol


class WebSocketServerFactory(WebSocketAdapterFactory, shared.WebSocketServerFactory):
    """Makes the server's side of connections."""

    protocol: Any = WebSocketServerProtocol


class WebSocketClientFactory(WebSocketAdapterFactory, shared.WebSocketClientFactory):
    """Makes the client's side of connections.

    Attributes:
        ssl: The context for TLS through a proxy; None makes the default one.
    """

    protocol: Any = WebSocketClientProtocol
    ssl: Any = None

    def context_factory(self) -> Any:
        """Return the context for TLS through a proxy."""
        import ssl  # noqa: PLC0415  # it takes its time, and few need it

        return self.ssl if isinstance(self.ssl, ssl.SSLContext) else ssl.create_default_context()


class WampWebSocketServerProtocol(wamp.WampWebSocketServerProtocol, WebSocketServerProtocol):
    """The server's side of one connection that carries WAMP."""


class WampWebSocketClientProtocol(wamp.WampWebSocketClientProtocol, WebSocketClientProtocol):
    """The client's side of one connection that carries WAMP."""


class WampWebSocketServerFactory(wamp.WampWebSocketFactory, WebSocketServerFactory):
    """Makes the server's side of connections that carry WAMP."""

    protocol: Any = WampWebSocketServerProtocol


class WampWebSocketClientFactory(wamp.WampWebSocketFactory, WebSocketClientFactory):
    """Makes the client's side of connections that carry WAMP."""

    protocol: Any = WampWebSocketClientProtocol


def create_client_agent(loop: asyncio.AbstractEventLoop | None = None) -> IWebSocketClientAgent:
    """Return what opens connections one by one, as a client.

    Args:
        loop: The loop; None is the one that runs when a connection is opened.
    """

    def open_connection(*what: Any) -> Any:
        running = loop or asyncio.get_running_loop()
        return running.create_task(_opened(configure_client(WebSocketClientFactory, *what, loop=running), running))

    return ClientAgent(open_connection)


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
