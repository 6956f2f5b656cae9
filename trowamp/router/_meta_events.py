"""The events by which a router tells what happens in a realm (session, registration and subscription meta API).

They go out through the broker like all other events. While nobody listens, telling costs a look-up of the topic and nothing is put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from .. import uris
from .._uri_pattern import is_reserved

if TYPE_CHECKING:
    from ._broker import Broker
    from ._session import Session


class Entry(Protocol):
    """A registration or a subscription."""

    id: int
    uri: str

    @property
    def is_over(self) -> bool:
        """Whether nobody has it any more."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the meta API tells of it."""
        ...


class Topics(msgspec.Struct, frozen=True):
    """Where the four things are told that happen to registrations, or to subscriptions."""

    created: str
    joined: str
    left: str
    deleted: str


REGISTRATION_TOPICS = Topics(
    uris.REGISTRATION_ON_CREATE,
    uris.REGISTRATION_ON_REGISTER,
    uris.REGISTRATION_ON_UNREGISTER,
    uris.REGISTRATION_ON_DELETE,
)
SUBSCRIPTION_TOPICS = Topics(
    uris.SUBSCRIPTION_ON_CREATE,
    uris.SUBSCRIPTION_ON_SUBSCRIBE,
    uris.SUBSCRIPTION_ON_UNSUBSCRIBE,
    uris.SUBSCRIPTION_ON_DELETE,
)


class EntryEvents:
    """Tells of registrations, or of subscriptions. Of those in the reserved namespace nothing is told (RM-R3, UM-R3)."""

    __slots__ = ("_broker", "_topics")

    def __init__(self, broker: Broker, topics: Topics) -> None:
        self._broker = broker
        self._topics = topics

    def joined(self, session: Session, entry: Entry, *, is_new: bool) -> None:
        """A session has got a part in an entry; the entry first, if it is new (RM-R1, UM-R1)."""
        if is_reserved(entry.uri):
            return
        broker, topics = self._broker, self._topics
        if is_new and (hearers := broker.hearers(topics.created)):
            broker.announce(hearers, topics.created, [session.session_id, entry.describe()])
        if hearers := broker.hearers(topics.joined):
            broker.announce(hearers, topics.joined, [session.session_id, entry.id])

    def left(self, session: Session, entry: Entry) -> None:
        """A session has lost its part in an entry, which is over if that was the last (RM-R1, UM-R1)."""
        if is_reserved(entry.uri):
            return
        broker, topics = self._broker, self._topics
        if hearers := broker.hearers(topics.left):
            broker.announce(hearers, topics.left, [session.session_id, entry.id])
        if entry.is_over and (hearers := broker.hearers(topics.deleted)):
            broker.announce(hearers, topics.deleted, [session.session_id, entry.id])


class SessionEvents:
    """Tells of sessions. None hears of itself: it cannot listen yet, or not any more (SM-R8)."""

    __slots__ = ("_broker",)

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def joined(self, session: Session) -> None:
        """A session was established."""
        if hearers := self._broker.hearers(uris.SESSION_ON_JOIN):
            self._broker.announce(hearers, uris.SESSION_ON_JOIN, [session.describe()])

    def left(self, session: Session) -> None:
        """A session is over, in whatever way (SM-R6, S12)."""
        if hearers := self._broker.hearers(uris.SESSION_ON_LEAVE):
            args = [session.session_id, session.authid, session.authrole]
            self._broker.announce(hearers, uris.SESSION_ON_LEAVE, args)
