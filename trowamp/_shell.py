"""Runs one client session over one pump: what the core hands out is carried to the tasks that wait for it.

Everything the router sends passes through `SessionShell.read`, one chunk at a time; a reply reschedules its waiter directly, a sync handler runs
inline, and only async handlers cost a task switch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import trio
from trio.lowlevel import enable_ki_protection

from . import uris
from ._coding import Coding
from ._exceptions import ApplicationError, SessionClosed, SessionLost
from ._failures import leaves
from ._pump import Pump
from ._reading import Reading
from ._types import SessionDetails
from ._waiter import Waiter
from .messages import Event, Invocation, Message
from .protocol import (
    ClientSession,
    Delivery,
    Ended,
    Fed,
    Inbound,
    Interrupted,
    Invoked,
    Progress,
    Reply,
    Revoked,
)

if TYPE_CHECKING:
    from ._events import Subscription
    from ._procedures import Invocation as Serving
    from ._procedures import Registration
    from .payloads import PayloadCodec

_log = logging.getLogger("trowamp.session")

_BLOCKED: Final = 1.0  # seconds for a batch of messages, after which a warning is due
_NAMED: Final = 3  # of the handlers that may have blocked


class SessionShell:
    """The Trio side of one session.

    Args:
        pump: The connection.
        details: Who the session is.
        nursery: Where handlers run.
        reveal_errors: Whether callers see the text of a procedure's unexpected exception.
        check_features: Whether options are refused that the router does not announce.
        check_types: Whether handlers get typed payloads unless they say otherwise.
        after_gap: Whether subscriptions begin after a gap: an earlier session had them.
        payload_codec: What encodes and decodes payloads.

    Attributes:
        body: The scope of the user's block: cancelled when the session ends on its own.
        ended: Set when the session is over.
        disconnected: Set when nothing is received any more.
        ended_by_itself: Whether the session ended although nobody here had left it.
        failures: What handlers raised that ends the session.
    """

    def __init__(
        self,
        pump: Pump,
        details: SessionDetails,
        nursery: trio.Nursery,
        *,
        reveal_errors: bool = False,
        check_features: bool = True,
        check_types: bool = False,
        after_gap: bool = False,
        payload_codec: PayloadCodec | None = None,
    ) -> None:
        self.pump = pump
        self.core: ClientSession[Waiter, Any, Serving] = ClientSession(pump.link, details)
        self.reading = Reading(pump, self.core, self._take)
        self.nursery = nursery
        self.reveal_errors = reveal_errors
        self.check_features = check_features
        self.check_types = check_types
        self.after_gap = after_gap
        self.coding = Coding(payload_codec, details, check_features=check_features)
        self.body = trio.CancelScope()
        self.ended = trio.Event()
        self.disconnected = trio.Event()
        self.ended_by_itself = False
        self.failures: list[BaseException] = []
        self._has_left = False
        self.streams: set[Subscription] = set()  # subscriptions that tasks wait on: they are told of the end
        self.can_cancel_calls = details.supports("dealer", "call_canceling")
        self.can_time_out_calls = details.supports("dealer", "call_timeout")

    # ---- requests

    async def wait_for_room(self) -> None:
        """Wait while the connection is congested; no checkpoint if it is not.

        Raises:
            SessionClosed, SessionLost: The session ended meanwhile, which counts for more than being cancelled by that end.
        """
        if self.pump.is_above_high_water:
            await self.pump.wait_writable()
            self.core.require_established()

    async def wait_for_result(self, waiter: Waiter, on_cancel: Callable[[], object]) -> Any:
        """Send a CALL that was just queued, at once if it is alone, else together with those that other tasks queue; wait for its answer.

        Raises:
            ApplicationError, SessionClosed, SessionLost: As with `Waiter.wait`.
        """
        if self.core.pending_calls == 1:
            self.pump.flush()
            if self.reading.is_offered:
                return await self.reading.read_for(waiter, on_cancel)
        else:
            self.pump.flush_soon()
        return await waiter.wait(on_cancel)

    def fail(self, error: BaseException) -> None:
        """A handler failed and nobody else would learn of it: the session's block raises it."""
        self.failures.append(error)
        self.body.cancel()

    def is_told_by_the_end(self, error: BaseException) -> bool:
        """Whether what a handler raised is nothing but the end of this session, which its block tells."""
        return not self.core.is_established and all(
            isinstance(leaf, SessionClosed | SessionLost) for leaf in leaves(error)
        )

    # ---- reading

    @enable_ki_protection
    async def read(self, messages: list[Message]) -> None:
        """The reader task: runs until the connection or the session has ended.

        Args:
            messages: What came together with the WELCOME.
        """
        try:
            await self.reading.run(messages)
        finally:  # also when a handler raises what ends programs
            self._connection_ended()
            self.disconnected.set()

    def _take(self, messages: list[Message]) -> None:
        receive = self.core.receive
        for message in messages:
            inbound = receive(message)
            if inbound is not None:
                _HANDLERS[type(inbound)](self, inbound)
        took = trio.current_time() - self.pump.last_received
        if took > _BLOCKED:
            _log.warning("handlers blocked the program for %.1f s: %s", took, ", ".join(self._served_inline(messages)))

    def _served_inline(self, messages: list[Message]) -> list[str]:
        """Name the sync handlers of some messages, each once."""
        subscriptions, registrations = self.core.attached()
        handlers: list[Any] = []
        for message in messages:
            if isinstance(message, Event):
                handlers += subscriptions.get(message.subscription_id, ())
            elif isinstance(message, Invocation):
                handlers += registrations.get(message.registration_id, ())
        names = [f"{held.handler.name} for {held.pattern.text!r}" for held in handlers if held.is_inline]
        return list(dict.fromkeys(names))[:_NAMED]

    def lose(self, reason: str) -> None:
        """The connection is gone, or as good as gone."""
        self._on_ended(self.core.lose(reason))
        self.pump.transport.abort()

    async def keep_alive(self, interval: float, timeout: float) -> None:
        """The keep-alive task: ends the session when the router stays silent."""
        self.lose(await self.pump.keep_alive(interval, timeout))

    def _connection_ended(self) -> None:
        link = self.pump.link
        if link.error is not None:  # PV-B2
            self._on_ended(self.core.abort(uris.ERROR_PROTOCOL_VIOLATION, str(link.error)))
            link.close(1002, "protocol violation")
            self.pump.flush()
        else:
            self._on_ended(self.core.lose(self.pump.broken or link.close_reason or "the router closed the connection"))

    def _on_reply(self, inbound: Reply[Waiter]) -> None:
        inbound.waiter.resolve(inbound.message, inbound.error)

    def _on_progress(self, inbound: Progress[Waiter]) -> None:
        inbound.waiter.progress(inbound.message)

    def _on_delivery(self, inbound: Delivery[Subscription]) -> None:
        message, coding = inbound.message, self.coding
        if message.details or coding.own is not None:
            try:
                coding.open_event(inbound.handlers[0].pattern, message)
            except ApplicationError as error:
                for subscription in inbound.handlers:
                    subscription.miss(message, error)
                return
        for subscription in inbound.handlers:
            subscription.deliver(message)

    def _on_invoked(self, inbound: Invoked[Registration]) -> None:
        inbound.handler.invoke(inbound.message)

    def _on_fed(self, inbound: Fed[Serving]) -> None:
        inbound.token.feed(inbound.message)

    def _on_interrupted(self, inbound: Interrupted[Serving]) -> None:
        inbound.token.interrupt()

    def _on_revoked(self, inbound: Revoked[Registration | Subscription]) -> None:
        for handler in inbound.handlers:
            handler.revoked(inbound.reason)

    def _on_ended(self, inbound: Ended[Waiter]) -> None:
        if not self.ended.is_set():
            self.ended_by_itself = not self._has_left
        self._resolve(inbound.replies)
        self._end_streams(inbound.error)
        self.pump.dismiss_producers()
        self.ended.set()
        if self.ended_by_itself:
            self.body.cancel()

    def _end_streams(self, error: SessionClosed | SessionLost) -> None:
        for stream in list(self.streams):
            stream.end(error)

    def _resolve(self, replies: list[Reply[Waiter]]) -> None:
        for reply in replies:
            reply.waiter.resolve(reply.message, reply.error)
        self.reading.interrupt()

    # ---- leaving

    def say_goodbye(self, reason: str = uris.CLOSE_CLOSE_REALM, message: str | None = None) -> None:
        """Queue GOODBYE; everything that waits for the session ends with `SessionClosed`."""
        if not self.core.is_established:
            return
        self._has_left = True
        self._resolve(self.core.goodbye(reason, message))
        self._end_streams(SessionClosed(reason, "the session was left"))
        self.pump.dismiss_producers()
        self.pump.flush()

    @property
    def error(self) -> SessionClosed | SessionLost | None:
        """Why the session is over."""
        return self.core.error


_HANDLERS: dict[type[Inbound], Callable[[SessionShell, Any], None]] = {
    Reply: SessionShell._on_reply,
    Progress: SessionShell._on_progress,
    Delivery: SessionShell._on_delivery,
    Invoked: SessionShell._on_invoked,
    Fed: SessionShell._on_fed,
    Interrupted: SessionShell._on_interrupted,
    Revoked: SessionShell._on_revoked,
    Ended: SessionShell._on_ended,
}
