"""The dealer: who offers which procedures. Calls are routed in `_invocations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import uris
from .._exceptions import NoSuchRegistration, NoSuchSession
from .._uri_pattern import is_reserved
from ..messages import Register, Registered, Unregister, Unregistered
from ._matching import Matching
from ._patterns import problem_of
from ._registrations import Endpoint, Registration

if TYPE_CHECKING:
    from ._ids import RandomIds
    from ._meta_events import EntryEvents
    from ._options import RouterOptions
    from ._session import HandlerTable, Session
    from ._wall_time import UtcNow


class Dealer:
    """The registrations of one realm.

    Attributes:
        registrations: All registrations by id.
        procedures: The same by URI and matching policy.
        events: Tells of registrations.
    """

    def __init__(self, ids: RandomIds, options: RouterOptions, events: EntryEvents, utc_now: UtcNow) -> None:
        self.registrations: dict[int, Registration] = {}
        self.procedures: Matching[Registration] = Matching()
        self.handlers: HandlerTable = {Register: self.on_register, Unregister: self.on_unregister}
        self.events = events
        self._ids = ids
        self._options = options
        self._utc_now = utc_now

    def on_register(self, session: Session, message: Register, now: float) -> str | None:
        """REGISTER: make a registration, or join one that several callees share.

        With `force_reregister`, an extension that other routers have as well, the procedure is taken from all its callees first, whether or not the
        router has noticed yet that their connections are gone; if the session may do that to each of them.
        """
        uri, options = message.procedure, message.options
        match = options.get("match", "exact")
        problem = self._problem(session, uri, match, options)
        registration = self.procedures.get(uri, match)
        if problem is None and registration is not None:
            if not options.get("force_reregister"):
                problem = _conflict(session, registration, options)
            elif all(_may_take_over(session, endpoint.session) for endpoint in registration.endpoints):
                self.revoke(registration.id, uris.ERROR_UNREGISTERED)
                registration = None
            else:
                problem = uris.ERROR_NOT_AUTHORIZED, "the procedure belongs to somebody else"
        if problem is not None:
            session.refuse(Register.code, message.request_id, *problem)
            return None
        is_new = registration is None
        if registration is None:
            registration = Registration(
                self._ids.take(), uri, match, options.get("invoke", "single"), created=self._utc_now()
            )
            self.registrations[registration.id] = registration
            self.procedures.add(uri, match, registration)
        endpoint = Endpoint(session, registration, options)
        registration.endpoints.append(endpoint)
        session.registrations[registration.id] = endpoint
        session.outbox.send(Registered(message.request_id, registration.id))
        self.events.joined(session, registration, is_new=is_new)  # RM-R5
        return None

    def on_unregister(self, session: Session, message: Unregister, now: float) -> str | None:
        """UNREGISTER: invocations in flight go on (BP-R10)."""
        endpoint = session.registrations.pop(message.registration_id, None)
        if endpoint is None:  # BP-R9
            session.refuse(Unregister.code, message.request_id, uris.ERROR_NO_SUCH_REGISTRATION)
            return None
        self._remove(endpoint)
        session.outbox.send(Unregistered(message.request_id))
        self.events.left(session, endpoint.registration)  # RM-R5
        return None

    def revoke(self, registration_id: int, reason: str | None) -> None:
        """End a registration from the router's side and tell the callees that can understand it (RV-R1).

        Raises:
            NoSuchRegistration: There is none with this id.
        """
        registration = self._registration(registration_id)
        for endpoint in list(registration.endpoints):
            self._expel(endpoint, reason)

    def remove_callee(self, registration_id: int, session_id: int, reason: str | None) -> None:
        """Take a registration away from one of its callees (RV-R3).

        Raises:
            NoSuchRegistration: There is none with this id.
            NoSuchSession: The session is not among its callees.
        """
        registration = self._registration(registration_id)
        for endpoint in registration.endpoints:
            if endpoint.session.session_id == session_id:
                self._expel(endpoint, reason)
                return
        raise NoSuchSession(session_id)

    def leave(self, session: Session) -> list[Registration]:
        """The session is over: it offers nothing any more. Return what it offered."""
        endpoints = list(session.registrations.values())
        for endpoint in endpoints:
            self._remove(endpoint)
        session.registrations.clear()
        return [endpoint.registration for endpoint in endpoints]

    def _problem(self, session: Session, uri: str, match: str, options: dict[str, Any]) -> tuple[str, str] | None:
        """Say why a REGISTER must be refused, whoever else offers the procedure, or None."""
        problem = problem_of(session, uri, match, self._options)
        if problem is not None:
            return problem
        if is_reserved(uri):  # URI-B2
            return uris.ERROR_INVALID_URI, "URIs that begin with 'wamp.' are reserved"
        if options.get("disclose_caller") and self._options.disclosure == "never":  # CI-R3
            return uris.ERROR_OPTION_NOT_ALLOWED, "callers are not disclosed here"
        return None

    def _registration(self, registration_id: int) -> Registration:
        registration = self.registrations.get(registration_id)
        if registration is None:
            raise NoSuchRegistration(registration_id)
        return registration

    def _expel(self, endpoint: Endpoint, reason: str | None) -> None:
        """Take a registration away, and say so if that can be understood (RV-R1); others hear of it in any case (RV-R2)."""
        session, registration = endpoint.session, endpoint.registration
        del session.registrations[registration.id]
        self._remove(endpoint)
        if session.hears_registration_revocation:
            details = {"registration": registration.id} | ({"reason": reason} if reason else {})
            session.outbox.send(Unregistered(0, details))
        self.events.left(session, registration)

    def _remove(self, endpoint: Endpoint) -> None:
        registration = endpoint.registration
        registration.remove(endpoint)
        if not registration.endpoints:
            del self.registrations[registration.id]
            self.procedures.remove(registration.uri, registration.match)
            self._ids.give_back(registration.id)


def _may_take_over(session: Session, holder: Session) -> bool:
    """Tell whether a session may take a procedure from a callee."""
    allowed = session.grant.take_over
    if allowed == "anybody" or holder.authid == session.authid:
        return True
    return allowed == "authrole" and holder.authrole == session.authrole


def _conflict(session: Session, registration: Registration, options: dict[str, Any]) -> tuple[str, str] | None:
    """Say why a session cannot join a registration, or None."""
    if registration.invoke == "single":  # SR-R2, BP-R8
        return uris.ERROR_PROCEDURE_ALREADY_EXISTS, "the procedure is registered already"
    if registration.id in session.registrations:  # SR-R8
        return uris.ERROR_PROCEDURE_ALREADY_EXISTS, "this session has registered the procedure already"
    if registration.invoke != options.get("invoke", "single"):  # SR-R3
        text = f"the procedure is shared with the invocation policy {registration.invoke!r}"
        return uris.ERROR_PROCEDURE_ALREADY_EXISTS, text
    return None
