"""A router inside a program on asyncio or Twisted: what the server factories of RawSocket and WebSocket hand their connections to.

    router = Router(["realm1"])
    server = await loop.create_server(WampRawSocketServerFactory(router), "127.0.0.1", 8080)

It is the broker and dealer of `trowamp.router`. Everybody may join as anonymous, unless its options have authenticators. Methods that have to ask
somebody else, and an authorizer, are for `trowamp.open_router`; here they refuse.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import trowamp
from trowamp import auth, uris
from trowamp.messages import Message
from trowamp.router import Peer, RouterOptions, RouterStatistics
from trowamp.router import Router as Core
from trowamp.wire import Link, WholeMessages, whole_messages

from ._connection import Connection, NativeTransport

__all__ = ["Router"]

_BEFORE_WELCOME: Final = 65536  # octets a message may have as long as nobody knows who sends it
_NOBODY_TO_ASK: Final = auth.Deny(uris.ERROR_AUTHENTICATION_FAILED, "the router has nobody to ask")


class Router:
    """A broker and dealer for any number of realms, on the event loop of its connections.

    Args:
        realms: The realms there are.
        options: Limits, times and policies.

    Raises:
        ValueError: The name of a realm is not a legal URI.
    """

    def __init__(self, realms: Iterable[str], options: RouterOptions | None = None) -> None:
        self._core = Core(realms, random_id=_random_id, utc_now=_utc_now, options=options or RouterOptions())
        self._timer: Any = None
        self._timer_at: float | None = None
        self._face: Any = None

    def __repr__(self) -> str:
        return repr(self._core)

    def __call__(self) -> Any:
        """Make what handles one connection; server factories call it."""
        return _Served(self)

    def statistics(self) -> RouterStatistics:
        """Return what the router holds now, and what it refused so far."""
        return self._core.statistics()

    def shutdown(self) -> None:
        """Say GOODBYE to every session, and let nobody in any more."""
        if self._face is not None:
            self._core.shutdown(self._face.now())
            self._flush()

    # ---- what connections use

    def _attach(self, served: _Served, link: Link, transport: dict[str, Any], face: Any) -> Peer:
        self._face = face
        peer = self._core.attach(link, transport=transport, now=face.now())
        peer.token = served
        self._plan()
        return peer

    def _receive(self, peer: Peer, messages: list[Message]) -> None:
        core, now = self._core, self._face.now()
        for message in messages:
            core.receive(peer, message, now)
        self._flush()

    def _violated(self, peer: Peer, text: str) -> None:
        self._core.violation(peer, trowamp.RemoteProtocolError(text), self._face.now())
        self._flush()

    def _detach(self, peer: Peer, reason: str) -> None:
        self._core.detach(peer, reason, self._face.now())
        self._flush()

    def _flush(self) -> None:
        """Send what was queued, to whomever; close what is to be closed."""
        core = self._core
        for peer, _ in core.take_pending():
            core.resolve(peer, _NOBODY_TO_ASK, self._face.now())
        for question in core.take_questions():
            core.answer(question, None, self._face.now())
        for peer in core.take_dirty():
            peer.token.flush(peer)
        self._plan()

    def _plan(self) -> None:
        """Be called when something is due."""
        due = self._core.next_deadline()
        if due is None or (self._timer_at is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._face.call_later(max(due - self._face.now(), 0), self._tick)

    def _tick(self) -> None:
        self._timer = self._timer_at = None
        self._core.tick(self._face.now())
        self._flush()


class _Served:
    """The router's end of a connection."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._transport: Any = None
        self._peer: Any = None
        self._link: Any = None
        self._bodies: WholeMessages | None = None  # for transports that carry whole messages
        self._is_stranger = True

    def onOpen(self, transport: Any) -> None:
        """A client has connected.

        Raises:
            TypeError: The transport is none of ours.
        """
        if not isinstance(transport, NativeTransport):
            raise TypeError(f"a router serves transports of this package, not {transport!r}")
        self._transport = transport
        if isinstance(transport, Connection):
            self._link = transport.link
            self._link.max_size = min(self._link.max_size, _BEFORE_WELCOME)
        else:
            self._link = self._bodies = whole_messages(transport.link.serializer)
        details = getattr(transport, "transport_details", None)
        told = {"type": "socket", "peer": details.peer, "tls": bool(details.is_secure)} if details is not None else {}
        self._peer = self._router._attach(self, self._link, told, transport._face)

    def _take(self, messages: list[Message]) -> None:
        self._router._receive(self._peer, messages)
        if self._is_stranger and self._peer.session is not None:
            self._is_stranger = False
            self._link.max_size = self._link.announced_size

    def _violated(self, text: str) -> None:
        self._router._violated(self._peer, text)

    def onClose(self, wasClean: bool) -> None:
        """The client is gone."""
        if self._peer is not None:
            self._router._detach(self._peer, "the connection was closed" if wasClean else "the connection was lost")

    def _resumed(self) -> None:
        """The client takes again what is sent."""
        self.flush(self._peer)

    def flush(self, peer: Peer) -> None:
        """Send what is queued; close the connection if the router says so."""
        transport = self._transport
        if self._bodies is not None:
            if transport.is_paused:  # what waits here counts towards the limit of a slow consumer
                if peer.is_closing:
                    transport.abort()
                return
            is_binary = self._bodies.serializer.is_binary
            for body in self._bodies.bodies_to_send():
                transport.sendMessage(body, is_binary)
        else:
            transport.flush()
        if peer.is_closing:
            transport.close()


def _random_id() -> int:
    return secrets.randbelow(2**53) + 1


def _utc_now() -> datetime:
    return datetime.now(UTC)
