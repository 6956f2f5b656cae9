"""The embedded router on Trio: listeners, in-memory sessions, shared timers, the router core between all connections."""

from __future__ import annotations

import logging
import math
import os
import ssl
import struct
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

import msgspec
import trio

from ._failures import open_service_nursery
from ._join import JoinOptions, open_link
from ._listen import Listener, open_listener
from ._pump import Pump
from ._router_connection import RouterConnection
from ._run_session import Opened, run_session
from ._session import Session
from ._stream import ByteTransport, memory_pair
from ._url import parse_url
from .router import Router as RouterCore
from .router import RouterOptions, RouterStatistics
from .wire import DEFAULT_MAX_SIZE, SERIALIZERS, Compression, get_serializer, rawsocket_client, universal_server

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection

_log = logging.getLogger("trowamp.router")


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and times of a router's connections; `open_router` documents each of them."""

    max_connections: int = 10_000
    handshake_timeout: float = 15.0
    close_timeout: float = 2.0
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    max_message_size: int = DEFAULT_MAX_SIZE
    compression: Compression = None


class Router:
    """A running router. Made by `open_router`.

    Attributes:
        urls: Where it listens, with real ports.
    """

    def __init__(
        self, realms: Iterable[str], nursery: trio.Nursery, options: ServerOptions, core_options: RouterOptions
    ) -> None:
        self.options = options
        self._nursery = nursery
        self.core = RouterCore(realms, random_id=_random_ids().__next__, options=core_options)
        self.urls: list[str] = []
        self._listeners: list[Listener] = []
        self._connections: set[RouterConnection] = set()
        self._refused = 0
        self._is_stopping = False
        self._somebody_left = trio.lowlevel.ParkingLot()
        self._earlier_deadline = trio.Event()
        self._armed = math.inf  # when the timekeeper will look next

    # ---- what users do with it

    def open_session(self, *, realm: str, **options: Unpack[JoinOptions]) -> AbstractAsyncContextManager[Session]:
        """Open a session in memory, without a socket. Arguments and errors are those of `trowamp.open_session`."""
        return self._open_session(realm, options)

    async def serve_websocket(self, connection: WebSocketConnection) -> None:
        """Serve an open, server-side `trio_websocket.WebSocketConnection` that negotiated a WAMP subprotocol, until it ends.

        Raises:
            ValueError: The connection negotiated no WAMP subprotocol.
        """
        from ._trio_websocket import attach  # noqa: PLC0415  # trio-websocket is imported by those who use it

        await self._serve_pump(attach(connection, max_size=self.options.max_message_size))

    def statistics(self) -> RouterStatistics:
        """Return what the router holds now and what it refused so far."""
        return self.core.statistics()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def __repr__(self) -> str:
        return f"<trowamp.Router at {', '.join(self.urls) or 'no listener'}, {self.connections} connections>"

    # ---- what its tasks do

    def flush(self) -> None:
        """Carry the core's output to the connections it concerns."""
        for peer in self.core.take_dirty():
            peer.token.flush()
        deadline = self.core.next_deadline()
        if deadline is not None and deadline < self._armed:
            self._earlier_deadline.set()

    async def listen(self, url: str, tls: ssl.SSLContext | None) -> None:
        """Open the listener of one URL."""
        listener = await open_listener(parse_url(url), tls=tls)
        self._listeners.append(listener)
        self.urls.append(listener.url.text)

    def start(self) -> None:
        """Start the router's own tasks."""
        start = self._nursery.start_soon
        start(self._keep_time, name="trowamp router timekeeper")
        if self.options.ping_interval < math.inf:
            start(self._ping_silent_peers, name="trowamp router keep-alive")
        for listener in self._listeners:
            start(listener.serve, self.serve_transport, name=f"trowamp router {listener.url.text}")

    async def shut_down(self) -> None:
        """Accept nobody any more, say GOODBYE to everybody and wait until all have gone, `close_timeout` at most."""
        self._is_stopping = True
        for listener in self._listeners:
            await listener.aclose()
        self.core.shutdown(trio.current_time())
        self.flush()
        with trio.move_on_after(self.options.close_timeout):
            while self._connections:
                await self._somebody_left.park()

    async def serve_transport(self, transport: ByteTransport) -> None:
        """Serve one connection until it ends."""
        if len(self._connections) >= self.options.max_connections or self._is_stopping:
            self._refused += 1
            _log.warning("connection from %s refused: %d connections are open", transport.description, self.connections)
            transport.abort()
            return
        try:
            with trio.fail_after(self.options.handshake_timeout):
                await transport.handshake()
        except (trio.BrokenResourceError, trio.TooSlowError) as error:
            _log.info("no TLS with %s: %s", transport.description, error.__cause__ or error)
            transport.abort()
            return
        link = universal_server(
            list(SERIALIZERS.values()),
            max_size=self.options.max_message_size,
            compression=self.options.compression,
        )
        await self._serve_pump(Pump(transport, link))

    async def _serve_pump(self, pump: Pump) -> None:
        connection = RouterConnection(self, pump)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
            self._somebody_left.unpark_all()

    @asynccontextmanager
    async def _open_session(self, realm: str, options: JoinOptions) -> AsyncGenerator[Session, None]:
        near, far = memory_pair()
        pump = Pump(near, rawsocket_client(get_serializer("msgpack"), max_size=self.options.max_message_size))
        self._nursery.start_soon(self.serve_transport, far)
        deadline = trio.current_time() + self.options.handshake_timeout
        messages = await open_link(pump, "the router in this program")
        async with run_session(Opened(pump, messages, deadline, None), realm, options) as session:
            yield session

    async def _keep_time(self) -> None:
        """Call timeouts, handshake and goodbye deadlines: one task for all connections."""
        while True:
            deadline = self.core.next_deadline()
            self._armed = math.inf if deadline is None else deadline
            with trio.move_on_at(self._armed):
                await self._earlier_deadline.wait()
            self._earlier_deadline = trio.Event()
            self.core.tick(trio.current_time())
            self.flush()

    async def _ping_silent_peers(self) -> None:
        """Ping who was silent, drop who stays silent: one task for all connections."""
        interval, timeout = self.options.ping_interval, self.options.ping_timeout
        while True:
            await trio.sleep(min(interval, timeout) / 2)
            now = trio.current_time()
            for connection in list(self._connections):
                connection.check_life(now, interval, timeout)


@asynccontextmanager
async def open_router(
    realms: Iterable[str] = ("realm1",),
    listen: Sequence[str] = (),
    *,
    tls: ssl.SSLContext | None = None,
    limits: RouterOptions | None = None,
    max_connections: int = 10_000,
    handshake_timeout: float = 15.0,
    close_timeout: float = 2.0,
    ping_interval: float = 20.0,
    ping_timeout: float = 20.0,
    max_message_size: int = DEFAULT_MAX_SIZE,
    compression: Compression = None,
) -> AsyncGenerator[Router, None]:
    """Run a router for the length of a block.

    `async with trowamp.open_router(realms=["realm1"], listen=["ws://127.0.0.1:0/ws"]) as router: print(router.urls)`

    At the end of the block every session is told `wamp.close.system_shutdown`.

    Args:
        realms: The realms that can be joined.
        listen: URLs to listen at: `ws://`, `wss://`, `rs://`, `rss://` with port 0 for any free one, `ws+unix://`, `rs+unix://`. Every listener
            serves WebSocket and RawSocket alike. None: only in-memory sessions.
        tls: The TLS configuration with the server's certificate, for `wss` and `rss`.
        limits: Limits and policies of sessions: outboxes, slow consumers. Default: `RouterOptions()`.
        max_connections: Connections in total; more are closed at once.
        handshake_timeout: Seconds for TLS, the transport's handshake and joining.
        close_timeout: Seconds for telling sessions goodbye and for closing connections.
        ping_interval: Seconds of silence after which a WebSocket peer is pinged; `math.inf` turns it off.
        ping_timeout: Seconds without any answer after which a peer counts as gone.
        max_message_size: The largest message to accept, in octets. Default 16 MiB - 1.
        compression: "deflate" accepts WebSocket's permessage-deflate from clients that offer it.

    Yields:
        The router.

    Raises:
        ConnectError: An address cannot be listened at.
        ValueError: A URL or realm is not legal, or TLS is missing for `wss` or `rss`.
    """
    options = ServerOptions(
        max_connections=max_connections,
        handshake_timeout=handshake_timeout,
        close_timeout=close_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        max_message_size=max_message_size,
        compression=compression,
    )
    async with open_service_nursery() as nursery:
        router = Router(realms, nursery, options, limits or RouterOptions())
        try:
            for url in listen:
                await router.listen(url, tls)
            router.start()
            yield router
        finally:
            with trio.CancelScope(shield=True):
                await router.shut_down()


async def serve_router(
    realms: Iterable[str] = ("realm1",),
    listen: Sequence[str] = ("ws://127.0.0.1:8080/ws",),
    *,
    task_status: trio.TaskStatus[Router] = trio.TASK_STATUS_IGNORED,
    **options: Any,
) -> NoReturn:
    """Run a router until cancelled: `router = await nursery.start(trowamp.serve_router, ["realm1"], ["ws://127.0.0.1:0/ws"])`.

    Arguments and errors are those of `open_router`; on cancellation every session is told `wamp.close.system_shutdown` first.
    """
    async with open_router(realms, listen, **options) as router:
        task_status.started(router)
        await trio.sleep_forever()
    raise AssertionError("sleeping forever ended")


def _random_ids() -> Iterator[int]:
    """Ids from 1 to 2**53 from the system's random source, fetched in blocks because asking it for every id would cost more than all else (ID-B1)."""
    while True:
        for number in struct.unpack("512Q", os.urandom(4096)):
            yield (number >> 11) + 1
