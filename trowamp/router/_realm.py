"""A realm: the sessions that can reach each other, their broker and their dealer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .._ids import next_id
from ..messages import (
    Call,
    Cancel,
    Error,
    EventReceived,
    Message,
    Publish,
    Register,
    Subscribe,
    Unregister,
    Unsubscribe,
    Yield,
)
from ._broker import Broker
from ._dealer import Dealer
from ._event_history import HistoryMeta
from ._grants import Grant
from ._guard import Guard, Questions
from ._inputs import is_further_input
from ._invocations import Invocations
from ._meta import MetaApi
from ._meta_entries import RegistrationMeta, SubscriptionMeta
from ._meta_events import REGISTRATION_TOPICS, EntryEvents, SessionEvents
from ._meta_sessions import Kill, SessionMeta
from ._testaments import TestamentMeta, in_order

if TYPE_CHECKING:
    from ._deadlines import Deadlines
    from ._ids import RandomIds
    from ._options import RouterOptions
    from ._session import Handler, HandlerTable, Session
    from ._statistics import Counters
    from ._wall_time import UtcNow

# Who sends what; the rest is said by every session
_ROLES: Final[dict[type[Message], str]] = {
    Publish: "publisher",
    Subscribe: "subscriber",
    Unsubscribe: "subscriber",
    Call: "caller",
    Cancel: "caller",
    Register: "callee",
    Unregister: "callee",
    Yield: "callee",
    Error: "callee",
}
_REQUESTS: Final = (Publish, Subscribe, Unsubscribe, Call, Register, Unregister)


class Realm:
    """One realm.

    Args:
        name: Its URI.
        is_lasting: Whether it outlives its last session.
        farewell: What sessions may say to end themselves: the router's own handlers.
        kill: Ends a session from the router's side.
        questions: What the authorizer has to decide.
        utc_now: Returns the time for people.

    Attributes:
        sessions: Established sessions by id.
        broker, dealer: Its two halves.
        trust_levels: How far the sessions of a role are trusted.
        grant: What sessions may do for which no rules hold.
        guard: Decides what the others may do, if the router has roles.
    """

    def __init__(
        self,
        name: str,
        *,
        is_lasting: bool,
        farewell: HandlerTable,
        kill: Kill,
        questions: Questions,
        utc_now: UtcNow,
        ids: RandomIds,
        deadlines: Deadlines,
        options: RouterOptions,
        counters: Counters,
    ) -> None:
        self.name = name
        self.is_lasting = is_lasting
        self.sessions: dict[int, Session] = {}
        self.trust_levels = options.trust_levels or {}
        self.grant = Grant.of(options.disclosure, "authrole")
        self.broker = Broker(ids, options, counters, utc_now)
        self.dealer = Dealer(ids, options, EntryEvents(self.broker, REGISTRATION_TOPICS), utc_now)
        self._events = SessionEvents(self.broker)
        tables = (
            SessionMeta(self.sessions, kill, is_strict=options.strict_uris),
            TestamentMeta(options),
            RegistrationMeta(self.dealer),
            SubscriptionMeta(self.broker),
            HistoryMeta(self.broker),
        )
        self._invocations = Invocations(
            self.dealer,
            MetaApi(table.procedures for table in tables),
            ids=ids,
            deadlines=deadlines,
            options=options,
            counters=counters,
        )
        handlers = {**self.broker.handlers, **self.dealer.handlers, **self._invocations.handlers}
        self.guard: Guard | None = None
        if options.roles is not None:
            self.guard = Guard(
                options.roles,
                name,
                disclosure=options.disclosure,
                handlers=handlers,
                subscriptions=self.broker.subscriptions,
                questions=questions,
                counters=counters,
            )
        self._farewell = farewell
        self._options = options
        self._unguarded = self._complete(handlers)
        self._handlers = self._unguarded if self.guard is None else self._complete(self.guard.handlers)

    def admit(self, session: Session, roles: dict[str, Any]) -> None:
        """Give a session that announced `roles` what it may say (MSG-B5)."""
        handlers = self._unguarded if session.is_service else self._handlers
        if self._options.strict_roles:
            handlers = {kind: handler for kind, handler in handlers.items() if _ROLES.get(kind) in (None, *roles)}
        session.handlers = handlers
        if self.guard is not None and not session.is_service:
            session.rules = self.guard.rules_of(session.authrole)

    def _complete(self, handlers: HandlerTable) -> HandlerTable:
        """Add what needs no right to be said, and the checks of strict routers."""
        if self._options.strict_request_ids:
            handlers = handlers | {request: _sequential(handlers[request]) for request in _REQUESTS}
        return {**handlers, **self._farewell, EventReceived: _ignore}

    def join(self, session: Session) -> None:
        """The session is established; its WELCOME has been sent."""
        self.sessions[session.session_id] = session
        if not session.is_service:
            self._events.joined(session)

    def leave(self, session: Session) -> None:
        """The session is over: what it heard, offered, worked on and asked for ends, then others are told of it (SES-R3)."""
        del self.sessions[session.session_id]
        if self.guard is not None:
            self.guard.leave(session)
        subscriptions = self.broker.leave(session)
        registrations = self.dealer.leave(session)
        self._invocations.leave(session)
        for testament in in_order(session.testaments):  # TM-R4; it listens to nothing any more (TM-R7)
            session.grant = testament.grant
            self.broker.on_publish(session, testament.message)
        for registration in registrations:  # RM-R2
            self.dealer.events.left(session, registration)
        for subscription in subscriptions:  # UM-R2
            self.broker.events.left(session, subscription)
        if not session.is_service:
            self._events.left(session)


def _sequential(handler: Handler) -> Handler:
    """Have a handler refuse requests whose ids are not sequential (ID-R1)."""

    def checked(session: Session, message: Any, now: float) -> str | None:
        expected = next_id(session.last_request_id)
        if message.request_id != expected:
            if type(message) is Call and is_further_input(session, message.request_id):  # PCI-R5
                return handler(session, message, now)
            return f"{message.name} with request id {message.request_id} instead of {expected}"
        session.last_request_id = expected
        return handler(session, message, now)

    return checked


def _ignore(session: Session, message: Message, now: float) -> str | None:
    """Acknowledged delivery is not announced; who uses it nevertheless does no harm (ACK-B1)."""
    return None
