"""Handlers of events.

A handler that takes its time gets its events one after the other, or as many at a time as it wants (W-19).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from trowamp.messages import Event
from trowamp.uris import UriPattern

from ._binding import Binding
from ._face import Handle
from ._payloads import decoded
from ._turns import Turns
from .request import Handler
from .types import EventDetails, SubscribeOptions, Subscription

if TYPE_CHECKING:
    from ._session import SessionBase

BUFFER: Final = 10_000  # events that wait for a handler
_APART: Final = 1.0  # seconds between two lines about events that are lost


class Subscriber(Turns[Event]):
    """A function that is, or is about to be, subscribed.

    Args:
        session: The session.
        function: What is called.
        pattern: What it is subscribed to.
        options: Options, or None.
    """

    __slots__ = ("_binding", "_lost", "_timer", "function", "pattern", "session", "subscription")

    subscription: Subscription

    def __init__(
        self,
        session: SessionBase,
        function: Callable[..., Any],
        pattern: UriPattern,
        options: SubscribeOptions | None,
    ) -> None:
        super().__init__((options.concurrency if options else None) or 1)
        self.session = session
        self.function = function
        self.pattern = pattern
        self._lost = 0  # events, since the last line about them
        self._timer: Handle | None = None  # until the next one
        self._binding = Binding(function, pattern, options.details_arg if options else None, (EventDetails,))

    def subscribed(self, subscription_id: int) -> Subscription:
        """The router agreed."""
        handler = Handler(self.function, None, self._binding.details_arg)
        self.subscription = Subscription(subscription_id, self.pattern.text, self.session, handler)
        return self.subscription

    def deliver(self, message: Event) -> None:
        """Take an event; it is handled now, or when the function has done with others."""
        if self._running < self._limit and not self._waiting:
            self._begin(message)
        elif not self._limit:
            return  # stopped
        elif len(self._waiting) < BUFFER:
            self._waiting.append(message)
            self._go_on()
        else:
            self._lost += 1
            if self._timer is None:
                self._tell_of_the_lost("an event is lost")

    def stop(self) -> None:
        """No more events are wanted, or this is the handler of a session that is over: those that wait are dropped."""
        self._limit = 0
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if self._lost:
                self._tell_of_the_lost()

    def _tell_of_the_lost(self, what: str | None = None) -> None:
        """Tell of events that are lost, once a second at most: a publisher may cause any number of them."""
        what, self._lost = what or f"{self._lost} more events are lost", 0
        if self._limit:
            self._timer = self.session._face.call_later(_APART, self._second_passed)
        self.session._user_error(OverflowError(f"{BUFFER} events wait already"), f"{what} for {self}")

    def _second_passed(self) -> None:
        self._timer = None
        if self._lost:
            self._tell_of_the_lost()

    def _begin(self, message: Event) -> None:
        """Handle an event; what the function raises is told, and ends nothing."""
        session = self.session
        uri = message.details.get("topic", self.pattern.text) if message.details else self.pattern.text
        try:
            args, kwargs = decoded(session._payload_codec, uri, message, is_originating=False)
            if not self._binding.is_plain:
                args, kwargs = self._binding.arguments(uri, args, kwargs, self._details(message, uri))
        except Exception as error:  # noqa: BLE001  # a codec is the user's; and a pattern's types may not fit
            session._user_error(error, f"an event of {uri} cannot be handled")
            return
        has_begun = False
        self._running += 1
        try:
            has_begun = session._run(self.function, args, kwargs, self, self._ended)
        finally:
            if not has_begun:
                self._running -= 1

    def __str__(self) -> str:
        name = getattr(self.function, "__qualname__", None) or repr(self.function)
        return f"the handler {name} of events of {self.pattern.text}"

    def _details(self, message: Event, uri: str) -> EventDetails:
        told = message.details
        return EventDetails(
            self.subscription,
            message.publication_id,
            told.get("publisher"),
            told.get("publisher_authid"),
            told.get("publisher_authrole"),
            uri,
            told.get("retained"),
            told.get("transaction_hash"),
            told.get("enc_algo"),
            told.get("forward_for"),
        )
