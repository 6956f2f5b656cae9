"""Subscriptions: events on their way to a handler, or to an iterator."""

from __future__ import annotations

import inspect
import logging
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ._coding import is_encrypted
from ._exceptions import ApplicationError, BufferOverflow, InvalidArgument, SessionClosed, SessionLost
from ._handlers import BoundHandler
from ._held import Held
from ._intake import Intake
from ._types import positional
from ._uri_pattern import UriPattern
from ._workers import Workers
from .messages import Event as EventMessage
from .messages import Subscribed

if TYPE_CHECKING:
    from ._shell import SessionShell

Overflow = Literal["raise", "drop_oldest", "drop_newest"]
OnError = Literal["raise", "log"]

DEFAULT_BUFFER = 10_000

_ADVICE = "take its events faster, enlarge buffer=, or choose another overflow="
_NO_KWARGS: dict[str, Any] = {}

_log = logging.getLogger("trowamp.subscription")


class Event:
    """One event, with everything the router told of it.

    Attributes:
        args: Positional payload, a tuple.
        kwargs: Keyword payload, a dict.
        topic: The topic it was published to (for a pattern-based subscription, the concrete one).
        after_gap: True if events may be missing right before this one: the subscription was interrupted, or its buffer dropped some.
    """

    __slots__ = ("_message", "_started", "after_gap", "args", "kwargs", "topic")

    def __init__(self, message: EventMessage, topic: str, *, after_gap: bool = False) -> None:
        self.args: tuple[Any, ...] = tuple(positional(message.args))
        self.kwargs: dict[str, Any] = message.kwargs or {}
        self.topic: str = message.details.get("topic") or topic
        self.after_gap = after_gap
        self._message = message
        self._started: CoroutineType[Any, Any, Any] | None = None  # what a handler that seemed to be sync has begun

    def discard(self) -> None:
        """Nobody will handle this event."""
        if self._started is not None:
            self._started.close()

    @property
    def publication_id(self) -> int:
        """The publication's id."""
        return self._message.publication_id

    @property
    def publisher(self) -> int | None:
        """The publisher's session id, if it was disclosed."""
        return self._message.details.get("publisher")

    @property
    def publisher_authid(self) -> str | None:
        """The publisher's authid, if it was disclosed."""
        return self._message.details.get("publisher_authid")

    @property
    def publisher_authrole(self) -> str | None:
        """The publisher's authrole, if it was disclosed."""
        return self._message.details.get("publisher_authrole")

    @property
    def is_retained(self) -> bool:
        """Whether the router had kept the event, and it was published before the subscription asked for it."""
        return bool(self._message.details.get("retained"))

    @property
    def trust_level(self) -> int | None:
        """How far the router trusts the publication, 0 being the least, if it says so."""
        return self._message.details.get("trustlevel")

    @property
    def is_encrypted(self) -> bool:
        """Whether it came encrypted by its publisher."""
        return is_encrypted(self._message.details)

    @property
    def details(self) -> dict[str, Any]:
        """`EVENT.Details` as received."""
        return self._message.details

    def __repr__(self) -> str:
        return f"<Event {self.topic!r} args={self.args!r} kwargs={self.kwargs!r}>"


class SubscriptionStatistics(msgspec.Struct, frozen=True):
    """What went through a subscription.

    Attributes:
        delivered: Events given to the handler or iterator.
        buffered: Events that wait.
        dropped: Events dropped because the buffer was full.
        misfits: Delivered events whose payload the handler's parameters, or their types, do not accept.
        undecodable: Events whose payload could not be decrypted, or otherwise decoded; nobody gets them.
    """

    delivered: int
    buffered: int
    dropped: int
    misfits: int
    undecodable: int


class Subscription(Held):
    """A subscription of this session; ends with the session, with `unsubscribe`, or when the router revokes it.

    Attributes:
        topic: The topic or pattern as given.
        id: The router's id of the subscription.
    """

    _noun = "subscription to"

    def __init__(self, shell: SessionShell, pattern: UriPattern, buffer: int, overflow: Overflow) -> None:
        if buffer < 1:
            raise ValueError(f"buffer must be at least 1 event, not {buffer}")
        if overflow not in ("raise", "drop_oldest", "drop_newest"):
            raise ValueError(f'overflow must be "raise", "drop_oldest" or "drop_newest", not {overflow!r}')
        super().__init__(shell, pattern, _log)
        self.topic = pattern.text
        self._buffer = buffer
        self._overflow = overflow
        self._admitted = 0  # events delivered, or waiting for it
        self._dropped = 0
        self._misfits = 0
        self._undecodable = 0
        self.has_gap = shell.after_gap  # the next event comes after a gap

    def activate(self, message: Subscribed) -> None:
        """The router agreed."""
        self.begin(message.subscription_id)

    @abstractmethod
    def deliver(self, message: EventMessage) -> None:
        """Take one event from the reader."""

    @abstractmethod
    def queue_of_events(self) -> deque[Event]:
        """The events that wait."""

    @abstractmethod
    def end(self, error: SessionClosed | SessionLost) -> None:
        """The session is over."""

    async def unsubscribe(self) -> None:
        """Stop receiving events; a checkpoint. Does nothing if the subscription is over already.

        Cancelled, it takes effect all the same; then nobody waits for the router's agreement.

        Raises:
            ApplicationError: The router refused.
            SessionClosed, SessionLost: The session ended meanwhile.
        """
        await self._give_back(self._shell.core.unsubscribe)

    def unsubscribe_nowait(self) -> None:
        """Stop receiving events without waiting for the router's agreement."""
        self._give_back_nowait(self._shell.core.unsubscribe)

    def statistics(self) -> SubscriptionStatistics:
        """Return what went through the subscription."""
        buffered = len(self.queue_of_events())
        delivered = self._admitted - buffered
        return SubscriptionStatistics(delivered, buffered, self._dropped, self._misfits, self._undecodable)

    def admit(self, message: EventMessage) -> Event | None:
        """Make the event of a message, unless the buffer is full and the subscription was told to drop new ones.

        Raises:
            BufferOverflow: The buffer is full and the subscription was told to raise.
        """
        queue = self.queue_of_events()
        if len(queue) >= self._buffer:
            if self._overflow == "raise":
                raise BufferOverflow(self.topic, self._buffer, _ADVICE)
            self._dropped += 1
            if self._overflow == "drop_newest":
                self.has_gap = True
                return None
            queue.popleft().discard()
            self._admitted -= 1
            if queue:
                queue[0].after_gap = True
            else:
                self.has_gap = True
        self._admitted += 1
        return self.next_event(message)

    def miss(self, message: EventMessage, error: ApplicationError) -> None:
        """An event came whose payload could not be decoded."""
        self._undecodable += 1
        self.has_gap = True
        text = "event %d of %r cannot be decoded: %s"
        self._complaints.tell(logging.ERROR, text, message.publication_id, self.topic, error)

    def next_event(self, message: EventMessage) -> Event:
        """Make an event; the first one after a gap says so."""
        event = Event(message, self.topic, after_gap=self.has_gap)
        self.has_gap = False
        return event


class HandlerSubscription(Subscription):
    """Gives events to a function: a sync one runs inline, an async one in a task of the session."""

    def __init__(
        self,
        shell: SessionShell,
        pattern: UriPattern,
        handler: BoundHandler,
        *,
        concurrency: int,
        buffer: int,
        overflow: Overflow,
        on_error: OnError,
    ) -> None:
        super().__init__(shell, pattern, buffer, overflow)
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1 event, not {concurrency}")
        if on_error not in ("raise", "log"):
            raise ValueError(f'on_error must be "raise" or "log", not {on_error!r}')
        self.handler = handler
        self._on_error = on_error
        self._has_failed = False  # the session's block is about to raise why
        self._workers: Workers[Event] = Workers(shell.nursery, self._handle, concurrency, handler.name)

    @property
    def is_inline(self) -> bool:
        """Whether the function is a sync one."""
        return not self.handler.is_async

    def queue_of_events(self) -> deque[Event]:
        """The events that wait for a task."""
        return self._workers.queue

    def deliver(self, message: EventMessage) -> None:
        """Run the handler inline if it is sync; else hand the event to a task."""
        handler = self.handler
        if self._has_failed or not self._is_active:
            return
        if handler.is_async:
            self._hand_over(message)
            return
        self._admitted += 1
        try:
            if handler.is_plain:
                result = handler.function(*positional(message.args), **(message.kwargs or _NO_KWARGS))
            else:
                result = self._call(self.next_event(message))
        except Exception as error:  # noqa: BLE001  # the user's code: reported, never swallowed
            if not self._is_misfit(error, positional(message.args), message.kwargs or _NO_KWARGS):
                self._failed(error)
            return
        if type(result) is CoroutineType:  # a plain function that made a coroutine, such as a lambda
            handler.is_async = True
            event = self.next_event(message)
            event._started = result
            self._workers.submit(event)

    def revoked(self, reason: str | None) -> None:
        """The tasks end after the events that wait."""
        super().revoked(reason)
        self._workers.close()

    def end(self, error: SessionClosed | SessionLost) -> None:
        """The session is over; its tasks end with its block."""

    def close(self) -> None:
        """Let the tasks end."""
        queue = self._workers.queue
        self._admitted -= len(queue)
        while queue:
            queue.popleft().discard()
        self._workers.close()

    def _hand_over(self, message: EventMessage) -> None:
        try:
            event = self.admit(message)
        except BufferOverflow as error:
            self._has_failed = True
            self._shell.fail(error)
            return
        if event is not None:
            self._workers.submit(event)

    async def _handle(self, event: Event) -> None:
        if self._has_failed:
            event.discard()
            return
        try:
            result = event._started or self._call(event)
            if type(result) is CoroutineType or inspect.isawaitable(result):
                await result
        except Exception as error:  # noqa: BLE001  # the user's code: reported, never swallowed
            self._failed(error)

    def _call(self, event: Event) -> Any:
        try:
            args, kwargs = self.handler.arguments(event.topic, event.args, event.kwargs, lambda: event)
        except ValueError as error:  # the pattern is narrower than WAMP's: its components have types
            _log.debug("event ignored: %s", error)
            return None
        except InvalidArgument as error:
            self._note_misfit(error)
            return None
        try:
            return self.handler.function(*args, **kwargs)
        except TypeError as error:
            if self._is_misfit(error, args, kwargs):
                return None
            raise

    def _is_misfit(self, error: Exception, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
        """Tell whether the payload is what is wrong, which is the publisher's fault and must not end this session; log and count it then."""
        if not isinstance(error, TypeError):
            return False
        explained = self.handler.explain(error, args, kwargs)
        if explained is error:
            return False
        beside = self.handler.details_parameter
        self._note_misfit(explained, f" (the payload comes in addition to {beside!r})" if beside else "")
        return True

    def _note_misfit(self, explained: Exception, hint: str = "") -> None:
        self._misfits += 1
        words = "an event of %r does not fit its handler %s: %s%s"
        self._complaints.tell(logging.ERROR, words, self.topic, self.handler.name, explained.args[0], hint)

    def _failed(self, error: Exception) -> None:
        if self._shell.is_told_by_the_end(error):
            return
        if self._on_error == "raise":
            self._has_failed = True
            self._shell.fail(error)
        else:
            _log.error("event handler %s for %r failed", self.handler.name, self.topic, exc_info=error)


class EventStream(Subscription, AsyncIterator[Event]):
    """A subscription to iterate over: `async for event in events`. One task at a time may wait."""

    def __init__(self, shell: SessionShell, pattern: UriPattern, *, buffer: int, overflow: Overflow) -> None:
        super().__init__(shell, pattern, buffer, overflow)
        self._intake: Intake[Event] = Intake()
        shell.streams.add(self)

    def queue_of_events(self) -> deque[Event]:
        """The events that wait to be taken."""
        return self._intake.items

    def deliver(self, message: EventMessage) -> None:
        """Buffer one event and wake the consumer."""
        if self._intake.is_over:
            return
        try:
            event = self.admit(message)
        except BufferOverflow as error:
            self._intake.end(error)
            self.unsubscribe_nowait()
        else:
            if event is not None:
                self._intake.add(event)

    def revoked(self, reason: str | None) -> None:
        """The iteration ends after the events that are buffered."""
        super().revoked(reason)
        self.close()

    def end(self, error: SessionClosed | SessionLost) -> None:
        """The iteration raises the session's end after the events that are buffered."""
        self._intake.end(error)
        self.close()

    def close(self) -> None:
        """No event will be added."""
        self._intake.end()
        self._shell.streams.discard(self)

    def __aiter__(self) -> EventStream:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Event]:
        """Return the next event; a checkpoint.

        Raises:
            BufferOverflow: Events came faster than they were taken; those that were buffered have been returned.
            SessionClosed, SessionLost: The session ended.
            StopAsyncIteration: The subscription ended.
        """
        return self._intake.take()
