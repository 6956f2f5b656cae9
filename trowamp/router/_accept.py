"""The router's side of the handshake: HELLO, any number of CHALLENGE and AUTHENTICATE, then WELCOME or ABORT (checklist §3.1).

A `Handshake` decides; the router does what was decided. It is the counterpart of the client's `Join`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

from .. import uris
from .._uri_pattern import is_uri
from ..auth._router import Accept, Attempt, Challenge, Deny, Outcome, Pending, RouterAuthenticator, Skip
from ..messages import Abort, Authenticate, Hello, Message
from ._failures import Attempts

if TYPE_CHECKING:
    from ._ids import RandomIds
    from ._options import RouterOptions

# A text tells how the peer broke the protocol; None: it gave up.
Step = Accept | Challenge | Deny | Pending | str | None

_TOO_MANY = Deny(uris.ERROR_AUTHENTICATION_FAILED, "too many failed attempts; try again later")


class Gate:
    """Who may join this router: shared by all handshakes.

    Args:
        authenticators: The router's methods by name.
        realms: The names of the realms there are.
        options: Whether other realms may be asked for as well, and which names they may have.

    Attributes:
        attempts: Who failed to authenticate how often.
        is_closed: Whether nobody may join any more.
    """

    def __init__(
        self,
        authenticators: dict[str, RouterAuthenticator],
        realms: Container[str],
        ids: RandomIds,
        options: RouterOptions,
    ) -> None:
        self.ids = ids
        self._authenticators = authenticators
        self._realms = realms
        self.attempts = Attempts(options.max_failed_attempts)
        self.is_closed = False
        self._options = options

    def refusal(self, realm: str) -> Deny | None:
        """Say why nobody can join a realm, or None."""
        if self.is_closed:  # SES-R5
            return Deny(uris.CLOSE_SYSTEM_SHUTDOWN, "the router shuts down")
        options = self._options
        is_legal = len(realm) <= options.max_uri_length and is_uri(realm, strict=options.strict_uris)
        if not is_legal:  # S3: no ERROR is possible before WELCOME
            return Deny(uris.ERROR_INVALID_URI, f"not a legal name of a realm: {realm!r:.100}")
        if realm not in self._realms and not options.auto_realms:
            return Deny(uris.ERROR_NO_SUCH_REALM, f"there is no realm {realm!r:.100}")
        return None

    def methods(self, details: dict[str, Any]) -> list[RouterAuthenticator]:
        """Return those of the client's methods that the router has, in the client's order (AU-R2)."""
        offered = dict.fromkeys(details.get("authmethods") or ("anonymous",))
        return [self._authenticators[method] for method in offered if method in self._authenticators]


class Vouched:
    """The method of connections that the router itself has made: whoever opened them says who they are.

    Args:
        identity: Who.
    """

    method = "local"

    def __init__(self, identity: Accept) -> None:
        self._identity = identity

    def begin(self, attempt: Attempt) -> Outcome:
        """Accept."""
        return self._identity

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        """Refuse: nothing was asked."""
        return Deny(uris.ERROR_AUTHENTICATION_DENIED, "local sessions are not challenged")


class Handshake:
    """One connection on its way to a session.

    Args:
        gate: Who may join.
        transport: What is known of the connection.
        latest: When it must be over.
        identity: Who it is, if the router itself has made it.

    Attributes:
        latest: The same.
        authenticator: The method in use, once a HELLO was accepted for it.
        attempt: What that method works on; its session id is taken.
    """

    __slots__ = ("_gate", "_handlers", "_identity", "_methods", "_transport", "attempt", "authenticator", "latest")

    def __init__(self, gate: Gate, transport: dict[str, Any], latest: float, identity: Accept | None = None) -> None:
        self.latest = latest
        self._gate = gate
        self._transport = transport
        self._identity = identity
        self._handlers = _CLOSED
        self._methods: list[RouterAuthenticator] = []  # that are left to be tried
        self.authenticator: RouterAuthenticator | None = None
        self.attempt: Attempt | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the client has said HELLO."""
        return self._handlers is not _CLOSED

    @property
    def is_challenged(self) -> bool:
        """Whether the client owes an AUTHENTICATE."""
        return self._handlers is _CHALLENGING

    @property
    def is_pending(self) -> bool:
        """Whether somebody else is about to decide."""
        return self._handlers is _DECIDING

    @property
    def _phase(self) -> str:
        if self.is_challenged:
            return "instead of AUTHENTICATE"
        return "while it is being decided who may join" if self.is_pending else "before HELLO"

    def receive(self, message: Message, now: float) -> Step:
        """Take the peer's next message; return what the router has to do."""
        handler = self._handlers.get(type(message))
        if handler is None:
            return f"{message.name} {self._phase}"
        return handler(self, message, now)

    def resolve(self, outcome: Outcome, now: float) -> Step:
        """Take what somebody else has decided; return what the router has to do."""
        return self._settle(outcome, now)

    def dispose(self) -> None:
        """No session came of it: its id is free again."""
        if self.attempt is not None:
            self._gate.ids.give_back(self.attempt.session_id)

    def _on_hello(self, message: Hello, now: float) -> Step:
        refusal = self._gate.refusal(message.realm)
        if refusal is not None:
            return refusal
        details = message.details
        self._methods = [Vouched(self._identity)] if self._identity is not None else self._gate.methods(details)
        if not self._methods:
            if not details.get("authmethods"):
                return Deny(uris.ERROR_AUTHENTICATION_REQUIRED, "anonymous sessions are not allowed")
            text = "none of the offered authentication methods is available"
            return Deny(uris.ERROR_NO_MATCHING_AUTH_METHOD, text)
        self.attempt = Attempt(message.realm, details, self._transport, self._gate.ids.take())
        return _TOO_MANY if self._is_blocked(now) else self._try_next("", now)

    def _try_next(self, skipped: str, now: float) -> Step:
        """Begin with the next method of the client's; `skipped` tells what was wrong with those before."""
        if not self._methods:
            return Deny(uris.ERROR_NO_MATCHING_AUTH_METHOD, skipped)
        assert self.attempt is not None
        self.authenticator = self._methods.pop(0)
        self.attempt.state = None
        return self._settle(self.authenticator.begin(self.attempt), now)

    def _on_authenticate(self, message: Authenticate, now: float) -> Step:
        assert self.authenticator is not None
        assert self.attempt is not None
        if self._is_blocked(now):  # many connections that were challenged before the first of them failed
            return _TOO_MANY
        return self._settle(self.authenticator.answer(self.attempt, message.signature, message.extra), now)

    def _on_abort(self, message: Abort, now: float) -> Step:
        return None  # never answered (SES-B1)

    def _settle(self, outcome: Outcome, now: float) -> Step:
        """Do what follows from a method's outcome."""
        assert self.attempt is not None
        attempts, details = self._gate.attempts, self.attempt.details
        if isinstance(outcome, Skip):
            return self._try_next(outcome.message, now)
        if isinstance(outcome, Accept):
            if self._is_blocked(now):  # meanwhile
                return _TOO_MANY
            attempts.succeeded(self._transport, details)
        elif isinstance(outcome, Deny) and outcome.reason != uris.ERROR_AUTHENTICATION_FAILED:  # that was no guess
            attempts.failed(self._transport, details, now)
        self._handlers = _DECIDING if isinstance(outcome, Pending) else _CHALLENGING
        return outcome

    def _is_blocked(self, now: float) -> bool:
        assert self.attempt is not None
        if self._identity is not None:
            return False
        return self._gate.attempts.are_blocked(self._transport, self.attempt.details, now)


_Table = dict[type[Message], Callable[[Handshake, Any, float], Step]]

_CLOSED: _Table = {Hello: Handshake._on_hello, Abort: Handshake._on_abort}
_CHALLENGING: _Table = {Authenticate: Handshake._on_authenticate, Abort: Handshake._on_abort}
_DECIDING: _Table = {Abort: Handshake._on_abort}
