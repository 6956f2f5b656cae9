"""Running a router: `open_router`, and what it hands out."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

import msgspec
import trio

from . import uris
from ._authentication import RouterAuth
from ._authorization import Authorize
from ._failures import open_service_nursery, outlive_the_block
from ._join import JoinOptions
from ._keywords import known_to, require_known
from ._opening import opening
from ._router_shell import LARGEST_MESSAGE, RouterShell, ServerOptions
from ._run_session import run_session
from ._session import Session
from ._transport import InProcess, Transport
from .router import RouterOptions, RouterStatistics
from .wire import Compression

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection


class Router:
    """A running router. Made by `open_router`.

    Attributes:
        urls: Where it listens, with real ports.
        transport: For components in this program: the way to this router without a socket.
    """

    def __init__(self, shell: RouterShell) -> None:
        self._shell = shell
        self.urls: list[str] = shell.urls
        self.transport: Transport = InProcess("memory", shell.connect)

    def open_session(self, *, realm: str, **options: Unpack[JoinOptions]) -> AbstractAsyncContextManager[Session]:
        """Open a session in memory, without a socket. Arguments and errors are those of `trowamp.open_session`."""
        require_known(options, known_to(JoinOptions))
        return self._open_session(realm, options)

    async def serve_websocket(self, connection: WebSocketConnection) -> None:
        """Serve an open, server-side `trio_websocket.WebSocketConnection` that negotiated a WAMP subprotocol, until it ends.

        Raises:
            ValueError: The connection negotiated no WAMP subprotocol.
        """
        await self._shell.serve_websocket(connection)

    def statistics(self) -> RouterStatistics:
        """Return what the router holds now and what it refused so far."""
        return self._shell.statistics()

    def dismiss(
        self, realm: str, session_id: int, *, reason: str = uris.CLOSE_KILLED, message: str | None = None
    ) -> None:
        """End a session: it is told so, and cannot refuse. Meant for operators: no rules apply.

        Args:
            realm: Its realm.
            session_id: The session, as `Session.id` and `wamp.session.list` name it.
            reason: A URI for the session.
            message: Words for people.

        Raises:
            NoSuchSession: There is no such session in the realm.
            ValueError: There is no such realm, or the reason is no URI.
        """
        self._shell.core.dismiss(realm, session_id, reason, message, trio.current_time())
        self._shell.flush()

    def revoke_registration(self, realm: str, registration_id: int, *, reason: str | None = None) -> None:
        """Take a registration away from all its callees. Calls on their way are still answered.

        Args:
            realm: Its realm.
            registration_id: The registration, as `Registration.id` and `wamp.registration.lookup` name it.
            reason: A URI for the callees; those are told whose client announces `registration_revocation`.

        Raises:
            NoSuchRegistration: There is no such registration in the realm.
            ValueError: There is no such realm, or the reason is no URI.
        """
        self._shell.core.revoke_registration(realm, registration_id, reason)
        self._shell.flush()

    def revoke_subscription(self, realm: str, subscription_id: int, *, reason: str | None = None) -> None:
        """Take a subscription away from all its subscribers.

        Args:
            realm: Its realm.
            subscription_id: The subscription, as `Subscription.id` and `wamp.subscription.lookup` name it.
            reason: A URI for the subscribers; those are told whose client announces `subscription_revocation`, unless
                `RouterOptions.send_subscription_revocation` is off.

        Raises:
            NoSuchSubscription: There is no such subscription in the realm.
            ValueError: There is no such realm, or the reason is no URI.
        """
        self._shell.core.revoke_subscription(realm, subscription_id, reason)
        self._shell.flush()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._shell.connections

    def __repr__(self) -> str:
        return f"<trowamp.Router at {', '.join(self.urls) or 'no listener'}, {self.connections} connections>"

    @opening
    async def _open_session(self, realm: str, options: JoinOptions) -> AsyncGenerator[Session, None]:
        async with run_session(await self._shell.connect(), realm, options) as session:
            yield session


@opening
async def open_router(
    realms: Iterable[str] = ("realm1",),
    listen: Sequence[str] = (),
    *,
    tls: ssl.SSLContext | None = None,
    auth: RouterAuth | None = None,
    authorizer: Authorize | str | None = None,
    limits: RouterOptions | None = None,
    history_path: str | os.PathLike[str] | None = None,
    max_connections: int = 10_000,
    max_connections_per_address: int = 10_000,
    max_pending: int = 1000,
    max_pending_per_address: int = 100,
    handshake_timeout: float | None = None,
    close_timeout: float = 2.0,
    ping_interval: float = 10.0,
    ping_timeout: float = 10.0,
    poll_timeout: float = 10.0,
    idle_timeout: float = 30.0,
    max_message_size: int = LARGEST_MESSAGE,
    compression: Compression = None,
    origins: Sequence[str] | None = None,
) -> AsyncGenerator[Router, None]:
    """Run a router for the length of a block.

    `async with trowamp.open_router(realms=["realm1"], listen=["ws://127.0.0.1:0/ws"]) as router: print(router.urls)`

    At the end of the block every session is told `wamp.close.system_shutdown`.

    Args:
        realms: The realms that can be joined.
        listen: URLs to listen at: `ws://`, `wss://`, `rs://`, `rss://`, `http://`, `https://` with port 0 for any free one, `ws+unix://`,
            `rs+unix://`, `http+unix://`. Every listener serves WebSocket, RawSocket and HTTP long-polling alike. Default: only in-memory sessions.
        tls: The TLS configuration with the server's certificate, for `wss`, `rss` and `https`.
        auth: Who may join. Default: everybody, anonymously, unless `limits` has authenticators.
        authorizer: Decides where the rules of `limits.roles` say `ask`: an async function, or the URI of a procedure of the same realm. It takes the
            session's details, the URI, the action and the request's options, and returns a bool, or a dict with `allow`, `disclose` and `cache`.
        limits: Limits and policies of sessions: outboxes, slow consumers, roles. Default: `RouterOptions()`.
        history_path: An SQLite file in which the events are kept that `limits.event_history` names, so that they outlast the router. Default: in
            memory only.
        max_connections: Connections in total; more are refused.
        max_connections_per_address: Those from one address: an IPv4 address, or a network of 64 bits.
        max_pending: Connections that have no session yet.
        max_pending_per_address: Those from one address.
        handshake_timeout: Seconds for TLS, the transport's handshake and joining. Default: that of `limits`, which is 15 unless told otherwise.
        close_timeout: Seconds for telling sessions goodbye, and for the end of a connection.
        ping_interval: Seconds of silence after which a WebSocket peer is pinged; `math.inf` turns it off. RawSocket peers are not pinged, because
            not every client answers; the operating system's keep-alive finds those that are gone.
        ping_timeout: Seconds without any answer after which a peer counts as gone.
        poll_timeout: Seconds that a long-poll client's request for messages waits before it is answered without; AutobahnJS gives up after 12.
        idle_timeout: Seconds without any request after which a long-poll client counts as gone.
        max_message_size: The largest message to accept, in octets. Default 1 MiB.
        compression: "deflate" accepts WebSocket's permessage-deflate from clients that offer it.
        origins: Origins of web pages that may connect, such as `"https://example.com"`, or `"*"`. Default: pages from the host they connect to.

    Yields:
        The router.

    Raises:
        ConnectError: An address cannot be listened at.
        OSError: The file of the event history cannot be opened, or another process uses it.
        ValueError: The file of the event history is something else, or damaged, or nothing is to be kept in it; a URL, realm, principal or number is
            not legal; TLS is missing for `wss`, `rss` or `https`, or an authorizer for rules that ask one.
        TypeError: `realms`, `listen` or `origins` is one string.
    """
    if isinstance(realms, str) or isinstance(listen, str):
        raise TypeError('realms and listen are lists: realms=["realm1"], listen=["ws://127.0.0.1:8080/ws"]')
    options = ServerOptions(
        max_connections=max_connections,
        max_connections_per_address=max_connections_per_address,
        max_pending=max_pending,
        max_pending_per_address=max_pending_per_address,
        close_timeout=close_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        poll_timeout=poll_timeout,
        idle_timeout=idle_timeout,
        max_message_size=max_message_size,
        compression=compression,
        origins=origins,
    )
    core_options = _core_options(limits or RouterOptions(), handshake_timeout)
    if history_path is not None and not core_options.event_history:
        raise ValueError("history_path is the file of an event history, but by limits.event_history nothing is kept")
    realms = list(realms)
    async with open_service_nursery() as nursery:
        tasks: trio.Nursery = await nursery.start(outlive_the_block)
        try:
            shell = RouterShell(realms, tasks, options, core_options, auth=auth, authorizer=authorizer)
            try:
                if history_path is not None:
                    await shell.keep_history(Path(history_path), realms)
                for url in listen:
                    await shell.listen(url, tls)
                shell.open()
                yield Router(shell)
            finally:
                with trio.CancelScope(shield=True):
                    await shell.shut_down()
        finally:
            tasks.cancel_scope.cancel()


def _core_options(limits: RouterOptions, handshake_timeout: float | None) -> RouterOptions:
    if handshake_timeout is None:
        return limits
    return msgspec.structs.replace(limits, handshake_timeout=handshake_timeout)


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
