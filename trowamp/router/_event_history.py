"""The event history: past events of configured topics, and who may read them (checklist §4.17).

An event is kept once, under the rule that matches its topic best, whether or not anybody listens. A subscription's history are the kept events of all
topics that it matches, so a subscription made today has a past.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from .. import uris
from .._exceptions import InvalidArgument, NoSuchSubscription
from .._uri_pattern import is_reserved
from ._eligibility import Eligibility
from ._matching import Matching, is_match
from ._meta import Arguments, MetaProcedure, MetaProcedures
from ._payload_size import payload_size
from ._wall_time import as_text

if TYPE_CHECKING:
    from ..messages import Publish
    from ._broker import Broker
    from ._history_journal import HistoryJournal
    from ._history_rule import HistoryRule
    from ._session import Session
    from ._subscriptions import Subscription
    from ._wall_time import UtcNow

_Time = Annotated[datetime, msgspec.Meta(tz=True)] | None
_SESSION_LISTS = {"eligible", "exclude"}
_LISTS = ("eligible_authid", "eligible_authrole", "exclude_authid", "exclude_authrole")


class PastEvent(msgspec.Struct, frozen=True):
    """A kept event.

    Attributes:
        number: Its position in the order of arrival.
        published: When it was published.
        publication_id: The publication's id.
        topic: The topic.
        details: `EVENT.Details`, but for the topic.
        lists: Which identities and roles may have it, as PUBLISH.Options had it.
        args, kwargs: Its payload.
        size: About how many octets it takes.
    """

    number: int
    published: datetime
    publication_id: int
    topic: str
    details: dict[str, Any]
    lists: dict[str, Any]
    args: Any
    kwargs: dict[str, Any] | None
    size: int

    def describe(self, subscription: Subscription) -> dict[str, Any]:
        """Return what `get_events` tells of it (EH-R2)."""
        details = {**self.details, "topic": self.topic} if subscription.is_pattern else self.details
        event = {
            "timestamp": as_text(self.published),
            "subscription": subscription.id,
            "publication": self.publication_id,
            "details": details,
        }
        if self.args:
            event["args"] = self.args
        if self.kwargs:
            event["kwargs"] = self.kwargs
        return event


class _Log:
    """The events of one rule, the oldest first."""

    __slots__ = ("_octets", "events", "rule")

    def __init__(self, rule: HistoryRule) -> None:
        self.rule = rule
        self.events: deque[PastEvent] = deque()
        self._octets = 0

    def append(self, event: PastEvent) -> list[PastEvent]:
        """Add an event; return those that have to go for it."""
        events, rule = self.events, self.rule
        events.append(event)
        self._octets += event.size
        gone = []
        while len(events) > rule.max_events or self._octets > rule.max_octets:
            oldest = events.popleft()
            self._octets -= oldest.size
            gone.append(oldest)
        return gone


class EventHistory:
    """The past events of one realm.

    Args:
        rules: What is kept.
        utc_now: Returns the time.

    Raises:
        ValueError: Two rules have the same pattern.
    """

    def __init__(self, rules: Iterable[HistoryRule], utc_now: UtcNow) -> None:
        self._logs: Matching[_Log] = Matching()
        self._all: list[_Log] = []
        for rule in rules:
            if self._logs.get(rule.uri, rule.match) is not None:
                raise ValueError(f"two rules keep events of {rule.uri!r} ({rule.match})")
            log = _Log(rule)
            self._logs.add(rule.uri, rule.match, log)
            self._all.append(log)
        self._utc_now = utc_now
        self._number = 0
        self._realm = ""
        self._journal: HistoryJournal | None = None

    def record(self, realm: str, journal: HistoryJournal, past: Iterable[PastEvent]) -> None:
        """Take the events that were saved, before there are others, and tell a journal from now on what becomes of all of them.

        Args:
            realm: The realm's name.
            journal: The journal.
            past: The events, in the order of their numbers. What no rule keeps any more is dropped.
        """
        self._realm, self._journal = realm, journal
        for event in past:
            self._number = event.number
            log = self._logs.best(event.topic)
            for gone in [event] if log is None else log.append(event):
                journal.drop(realm, gone.number)

    def __len__(self) -> int:
        return sum(len(log.events) for log in self._all)

    def keep(self, publication_id: int, message: Publish, details: dict[str, Any]) -> None:
        """Keep an event, if a rule says so and it was not meant for certain sessions only, which will be gone (EH-R5)."""
        log = self._logs.best(message.topic)
        options = message.options
        if log is None or not _SESSION_LISTS.isdisjoint(options):
            return
        self._number += 1
        lists = {key: options[key] for key in _LISTS if key in options}
        size = payload_size(message.topic, message.args, message.kwargs, lists)
        now = self._utc_now()
        event = PastEvent(
            self._number, now, publication_id, message.topic, details, lists, message.args, message.kwargs, size
        )
        gone = log.append(event)
        journal = self._journal
        if journal is not None:
            journal.keep(self._realm, event)
            for each in gone:
                journal.drop(self._realm, each.number)

    def of(self, subscription: Subscription, reader: Session) -> list[PastEvent]:
        """Return the events that a subscription would have got and a session may read, the oldest first."""
        uri, match = subscription.uri, subscription.match
        found = [
            event
            for log in self._logs_for(subscription)
            for event in log.events
            if is_match(uri, match, event.topic) and _may_read(reader, event)
        ]
        found.sort(key=_by_number)
        return found

    def _logs_for(self, subscription: Subscription) -> list[_Log]:
        if subscription.is_pattern:
            return self._all
        log = self._logs.best(subscription.uri)
        return [] if log is None else [log]


def _may_read(reader: Session, event: PastEvent) -> bool:
    eligibility = Eligibility.of(event.lists) if event.lists else None
    return eligibility is None or eligibility.admits(reader)


def _by_number(event: PastEvent) -> int:
    return event.number


class _GetEvents(Arguments):
    subscription: int
    reverse: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    from_time: _Time = None
    after_time: _Time = None
    before_time: _Time = None
    until_time: _Time = None
    topic: str | None = None
    from_publication: int | None = None
    after_publication: int | None = None
    before_publication: int | None = None
    until_publication: int | None = None


class HistoryMeta:
    """The procedure `wamp.subscription.get_events` of one realm.

    Args:
        broker: The realm's subscriptions and past events.
    """

    def __init__(self, broker: Broker) -> None:
        self._subscriptions = broker.subscriptions
        self._history = broker.history
        self.procedures: MetaProcedures = {uris.SUBSCRIPTION_GET_EVENTS: MetaProcedure(_GetEvents, self._get_events)}

    def _get_events(self, caller: Session, arguments: _GetEvents, now: float) -> list[Any]:
        subscription = self._subscriptions.get(arguments.subscription)
        if subscription is None or is_reserved(subscription.uri):  # EH-R6
            raise NoSuchSubscription(f"there is none with the id {arguments.subscription}")
        past = [] if self._history is None else self._history.of(subscription, caller)
        events = _within_times(_within_publications(past, arguments), arguments)
        if arguments.topic is not None:
            events = [event for event in events if event.topic == arguments.topic]
        if arguments.reverse:
            events.reverse()
        return [event.describe(subscription) for event in events[: arguments.limit]]


def _within_times(events: list[PastEvent], arguments: _GetEvents) -> list[PastEvent]:
    first, after, before, last = (
        arguments.from_time,
        arguments.after_time,
        arguments.before_time,
        arguments.until_time,
    )
    return [
        event
        for event in events
        if (first is None or event.published >= first)
        and (after is None or event.published > after)
        and (before is None or event.published < before)
        and (last is None or event.published <= last)
    ]


def _within_publications(events: list[PastEvent], arguments: _GetEvents) -> list[PastEvent]:
    """Cut by the positions of publications in the order of arrival, not by the values of their ids (EH-R1)."""
    starts = [_position(events, arguments.from_publication, 0), _position(events, arguments.after_publication, 1)]
    ends = [_position(events, arguments.before_publication, 0), _position(events, arguments.until_publication, 1)]
    start = max(position for position in (*starts, 0) if position is not None)
    end = min(position for position in (*ends, len(events)) if position is not None)
    return events[start:end]


def _position(events: list[PastEvent], publication_id: int | None, offset: int) -> int | None:
    """Return where a publication stands, plus an offset.

    Raises:
        InvalidArgument: It is not there, or not any more: what came after it may have gone too.
    """
    if publication_id is None:
        return None
    for index, event in enumerate(events):
        if event.publication_id == publication_id:
            return index + offset
    raise InvalidArgument(f"the history has no publication {publication_id}")
