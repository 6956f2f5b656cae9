"""Retained events: the last event of a topic, kept for those who subscribe later (checklist §4.15).

Keeping is best effort, within limits: when they are reached, the topic goes whose event is the oldest (ER-R4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ._matching import is_match
from ._payload_size import payload_size

if TYPE_CHECKING:
    from ..messages import Publish
    from ._eligibility import Eligibility
    from ._options import RouterOptions
    from ._session import Session
    from ._subscriptions import Subscription

_MAX_LIMITED: Final = 8  # events of one topic that are not for everybody, and stand before the last one that is


class RetainedEvent(msgspec.Struct, frozen=True):
    """An event as it was published.

    Attributes:
        publication_id: The publication's id (ER-R6).
        details: `EVENT.Details`, but for the topic.
        message: Its payload.
        excluded: The id of the session that published it and is not to hear itself, or 0.
        eligibility: The publisher's black and white lists, if any.
        size: About how many octets it takes.
    """

    publication_id: int
    details: dict[str, Any]
    message: Publish
    excluded: int
    eligibility: Eligibility | None
    size: int

    def is_for(self, session: Session) -> bool:
        """Tell whether a session would have got it (ER-R3)."""
        if session.session_id == self.excluded:
            return False
        return self.eligibility is None or self.eligibility.admits(session)


class RetainedEvents:
    """The retained events of one realm.

    Args:
        options: Limits.
    """

    __slots__ = ("_by_topic", "_max_octets", "_max_topics", "_octets")

    def __init__(self, options: RouterOptions) -> None:
        self._max_topics = options.max_retained_topics
        self._max_octets = options.max_retained_octets
        self._by_topic: dict[str, list[RetainedEvent]] = {}  # the topic that was published to last comes last
        self._octets = 0

    def __len__(self) -> int:
        return sum(map(len, self._by_topic.values()))

    def keep(
        self,
        publication_id: int,
        message: Publish,
        details: dict[str, Any],
        *,
        excluded: Session | None,
        eligibility: Eligibility | None,
    ) -> None:
        """Keep an event; one for everybody replaces what its topic had before (ER-R1).

        Args:
            publication_id: The publication's id.
            message: What was published.
            details: `EVENT.Details`, but for the topic.
            excluded: The publisher, unless it is to hear itself.
            eligibility: Its black and white lists, if any.
        """
        size = payload_size(message.topic, message.args, message.kwargs, message.options)
        if size > self._max_octets:
            return
        session_id = 0 if excluded is None else excluded.session_id
        event = RetainedEvent(publication_id, details, message, session_id, eligibility, size)
        events = self._by_topic.pop(message.topic, [])
        if eligibility is None:
            self._octets -= sum(each.size for each in events)
            events = []
        elif len(events) > _MAX_LIMITED:
            self._octets -= events.pop(1 if events[0].eligibility is None else 0).size
        events.append(event)
        self._by_topic[message.topic] = events
        self._octets += size
        while self._octets > self._max_octets or len(self._by_topic) > self._max_topics:
            self._forget_oldest()

    def for_subscriber(self, session: Session, subscription: Subscription) -> list[RetainedEvent]:
        """Return the last event of each matching topic that a session may have (ER-R2, ER-R5)."""
        if subscription.is_pattern:
            uri, match = subscription.uri, subscription.match
            found = [events for topic, events in self._by_topic.items() if is_match(uri, match, topic)]
        else:
            found = [self._by_topic.get(subscription.uri, [])]
        last = (next((event for event in reversed(events) if event.is_for(session)), None) for events in found)
        return [event for event in last if event is not None]

    def _forget_oldest(self) -> None:
        events = self._by_topic.pop(next(iter(self._by_topic)))
        self._octets -= sum(each.size for each in events)
