"""Calls on their way: CALL to INVOCATION, YIELD to RESULT, and every way in which a call can end early.

Rule: a call in flight stands in its caller's table and in its callee's, or in neither. Whoever ends it takes it out of both first, so every call
gets exactly one final answer, and what a callee says afterwards is a late answer (§6 R7).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import uris
from .._exceptions import MessageTooLarge, SerializationError
from .._ids import next_id
from .._uri_pattern import is_reserved, is_uri
from ..messages import Call, Cancel, Error, Interrupt, Invocation, Result, Yield
from ._inputs import Inputs, await_late_inputs, inputs_of
from ._passthru import form_of, passed_on
from ._rerouting import Detour
from ._session import NOTHING

if TYPE_CHECKING:
    from ._deadlines import Deadlines
    from ._dealer import Dealer
    from ._ids import RandomIds
    from ._meta import MetaApi
    from ._options import RouterOptions
    from ._registrations import Endpoint, Registration
    from ._session import HandlerTable, Session
    from ._statistics import Counters

_PROGRESS: dict[str, Any] = {"progress": True}
_KILL: dict[str, Any] = {"mode": "kill"}
_KILL_NO_WAIT: dict[str, Any] = {"mode": "killnowait"}


class Flight:
    """A call without a final answer."""

    __slots__ = (
        "call_id",
        "callee",
        "caller",
        "deadline",
        "detour",
        "inputs",
        "invocation_id",
        "is_killed",
        "timeout",
        "wants_progress",
    )

    def __init__(self, caller: Session, call_id: int, callee: Session, invocation_id: int) -> None:
        self.caller = caller
        self.call_id = call_id
        self.callee = callee
        self.invocation_id = invocation_id
        self.wants_progress = False
        self.inputs: Inputs | None = None  # more of them are to come
        self.detour: Detour | None = None  # the callee may have the call passed on
        self.is_killed = False  # the callee was interrupted, and its answer is awaited
        self.timeout = 0.0  # seconds; 0 if the router runs no timer for this call
        self.deadline = math.inf


class Invocations:
    """The calls in flight of one realm.

    Args:
        dealer: Where procedures are found.
        meta: What serves the reserved namespace.
        ids: Source of random ids.
        deadlines: The router's deadlines.
        options: Its limits and policies.
        counters: What it counts.
    """

    def __init__(
        self,
        dealer: Dealer,
        meta: MetaApi,
        *,
        ids: RandomIds,
        deadlines: Deadlines,
        options: RouterOptions,
        counters: Counters,
    ) -> None:
        self.handlers: HandlerTable = {
            Call: self.on_call,
            Yield: self.on_yield,
            Error: self.on_error,
            Cancel: self.on_cancel,
        }
        self._meta = meta
        self._procedures = dealer.procedures
        self._exact = dealer.procedures.exact
        self._draw = ids.draw
        self._deadlines = deadlines
        self._counters = counters
        self._is_strict = options.strict_uris
        self._has_strict_ids = options.strict_request_ids
        self._max_calls = options.max_session_calls
        self._max_invocations = options.max_session_invocations

    # ---- what callers say

    def on_call(self, caller: Session, message: Call, now: float) -> str | None:
        """CALL: choose a callee and send it an INVOCATION."""
        call_id, options = message.request_id, message.options
        if call_id in caller.calls or call_id in caller.late_inputs:
            return self._on_input(caller, message)
        form = 0
        if options or type(message.args) is bytes:
            form = form_of(options, message.args)
            violation = self._check_features(caller, message, form)
            if violation is not None:
                return violation
            if caller.grant.never_discloses and options.get("disclose_me"):  # CI-R2
                caller.refuse(Call.code, call_id, uris.ERROR_DISCLOSE_ME_DISALLOWED, "callers are not disclosed here")
                return None
        if len(caller.calls) >= self._max_calls:
            text = f"the limit of {self._max_calls} calls in flight"
            caller.refuse(Call.code, call_id, uris.ERROR_LIMIT_REACHED, text)
            return None
        registration = self._exact.get(message.procedure) or self._find(caller, message, now)
        if registration is None:
            return None
        endpoint = registration.select(registration, self._draw)
        callee = endpoint.session
        if options or form or len(callee.invocations) >= self._max_invocations:
            suitable = self._suitable(caller, message, endpoint, form)
            if suitable is None:
                return None
            endpoint, callee = suitable, suitable.session
        details = NOTHING
        if (
            options
            or registration.is_pattern
            or endpoint.discloses_caller
            or caller.grant.always_discloses
            or caller.trust_level is not None
        ):
            details = self._details(caller, message, registration, endpoint)
        invocation_id = next_id(callee.last_invocation_id)
        invocation = Invocation(invocation_id, registration.id, details, message.args, message.kwargs)
        try:
            octets = callee.link.encode_in_pieces(invocation)
        except (SerializationError, MessageTooLarge) as error:
            caller.refuse_payload(Call.code, call_id, error)
            return None
        callee.last_invocation_id = invocation_id
        flight = Flight(caller, call_id, callee, invocation_id)
        flight.detour = Detour(message, endpoint, set()) if callee.can_reroute else None
        caller.calls[call_id] = callee.invocations[invocation_id] = flight
        if options:
            self._note_options(flight, options, endpoint, now)
            if options.get("progress"):
                flight.inputs = inputs_of(message, registration.id, details)
                flight.detour = None  # RR-R4
                del caller.late_inputs[call_id]
        callee.outbox.queue(octets)
        return None

    def _check_features(self, caller: Session, message: Call, form: int) -> str | None:
        """Say what breaks the protocol in the options of a first CALL."""
        if form & ~caller.call_forms:  # PPT-R1
            return "CALL uses a feature that the caller did not announce"
        if message.options.get("progress"):
            if not caller.can_send_inputs:  # PCI-R1
                return "CALL uses a feature that the caller did not announce"
            await_late_inputs(caller, message.request_id)  # unless it gets a callee
        return None

    def _on_input(self, caller: Session, message: Call) -> str | None:
        """CALL with the id of an earlier one: a further input for the callee that got the first (PCI-R3)."""
        flight = caller.calls.get(message.request_id)
        is_last = not message.options.get("progress")
        if flight is None:  # it was answered, or refused, before this came
            if is_last:
                del caller.late_inputs[message.request_id]
            return None
        inputs = flight.inputs
        if inputs is None:  # PCI-R5, PCI-R7
            return "CALL with the request id of a call in flight"
        if message.procedure != inputs.procedure:
            return "CALL continues a call with another procedure" if self._has_strict_ids else None
        if type(message.args) is bytes and not inputs.is_transparent:
            return "CALL continues a call in another form"
        if is_last:
            flight.inputs = None
        try:
            octets = flight.callee.link.encode_in_pieces(inputs.invocation(flight, message))
        except (SerializationError, MessageTooLarge) as error:
            self._end(flight)
            caller.refuse_payload(Call.code, flight.call_id, error)
            self._interrupt(flight)
            return None
        flight.callee.outbox.queue(octets)
        return None

    def on_cancel(self, caller: Session, message: Cancel, now: float) -> str | None:
        """CANCEL: end the call now, or have the callee end it."""
        flight = caller.calls.get(message.request_id)
        if flight is None:  # CC-R5: finished, or never made: there is no ERROR for CANCEL
            return None
        mode = message.options.get("mode", "killnowait")  # §6 R2
        if not flight.callee.can_cancel:  # CC-R4
            mode = "skip"
        if mode == "kill":
            if not flight.is_killed:  # CC-R6
                flight.is_killed = True
                flight.callee.outbox.send(Interrupt(flight.invocation_id, _KILL))
            return None
        self._end(flight)
        caller.refuse(Call.code, flight.call_id, uris.ERROR_CANCELED, "the call was cancelled")  # CC-R1, CC-R3
        if mode == "killnowait":
            self._interrupt(flight)
        return None

    # ---- what callees say

    def on_yield(self, callee: Session, message: Yield, now: float) -> str | None:
        """YIELD: the answer of a call, or a part of it."""
        flight = callee.invocations.get(message.request_id)
        if flight is None:
            return self._late(callee, message.request_id)
        options, caller = message.options, flight.caller
        details = NOTHING
        is_final = True
        if options or type(message.args) is bytes:
            form = form_of(options, message.args)
            if form & ~callee.invocation_forms:  # PPT-R1
                return "YIELD uses a feature that the callee did not announce"
            if options.get("progress"):
                if not flight.wants_progress:  # PCR-R3
                    self._counters.unwanted_progress += 1
                    return None
                details, is_final = _PROGRESS, False
            if form & ~caller.call_forms:  # PPT-R4
                self._refuse_answer(flight, "the result", is_final=is_final)
                return None
            details = {**details, **passed_on(options, form)} if form else details
        try:
            octets = caller.link.encode_in_pieces(Result(flight.call_id, details, message.args, message.kwargs))
        except (SerializationError, MessageTooLarge) as error:
            self._end(flight)
            caller.refuse_payload(Call.code, flight.call_id, error)  # §6 E4
            if not is_final:  # PCR-R7
                self._interrupt(flight)
            return None
        if is_final:
            self._end(flight)
        else:
            flight.detour = None  # RR-R4
            if flight.timeout:  # PCR-R6: the timer starts again with every result
                flight.deadline = now + flight.timeout
        caller.outbox.queue(octets)
        return None

    def on_error(self, callee: Session, message: Error, now: float) -> str | None:
        """ERROR of a callee: the call failed."""
        if message.request_type != Invocation.code:  # MSG-B3
            return f"ERROR for request type {message.request_type}, which routers do not answer"
        flight = callee.invocations.get(message.request_id)
        if flight is None:
            return self._late(callee, message.request_id)
        form = form_of(message.details, message.args)
        if form & ~callee.invocation_forms:  # PPT-R1
            return "ERROR uses a feature that the callee did not announce"
        if flight.detour is not None and message.error == uris.ERROR_UNAVAILABLE and not flight.is_killed:
            self._reroute(flight, flight.detour, now)
            return None
        caller, call_id = flight.caller, flight.call_id
        if form & ~caller.call_forms:  # PPT-R4
            self._refuse_answer(flight, f"the error {message.error:.200}", is_final=True)
            return None
        self._end(flight)
        if not is_uri(message.error, strict=self._is_strict):  # URI-B3
            caller.refuse(Call.code, call_id, uris.ERROR_INVALID_URI, "the callee's error has no legal URI")
            return None
        details = passed_on(message.details, form)
        try:
            octets = caller.link.encode_in_pieces(
                Error(Call.code, call_id, details, message.error, message.args, message.kwargs)
            )
        except (SerializationError, MessageTooLarge) as error:
            caller.refuse_payload(Call.code, call_id, error)
        else:
            caller.outbox.queue(octets)
        return None

    # ---- what happens to them

    def leave(self, session: Session) -> None:
        """The session is over: so are the calls it works on (BP-R11) and those it made (BP-R12)."""
        for flight in list(session.invocations.values()):
            self._end(flight)
            if flight.caller is not session:
                flight.caller.refuse(Call.code, flight.call_id, uris.ERROR_CANCELED, "the callee left")
        for flight in list(session.calls.values()):
            self._end(flight)
            self._interrupt(flight)

    def _reroute(self, flight: Flight, detour: Detour, now: float) -> None:
        """The callee is unavailable: pass the call on to the next one that can be reached, or give it up (RR-R2)."""
        del flight.callee.invocations[flight.invocation_id]
        while (endpoint := detour.next(self._draw)) is not None:
            if self._pass_on(flight, detour, endpoint, now):
                return
        caller = flight.caller
        del caller.calls[flight.call_id]
        if flight.timeout:
            self._deadlines.cancel(flight)
        caller.refuse(Call.code, flight.call_id, uris.ERROR_NO_AVAILABLE_CALLEE, "no callee is available")

    def _suitable(self, caller: Session, message: Call, endpoint: Endpoint, form: int) -> Endpoint | None:
        """Return who gets a call, or answer it: the chosen callee, or the next one if that has enough to do."""
        found: Endpoint | None = endpoint
        if len(endpoint.session.invocations) >= self._max_invocations:
            found = self._with_room(endpoint, message)
        if found is None:
            text = f"the callee has {self._max_invocations} calls to answer"
            caller.refuse(Call.code, message.request_id, uris.ERROR_UNAVAILABLE, text)
            return None
        lacking = _lacking(found.session, message.options, form)
        if lacking is not None:
            text = f"the callee takes no {lacking}"
            caller.refuse(Call.code, message.request_id, uris.ERROR_FEATURE_NOT_SUPPORTED, text)
            return None
        return found

    def _with_room(self, endpoint: Endpoint, message: Call) -> Endpoint | None:
        """Return the next callee of the registration that may have one more call, or None."""
        detour = Detour(message, endpoint, set())
        while (other := detour.next(self._draw)) is not None:
            if len(other.session.invocations) < self._max_invocations:
                return other
        return None

    def _pass_on(self, flight: Flight, detour: Detour, endpoint: Endpoint, now: float) -> bool:
        """Send a call that another callee has declined; tell whether this one's connection can carry it."""
        message, registration, callee = detour.message, endpoint.registration, endpoint.session
        if form_of(message.options, message.args) & ~callee.invocation_forms:
            return False
        if len(callee.invocations) >= self._max_invocations:
            return False
        details = self._details(flight.caller, message, registration, endpoint)
        invocation_id = next_id(callee.last_invocation_id)
        invocation = Invocation(invocation_id, registration.id, details, message.args, message.kwargs)
        try:
            octets = callee.link.encode_in_pieces(invocation)
        except (SerializationError, MessageTooLarge):
            return False
        callee.last_invocation_id = flight.invocation_id = invocation_id
        callee.invocations[invocation_id] = flight
        flight.callee = callee
        flight.detour = detour if callee.can_reroute else None  # RR-R1
        self._note_options(flight, message.options, endpoint, now)  # a timer that runs goes on
        callee.outbox.queue(octets)
        return True

    def _on_timeout(self, flight: Flight, now: float) -> None:
        """The callee took too long (CT-R2)."""
        self._end(flight)
        self._counters.call_timeouts += 1
        flight.caller.refuse(Call.code, flight.call_id, uris.ERROR_TIMEOUT, "the call timed out")
        self._interrupt(flight)

    def _refuse_answer(self, flight: Flight, what: str, *, is_final: bool) -> None:
        """End a call whose answer has a form that its caller did not announce; there is no ERROR for a YIELD (§6 R16)."""
        self._end(flight)
        text = f"{what} is passed through, which the caller does not take"
        flight.caller.refuse(Call.code, flight.call_id, uris.ERROR_FEATURE_NOT_SUPPORTED, text)
        if not is_final:
            self._interrupt(flight)

    def _find(self, caller: Session, message: Call, now: float) -> Registration | None:
        """Find a pattern that matches, or answer the call (PBR-R1). The router alone serves the reserved namespace (URI-B2)."""
        procedure = message.procedure
        if not is_uri(procedure, strict=self._is_strict):
            caller.refuse(Call.code, message.request_id, uris.ERROR_INVALID_URI, "not a legal URI")
            return None
        if is_reserved(procedure):
            if form_of(message.options, message.args):
                text = "the router's own procedures take no payload that is passed through"
                caller.refuse(Call.code, message.request_id, uris.ERROR_INVALID_ARGUMENT, text)
            else:
                self._meta.call(caller, message, now)
            return None
        if self._procedures.has_patterns:
            registration = self._procedures.best_pattern(procedure)
            if registration is not None:
                return registration
        text = f"no callee has registered {procedure!r:.200}"
        caller.refuse(Call.code, message.request_id, uris.ERROR_NO_SUCH_PROCEDURE, text)
        return None

    def _details(
        self, caller: Session, message: Call, registration: Registration, endpoint: Endpoint
    ) -> dict[str, Any]:
        """Say in INVOCATION.Details what the callee has to know."""
        options = message.options
        details = dict(passed_on(options, form_of(options, message.args)))
        if options.get("progress"):
            details["progress"] = True
        if registration.is_pattern:  # PBR-R4
            details["procedure"] = message.procedure
        if options.get("disclose_me") or endpoint.discloses_caller or caller.grant.always_discloses:  # CI-R1
            details["caller"] = caller.session_id
            details["caller_authid"] = caller.authid
            details["caller_authrole"] = caller.authrole
        if caller.trust_level is not None and endpoint.session.hears_call_trust:  # TL-R1
            details["trustlevel"] = caller.trust_level
        if options.get("receive_progress") and endpoint.session.can_progress:  # PCR-R1
            details["receive_progress"] = True
        if endpoint.forwards_timeout and options.get("timeout"):  # CT-R3, CT-R5
            details["timeout"] = options["timeout"]
        return details

    def _note_options(self, flight: Flight, options: dict[str, Any], endpoint: Endpoint, now: float) -> None:
        """Keep what matters while the call is in flight; run its timer unless the callee does (CT-R1)."""
        flight.wants_progress = options.get("receive_progress") is True and flight.callee.can_progress
        milliseconds = options.get("timeout")
        if milliseconds and not endpoint.forwards_timeout and not flight.timeout:
            flight.timeout = milliseconds / 1000
            self._deadlines.push(flight, now + flight.timeout, self._on_timeout)

    def _late(self, callee: Session, invocation_id: int) -> str | None:
        """An answer to an invocation that is over already is harmless; one to an invocation that never was is not (§6 R7)."""
        if invocation_id > callee.last_invocation_id:
            return f"an answer to invocation {invocation_id}, which was never made"
        self._counters.late_answers += 1
        return None

    def _end(self, flight: Flight) -> None:
        """Take a call out of both tables."""
        del flight.caller.calls[flight.call_id]
        del flight.callee.invocations[flight.invocation_id]
        if flight.inputs is not None:
            await_late_inputs(flight.caller, flight.call_id)
        if flight.timeout:
            self._deadlines.cancel(flight)

    def _interrupt(self, flight: Flight) -> None:
        """Tell a callee that can be told that nobody waits for its answer any more, unless it was interrupted before (CC-R6)."""
        if flight.callee.can_cancel and not flight.is_killed:
            flight.callee.outbox.send(Interrupt(flight.invocation_id, _KILL_NO_WAIT))


def _lacking(callee: Session, options: dict[str, Any], form: int) -> str | None:
    """Name what a call needs and its callee did not announce, or None."""
    if options.get("progress") and not callee.can_take_inputs:  # PCI-R2
        return "progressive call invocations"
    return "payload passthru" if form & ~callee.invocation_forms else None  # PPT-R2
