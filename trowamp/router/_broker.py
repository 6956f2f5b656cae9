"""The broker: who listens to which topics, and the delivery of events.

Rule: every receiver's octets exist before the first of them is delivered. A payload that one receiver's serializer cannot carry is refused at its
sender, as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .. import uris
from .._exceptions import MessageTooLarge, NoSuchSession, NoSuchSubscription, SerializationError
from .._uri_pattern import is_reserved, is_uri
from ..messages import Event, Publish, Published, Subscribe, Subscribed, Unsubscribe, Unsubscribed
from ._eligibility import Admits, Eligibility
from ._event_history import EventHistory
from ._matching import Matching
from ._meta_events import SUBSCRIPTION_TOPICS, EntryEvents
from ._passthru import form_of, passed_on
from ._patterns import problem_of
from ._retention import RetainedEvent, RetainedEvents
from ._session import NOTHING
from ._subscriptions import Subscription
from ._trust import with_trust

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..wire._pieces import Octets
    from ._ids import RandomIds
    from ._options import RouterOptions
    from ._outbox import Outbox
    from ._session import HandlerTable, Session
    from ._statistics import Counters
    from ._wall_time import UtcNow

_TOO_LARGE: Final = b""
_Deliveries = list[tuple["Outbox", "Octets"]]


class Broker:
    """The subscriptions of one realm.

    Attributes:
        subscriptions: All subscriptions by id.
        topics: The same by URI and matching policy.
        events: Tells of subscriptions.
        retained: What those get who subscribe later.
        history: Past events, if any are kept.
    """

    def __init__(self, ids: RandomIds, options: RouterOptions, counters: Counters, utc_now: UtcNow) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self.topics: Matching[Subscription] = Matching()
        self.handlers: HandlerTable = {
            Publish: self.on_publish,
            Subscribe: self.on_subscribe,
            Unsubscribe: self.on_unsubscribe,
        }
        self._exact = self.topics.exact
        self._ids = ids
        self._options = options
        self._is_strict = options.strict_uris
        self._counters = counters
        self._utc_now = utc_now
        self.retained = RetainedEvents(options)
        self.history = EventHistory(options.event_history, utc_now) if options.event_history else None
        self.events = EntryEvents(self, SUBSCRIPTION_TOPICS)

    def on_publish(self, publisher: Session, message: Publish, now: float = 0.0) -> str | None:
        """PUBLISH: deliver an event to every session that listens and may have it."""
        topic, options = message.topic, message.options
        subscription = self._exact.get(topic)
        if is_reserved(topic) or (subscription is None and not is_uri(topic, strict=self._is_strict)):  # URI-B2, URI-B3
            self._refuse(publisher, message, uris.ERROR_INVALID_URI, "not a legal topic to publish to")
            return None
        matching = self.topics.patterns(topic) if self.topics.has_patterns else []
        if subscription is not None:
            matching.insert(0, subscription)
        excluded: Session | None = publisher  # PX-R1
        eligibility = None
        details = NOTHING
        if options or type(message.args) is bytes:
            terms = self._terms(publisher, message)
            if not isinstance(terms, tuple):
                return terms
            details, excluded, eligibility = terms
        if publisher.grant.always_discloses:
            details = {**details, **_disclosed(publisher)}
        publication_id = self._ids.draw()
        encode = self._encode if publisher.trust_level is None else with_trust(self._encode, publisher.trust_level)
        deliveries: _Deliveries = []
        try:
            for each in matching:
                known = {**details, "topic": topic} if each.is_pattern else details
                event = Event(each.id, publication_id, known, message.args, message.kwargs)
                encode(event, each, excluded, eligibility, deliveries)
        except SerializationError as error:
            self._refuse(publisher, message, uris.ERROR_INVALID_ARGUMENT, str(error))
            return None
        if options and options.get("acknowledge"):  # before the events (ORD-R6)
            publisher.outbox.send(Published(message.request_id, publication_id))
        for outbox, octets in deliveries:
            outbox.queue_event(octets)
        if options or self.history is not None:
            self._keep(publication_id, message, details, excluded, eligibility)
        return None

    def _keep(
        self,
        publication_id: int,
        message: Publish,
        details: dict[str, Any],
        excluded: Session | None,
        eligibility: Eligibility | None,
    ) -> None:
        """Keep a publication for later, if it is to be kept."""
        if message.options.get("retain"):
            self.retained.keep(publication_id, message, details, excluded=excluded, eligibility=eligibility)
        if self.history is not None:
            self.history.keep(publication_id, message, details)

    def _terms(
        self, publisher: Session, message: Publish
    ) -> tuple[dict[str, Any], Session | None, Eligibility | None] | str | None:
        """Read PUBLISH.Options.

        Returns:
            `EVENT.Details`, the session that does not hear itself, and the publisher's lists; or in words how it broke the protocol; or None if it
            was refused.
        """
        options = message.options
        form = form_of(options, message.args)
        if form & ~publisher.publication_forms:  # PPT-R1
            return "PUBLISH uses a feature that the publisher did not announce"
        details = passed_on(options, form)  # PPT-R3: whether subscribers understand it is theirs
        if options.get("disclose_me"):
            if publisher.grant.never_discloses:  # PI-R2
                text = "publishers are not disclosed here"
                self._refuse(publisher, message, uris.ERROR_DISCLOSE_ME_DISALLOWED, text)
                return None
            details = {**details, **_disclosed(publisher)}
        return details, None if options.get("exclude_me") is False else publisher, Eligibility.of(options)

    def on_subscribe(self, session: Session, message: Subscribe, now: float) -> str | None:
        """SUBSCRIBE: make a subscription, or join the one that others have already."""
        uri = message.topic
        match = message.options.get("match", "exact")
        problem = problem_of(session, uri, match, self._options)
        if problem is not None:
            session.refuse(Subscribe.code, message.request_id, *problem)
            return None
        subscription = self.topics.get(uri, match)
        is_new = subscription is None
        if subscription is None:
            subscription = Subscription(self._ids.take(), uri, match, self._utc_now())
            self.subscriptions[subscription.id] = subscription
            self.topics.add(uri, match, subscription)
        has_joined = session not in subscription.subscribers
        subscription.subscribers[session] = None  # BP-R1: once, however often
        session.subscriptions[subscription.id] = subscription
        session.outbox.send(Subscribed(message.request_id, subscription.id))
        if message.options.get("get_retained"):  # ORD-R2, ER-R7
            for event in self.retained.for_subscriber(session, subscription):
                self._deliver_retained(session, subscription, event)
        if has_joined:  # UM-R5
            self.events.joined(session, subscription, is_new=is_new)
        return None

    def on_unsubscribe(self, session: Session, message: Unsubscribe, now: float) -> str | None:
        """UNSUBSCRIBE: no more events."""
        subscription = session.subscriptions.pop(message.subscription_id, None)
        if subscription is None:  # BP-R5
            session.refuse(Unsubscribe.code, message.request_id, uris.ERROR_NO_SUCH_SUBSCRIPTION)
            return None
        self._remove(session, subscription)
        session.outbox.send(Unsubscribed(message.request_id))
        self.events.left(session, subscription)  # UM-R5
        return None

    def revoke(self, subscription_id: int, reason: str | None) -> None:
        """End a subscription from the router's side and tell the subscribers that can understand it (RV-R1).

        Raises:
            NoSuchSubscription: There is none with this id.
        """
        subscription = self._subscription(subscription_id)
        for session in list(subscription.subscribers):
            self._expel(session, subscription, reason)

    def remove_subscriber(self, subscription_id: int, session_id: int, reason: str | None) -> None:
        """Take a subscription away from one of its subscribers (RV-R3).

        Raises:
            NoSuchSubscription: There is none with this id.
            NoSuchSession: The session is not among its subscribers.
        """
        subscription = self._subscription(subscription_id)
        for session in subscription.subscribers:
            if session.session_id == session_id:
                self._expel(session, subscription, reason)
                return
        raise NoSuchSession(session_id)

    def leave(self, session: Session) -> list[Subscription]:
        """The session is over: it listens to nothing any more. Return what it listened to."""
        subscriptions = list(session.subscriptions.values())
        for subscription in subscriptions:
            self._remove(session, subscription)
        session.subscriptions.clear()
        return subscriptions

    # ---- events of the router's own

    def listeners(self, topic: str) -> list[Subscription]:
        """Return the subscriptions that a topic matches."""
        subscription = self._exact.get(topic)
        matching = self.topics.patterns(topic) if self.topics.has_patterns else []
        if subscription is not None:
            matching.insert(0, subscription)
        return matching

    def hearers(self, topic: str) -> list[Subscription]:
        """Return the subscriptions that hear of a topic of the router's own: patterns only if they are in the reserved namespace themselves."""
        subscription = self._exact.get(topic)
        hearers = [] if subscription is None else [subscription]
        if self.topics.has_patterns:
            hearers += (each for each in self.topics.patterns(topic) if is_reserved(each.uri))
        return hearers

    def announce(self, hearers: list[Subscription], topic: str, args: list[Any]) -> None:
        """Publish an event of the router's own.

        Args:
            hearers: What `hearers` returned for the topic.
            topic: The topic.
            args: The positional payload.
        """
        publication_id = self._ids.draw()
        for each in hearers:
            event = Event(each.id, publication_id, {"topic": topic} if each.is_pattern else NOTHING, args)
            deliveries: _Deliveries = []
            try:
                self._encode(event, each, None, None, deliveries)
            except SerializationError:  # an identity that an authenticator made up
                self._counters.oversize_events += 1
            for outbox, octets in deliveries:
                outbox.queue_event(octets)

    def _encode(
        self,
        event: Event,
        subscription: Subscription,
        excluded: Session | None,
        eligibility: Admits | None,
        deliveries: _Deliveries,
    ) -> None:
        """Encode an event once per wire format of a subscription's receivers.

        Raises:
            SerializationError: The serializer of one of them cannot carry the payload.
        """
        encoded: dict[Hashable, Octets] = {}
        for session in subscription.subscribers:
            if session is excluded or (eligibility is not None and not eligibility.admits(session)):
                continue
            link = session.link
            wire_format = link.wire_format
            octets = encoded.get(wire_format)
            if octets is None:
                try:
                    octets = link.encode_in_pieces(event)
                except MessageTooLarge:
                    octets = _TOO_LARGE
                if wire_format is not None:
                    encoded[wire_format] = octets
            if octets:
                deliveries.append((session.outbox, octets))
            else:
                self._counters.oversize_events += 1  # RS-R4

    def _deliver_retained(self, session: Session, subscription: Subscription, retained: RetainedEvent) -> None:
        details = {**retained.details, "retained": True}
        message = retained.message
        if subscription.is_pattern:
            details["topic"] = message.topic
        event = Event(subscription.id, retained.publication_id, details, message.args, message.kwargs)
        try:
            session.outbox.queue_event(session.link.encode_in_pieces(event))
        except (MessageTooLarge, SerializationError):
            self._counters.oversize_events += 1

    def _refuse(self, publisher: Session, message: Publish, uri: str, text: str) -> None:
        """Answer a PUBLISH with an ERROR if it asked for an answer; else nobody hears of it (BP-R6)."""
        if message.options.get("acknowledge"):
            publisher.refuse(Publish.code, message.request_id, uri, text)
        else:
            self._counters.refused_publications += 1

    def _subscription(self, subscription_id: int) -> Subscription:
        subscription = self.subscriptions.get(subscription_id)
        if subscription is None:
            raise NoSuchSubscription(subscription_id)
        return subscription

    def _expel(self, session: Session, subscription: Subscription, reason: str | None) -> None:
        """Take a subscription away, and say so if that can be understood (RV-R1); others hear of it in any case (RV-R2)."""
        del session.subscriptions[subscription.id]
        self._remove(session, subscription)
        if session.hears_subscription_revocation and self._options.send_subscription_revocation:
            details = {"subscription": subscription.id} | ({"reason": reason} if reason else {})
            session.outbox.send(Unsubscribed(0, details))
        self.events.left(session, subscription)

    def _remove(self, session: Session, subscription: Subscription) -> None:
        del subscription.subscribers[session]
        if not subscription.subscribers:
            del self.subscriptions[subscription.id]
            self.topics.remove(subscription.uri, subscription.match)
            self._ids.give_back(subscription.id)


def _disclosed(publisher: Session) -> dict[str, Any]:
    """Say in EVENT.Details who published (PI-R1)."""
    return {
        "publisher": publisher.session_id,
        "publisher_authid": publisher.authid,
        "publisher_authrole": publisher.authrole,
    }
