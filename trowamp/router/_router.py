"""The router: every connection, every realm, no I/O.

Rules of this file:

1. A peer has a handshake, or a session, or neither: then it is being left or closing, and what it says does not count.
2. Nothing here is taken apart while it is being walked over. Who has to go during a message (it does not read, or broke the protocol) is only marked;
   its session ends when the message has been dealt with.
3. The shell flushes the peers of `take_dirty` and closes those that are closing; everything else is decided here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any

import msgspec

from .. import uris
from .._exceptions import NoSuchSession
from .._uri_pattern import is_uri
from ..auth._anonymous import AnonymousAuthenticator
from ..auth._router import Accept, Deny, Outcome, Pending
from ..auth._router import Challenge as Asked
from ..messages import Abort, Challenge, Goodbye, Message, Welcome
from ._accept import Gate, Handshake, Step, Vouched
from ._deadlines import Deadlines
from ._features import ROUTER_ROLES
from ._grants import Verdict
from ._guard import Question, Questions
from ._history_journal import HistoryJournal
from ._ids import RandomIds
from ._options import RouterOptions
from ._outbox import Backlog
from ._peer import Peer, Phase
from ._realm import Realm
from ._rules import role_exists
from ._session import NOTHING, Session
from ._statistics import Counters, RouterStatistics

if TYPE_CHECKING:
    from ..wire import Link
    from ._event_history import PastEvent
    from ._session import HandlerTable
    from ._wall_time import UtcNow

_FAREWELLS = (Goodbye, Abort)
_DEFAULTS = RouterOptions()


class Router:
    """A broker and dealer for any number of realms.

    Args:
        realms: The realms there are.
        random_id: Source of uniformly distributed random integers from 1 to 2**53; a predictable one makes session ids guessable.
        utc_now: Returns the time, in UTC; for people only, nothing is decided by it.
        options: Limits, times and policies.

    Raises:
        ValueError: The name of a realm is not a legal URI.
    """

    def __init__(
        self,
        realms: Iterable[str],
        *,
        random_id: Callable[[], int],
        utc_now: UtcNow,
        options: RouterOptions = _DEFAULTS,
    ) -> None:
        self.options = options
        self._utc_now = utc_now
        self._ids = RandomIds(random_id)
        self._deadlines = Deadlines()
        self._counters = Counters()
        self._farewell: HandlerTable = {Goodbye: self._on_goodbye, Abort: self._on_abort}
        self._questions = Questions(self._deadlines, options.authorizer_timeout, self._on_unanswered)
        self._realms: dict[str, Realm] = {}
        for name in realms:
            if not is_uri(name, strict=options.strict_uris):
                raise ValueError(f"not a legal name of a realm: {name!r}")
            self._realms[name] = self._make_realm(name, is_lasting=True)
        authenticators = options.authenticators
        if authenticators is None:
            authenticators = (AnonymousAuthenticator(random_id),)
        self._gate = Gate(
            {authenticator.method: authenticator for authenticator in authenticators},
            self._realms,
            self._ids,
            options,
        )
        self._peers: dict[Peer, None] = {}
        self._dirty: list[Peer] = []
        self._pending: list[tuple[Peer, Pending]] = []
        self._doomed: list[Peer] = []
        self._backlogs: list[Backlog] = []  # whose time has to begin

    def __repr__(self) -> str:
        return f"<Router with {len(self._peers)} connections, realms: {', '.join(self._realms) or 'none'}>"

    # ---- what the shell reports

    def attach(
        self,
        link: Link,
        *,
        transport: dict[str, Any],
        now: float,
        since: float | None = None,
        identity: Accept | None = None,
    ) -> Peer:
        """Take a new connection, before or after its transport handshake.

        Args:
            link: Its link.
            transport: What is known of it: `{"type": "tcp", "peer": …}`. Authentication methods see it.
            now: The time.
            since: When the connection was made, if that was earlier.
            identity: Who it is, if whoever runs the router has made the connection; then it is asked for nothing.
        """
        link.pass_payloads_on()
        peer = Peer(
            link,
            transport,
            dirty=self._dirty,
            doomed=self._doomed,
            backlogs=self._backlogs,
            options=self.options,
            counters=self._counters,
        )
        self._peers[peer] = None
        self._expect_hello(peer, now, now if since is None else since, identity)
        return peer

    def opened(self, peer: Peer, now: float) -> None:
        """The handshake of the peer's transport is done: messages can flow."""
        handshake = peer.handshake
        if handshake is not None and not handshake.has_begun:
            self._allow(peer, handshake, self.options.hello_timeout, now)

    def receive(self, peer: Peer, message: Message, now: float) -> None:
        """Take a peer's next message; what follows from it waits in outboxes."""
        session = peer.session
        if session is not None:
            handler = session.handlers.get(type(message))
            if handler is None:
                self._violate(peer, f"{message.name} in an established session", now)
            else:
                text = handler(session, message, now)
                if text is not None:
                    self._violate(peer, text, now)
        elif peer.handshake is not None:
            step = peer.handshake.receive(message, now)
            _STEPS[type(step)](self, peer, step, now)
        elif type(message) in _FAREWELLS:  # everything else is ignored after the router's GOODBYE (transition 14)
            peer.give_up("the session was left")
        if self._doomed:
            self._bury()
        if self._backlogs:
            self._time_backlogs(now)

    def resolve(self, peer: Peer, outcome: Outcome, now: float) -> None:
        """Take what was decided about a peer of `take_pending`; nothing happens if it has gone, or has waited too long.

        Args:
            peer: The peer.
            outcome: What the judge of its `Pending` says, or a `Deny`.
            now: The time.
        """
        if peer.handshake is not None and peer.handshake.is_pending:
            step = peer.handshake.resolve(outcome, now)
            _STEPS[type(step)](self, peer, step, now)
            if self._doomed:
                self._bury()

    def violation(self, peer: Peer, error: Exception, now: float) -> None:
        """The peer's link failed: what it received is no message, or too large, or no WAMP at all."""
        is_leaving = peer.session is None and peer.handshake is None
        if peer.link.is_open and not is_leaving:
            self._violate(peer, str(error), now)
        else:
            peer.give_up(str(error))
        self._bury()

    def detach(self, peer: Peer, reason: str, now: float) -> None:
        """The peer's connection is gone. Doing so twice does nothing.

        Args:
            peer: The peer.
            reason: Why, in words.
            now: The time.
        """
        if peer not in self._peers:
            return
        del self._peers[peer]
        peer.give_up(reason)
        self._bury()
        self._deadlines.cancel(peer.phase)
        peer.phase.peer = None
        if peer.outbox.is_dirty:
            self._dirty.remove(peer)
        peer.outbox.part()

    def tick(self, now: float) -> None:
        """Do what is due: end calls that took too long, and peers that owe a HELLO, AUTHENTICATE or GOODBYE."""
        for item, action in self._deadlines.due(now):
            action(item, now)
        self._bury()
        self._time_backlogs(now)

    def next_deadline(self) -> float | None:
        """Return when `tick` has to be called next, or None if nothing waits for time to pass."""
        return self._deadlines.next()

    def take_dirty(self) -> list[Peer]:
        """Return the peers that have octets to be flushed or have to be closed, each once, and forget them."""
        peers = self._dirty[:]
        self._dirty.clear()
        for peer in peers:
            peer.outbox.is_dirty = False
        return peers

    def take_pending(self) -> list[tuple[Peer, Pending]]:
        """Return the peers about whom somebody has to be asked, with the question; `resolve` takes what comes of it."""
        pending = self._pending
        self._pending = []
        return pending

    def take_questions(self) -> list[Question]:
        """Return what the authorizer has to decide; `answer` takes what it says."""
        return self._questions.take_new()

    def answer(self, question: Question, verdict: Verdict | None, now: float) -> None:
        """Take the authorizer's answer; nothing happens if the session has gone, or has waited too long (AZ-R7).

        Args:
            question: A question of `take_questions`.
            verdict: The answer, or None if the authorizer failed.
            now: The time.
        """
        session = question.session
        if session.waiting is None or session.waiting.question is not question:
            return
        guard = session.realm.guard
        assert guard is not None
        peer, backlog = session.peer, session.waiting.backlog
        text = guard.answered(session, verdict, now)
        if text is not None:
            self._violate(peer, text, now)
        self._bury()
        while backlog and peer.session is session and session.waiting is None:
            self.receive(peer, backlog.popleft(), now)
        if session.waiting is not None:
            session.waiting.backlog.extend(backlog)
        peer.outbox.mark()  # the shell may read on

    # ---- what the operator does

    def record_history(self, past: Mapping[str, Iterable[PastEvent]]) -> HistoryJournal:
        """Take the past events that were saved, before there are sessions; from now on the result tells what has to be saved.

        Args:
            past: The events of each realm, in the order of their numbers. Realms that are made on demand have none.
        """
        journal = HistoryJournal()
        for name, realm in self._realms.items():
            if realm.broker.history is not None:
                realm.broker.history.record(name, journal, past.get(name, ()))
        return journal

    def shutdown(self, now: float) -> None:
        """Say GOODBYE to every session, end all other connections, and let nobody in any more."""
        self._gate.is_closed = True
        for peer in list(self._peers):
            if peer.session is not None:
                self._dismiss(peer.session, Goodbye(NOTHING, uris.CLOSE_SYSTEM_SHUTDOWN), now)
            elif peer.handshake is not None:
                self._abort(peer, uris.CLOSE_SYSTEM_SHUTDOWN, "the router shuts down")
        self._bury()

    def dismiss(self, realm: str, session_id: int, reason: str, message: str | None, now: float) -> None:
        """End a session with a GOODBYE of the router's (SES-R5).

        Args:
            realm: The realm.
            session_id: The session; those of the router's own are not found.
            reason: The reason's URI.
            message: Words for people, or None.
            now: The time.

        Raises:
            ValueError: There is no such realm, or the reason is no URI.
            NoSuchSession: There is no such session in it.
        """
        _check_reason(reason)
        session = self._realm(realm).sessions.get(session_id)
        if session is None or session.is_service:
            raise NoSuchSession(f"no session {session_id}")
        self._kill(session, reason, message, now)
        self._bury()

    def revoke_registration(self, realm: str, registration_id: int, reason: str | None = None) -> None:
        """Take a registration away from all its callees.

        Args:
            realm: The realm.
            registration_id: The registration.
            reason: A URI for the callees, or None.

        Raises:
            ValueError: There is no such realm, or the reason is no URI.
            NoSuchRegistration: There is no such registration in it.
        """
        _check_reason(reason)
        self._realm(realm).dealer.revoke(registration_id, reason)
        self._bury()

    def revoke_subscription(self, realm: str, subscription_id: int, reason: str | None = None) -> None:
        """Take a subscription away from all its subscribers.

        Args:
            realm: The realm.
            subscription_id: The subscription.
            reason: A URI for the subscribers, or None.

        Raises:
            ValueError: There is no such realm, or the reason is no URI.
            NoSuchSubscription: There is no such subscription in it.
        """
        _check_reason(reason)
        self._realm(realm).broker.revoke(subscription_id, reason)
        self._bury()

    def statistics(self) -> RouterStatistics:
        """Return what the router holds now, and what it refused so far."""
        realms = list(self._realms.values())
        return RouterStatistics(
            connections=len(self._peers),
            sessions=sum(len(realm.sessions) for realm in realms),
            realms=len(realms),
            registrations=sum(len(realm.dealer.registrations) for realm in realms),
            subscriptions=sum(len(realm.broker.subscriptions) for realm in realms),
            retained_events=sum(len(realm.broker.retained) for realm in realms),
            past_events=sum(len(realm.broker.history or ()) for realm in realms),
            calls_in_flight=sum(len(session.calls) for realm in realms for session in realm.sessions.values()),
            deadlines=len(self._deadlines),
            **msgspec.structs.asdict(self._counters),
        )

    # ---- joining and leaving

    def _expect_hello(self, peer: Peer, now: float, since: float, identity: Accept | None = None) -> None:
        options = self.options
        peer.handshake = Handshake(self._gate, peer.transport, since + options.handshake_timeout, identity)
        timeout = options.hello_timeout if peer.link.is_open else options.opening_timeout
        self._allow(peer, peer.handshake, timeout, now)

    def _allow(self, peer: Peer, handshake: Handshake, timeout: float, now: float) -> None:
        """Give a peer time for its next step, but not more than is left for all of them."""
        self._deadlines.push(peer.phase, min(now + timeout, handshake.latest), self._on_late_peer)

    def _join(self, peer: Peer, accept: Accept, now: float) -> None:
        handshake = peer.handshake
        assert handshake is not None
        attempt, authenticator = handshake.attempt, handshake.authenticator
        assert attempt is not None
        assert authenticator is not None
        name = accept.realm or attempt.realm
        refusal = self._gate.refusal(name)
        is_service = authenticator.method == Vouched.method
        if refusal is None and not is_service and not role_exists(self.options.roles, accept.role, name):
            refusal = Deny(uris.ERROR_NO_SUCH_ROLE, f"there is no role {accept.role!r:.100} in this realm")
        if refusal is not None:
            self._deny(peer, refusal, now)
            return
        realm = self._realms.get(name)
        if realm is None:
            realm = self._realms[name] = self._make_realm(name, is_lasting=False)
        roles = attempt.details["roles"]
        session = Session(
            peer, realm, session_id=attempt.session_id, identity=accept, method=authenticator.method, roles=roles
        )
        realm.admit(session, roles)
        peer.session = session
        peer.handshake = None
        self._deadlines.cancel(peer.phase)
        peer.outbox.send(Welcome(session.session_id, self._welcome(session)))
        realm.join(session)

    def _welcome(self, session: Session) -> dict[str, Any]:
        """Say who the session is from now on (AU-R3)."""
        identity = session.identity
        details = {
            "roles": ROUTER_ROLES,
            "agent": self.options.agent,
            "realm": session.realm.name,
            "authid": session.authid,
            "authrole": session.authrole,
            "authmethod": session.method,
        }
        if identity.provider is not None:
            details["authprovider"] = identity.provider
        if identity.extra:
            details["authextra"] = identity.extra
        return details

    def _challenge(self, peer: Peer, asked: Asked, now: float) -> None:
        assert peer.handshake is not None
        assert peer.handshake.authenticator is not None
        peer.outbox.send(Challenge(peer.handshake.authenticator.method, asked.extra))
        self._allow(peer, peer.handshake, self.options.authentication_timeout, now)

    def _ask(self, peer: Peer, pending: Pending, now: float) -> None:
        assert peer.handshake is not None
        self._pending.append((peer, pending))
        self._allow(peer, peer.handshake, math.inf, now)

    def _deny(self, peer: Peer, deny: Deny, now: float) -> None:
        self._counters.refused_sessions += 1
        self._abort(peer, deny.reason, deny.message)

    def _violate(self, peer: Peer, text: str, now: float) -> None:
        """The peer broke the protocol (PV-B2)."""
        self._counters.violations += 1
        self._abort(peer, uris.ERROR_PROTOCOL_VIOLATION, text)

    def _peer_gave_up(self, peer: Peer, step: None, now: float) -> None:
        peer.give_up("the peer gave up joining")

    def _abort(self, peer: Peer, reason: str, text: str) -> None:
        """Send ABORT, without arguments, which some clients do not expect (SES-R4), and end the connection."""
        peer.outbox.send_last(Abort({"message": text}, reason))
        peer.give_up(f"{text} ({reason})")

    def _on_goodbye(self, session: Session, message: Goodbye, now: float) -> str | None:
        """The session leaves; its connection may begin another one (WS-B4)."""
        peer = session.peer
        self._end_session(session)
        peer.outbox.send(Goodbye(NOTHING, uris.CLOSE_GOODBYE_AND_OUT))  # SES-B2, SES-B4
        self._expect_hello(peer, now, now)
        return None

    def _on_abort(self, session: Session, message: Abort, now: float) -> str | None:
        session.peer.give_up(f"the peer aborted its session: {message.reason!r:.200}")  # never answered (SES-B1)
        return None

    def _on_late_peer(self, phase: Phase, now: float) -> None:
        """A phase of a connection took too long."""
        peer = phase.peer
        assert peer is not None, "its deadline was cancelled when it went"
        options, handshake = self.options, peer.handshake
        if handshake is None:
            peer.give_up(f"no answer to GOODBYE within {options.goodbye_timeout:g} s")
            return
        whole = options.handshake_timeout if now >= handshake.latest else math.inf
        if handshake.is_challenged:  # AU-R4
            text = f"no AUTHENTICATE within {min(whole, options.authentication_timeout):g} s"
            self._deny(peer, Deny(uris.ERROR_AUTHENTICATION_FAILED, text), now)
        elif handshake.is_pending:
            text = f"nobody decided within {options.handshake_timeout:g} s whether the session may join"
            self._deny(peer, Deny(uris.ERROR_AUTHENTICATION_FAILED, text), now)
        elif peer.link.is_open:
            peer.give_up(f"no HELLO within {min(whole, options.hello_timeout):g} s")
        else:
            peer.give_up(f"no handshake within {min(whole, options.opening_timeout):g} s")

    def _time_backlogs(self, now: float) -> None:
        """Peers for whom much waits have some time to read it."""
        for backlog in self._backlogs:
            if backlog.outbox is not None:
                backlog.outbox.time(backlog)
                self._deadlines.push(backlog, now + self.options.outbox_soft_timeout, self._on_backlog)
        self._backlogs.clear()

    def _on_backlog(self, backlog: Backlog, now: float) -> None:
        if backlog.outbox is not None and backlog.outbox.is_still_behind(backlog):
            self._backlogs.append(backlog)

    def _kill(self, session: Session, reason: str, message: str | None, now: float) -> None:
        self._dismiss(session, Goodbye({"message": message} if message else NOTHING, reason), now)

    def _on_unanswered(self, question: Question, now: float) -> None:
        self.answer(question, None, now)

    def _dismiss(self, session: Session, goodbye: Goodbye, now: float) -> None:
        peer = session.peer
        self._end_session(session)
        peer.outbox.send(goodbye)
        peer.outbox.shut()  # SES-B3
        self._deadlines.push(peer.phase, now + self.options.goodbye_timeout, self._on_late_peer)

    def _end_session(self, session: Session) -> None:
        """Everything that a session's end means for others; nothing of it is said to itself (SES-B3)."""
        session.peer.session = None
        realm = session.realm
        realm.leave(session)
        self._ids.give_back(session.session_id)
        if not realm.sessions and not realm.is_lasting:
            del self._realms[realm.name]

    def _bury(self) -> None:
        """End what peers that are closing still have; that may doom others."""
        while self._doomed:
            peer = self._doomed.pop()
            self._deadlines.cancel(peer.phase)
            if peer.session is not None:
                self._end_session(peer.session)
            if peer.handshake is not None:
                peer.handshake.dispose()
                peer.handshake = None

    def _make_realm(self, name: str, *, is_lasting: bool) -> Realm:
        return Realm(
            name,
            is_lasting=is_lasting,
            farewell=self._farewell,
            kill=self._kill,
            questions=self._questions,
            utc_now=self._utc_now,
            ids=self._ids,
            deadlines=self._deadlines,
            options=self.options,
            counters=self._counters,
        )

    def _realm(self, name: str) -> Realm:
        try:
            return self._realms[name]
        except KeyError:
            raise ValueError(f"no such realm: {name!r}") from None


def _check_reason(reason: str | None) -> None:
    if reason is not None and not is_uri(reason):
        raise ValueError(f"the reason is a URI, not {reason!r}")


_STEPS: dict[type[Step], Callable[[Router, Peer, Any, float], None]] = {
    Accept: Router._join,
    Asked: Router._challenge,
    Deny: Router._deny,
    Pending: Router._ask,
    str: Router._violate,
    NoneType: Router._peer_gave_up,
}
