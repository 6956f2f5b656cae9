"""The router's side of the handshake: HELLO, any number of CHALLENGE and AUTHENTICATE, then WELCOME or ABORT (checklist §3.1).

A `Handshake` decides; the router does what was decided. It is the counterpart of the client's `Join`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

from .. import uris
from .._uri_pattern import is_uri
from ..auth._router import Accept, Attempt, Challenge, Deny, RouterAuthenticator
from ..messages import Abort, Authenticate, Hello, Message

if TYPE_CHECKING:
    from ._ids import RandomIds
    from ._options import RouterOptions

Step = Accept | Challenge | Deny | str | None  # a text tells how the peer broke the protocol; None: it gave up


class Gate:
    """Who may join this router: shared by all handshakes.

    Args:
        authenticators: The router's methods by name.
        realms: The names of the realms there are.
        options: Whether other realms may be asked for as well, and which names they may have.

    Attributes:
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
        self.is_closed = False
        self._options = options

    def refusal(self, realm: str) -> Deny | None:
        """Say why nobody can join a realm, or None."""
        if self.is_closed:  # SES-R5
            return Deny(uris.CLOSE_SYSTEM_SHUTDOWN, "the router shuts down")
        options = self._options
        is_legal = len(realm) <= options.max_uri_length and is_uri(realm, strict=options.strict_uris)
        if not is_legal:  # S3: no ERROR is possible before WELCOME
            return Deny(uris.ERROR_INVALID_URI, "the realm is not a legal URI")
        if realm not in self._realms and not options.auto_realms:
            return Deny(uris.ERROR_NO_SUCH_REALM, f"there is no realm {realm!r:.100}")
        return None

    def choose(self, details: dict[str, Any]) -> RouterAuthenticator | Deny:
        """Choose the first of the client's methods that the router has (AU-R2)."""
        offered = details.get("authmethods")
        for method in offered or ("anonymous",):
            authenticator = self._authenticators.get(method)
            if authenticator is not None:
                return authenticator
        if not offered:
            return Deny(uris.ERROR_AUTHENTICATION_REQUIRED, "anonymous sessions are not allowed")
        return Deny(uris.ERROR_NO_MATCHING_AUTH_METHOD, "none of the offered authentication methods is available")


class Handshake:
    """One connection on its way to a session.

    Attributes:
        authenticator: The method in use, once a HELLO was accepted for it.
        attempt: What that method works on; its session id is taken.
    """

    __slots__ = ("_gate", "_handlers", "_transport", "attempt", "authenticator")

    def __init__(self, gate: Gate, transport: dict[str, Any]) -> None:
        self._gate = gate
        self._transport = transport
        self._handlers = _CLOSED
        self.authenticator: RouterAuthenticator | None = None
        self.attempt: Attempt | None = None

    @property
    def is_challenged(self) -> bool:
        """Whether the client owes an AUTHENTICATE."""
        return self._handlers is _CHALLENGING

    def receive(self, message: Message) -> Step:
        """Take the peer's next message; return what the router has to do."""
        handler = self._handlers.get(type(message))
        if handler is None:
            return f"{message.name} " + ("instead of AUTHENTICATE" if self.is_challenged else "before HELLO")
        return handler(self, message)

    def dispose(self) -> None:
        """No session came of it: its id is free again."""
        if self.attempt is not None:
            self._gate.ids.give_back(self.attempt.session_id)

    def _on_hello(self, message: Hello) -> Step:
        refusal = self._gate.refusal(message.realm)
        if refusal is not None:
            return refusal
        authenticator = self._gate.choose(message.details)
        if isinstance(authenticator, Deny):
            return authenticator
        self.authenticator = authenticator
        self.attempt = Attempt(message.realm, message.details, self._transport, self._gate.ids.take())
        self._handlers = _CHALLENGING
        return authenticator.begin(self.attempt)

    def _on_authenticate(self, message: Authenticate) -> Step:
        assert self.authenticator is not None
        assert self.attempt is not None
        return self.authenticator.answer(self.attempt, message.signature, message.extra)

    def _on_abort(self, message: Abort) -> Step:
        return None  # never answered (SES-B1)


_Table = dict[type[Message], Callable[[Handshake, Any], Step]]

_CLOSED: _Table = {Hello: Handshake._on_hello, Abort: Handshake._on_abort}
_CHALLENGING: _Table = {Authenticate: Handshake._on_authenticate, Abort: Handshake._on_abort}
