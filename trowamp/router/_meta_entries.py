"""The registration meta API and the subscription meta API, which ask the same of two kinds of entries.

What is subscribed to in the reserved namespace is the router's and its subscribers' own business: it is not listed, found or described (§6 P12).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec

from .. import uris
from .._exceptions import ApplicationError, NoSuchRegistration, NoSuchSubscription
from .._uri_pattern import is_reserved
from ._meta import Arguments, MetaProcedure, MetaProcedures
from ._registrations import Registration
from ._subscriptions import Subscription

if TYPE_CHECKING:
    from ._broker import Broker
    from ._dealer import Dealer
    from ._matching import Matching
    from ._session import Session

_POLICIES = ("exact", "prefix", "wildcard")
E = TypeVar("E", Registration, Subscription)


class _Policy(msgspec.Struct):
    match: Literal["exact", "prefix", "wildcard"] = "exact"


class _Lookup(Arguments):
    uri: str
    options: _Policy | None = None


class _Match(Arguments):
    uri: str


class _OfEntry(Arguments):
    id: int


class _Remove(Arguments):
    id: int
    session: int
    reason: str | None = None


class _EntryMeta(ABC, Generic[E]):
    """What can be asked about entries of either kind.

    Args:
        entries: The entries by id.
        texts: The same by URI and matching policy.
        missing: The error for an entry that does not exist.
    """

    def __init__(self, entries: dict[int, E], texts: Matching[E], missing: Callable[[str], ApplicationError]) -> None:
        self._entries: dict[int, E] = entries
        self._texts: Matching[E] = texts
        self._missing = missing

    def _list(self, caller: Session, arguments: Arguments, now: float) -> list[Any]:
        return [{policy: self._visible(self._texts.table(policy).values()) for policy in _POLICIES}]

    def _lookup(self, caller: Session, arguments: _Lookup, now: float) -> list[Any]:
        """Find the text itself, not what it matches (RM-R4, UM-R4)."""
        policy = (arguments.options or _Policy()).match
        entry = self._texts.get(arguments.uri, policy)
        return [None if entry is None or is_reserved(entry.uri) else entry.id]

    def _get(self, caller: Session, arguments: _OfEntry, now: float) -> list[Any]:
        return [self._entry(arguments.id).describe()]

    def _list_members(self, caller: Session, arguments: _OfEntry, now: float) -> list[Any]:
        return [self._entry(arguments.id).members()]

    def _count_members(self, caller: Session, arguments: _OfEntry, now: float) -> list[Any]:
        return [len(self._entry(arguments.id).members())]

    def _remove(self, caller: Session, arguments: _Remove, now: float) -> list[Any]:
        self._entry(arguments.id)
        self._expel(arguments)
        return []

    @abstractmethod
    def _expel(self, arguments: _Remove) -> None: ...

    def _entry(self, entry_id: int) -> E:
        entry = self._entries.get(entry_id)
        if entry is None or is_reserved(entry.uri):
            raise self._missing(f"there is none with the id {entry_id}")
        return entry

    def _visible(self, entries: Iterable[E]) -> list[int]:
        return [entry.id for entry in entries if not is_reserved(entry.uri)]


class RegistrationMeta(_EntryMeta[Registration]):
    """The procedures `wamp.registration.*` of one realm."""

    def __init__(self, dealer: Dealer) -> None:
        super().__init__(dealer.registrations, dealer.procedures, NoSuchRegistration)
        self._dealer = dealer
        self.procedures: MetaProcedures = {
            uris.REGISTRATION_LIST: MetaProcedure(Arguments, self._list),
            uris.REGISTRATION_LOOKUP: MetaProcedure(_Lookup, self._lookup),
            uris.REGISTRATION_MATCH: MetaProcedure(_Match, self._match),
            uris.REGISTRATION_GET: MetaProcedure(_OfEntry, self._get),
            uris.REGISTRATION_LIST_CALLEES: MetaProcedure(_OfEntry, self._list_members),
            uris.REGISTRATION_COUNT_CALLEES: MetaProcedure(_OfEntry, self._count_members),
            uris.REGISTRATION_REMOVE_CALLEE: MetaProcedure(_Remove, self._remove),
        }

    def _match(self, caller: Session, arguments: _Match, now: float) -> list[Any]:
        """Return the registration that a call of the URI would go to."""
        registration = self._texts.best(arguments.uri) if not is_reserved(arguments.uri) else None
        return [registration and registration.id]

    def _expel(self, arguments: _Remove) -> None:
        self._dealer.remove_callee(arguments.id, arguments.session, arguments.reason)


class SubscriptionMeta(_EntryMeta[Subscription]):
    """The procedures `wamp.subscription.*` of one realm, but for the event history."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker.subscriptions, broker.topics, NoSuchSubscription)
        self._broker = broker
        self.procedures: MetaProcedures = {
            uris.SUBSCRIPTION_LIST: MetaProcedure(Arguments, self._list),
            uris.SUBSCRIPTION_LOOKUP: MetaProcedure(_Lookup, self._lookup),
            uris.SUBSCRIPTION_MATCH: MetaProcedure(_Match, self._match),
            uris.SUBSCRIPTION_GET: MetaProcedure(_OfEntry, self._get),
            uris.SUBSCRIPTION_LIST_SUBSCRIBERS: MetaProcedure(_OfEntry, self._list_members),
            uris.SUBSCRIPTION_COUNT_SUBSCRIBERS: MetaProcedure(_OfEntry, self._count_members),
            uris.SUBSCRIPTION_REMOVE_SUBSCRIBER: MetaProcedure(_Remove, self._remove),
        }

    def _match(self, caller: Session, arguments: _Match, now: float) -> list[Any]:
        """Return all subscriptions that an event of the topic would go to, None if there is none (UM-R7)."""
        return [self._visible(self._broker.listeners(arguments.uri)) or None]

    def _expel(self, arguments: _Remove) -> None:
        self._broker.remove_subscriber(arguments.id, arguments.session, arguments.reason)
