"""Authorization: what stands between a session's requests and the broker and dealer of its realm (checklist §4.21).

Rules of this file:

1. A request is decided before anything else is looked at, so that a refusal tells nothing about what exists (AZ-R4).
2. Where the rules want the authorizer asked, the request is held, and whatever requests follow wait behind it: a session's requests keep their order
   (ORD-R7). Answers to invocations do not wait: the authorizer may be a procedure of that very session.
3. A session waits for one question at a time, and a question is answered once; an answer that is not waited for any more changes nothing (AZ-R7).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from .. import uris
from ..messages import Call, Cancel, Goodbye, Message, Publish, Register, Subscribe, Unregister, Unsubscribe
from ._grants import Disclosure, Grant, Need, Verdict
from ._inputs import await_late_inputs, is_further_input
from ._rules import Role, RoleRules

if TYPE_CHECKING:
    from ._deadlines import Deadlines
    from ._session import HandlerTable, Session
    from ._statistics import Counters
    from ._subscriptions import Subscription

_MAX_CACHED: Final = 10_000
_NO_VERDICT: Final = "the authorizer could not be asked, or did not say: the router's log knows why"
_WAITING: Final = (Publish, Subscribe, Unsubscribe, Call, Register, Unregister, Goodbye)


Request = Publish | Subscribe | Call | Register


class Question:
    """Something that the authorizer has to decide.

    Attributes:
        session: Who asks for permission.
        need: The action, the URI, and its matching policy.
        message: The request.
        deadline: Until when there must be an answer.
    """

    __slots__ = ("deadline", "message", "need", "session")

    def __init__(self, session: Session, need: Need, message: Request) -> None:
        self.session = session
        self.need = need
        self.message = message
        self.deadline = math.inf

    @property
    def arguments(self) -> tuple[dict[str, Any], str, str, dict[str, Any]]:
        """What an authorizer takes: the session's details, the URI, the action and the request's options."""
        action, uri, _ = self.need
        details = {"realm": self.session.realm.name, **self.session.describe()}
        return details, uri, action, self.message.options

    def __repr__(self) -> str:
        action, uri, match = self.need
        return f"<Question whether {self.session} may {action} {uri!r} ({match})>"


class Questions:
    """What the authorizer has to decide, for all realms of a router.

    Args:
        deadlines: The router's deadlines.
        timeout: How many seconds there are for an answer.
        on_timeout: What happens to a question then.
    """

    def __init__(self, deadlines: Deadlines, timeout: float, on_timeout: Callable[[Question, float], None]) -> None:
        self._deadlines = deadlines
        self._timeout = timeout
        self._on_timeout = on_timeout
        self._new: list[Question] = []

    def put(self, question: Question, now: float) -> None:
        """Have a question asked."""
        self._new.append(question)
        self._deadlines.push(question, now + self._timeout, self._on_timeout)

    def settle(self, question: Question) -> None:
        """The question is answered, or nobody waits for the answer any more."""
        self._deadlines.cancel(question)

    def take_new(self) -> list[Question]:
        """Return what was put since the last time and is still waited for."""
        questions = self._new
        if not questions:  # as nearly always, and it is asked after each batch of messages
            return []
        self._new = []
        return [question for question in questions if question.deadline < math.inf]


class Waiting:
    """What a session's requests wait for.

    Attributes:
        question: Which answer.
        needs: What the request in question needs that is not granted yet, beginning with what the question is about.
        handlers: What the session may say when it does not wait.
        backlog: What it has said since.
        received: How many octets its connection had received before.
        is_cancelled: Whether the call in question was cancelled meanwhile.
    """

    __slots__ = ("backlog", "handlers", "is_cancelled", "needs", "question", "received")

    def __init__(self, question: Question, needs: list[Need], handlers: HandlerTable, received: int) -> None:
        self.question = question
        self.needs = needs
        self.handlers = handlers
        self.backlog: deque[Message] = deque()
        self.received = received
        self.is_cancelled = False


class Guard:
    """Decides about the requests of one realm's sessions.

    Args:
        roles: The roles of the router.
        realm: The realm's name.
        disclosure: How callers and publishers are disclosed where no rule says otherwise.
        handlers: What is guarded.
        subscriptions: The realm's subscriptions by id.
        questions: Where questions for the authorizer are put.
        counters: What the router counts.

    Attributes:
        handlers: The same handlers, guarded.
    """

    def __init__(
        self,
        roles: Iterable[Role],
        realm: str,
        *,
        disclosure: Disclosure,
        handlers: HandlerTable,
        subscriptions: dict[int, Subscription],
        questions: Questions,
        counters: Counters,
    ) -> None:
        self._rules = {role.name: RoleRules(role, disclosure) for role in roles if role.realm in (None, realm)}
        self._inner = handlers
        self._subscriptions = subscriptions
        self._questions = questions
        self._counters = counters
        self.handlers: HandlerTable = {
            **handlers,
            Publish: self._on_publish,
            Subscribe: self._on_subscribe,
            Call: self._on_call,
            Register: self._on_register,
        }

    def rules_of(self, name: str) -> RoleRules:
        """Return the rules of a role that exists."""
        return self._rules[name]

    def answered(self, session: Session, verdict: Verdict | None, now: float) -> str | None:
        """Go on with the request that a session waits with.

        Args:
            session: The session.
            verdict: The authorizer's answer, or None if it failed.
            now: The time.

        Returns:
            How the peer broke the protocol, or None.
        """
        waiting = session.waiting
        assert waiting is not None
        session.waiting = None
        session.handlers = waiting.handlers
        question = waiting.question
        self._questions.settle(question)
        grant = None
        if verdict is not None:
            assert session.rules is not None
            grant = verdict.apply(session.rules.decide(question.need))
            if grant.cache and len(session.decisions) < _MAX_CACHED:
                session.decisions[question.need] = grant
        if waiting.is_cancelled:
            return None
        if grant is None:
            self._refuse(session, question.message, uris.ERROR_AUTHORIZATION_FAILED, _NO_VERDICT)
            return None
        return self._go_on(session, question.message, waiting.needs, grant, now)

    def leave(self, session: Session) -> None:
        """The session is over: nothing of it waits for an answer any more."""
        if session.waiting is not None:
            self._questions.settle(session.waiting.question)
            session.waiting = None

    # ---- what has to be decided

    def _on_publish(self, session: Session, message: Publish, now: float) -> str | None:
        return self._admit(session, message, [("publish", message.topic, "exact")], now)

    def _on_subscribe(self, session: Session, message: Subscribe, now: float) -> str | None:
        return self._admit(session, message, [("subscribe", message.topic, message.options.get("match", "exact"))], now)

    def _on_register(self, session: Session, message: Register, now: float) -> str | None:
        return self._admit(
            session, message, [("register", message.procedure, message.options.get("match", "exact"))], now
        )

    def _on_call(self, session: Session, message: Call, now: float) -> str | None:
        if is_further_input(session, message.request_id):  # of a call that was granted, or refused
            return self._inner[Call](session, message, now)
        needs: list[Need] = [("call", message.procedure, "exact")]
        if message.procedure in _WITH_FURTHER_NEEDS:
            needs += self._further_needs(message)
        return self._admit(session, message, needs, now)

    def _further_needs(self, message: Call) -> list[Need]:
        """Return what a call of the router's own procedures needs besides the right to the call; what is no argument for them needs nothing."""
        name = _WITH_FURTHER_NEEDS[message.procedure]
        argument = message.args[0] if message.args else (message.kwargs or {}).get(name)
        if name == "topic":  # TM-R7
            return [("publish", argument, "exact")] if isinstance(argument, str) else []
        subscription = self._subscriptions.get(argument) if isinstance(argument, int) else None
        return [] if subscription is None else [("subscribe", subscription.uri, subscription.match)]  # EH-R4

    # ---- deciding

    def _admit(self, session: Session, message: Any, needs: list[Need], now: float) -> str | None:
        """Hand a request on if all that it needs is granted."""
        grant = session.decisions.get(needs[0])
        if grant is None:
            assert session.rules is not None
            grant = session.rules.decide(needs[0])
            if grant.ask:
                self._ask(session, message, needs, now)
                return None
        return self._go_on(session, message, needs, grant, now)

    def _go_on(self, session: Session, message: Any, needs: list[Need], grant: Grant, now: float) -> str | None:
        """Do what the answer to the first need says."""
        if not grant.allow:  # AZ-R2
            action, uri, _ = needs[0]
            self._refuse(session, message, uris.ERROR_NOT_AUTHORIZED, f"no right to {action} {uri!r:.200}")
            return None
        if len(needs) > 1:
            return self._admit(session, message, needs[1:], now)
        session.grant = grant
        return self._inner[type(message)](session, message, now)

    def _refuse(self, session: Session, message: Any, uri: str, text: str) -> None:
        """Refuse a request; nobody hears of a refused publication that was not to be acknowledged (AZ-R3)."""
        self._counters.denied_requests += 1
        _drop_inputs(session, message)
        if type(message) is not Publish or message.options.get("acknowledge"):
            session.refuse(message.code, message.request_id, uri, text)

    # ---- waiting

    def _ask(self, session: Session, message: Request, needs: list[Need], now: float) -> None:
        question = Question(session, needs[0], message)
        session.waiting = Waiting(question, needs, session.handlers, session.link.received_octets)
        held: HandlerTable = {**dict.fromkeys(_WAITING, _wait), Cancel: self._on_cancel}
        session.handlers = {kind: held.get(kind, handler) for kind, handler in session.handlers.items()}
        self._questions.put(question, now)

    def _on_cancel(self, session: Session, message: Cancel, now: float) -> str | None:
        """CANCEL, perhaps of a call that is not routed yet (CC-R8)."""
        waiting = session.waiting
        assert waiting is not None
        call_id = message.request_id
        held = waiting.question.message
        is_held = isinstance(held, Call) and held.request_id == call_id and not waiting.is_cancelled
        if is_held:
            waiting.is_cancelled = True
            _drop_inputs(session, held)
        elif not is_further_input(session, call_id) and any(_is_call(queued, call_id) for queued in waiting.backlog):
            await_late_inputs(session, call_id)  # its turn comes, so that ids stay sequential, and it is dropped then
        else:
            return waiting.handlers[Cancel](session, message, now)
        session.refuse(Call.code, call_id, uris.ERROR_CANCELED, "the call was cancelled")
        return None


_WITH_FURTHER_NEEDS: Final = {uris.SESSION_ADD_TESTAMENT: "topic", uris.SUBSCRIPTION_GET_EVENTS: "subscription"}


def _is_call(message: Message, call_id: int) -> bool:
    return type(message) is Call and message.request_id == call_id


def _drop_inputs(session: Session, message: Message) -> None:
    """Have the further inputs of a call dropped that is not routed (PCI-R5)."""
    if type(message) is Call and message.options.get("progress"):
        await_late_inputs(session, message.request_id)


def _wait(session: Session, message: Message, now: float) -> str | None:
    """Keep a request until the one before it is decided."""
    assert session.waiting is not None
    session.waiting.backlog.append(message)
    return None
