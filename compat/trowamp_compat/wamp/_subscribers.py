"""Handlers of events.

A handler that takes its time gets its events one after the other, or as many at a time as it wants (W-19).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from trowamp.messages import Event
from trowamp.uris import UriPattern

from ._binding import Binding
from ._payloads import decoded
from ._turns import Turns
from .request import Handler
from .types import EventDetails, SubscribeOptions, Subscription

if TYPE_CHECKING:
    from ._session import SessionBase

BUFFER: Final = 10_000  # events that wait for a handler


class Subscriber(Turns[Event]):
    """A function that is, or is about to be, subscribed.

    Args:
        session: The session.
        function: What is called.
        pattern: What it is subscribed to.
        options: Options, or None.
    """

    __slots__ = ("_binding", "function", "pattern", "session", "subscription")

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
            self.session._user_error(OverflowError(f"{BUFFER} events wait already"), f"an event is lost for {self}")

    def stop(self) -> None:
        """No more events are wanted, or this is the handler of a session that is over: those that wait are dropped."""
        self._limit = 0
        self._waiting.clear()

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
