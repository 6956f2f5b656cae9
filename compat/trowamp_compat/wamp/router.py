"""A router inside a program on asyncio or Twisted: what the server factories of RawSocket and WebSocket hand their connections to.

    router = Router(["realm1"])
    server = await loop.create_server(WampRawSocketServerFactory(router), "127.0.0.1", 8080)

It is the broker and dealer of `trowamp.router`. Everybody may join as anonymous, unless `auth` or the options say otherwise: they are those of
`trowamp.open_router`. Whoever decides, about sessions or about what they do, is asked on the event loop of the connections.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

import trowamp
from trowamp.messages import Message
from trowamp.router import Peer, Question, RouterOptions, RouterStatistics, Verdict
from trowamp.router import Router as Core
from trowamp.wire import Link, WholeMessages, whole_messages

from ._connection import Connection, NativeTransport
from ._deciding import Asked, Deciding, utc_now
from ._service import ServiceSession

__all__ = ["Router"]

_BEFORE_WELCOME: Final = 65536  # octets a message may have as long as nobody knows who sends it


class Router:
    """A broker and dealer for any number of realms, on the event loop of its connections.

    Args:
        realms: The realms there are.
        options: Limits, times and policies.
        auth: Who may join: principals, and a function that is asked about everybody else. Default: everybody, anonymously, unless the options have
            authenticators.
        authorizer: Decides where the rules of `options.roles` say `ask`: a function, or the URI of a procedure of the same realm. It takes the
            session's details, the URI, the action and the request's options, and returns a bool, or a dict with `allow`, `disclose` and `cache`.
            This function, and the authenticator of `auth`, may be plain ones, coroutine functions, or return futures or Deferreds.

    Raises:
        ValueError: The name of a realm is not a legal URI, a principal is not legal, or there is no authorizer for rules that ask one.
    """

    def __init__(
        self,
        realms: Iterable[str],
        options: RouterOptions | None = None,
        *,
        auth: trowamp.RouterAuth | None = None,
        authorizer: Callable[..., Any] | str | None = None,
    ) -> None:
        options = options or RouterOptions()
        self._deciding = Deciding(auth or trowamp.RouterAuth(), authorizer, options, self._call)
        if auth is not None:
            methods = (*self._deciding.authenticators, *(options.authenticators or ()))
            options = msgspec.structs.replace(options, authenticators=methods)
        self._core = Core(realms, random_id=_random_id, utc_now=utc_now, options=options)
        self._services: dict[str, ServiceSession] = {}
        self._is_asking = False
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
        if self._is_asking:
            return  # an answer that came at once; the loop below goes on with what follows from it
        self._is_asking = True
        try:
            while self._ask():
                pass
        finally:
            self._is_asking = False
        for peer in self._core.take_dirty():
            peer.token.flush(peer)
        self._plan()

    def _ask(self) -> bool:
        """Have decided what the core cannot decide itself; return whether there was anything."""
        core, face = self._core, self._face
        pending, questions = core.take_pending(), core.take_questions()
        for peer, claimed in pending:
            peer.token.asked = self._deciding.find_out(face, claimed, functools.partial(self._found_out, peer))
        for question in questions:
            self._deciding.decide(face, question, functools.partial(self._decided, question))
        return bool(pending or questions)

    def _found_out(self, peer: Peer, outcome: Any) -> None:
        self._core.resolve(peer, outcome, self._face.now())
        self._flush()

    def _decided(self, question: Question, verdict: Verdict | None) -> None:
        self._core.answer(question, verdict, self._face.now())
        self._flush()

    def _call(self, realm: str, procedure: str, *args: Any) -> Any:
        """Call a procedure, as the router itself; return a future."""
        service = self._services.get(realm)
        if service is None:
            ended = functools.partial(self._services.pop, realm, None)
            service = self._services[realm] = ServiceSession(self._core, self._face, realm, self._flush, ended)
        return service.call(procedure, *args)

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
        self.asked: Asked | None = None  # who may join

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
        if self.asked is not None:
            self.asked.drop()
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
                if (
                    transport.isOpen()
                ):  # nothing may follow a Close frame (RFC 6455 §5.5.1), and the client will soon be gone
                    transport.sendMessage(body, is_binary)
        else:
            transport.flush()
        if peer.is_closing:
            transport.close()


def _random_id() -> int:
    return secrets.randbelow(2**53) + 1
