"""How a router inside a program calls procedures itself: a session of its own in each realm where it has to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trowamp
from trowamp import auth
from trowamp.messages import Message
from trowamp.protocol import ClientSession, Ended, Join, Reply
from trowamp.router import Peer
from trowamp.router import Router as Core
from trowamp.wire import whole_messages

from ._face import Face
from ._serializers import get_serializer

_IDENTITY: Final = auth.Accept(authid="router", role="router", provider="local")
_AGENT: Final = f"trowamp-compat-{trowamp.__version__}"


class ServiceSession:
    """A session of the router's own, without a connection: messages go from one to the other in the next turn of the loop.

    Args:
        core: The router.
        face: Its event loop.
        realm: The realm.
        flush: Has the router send what it has queued.
        ended: Called when it has ended, or was not let in.
    """

    def __init__(
        self, core: Core, face: Face, realm: str, flush: Callable[[], None], ended: Callable[[], object]
    ) -> None:
        self._core = core
        self._face = face
        self._flush_router = flush
        self._ended = ended
        self._link = whole_messages(get_serializer("msgpack"))
        self._peer = core.attach(
            self._link, transport={"type": "memory", "peer": "router"}, now=face.now(), identity=_IDENTITY
        )
        self._peer.token = self
        self._waiting: list[tuple[str, tuple[Any, ...], Any]] = []  # calls, until it has joined
        self._session: ClientSession[Any, Any, Any] | None = None
        self._is_over = False
        self.queued_octets = self.sent_octets = 0  # nothing is ever on its way
        self._join = Join(self, realm, agent=_AGENT)

    def call(self, procedure: str, *args: Any) -> Any:
        """Call a procedure; return a future of the first value of its result."""
        future = self._face.create_future()
        if self._session is None:
            self._waiting.append((procedure, args, future))
        else:
            self._call(procedure, args, future)
        return future

    # ---- what the core of a session needs: somewhere to put its messages

    def send(self, message: Message) -> None:
        """Hand a message to the router, soon."""
        self._face.call_soon(self._to_router, message)

    def _to_router(self, message: Message) -> None:
        if not self._is_over:
            self._core.receive(self._peer, message, self._face.now())
            self._flush_router()

    # ---- what the router needs: somebody who takes what is queued

    def flush(self, peer: Peer) -> None:
        """Take what the router says."""
        decode = self._link.serializer.decode
        for body in self._link.bodies_to_send():
            self._face.call_soon(self._take, decode(body))
        if peer.is_closing:
            self._face.call_soon(self._end, trowamp.SessionLost(peer.close_reason or "the router has ended it"))

    def _take(self, message: Message) -> None:
        session = self._session
        if session is None:
            outcome = self._join.receive(message)
            if isinstance(outcome, trowamp.SessionDetails):
                self._session = ClientSession(self, outcome)
                waiting, self._waiting = self._waiting, []
                for call in waiting:
                    self._call(*call)
            elif isinstance(outcome, Exception):
                self._end(outcome)
            return
        inbound = session.receive(message)
        if isinstance(inbound, Reply):
            self._settle(inbound)
        elif isinstance(inbound, Ended):
            for reply in inbound.replies:
                self._settle(reply)
            self._end(inbound.error)

    def _call(self, procedure: str, args: tuple[Any, ...], future: Any) -> None:
        assert self._session is not None
        try:
            self._session.call(procedure, args, None, {}, future)
        except (trowamp.WampError, ValueError) as error:
            self._face.reject(future, error)

    def _settle(self, reply: Reply[Any]) -> None:
        if reply.error is not None:
            self._face.reject(reply.waiter, reply.error)
        else:
            args = getattr(reply.message, "args", None)
            self._face.resolve(reply.waiter, args[0] if args else None)

    def _end(self, error: Exception) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._ended()
        waiting, self._waiting = self._waiting, []
        for _, _, future in waiting:
            self._face.reject(future, error)
        session, self._session = self._session, None
        if session is not None and session.is_established:
            for reply in session.lose(str(error)).replies:
                self._settle(reply)
        self._core.detach(self._peer, "the router's own session has ended", self._face.now())
        self._flush_router()
