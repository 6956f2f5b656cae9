"""The router core among connections: listeners, tasks, shared timers, from the first connection to the last."""

from __future__ import annotations

import logging
import math
import os
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import trio
from trio.lowlevel import enable_ki_protection

from ._admission import Admission, AdmissionLimits
from ._authentication import Authentication, RouterAuth
from ._authorization import Authorization, Authorize
from ._byte_pump import BytePump
from ._complaints import Complaints
from ._exceptions import ConnectError
from ._history import HistoryKeeper, open_history
from ._join import open_link
from ._listen import Listener, open_listener
from ._long_polls import LongPolls
from ._router_connection import RouterConnection
from ._run_session import Opened
from ._service_session import ServiceSessions
from ._stream import AnyTransport, ByteTransport, memory_pair
from ._tls import TlsTransport
from ._url import parse_url
from .router import Router as RouterCore
from .router import RouterOptions, RouterStatistics
from .router._role_names import check_role_names
from .wire import SERIALIZERS, Compression, get_serializer, rawsocket_client, universal_server
from .wire._websocket_handshake import check_compression

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection

    from .auth._router import Accept, Outcome, Pending
    from .router import Question

_log = logging.getLogger("trowamp.router")


_SERIALIZERS = tuple(SERIALIZERS.values())
_TURNED_AWAY = 100  # connections beyond the limit that are told so at a time; more are closed without a word
_LOOKS = 20  # at silent peers, within the shorter of interval and time-out
LARGEST_MESSAGE = 1024 * 1024


class ServerOptions(AdmissionLimits, frozen=True, kw_only=True):
    """Limits and times of a router's connections; `open_router` documents each of them."""

    close_timeout: float = 2.0
    ping_interval: float = 10.0
    ping_timeout: float = 10.0
    poll_timeout: float = 10.0
    idle_timeout: float = 30.0
    max_message_size: int = LARGEST_MESSAGE
    compression: Compression = None
    origins: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: A number is out of range, or the compression is unknown.
            TypeError: `origins` is one string.
        """
        for name in (
            *AdmissionLimits.__struct_fields__,
            "ping_interval",
            "ping_timeout",
            "poll_timeout",
            "idle_timeout",
            "max_message_size",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")
        check_compression(self.compression)
        if isinstance(self.origins, str):  # each of its letters would be an origin, and "*" allows all
            raise TypeError(f"origins is a list: origins=[{self.origins!r}]")
        if not self.close_timeout >= 0:
            raise ValueError(f"close_timeout must be 0 seconds or more, not {self.close_timeout}")


class RouterShell:
    """Runs a router core: carries octets to and from it, and keeps its time.

    Args:
        realms: The realms that can be joined.
        nursery: Where the router's tasks live.
        options: Limits and times of connections.
        core_options: Those of the core.
        auth: Who may join.
        authorizer: Decides where rules say `ask`.

    Attributes:
        options: As given.
        core: The router core.
        urls: Where it listens, with real ports.
        admission: Which connections are taken.
        complaints: What it says of peers.
    """

    def __init__(
        self,
        realms: Iterable[str],
        nursery: trio.Nursery,
        options: ServerOptions,
        core_options: RouterOptions,
        *,
        auth: RouterAuth | None = None,
        authorizer: Authorize | str | None = None,
    ) -> None:
        self.options = options
        self._nursery = nursery
        self._services = ServiceSessions(self.connect, nursery)
        self.complaints = Complaints(_log)
        self._authentication = Authentication(auth or RouterAuth(), self._services.call, self.complaints)
        self._authorization = Authorization(
            authorizer,
            roles=core_options.roles,
            call=self._services.call,
            timeout=core_options.authorizer_timeout,
            complaints=self.complaints,
        )
        if auth is not None:
            check_role_names(core_options.roles, auth, core_options.trust_levels)
            methods = (*self._authentication.authenticators, *(core_options.authenticators or ()))
            core_options = msgspec.structs.replace(core_options, authenticators=methods)
        self.core = RouterCore(realms, random_id=_random_ids().__next__, utc_now=_utc_now, options=core_options)
        self.urls: list[str] = []
        self._listeners: list[Listener] = []
        self._transports: set[AnyTransport] = set()  # all, also those that still shake hands
        self._connections: set[RouterConnection] = set()
        self._turned_away: set[AnyTransport] = set()
        self.admission = Admission(options)
        self._long_polls = LongPolls(self)
        self._refused = 0
        self._is_stopping = False
        self._history: HistoryKeeper | None = None
        self._is_over = False  # every connection has been closed
        self._somebody_left = trio.lowlevel.ParkingLot()
        self._earlier_deadline = trio.Event()
        self._armed = math.inf  # when the timekeeper will look next

    async def serve_websocket(self, connection: WebSocketConnection) -> None:
        """Serve an open connection of trio-websocket until it ends."""
        from ._trio_websocket import attach  # noqa: PLC0415  # trio-websocket is imported by those who use it

        pump = attach(connection, max_size=self.options.max_message_size)
        excess = self._enter(pump.transport)
        if self._is_stopping or excess:
            self._forget(pump.transport)
            reason = "the router shuts down" if self._is_stopping else "too many connections"
            await connection.aclose(
                1001 if self._is_stopping else 1013, reason
            )  # 1013 is "try again later" in IANA's registry
            return
        try:
            await RouterConnection(self, pump, since=trio.current_time()).serve()
        finally:
            self._forget(pump.transport)

    def statistics(self) -> RouterStatistics:
        """Return what the router holds now and what it refused so far."""
        history = self._history
        return msgspec.structs.replace(
            self.core.statistics(),
            refused_connections=self._refused,
            unsaved_events=0 if history is None else history.unsaved,
            failed_saves=0 if history is None else history.failures,
        )

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._transports)

    def flush(self) -> None:
        """Carry the core's output to the connections it concerns."""
        for peer in self.core.take_dirty():
            peer.token.flush()
        for peer, pending in self.core.take_pending():
            peer.token.find_out(pending)
        for question in self.core.take_questions():
            self.start(self._decide, question, name="trowamp router authorization")
        if self._history is not None:
            self._history.look()
        deadline = self.core.next_deadline()
        if deadline is not None and deadline < self._armed:
            self._earlier_deadline.set()

    def start(self, work: Callable[..., Awaitable[None]], *arguments: Any, name: str) -> bool:
        """Have something done in a task of its own; return False when the router is over, and nothing is to be done any more."""
        if not self._is_over:
            self._nursery.start_soon(work, *arguments, name=name)
        return not self._is_over

    def entered(self, connection: RouterConnection) -> None:
        """A connection is being served."""
        self._connections.add(connection)
        self.flush()  # it has a deadline already, even if it never says anything

    def left(self, connection: RouterConnection) -> None:
        """A connection is not served any more."""
        self._connections.discard(connection)

    async def find_out(self, pending: Pending) -> Outcome:
        """Find out whether a session may join."""
        return await self._authentication.find_out(pending)

    async def _decide(self, question: Question) -> None:
        """Find out whether a session may do something."""
        verdict = await self._authorization.decide(question)
        self.core.answer(question, verdict, trio.current_time())
        self.flush()

    async def keep_history(self, path: Path, realms: Iterable[str]) -> None:
        """Keep the event history in a file, and go on with what is in it."""
        self._history = await open_history(path, self.core, realms)
        self._nursery.start_soon(self._history.run, name="trowamp router event history")

    async def listen(self, url: str, tls: ssl.SSLContext | None) -> None:
        """Open the listener of one URL."""
        listener = await open_listener(parse_url(url), tls=tls)
        self._listeners.append(listener)
        self.urls.append(listener.url.text)

    def open(self) -> None:
        """Start the router's own tasks."""
        self.start(self._keep_time, name="trowamp router timekeeper")
        if self.options.ping_interval < math.inf:
            self.start(self._ping_silent_peers, name="trowamp router keep-alive")
        for listener in self._listeners:
            self.start(listener.serve, self.serve_transport, name=f"trowamp router {listener.url.text}")

    async def shut_down(self) -> None:
        """Accept nobody any more, say GOODBYE to everybody and wait until all have gone, `close_timeout` at most."""
        self._is_stopping = True
        for listener in self._listeners:
            await listener.aclose()
        self.core.shutdown(trio.current_time())
        self.flush()
        self._long_polls.stop()
        with trio.move_on_after(self.options.close_timeout):
            while self._transports:
                await self._somebody_left.park()
        self._is_over = True
        for transport in self._transports:
            transport.abort()
        if self._history is not None:
            await self._history.finish()
        self.complaints.finish()

    async def connect(self, identity: Accept | None = None) -> Opened:
        """Open a connection in memory, up to the point where messages can flow.

        Args:
            identity: Who it is, for purposes of the router's own. Default: whoever it proves to be.

        Raises:
            ConnectError: The router is stopping, or has too many connections.
        """
        if self._is_stopping:
            raise ConnectError("the router in this program has stopped")
        near, far = memory_pair()
        pump = BytePump(near, rawsocket_client(get_serializer("msgpack"), max_size=self.options.max_message_size))
        self._nursery.start_soon(self._serve_memory, far, identity, name="trowamp router memory")
        deadline = trio.current_time() + self.core.options.handshake_timeout
        try:
            return Opened(pump, await open_link(pump, "the router in this program"), deadline, None)
        except BaseException:
            near.abort()
            raise

    async def _serve_memory(self, transport: ByteTransport, identity: Accept | None) -> None:
        try:
            await self.serve_transport(transport, identity)
        except Exception:  # noqa: BLE001  # one connection's fault must not end the router, as with a listener
            _log.exception("serving %s failed", transport.description)
        finally:
            transport.abort()

    async def serve_transport(self, transport: ByteTransport, identity: Accept | None = None) -> None:
        """Serve one connection until it ends."""
        since = trio.current_time()
        is_excess = self._enter(transport)
        try:
            is_ignored = self._is_stopping or len(self._turned_away) > _TURNED_AWAY
            if is_ignored or not await self._shake_hands(transport):
                transport.abort()
                return
            connection = self._connection(transport, since, identity, is_full=is_excess)
            await connection.serve()
            unread = connection.pump.link.unread
            if unread:
                await self._serve_http(transport, unread, since, is_full=is_excess)
        finally:
            self._forget(transport)

    def _connection(
        self, transport: ByteTransport, since: float, identity: Accept | None = None, *, is_full: bool
    ) -> RouterConnection:
        link = universal_server(
            _SERIALIZERS,
            max_size=self.options.max_message_size,
            compression=self.options.compression,
            origins=self.options.origins,
            at_capacity=is_full,
            has_long_poll=True,
        )
        return RouterConnection(self, BytePump(transport, link), since=since, identity=identity)

    async def _serve_http(self, transport: ByteTransport, octets: bytes, since: float, *, is_full: bool) -> None:
        """Serve a connection that began with an HTTP request; a proxy may use it for a WebSocket later on.

        It counts as one that has not joined until it carries requests of a transport, and again when it asks for a session of its own.
        """
        octets = await self._long_polls.serve(transport, octets, since=since, is_full=is_full)
        if octets:
            excess = self.admission.start_over(transport)
            if excess and not is_full:
                self._turned_away.add(transport)
                self.refuse(transport, excess)
                is_full = True
            connection = self._connection(transport, trio.current_time(), is_full=is_full)
            connection.pump.link.receive_data(octets)
            connection.flush()
            await connection.serve()

    async def serve_polled(self, connection: RouterConnection) -> None:
        """Serve a session whose messages are fetched by requests, on connections of their own."""
        try:
            await connection.serve()
        finally:
            self._forget(connection.pump.transport)

    def admit_polled(self, transport: AnyTransport, carrier: AnyTransport) -> bool:
        """Count a long-poll transport as one more connection from where `carrier` comes; return False, having said so, if it is one too many.

        Where it has not joined, it stands for the carrier, too.
        """
        self._transports.add(transport)
        is_first = self.admission.joined(carrier)
        excess = self.admission.enter(transport, carrier.details)
        if excess:
            if is_first:
                self.admission.start_over(carrier)
            self._forget(transport)
            self.refuse(carrier, excess)
        return not excess

    async def _shake_hands(self, transport: ByteTransport) -> bool:
        """Do the transport's own handshake, if it has one: TLS."""
        if not isinstance(transport, TlsTransport):
            return True
        limits = self.core.options
        patience = min(limits.opening_timeout, limits.handshake_timeout)
        with trio.move_on_after(patience):
            try:
                await transport.handshake()
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self.complaints.tell(logging.INFO, "%s: the handshake failed: %s", transport.description, error)
                return False
            return not self._is_stopping
        self.complaints.tell(logging.INFO, "%s: no handshake within %g s", transport.description, patience)
        return False

    def _enter(self, transport: AnyTransport) -> bool:
        """Count a connection; return whether it is one too many."""
        self._transports.add(transport)
        excess = self.admission.enter(transport, transport.details)
        if excess:
            self._turned_away.add(transport)
            self.refuse(transport, excess)
        return bool(excess)

    def _forget(self, transport: AnyTransport) -> None:
        self._transports.discard(transport)
        self._turned_away.discard(transport)
        self.admission.leave(transport)
        self._somebody_left.unpark_all()

    def refuse(self, transport: AnyTransport, reason: str) -> None:
        """Count and log a connection that is one too many."""
        self._refused += 1
        self.complaints.tell(logging.WARNING, "connection from %s refused: %s", transport.description, reason)

    @enable_ki_protection
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

    @enable_ki_protection
    async def _ping_silent_peers(self) -> None:
        """Ping who was silent, drop who stays silent: one task for all connections."""
        interval, timeout = self.options.ping_interval, self.options.ping_timeout
        while True:
            await trio.sleep(min(interval, timeout) / _LOOKS)
            now = trio.current_time()
            for connection in list(self._connections):
                connection.check_life(now, interval, timeout)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _random_ids() -> Iterator[int]:
    """Ids from 1 to 2**53 from the system's random source, fetched in blocks because asking it for every id would cost more than all else (ID-B1)."""
    while True:
        for number in struct.unpack("512Q", os.urandom(4096)):
            yield (number >> 11) + 1
