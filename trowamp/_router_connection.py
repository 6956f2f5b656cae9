"""One connection of the embedded router: its pump, its peer in the core, its end.

A connection has a reader task, which gives messages to the core; the core queues octets on any number of links, and the reader flushes those links
itself. Only a consumer that does not keep up gets a writer as well: most never need one, and a task costs more than joining does otherwise.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import enable_ki_protection

from ._pump import Pump

if TYPE_CHECKING:
    from ._router_shell import RouterShell
    from .auth._router import Accept, Pending
    from .messages import Message

_log = logging.getLogger("trowamp.router")

_BEFORE_WELCOME = 65536  # octets a message may have as long as nobody knows who sends it


class RouterConnection:
    """One connection being served.

    Args:
        router: Who serves it.
        pump: The connection; its link may still have its handshake to do.
        since: When, on Trio's clock, the connection was accepted.
        identity: Who it is, if this program has made it for a purpose of the router's own.
    """

    def __init__(self, router: RouterShell, pump: Pump, *, since: float, identity: Accept | None = None) -> None:
        self.pump = pump
        self._is_stranger = True
        pump.link.max_size = min(pump.link.max_size, _BEFORE_WELCOME)
        self._router = router
        self._reading = trio.CancelScope()
        self._pinged = -math.inf
        self._reason = ""  # why this side ends it, in words
        self._has_writer = False
        self._helpers: set[trio.CancelScope] = set()  # of tasks that work for this connection beside its reader
        self._resumed: trio.Event | None = None  # what a reader waits for that shall not read on
        details = pump.link.peer_details = pump.transport.details  # the handshake adds to it
        now = trio.current_time()
        self.peer = router.core.attach(pump.link, transport=details, now=now, since=since, identity=identity)
        self._is_opening = not pump.link.is_open
        self.peer.token = self

    @enable_ki_protection
    async def serve(self) -> None:
        """Serve the connection until it ends, whoever ends it; everything that hangs on it ends with it."""
        router = self._router
        router.entered(self)
        try:
            with self._reading:
                await self._read()
            self._detach()
            self._complain()
            if self.pump.link.unread:
                return  # somebody else goes on with the connection
            with trio.move_on_after(router.options.close_timeout, shield=True):
                await self._part()
        finally:
            self._detach()  # also when the router is stopped in a hurry
            for scope in self._helpers:  # those that end take themselves out only later
                scope.cancel()
            if not self.pump.link.unread:
                self.pump.transport.abort()
            router.left(self)
            self.peer.token = None  # or they would keep each other until the collector comes

    def flush(self) -> None:
        """Send what the core has queued; end the connection if the core says so."""
        self._flush()
        if self._resumed is not None and not self.peer.is_paused:
            self._resumed.set()
        if self.peer.is_closing:
            self._reading.cancel()

    def find_out(self, pending: Pending) -> None:
        """Have somebody decide whether the session may join."""
        self._begin(self._find_out, pending, name="trowamp router authentication")

    async def _find_out(self, pending: Pending) -> None:
        outcome = await self._router.find_out(pending)
        self._router.core.resolve(self.peer, outcome, trio.current_time())
        self._router.flush()

    def give_up(self, reason: str) -> None:
        """End the connection from this side."""
        self._reason = reason
        self.pump.transport.abort()

    def check_life(self, now: float, interval: float, timeout: float) -> None:
        """Ping a peer that was silent for `interval` seconds; give it up when it stays silent for `timeout` more."""
        heard = self.pump.last_received
        if now - heard < interval or not self.pump.link.answers_pings:
            return
        if self._pinged <= heard:
            self._pinged = now
            self.pump.ping()
            self._flush()
        elif now - self._pinged >= timeout:
            if self.pump.is_ping_on_its_way():
                self._pinged = now
            else:
                self.give_up(f"no answer to a ping within {timeout:g} s")

    def _flush(self) -> None:
        """Send what is queued, and have a writer see to what the kernel does not take, or to the end if it takes nothing any more."""
        pump = self.pump
        pump.flush()
        if not self._has_writer and (pump.queued or (pump.broken and not pump.has_ended)):
            self._has_writer = self._begin(pump.write, name="trowamp router writer")

    def _begin(self, work: Callable[..., Awaitable[None]], *arguments: Any, name: str) -> bool:
        """Have something done beside reading, until the connection ends; return False if it is too late for that."""
        scope = trio.CancelScope()
        self._helpers.add(scope)
        return self._router.start(self._help, scope, work, *arguments, name=name)

    @enable_ki_protection
    async def _help(self, scope: trio.CancelScope, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        try:
            with scope:
                await work(*arguments)
        except Exception:  # noqa: BLE001  # one connection's fault must not end the router
            _log.exception("serving %s failed", self.pump.transport.description)
            self.pump.transport.abort()
        finally:
            self._helpers.discard(scope)

    def _complain(self) -> None:
        """Say in the log why this side ended the connection, if that is of interest to whoever runs the router."""
        peer, where, complaints = self.peer, self.pump.transport.description, self._router.complaints
        reason = " ".join(peer.close_reason.split())
        if peer.is_slow:
            complaints.tell(logging.WARNING, "%s: %s", where, reason)
        elif self._is_stranger and reason:
            complaints.tell(logging.INFO, "%s did not join: %s", where, reason)

    async def _part(self) -> None:
        """Close in good order, after everything that is queued."""
        pump, link = self.pump, self.pump.link
        queued = link.queued_octets
        link.close()
        has_farewell = link.queued_octets > queued and link.error is None  # a closing handshake, which tells the peer
        self._flush()
        if self._has_writer:
            await pump.drain()
        if not has_farewell:
            pump.end_sending()
        await pump.linger()
        await pump.transport.aclose()

    async def _read(self) -> None:
        pump, link, peer = self.pump, self.pump.link, self.peer
        while not link.is_closed and not peer.is_closing:
            self._take(await pump.receive())
            while peer.is_paused:
                self._resumed = trio.Event()
                await self._resumed.wait()
            self._resumed = None

    def _take(self, messages: list[Message]) -> None:
        """Give what has come to the core; no name of the reader's holds on to it while the connection is idle."""
        link, peer, router = self.pump.link, self.peer, self._router
        core, receive = router.core, router.core.receive
        now = trio.current_time()
        if self._is_opening and link.is_open:
            self._is_opening = False
            core.opened(peer, now)
        for message in messages:
            receive(peer, message, now)
        if link.error is not None:
            core.violation(peer, link.error, now)
        if self._is_stranger and peer.session is not None:
            self._is_stranger = False
            router.admission.joined(self.pump.transport)
            link.max_size = link.announced_size
        self._flush()  # what the link itself answers, such as a handshake or a pong
        router.flush()

    def _detach(self) -> None:
        reason = self._reason or self.peer.close_reason or self.pump.broken or self.pump.link.close_reason
        self._router.core.detach(self.peer, reason, trio.current_time())
        self._router.flush()
