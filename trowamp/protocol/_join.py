"""The client's side of the handshake: HELLO, any number of CHALLENGE/AUTHENTICATE rounds, WELCOME or ABORT (checklist §3.1).

A `Join` lives until it has an outcome; the `ClientSession` that follows knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from .. import uris
from .._exceptions import JoinError, RemoteProtocolError
from .._types import SessionDetails
from ..auth._client import ClientAttempt, Work
from ..messages import Abort, Authenticate, Challenge, Hello, Message, Welcome
from ._features import CLIENT_ROLES, announced

Outcome = SessionDetails | JoinError | RemoteProtocolError | Work


class Sink(Protocol):
    """Where a core puts its messages: a `wire.Link`, or anything that takes messages in order."""

    def send(self, message: Message) -> None:
        """Serialize and queue one message; raise `SerializationError` or `MessageTooLarge` and queue nothing if it cannot be sent."""
        ...


class Join:
    """Joins a realm over `sink`; the HELLO is sent at once.

    Args:
        sink: Where messages go.
        realm: The realm to join.
        authenticators: Authentication methods in the order of preference, begun for this handshake; none means anonymous.
        agent: How this client names itself.
        authid: The identity to claim when no authenticator has one.
        authrole: The role to ask for when no authenticator asks for one.
        authextra: Application-specific additions to `HELLO.Details.authextra`.
        roles: The roles and features to announce, instead of `CLIENT_ROLES`: `{"caller": {"features": {"call_canceling": True}}}`.
        more: What HELLO.Details tells besides, for routers that know extensions.

    Raises:
        SerializationError: `authextra` cannot be serialized.
    """

    def __init__(
        self,
        sink: Sink,
        realm: str,
        *,
        authenticators: Sequence[ClientAttempt] = (),
        agent: str,
        authid: str | None = None,
        authrole: str | None = None,
        authextra: dict[str, Any] | None = None,
        roles: dict[str, Any] = CLIENT_ROLES,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self._sink = sink
        self._realm = realm
        self._methods = {authenticator.method: authenticator for authenticator in authenticators}
        self._used: dict[str, ClientAttempt] = {}
        details: dict[str, Any] = {**(more or {}), "roles": roles, "agent": agent}
        extra = dict(authextra or {})
        for authenticator in reversed(authenticators):  # what several claim, the preferred one decides
            extra.update(authenticator.authextra())
            authid = authenticator.authid or authid
            authrole = authenticator.authrole or authrole
        offered = {
            "authmethods": list(self._methods) or None,
            "authid": authid,
            "authrole": authrole,
            "authextra": extra or None,
        }
        details.update({key: value for key, value in offered.items() if value is not None})
        sink.send(Hello(realm, details))

    def receive(self, message: Message) -> Outcome | None:
        """Take the router's next message.

        Returns:
            None while the handshake goes on; else the details of the joined session, or why there is none. When the client gives up, its ABORT
            has been queued. Or `Work`: the handshake goes on with `resume` or `refuse`, and takes no message before.
        """
        handler = _HANDLERS.get(type(message))
        if handler is None:
            return self._violation(f"{message.name} before WELCOME")
        return handler(self, message)

    def resume(self, answer: Authenticate) -> None:
        """Send what the `Work` on a challenge has come to.

        Raises:
            SerializationError, MessageTooLarge: It cannot be sent; to be given to `refuse`.
        """
        self._sink.send(answer)

    def refuse(self, error: ValueError) -> JoinError:
        """Give up because the `Work` on a challenge found that it is not acceptable (AU-C2)."""
        self.give_up(uris.ERROR_CANNOT_AUTHENTICATE, "the challenge was refused")
        return JoinError(uris.ERROR_CANNOT_AUTHENTICATE, str(error))

    def give_up(self, reason: str, text: str) -> None:
        """Queue an ABORT: the client does not want this session any more."""
        self._sink.send(Abort({"message": text}, reason))

    def _on_challenge(self, message: Challenge) -> Outcome | None:
        attempt = self._methods.get(message.method)
        if attempt is None:  # AU-C1
            return self._violation(f"CHALLENGE for the method {message.method!r:.40}, which was not offered")
        self._used[message.method] = attempt
        try:
            answer = attempt.answer(message)
            if isinstance(answer, Work):
                return answer
            self.resume(answer)
        except ValueError as error:
            return self.refuse(error)
        return None

    def _on_welcome(self, message: Welcome) -> Outcome:
        details = message.details
        if not {"broker", "dealer"} & details["roles"].keys():  # SES-R1
            return self._violation("WELCOME without a role that a router plays")
        try:
            # Without a CHALLENGE every method is asked: a router must not get around proving itself by asking nothing (SC-C4).
            for authenticator in (self._used or self._methods).values():
                authenticator.check_welcome(details.get("authextra") or {})
        except ValueError as error:
            self.give_up(uris.ERROR_CANNOT_AUTHENTICATE, "the router did not prove itself")
            return JoinError(uris.ERROR_CANNOT_AUTHENTICATE, str(error))
        return SessionDetails(
            session_id=message.session_id,
            realm=details.get("realm") or self._realm,
            authid=details.get("authid"),
            authrole=details.get("authrole"),
            authmethod=details.get("authmethod"),
            authprovider=details.get("authprovider"),
            authextra=details.get("authextra") or {},
            agent=details.get("agent"),
            features=announced(details["roles"]),
            details=details,
        )

    def _on_abort(self, message: Abort) -> Outcome:
        return JoinError.from_wire(message.reason, message.details)

    def _violation(self, text: str) -> RemoteProtocolError:
        self.give_up(uris.ERROR_PROTOCOL_VIOLATION, text)
        return RemoteProtocolError(text)


# ESTABLISHING and AUTHENTICATING accept the same messages: two subsequent rounds of CHALLENGE may be employed (S14).
_HANDLERS: dict[type[Message], Callable[[Join, Any], Outcome | None]] = {
    Challenge: Join._on_challenge,
    Welcome: Join._on_welcome,
    Abort: Join._on_abort,
}
