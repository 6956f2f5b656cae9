"""The client's session after WELCOME: every request, every reply, no I/O.

Rules of this file:

1. A pending request lives here and nowhere else, with the shell's waiter attached; the waiter comes back exactly once.
2. A command encodes first and changes state after: what cannot be sent leaves no trace, and burns no request id (ID-C1).
3. What the router may say is the table of the state. A message that is not in it breaks the protocol.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from .. import uris
from .._exceptions import (
    ApplicationError,
    LocalProtocolError,
    MessageTooLarge,
    SerializationError,
    SessionClosed,
    SessionLost,
)
from .._ids import next_id
from .._types import SessionDetails
from .._uri_pattern import is_uri
from ..messages import (
    Abort,
    Call,
    Cancel,
    Error,
    Event,
    Goodbye,
    Interrupt,
    Invocation,
    Message,
    Publish,
    Published,
    Register,
    Registered,
    Result,
    Subscribe,
    Subscribed,
    Unregister,
    Unregistered,
    Unsubscribe,
    Unsubscribed,
    Yield,
)
from ._channel import Channel
from ._ending import copy_of, replies_to
from ._handler_table import HandlerTable, PendingHandler, PendingRemoval, subject_of
from ._inbound import Delivery, Ended, Fed, Inbound, Interrupted, Invoked, Progress, Reply, Revoked, SessionStatistics
from ._invocation_table import InvocationTable

_is_uri = functools.lru_cache(maxsize=512)(is_uri)  # a program uses a few URIs, many times each

Args = tuple[Any, ...] | list[Any] | bytes | None
W = TypeVar("W")  # the shell's waiter of a request
H = TypeVar("H")  # the shell's handler of a registration or subscription
T = TypeVar("T")  # the shell's token of a running invocation


class _Pending(msgspec.Struct, Generic[W], gc=False):
    """A request without an answer yet. `position` tells on loss whether any of its octets had left."""

    waiter: W
    position: int


class ClientSession(Generic[W, H, T]):
    """The state of one joined session.

    Args:
        link: Where messages go.
        details: Who the session is, from the handshake.
    """

    def __init__(self, link: Channel, details: SessionDetails) -> None:
        self.details = details
        self._link = link
        self._handlers = _ESTABLISHED
        self._last_id = 0
        self._calls: dict[int, _Pending[W]] = {}
        self._publishes: dict[int, _Pending[W]] = {}
        self._registrations: HandlerTable[W, H] = HandlerTable(Unregister)
        self._subscriptions: HandlerTable[W, H] = HandlerTable(Unsubscribe)
        self._invocations: InvocationTable[T] = InvocationTable(
            has_inputs=details.supports("dealer", "progressive_call_invocations")
        )
        self._counters: Counter[str] = Counter()
        self._error: SessionClosed | SessionLost | None = None
        self._leaving: Goodbye | None = None

    @property
    def error(self) -> SessionClosed | SessionLost | None:
        """Why the session is over, or None while it lives."""
        return self._error

    @property
    def is_established(self) -> bool:
        """Whether requests can be sent."""
        return self._handlers is _ESTABLISHED

    @property
    def pending_calls(self) -> int:
        """How many calls wait for an answer."""
        return len(self._calls)

    # ---- commands

    def call(
        self, procedure: str, args: Args, kwargs: dict[str, Any] | None, options: dict[str, Any], waiter: W
    ) -> int:
        """Send CALL; return its request id.

        Raises:
            ValueError: `procedure` is not a legal URI (URI-B5).
            SessionClosed, SessionLost: The session is over.
            SerializationError, MessageTooLarge: The payload cannot be sent.
        """
        if self._handlers is not _ESTABLISHED:
            self.require_established()
        if not _is_uri(procedure):
            raise ValueError(f"not a legal procedure: {procedure!r}")
        request_id = next_id(self._last_id)
        position = self._link.queued_octets
        self._link.send(Call(request_id, options, procedure, args, kwargs))
        self._last_id = request_id
        self._calls[request_id] = _Pending(waiter, position)
        return request_id

    def send_input(
        self, request_id: int, procedure: str, args: Args, kwargs: dict[str, Any] | None, *, is_last: bool
    ) -> None:
        """Send one more CALL of a call that was made with `progress` (PCI-C1); options are those of the first (PCI-C2).

        Raises:
            LocalProtocolError: The call is over (PCI-C3).
            SessionClosed, SessionLost, SerializationError, MessageTooLarge: As with `call`.
        """
        self.require_established()
        if request_id not in self._calls:
            raise LocalProtocolError("the call is over: inputs can only be sent while it runs")
        self._link.send(Call(request_id, _NO_OPTIONS if is_last else _PROGRESS, procedure, args, kwargs))

    def cancel(self, request_id: int, mode: str, *, notify: bool) -> None:
        """Give a call up: with mode "kill" its answer is still awaited, else it is forgotten at once and a late answer ignored (CC-C2).

        Args:
            request_id: The call.
            mode: "skip", "kill" or "killnowait"; always sent explicitly (CC-C1).
            notify: Whether to tell the router; False towards routers that cannot cancel calls.
        """
        if request_id not in self._calls:
            return  # the answer won the race (CC-C4)
        if mode != "kill" or not notify:
            del self._calls[request_id]
        if notify and self.is_established:
            self._link.send(Cancel(request_id, {"mode": mode}))

    def forget_call(self, request_id: int) -> None:
        """Stop waiting for a call's answer; a late one is ignored."""
        self._calls.pop(request_id, None)

    def publish(
        self,
        topic: str,
        args: Args,
        kwargs: dict[str, Any] | None,
        options: dict[str, Any],
        waiter: W | None = None,
    ) -> int:
        """Send PUBLISH; `waiter` is replied to if `options` ask for an acknowledgement. Raises as `call` does."""
        if self._handlers is not _ESTABLISHED:
            self.require_established()
        if not _is_uri(topic):
            raise ValueError(f"not a legal topic: {topic!r}")
        request_id = next_id(self._last_id)
        position = self._link.queued_octets
        self._link.send(Publish(request_id, options, topic, args, kwargs))
        self._last_id = request_id
        if waiter is not None:
            self._publishes[request_id] = _Pending(waiter, position)
        return request_id

    def forget_publish(self, request_id: int) -> None:
        """Stop waiting for an acknowledgement; a late one is ignored."""
        self._publishes.pop(request_id, None)

    def register(self, procedure: str, options: dict[str, Any], handler: H, waiter: W) -> int:
        """Send REGISTER; the reply's message is REGISTERED. Raises as `call` does."""
        subject = subject_of(procedure, options)
        request_id, position = self._request(lambda request_id: Register(request_id, options, procedure))
        self._registrations.requests[request_id] = PendingHandler(waiter, position, handler, subject)
        return request_id

    def subscribe(self, topic: str, options: dict[str, Any], handler: H, waiter: W) -> int:
        """Send SUBSCRIBE; the reply's message is SUBSCRIBED. Raises as `call` does."""
        subject = subject_of(topic, options)
        request_id, position = self._request(lambda request_id: Subscribe(request_id, options, topic))
        self._subscriptions.requests[request_id] = PendingHandler(waiter, position, handler, subject)
        return request_id

    def abandon(self, request_id: int) -> None:
        """Nobody waits for this REGISTER or SUBSCRIBE any more: undo it as soon as the router agrees to it."""
        pending = self._registrations.requests.get(request_id) or self._subscriptions.requests.get(request_id)
        if pending is not None:
            pending.waiter = None

    def unregister(self, registration_id: int, handler: H, waiter: W | None = None) -> bool:
        """Detach a handler; send UNREGISTER if it was the last one.

        Returns:
            Whether `waiter` will be replied to; False if nothing had to be sent.
        """
        return self._remove(self._registrations, registration_id, handler, waiter)

    def unsubscribe(self, subscription_id: int, handler: H, waiter: W | None = None) -> bool:
        """Detach a handler; send UNSUBSCRIBE if it was the last one (BP-C3). Returns as `unregister` does."""
        return self._remove(self._subscriptions, subscription_id, handler, waiter)

    def forget_removal(self, waiter: W) -> None:
        """Stop waiting for an UNREGISTERED or UNSUBSCRIBED."""
        for table in (self._registrations, self._subscriptions):
            for pending in table.removals.values():
                if pending.waiter is waiter:
                    pending.waiter = None

    def serve(self, request_id: int, token: T) -> None:
        """Note that an invocation runs under `token`, which an INTERRUPT will hand back; to be said before the next message is read."""
        if request_id in self._invocations.running:
            self._invocations.running[request_id] = token

    def progress(
        self, request_id: int, args: Args, kwargs: dict[str, Any] | None, options: dict[str, Any] | None = None
    ) -> None:
        """Send a progressive YIELD for a running invocation; `args` are octets if `options` say how they were encoded.

        Raises:
            LocalProtocolError: The invocation has been answered already, or was interrupted.
            SerializationError, MessageTooLarge: The payload cannot be sent.
        """
        if not self._invocations.takes_progress(request_id):
            raise LocalProtocolError("the invocation is over: progress can only be sent while it runs")
        if self.is_established:
            self._link.send(Yield(request_id, {**options, **_PROGRESS} if options else _PROGRESS, args, kwargs))

    def answer(
        self, request_id: int, args: Args, kwargs: dict[str, Any] | None, options: dict[str, Any] | None = None
    ) -> SerializationError | MessageTooLarge | None:
        """Send the final YIELD of an invocation; an unsendable result is answered with an ERROR instead (BP-C6).

        Returns:
            Why the result could not be sent, or None.
        """
        if not (self._invocations.end(request_id) and self.is_established):
            return None
        try:
            self._link.send(Yield(request_id, options or _NO_OPTIONS, args, kwargs))
        except SerializationError as error:
            self._send_error_surely(request_id, uris.ERROR_INVALID_PAYLOAD, (str(error),))
            return error
        except MessageTooLarge as error:
            self._send_error_surely(request_id, uris.ERROR_PAYLOAD_SIZE_EXCEEDED, (str(error),))
            return error
        return None

    def fail(
        self, request_id: int, error: ApplicationError, encoded: tuple[Args, dict[str, Any]] | None = None
    ) -> None:
        """Send the ERROR of an invocation; an error whose payload cannot be sent travels without it, one without a legal URI as `invalid_uri`.

        Args:
            request_id: The invocation.
            error: The error.
            encoded: What to send instead of the error's own payload, and the details that say how it was encoded.
        """
        if not (self._invocations.end(request_id) and self.is_established):
            return
        if not isinstance(error.uri, str) or not is_uri(error.uri):
            self._send_error_surely(request_id, uris.ERROR_INVALID_URI, (f"the error's URI: {error.uri!r}",))
            return
        try:
            if encoded is None:
                self._send_error(request_id, error.uri, error.args, error.kwargs)
            else:
                self._link.send(Error(Invocation.code, request_id, encoded[1], error.uri, encoded[0]))
        except (SerializationError, MessageTooLarge) as unsendable:
            self._send_error_surely(request_id, error.uri, (f"the error's payload could not be sent: {unsendable}",))

    def goodbye(self, reason: str = uris.CLOSE_CLOSE_REALM, message: str | None = None) -> list[Reply[W]]:
        """Send GOODBYE; from now on only the router's GOODBYE or ABORT counts (transition 14), and nothing is sent any more (SES-B3).

        Returns:
            Every request that was pending: it gets no answer (SES-B5).
        """
        if not self.is_established:
            return []
        goodbye = Goodbye({"message": message} if message else {}, reason)
        self._link.send(goodbye)
        self._leaving = goodbye
        self._handlers = _SHUTTING_DOWN
        return self._fail_pending(SessionClosed(reason, "the session was left"), self._link.queued_octets)

    def abort(self, reason: str, message: str) -> Ended[W]:
        """Send ABORT and end the session at once: the router broke the protocol (PV-B2). After a GOODBYE nothing is sent (SES-B3)."""
        if self.is_established:
            self._link.send(Abort({"message": message}, reason))
        # Requests that are still queued leave together with the ABORT.
        return self._end(SessionLost(f"the router broke the protocol: {message}"), self._link.queued_octets)

    def lose(self, reason: str) -> Ended[W]:
        """The connection is gone: every waiter comes back with the loss."""
        return self._end(SessionLost(reason))

    # ---- what the router says

    def receive(self, message: Message) -> Inbound | None:
        """Take the router's next message; return what the shell has to do, or None."""
        handler = self._handlers.get(type(message))
        if handler is None:
            return self._unexpected(message)
        return handler(self, message)

    def waiter_of(self, message: Result) -> W | None:
        """Return who waited for a RESULT: the short form of `receive`, for what has no details and ends a pending call.

        Returns:
            The waiter, who has been taken out; or None, and nothing has changed: then `receive` has to get the message.
        """
        if message.details or self._handlers is not _ESTABLISHED:
            return None
        pending = self._calls.pop(message.request_id, None)
        return None if pending is None else pending.waiter

    def attached(self) -> tuple[dict[int, tuple[H, ...]], dict[int, tuple[H, ...]]]:
        """Return the subscriptions and the registrations, by id."""
        return self._subscriptions.attached, self._registrations.attached

    def statistics(self) -> SessionStatistics:
        """Return how much of everything the session holds now."""
        return SessionStatistics(
            pending_calls=len(self._calls),
            pending_publishes=len(self._publishes),
            pending_registers=len(self._registrations.requests),
            pending_subscribes=len(self._subscriptions.requests),
            pending_removals=len(self._registrations.removals) + len(self._subscriptions.removals),
            running_invocations=len(self._invocations.running),
            registrations=len(self._registrations.attached),
            subscriptions=len(self._subscriptions.attached),
            late_replies=self._counters["late_replies"],
            unknown_events=self._counters["unknown_events"],
            refused_invocations=self._counters["refused_invocations"],
        )

    def _on_result(self, message: Result) -> Inbound | None:
        if message.details and message.details.get("progress"):
            pending = self._calls.get(message.request_id)
            return self._late(message.request_id) if pending is None else Progress(pending.waiter, message)
        pending = self._calls.pop(message.request_id, None)
        return self._late(message.request_id) if pending is None else Reply(pending.waiter, message)

    def _on_error(self, message: Error) -> Inbound | None:
        table_of = _PENDING_OF.get(message.request_type)
        if table_of is None:  # MSG-B3: INVOCATIONs are answered by clients, not by routers
            return self._violation("ERROR for an INVOCATION")
        pending = table_of(self).pop(message.request_id, None)
        if pending is None:
            return self._late(message.request_id)
        if type(pending) is PendingHandler:
            self._settle(self._registrations if message.request_type == Register.code else self._subscriptions, pending)
        if pending.waiter is None:
            return None
        return Reply(
            pending.waiter,
            None,
            ApplicationError.from_wire(message.error, message.args, message.kwargs, message.details),
        )

    def _on_published(self, message: Published) -> Inbound | None:
        pending = self._publishes.pop(message.request_id, None)
        return self._late(message.request_id) if pending is None else Reply(pending.waiter, message)

    def _on_registered(self, message: Registered) -> Inbound | None:
        return self._agreed(self._registrations, message, message.registration_id)

    def _on_subscribed(self, message: Subscribed) -> Inbound | None:
        return self._agreed(self._subscriptions, message, message.subscription_id)

    def _on_unregistered(self, message: Unregistered) -> Inbound | None:
        if message.request_id == 0:  # RV-C1: not a reply
            return self._revoked(self._registrations, message, "registration")
        return self._removed(self._registrations, message)

    def _on_unsubscribed(self, message: Unsubscribed) -> Inbound | None:
        if message.request_id == 0:
            return self._revoked(self._subscriptions, message, "subscription")
        return self._removed(self._subscriptions, message)

    def _on_event(self, message: Event) -> Inbound | None:
        handlers = self._subscriptions.attached.get(message.subscription_id)
        if handlers is None:  # BP-C5: just unsubscribed, or a router's slip; no reason to end the session
            self._counters["unknown_events"] += 1
            return None
        return Delivery(message, handlers)

    def _on_invocation(self, message: Invocation) -> Inbound | None:
        if message.request_id in self._invocations.running:
            return self._on_input(message)
        if self._invocations.is_over(message.request_id):
            return None
        handlers = self._registrations.attached.get(message.registration_id)
        if handlers is None:  # PV-C2: just unregistered; the caller must not be left hanging
            self._counters["refused_invocations"] += 1
            self._send_error(message.request_id, uris.ERROR_UNAVAILABLE, ("the procedure was just unregistered",))
            return None
        self._invocations.begin(message)
        return Invoked(message, handlers[0])

    def _on_input(self, message: Invocation) -> Inbound | None:
        if not self._invocations.feed(message):
            return self._violation(f"INVOCATION {message.request_id} while it is running")
        token = self._invocations.running[message.request_id]
        return None if token is None else Fed(token, message)

    def _on_interrupt(self, message: Interrupt) -> Inbound | None:
        token = self._invocations.interrupt(message.request_id)
        return None if token is None else Interrupted(token, message.options.get("mode"))

    def _on_goodbye(self, message: Goodbye) -> Inbound:
        self._link.send(Goodbye({}, uris.CLOSE_GOODBYE_AND_OUT))  # SES-B2, SES-B4
        return self._end(SessionClosed(message.reason, message.details.get("message"), message.details))

    def _on_goodbye_reply(self, message: Goodbye) -> Inbound:
        assert self._leaving is not None
        return self._end(SessionClosed(self._leaving.reason, "the session was left", message.details))

    def _on_abort(self, message: Abort) -> Inbound:
        text = message.details.get("message")  # never answered (SES-B1)
        words = f"{text} ({message.reason})" if text else message.reason
        return self._end(SessionLost(f"the router aborted the session: {words}", abort_reason=message.reason))

    # ---- inner workings

    def require_established(self) -> None:
        """Raise `SessionClosed` or `SessionLost` if the session is over, or being left."""
        if self._handlers is not _ESTABLISHED:
            if self._error is None:
                raise SessionClosed(uris.CLOSE_CLOSE_REALM, "the session is being left")
            raise copy_of(self._error, maybe_executed=False)

    def _request(self, message_for: Callable[[int], Message]) -> tuple[int, int]:
        self.require_established()
        request_id = next_id(self._last_id)
        position = self._link.queued_octets
        self._link.send(message_for(request_id))
        self._last_id = request_id
        return request_id, position

    def _send_error(
        self, request_id: int, uri: str, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> None:
        self._link.send(Error(Invocation.code, request_id, _NO_OPTIONS, uri, args, kwargs))

    def _send_error_surely(self, request_id: int, uri: str, args: tuple[Any, ...]) -> None:
        """Send an ERROR whose explanation, or even URI, may itself be what cannot be sent."""
        for explanation in (args, ()):
            try:
                self._send_error(request_id, uri, explanation)
            except (SerializationError, MessageTooLarge):
                continue
            return
        self._send_error(request_id, uris.ERROR_INVALID_URI)

    def _agreed(self, table: HandlerTable[W, H], message: Registered | Subscribed, target_id: int) -> Inbound | None:
        pending = table.requests.pop(message.request_id, None)
        if pending is None:
            return self._late(message.request_id)
        table.attach(target_id, pending)
        self._settle(table, pending)
        if pending.waiter is None:
            self._remove(table, target_id, pending.handler, None)
            return None
        return Reply(pending.waiter, message)

    def _settle(self, table: HandlerTable[W, H], answered: PendingHandler[W, H]) -> None:
        target_id = table.settle(answered.subject)
        if target_id is not None:
            self._send_removal(table, target_id, None)

    def _remove(self, table: HandlerTable[W, H], target_id: int, handler: H, waiter: W | None) -> bool:
        if not table.detach(target_id, handler) or not self.is_established:
            return False
        self._send_removal(table, target_id, waiter)
        return True

    def _send_removal(self, table: HandlerTable[W, H], target_id: int, waiter: W | None) -> None:
        request_id, position = self._request(lambda request_id: table.removal(request_id, target_id))
        table.removals[request_id] = PendingRemoval(waiter, position, target_id)

    def _revoked(self, table: HandlerTable[W, H], message: Unregistered | Unsubscribed, key: str) -> Inbound | None:
        details = message.details or {}
        target_id = details.get(key, 0)
        handlers = table.revoke(target_id)
        if handlers is not None:
            return Revoked(handlers, details.get("reason"))
        pending = table.overtaken(target_id)
        if pending is None or pending.waiter is None:
            return None
        # Our own request to end it comes too late, and is answered with an ERROR that nobody needs to see.
        waiter, pending.waiter = pending.waiter, None
        return Reply(waiter, message)

    def _removed(self, table: HandlerTable[W, H], message: Unregistered | Unsubscribed) -> Inbound | None:
        pending = table.removals.pop(message.request_id, None)
        if pending is None:
            return self._late(message.request_id)
        return None if pending.waiter is None else Reply(pending.waiter, message)

    def _late(self, request_id: int) -> Inbound | None:
        """A reply nobody waits for: legal if the id was ever issued, for example after a cancelled call (PV-C2)."""
        if request_id > self._last_id:
            return self._violation(f"a reply to request {request_id}, which was never made")
        self._counters["late_replies"] += 1
        return None

    def _unexpected(self, message: Message) -> Inbound | None:
        if self._handlers is _ESTABLISHED:
            return self._violation(f"{message.name} in an established session")
        return None  # leaving or over: everything else is ignored

    def _violation(self, text: str) -> Ended[W]:
        return self.abort(uris.ERROR_PROTOCOL_VIOLATION, text)

    def _end(self, error: SessionClosed | SessionLost, left: int | None = None) -> Ended[W]:
        if self._error is None:
            self._error = error
        self._handlers = _OVER
        self._registrations.clear()
        self._subscriptions.clear()
        self._invocations.clear()
        return Ended(self._error, self._fail_pending(self._error, self._link.sent_octets if left is None else left))

    def _fail_pending(self, error: SessionClosed | SessionLost, left: int) -> list[Reply[W]]:
        """Give every waiter back; a request is certainly not executed if it stands behind the first `left` octets."""
        tables: tuple[dict[int, Any], ...] = (
            self._calls,
            self._publishes,
            self._registrations.requests,
            self._subscriptions.requests,
            self._registrations.removals,
            self._subscriptions.removals,
        )
        return [reply for table in tables for reply in replies_to(table, error, left)]


_NO_OPTIONS: dict[str, Any] = {}
_PROGRESS: dict[str, Any] = {"progress": True}

# Which table an ERROR's REQUEST.Type speaks of; an ERROR for an INVOCATION is never sent to a client (MSG-B3).
_PENDING_OF: dict[int, Callable[[ClientSession[Any, Any, Any]], dict[int, Any]]] = {
    Call.code: lambda session: session._calls,
    Publish.code: lambda session: session._publishes,
    Register.code: lambda session: session._registrations.requests,
    Subscribe.code: lambda session: session._subscriptions.requests,
    Unregister.code: lambda session: session._registrations.removals,
    Unsubscribe.code: lambda session: session._subscriptions.removals,
}

_Table = dict[type[Message], Callable[[ClientSession[Any, Any, Any], Any], "Inbound | None"]]

_ESTABLISHED: _Table = {
    Result: ClientSession._on_result,
    Event: ClientSession._on_event,
    Invocation: ClientSession._on_invocation,
    Error: ClientSession._on_error,
    Published: ClientSession._on_published,
    Registered: ClientSession._on_registered,
    Subscribed: ClientSession._on_subscribed,
    Unregistered: ClientSession._on_unregistered,
    Unsubscribed: ClientSession._on_unsubscribed,
    Interrupt: ClientSession._on_interrupt,
    Goodbye: ClientSession._on_goodbye,
    Abort: ClientSession._on_abort,
}
_SHUTTING_DOWN: _Table = {Goodbye: ClientSession._on_goodbye_reply, Abort: ClientSession._on_abort}
_OVER: _Table = {}
