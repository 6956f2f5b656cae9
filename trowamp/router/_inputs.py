"""What the router remembers of callers that stream: CALLs that repeat a request id carry further inputs of the call that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..messages import Call, Invocation
from ._session import NOTHING

if TYPE_CHECKING:
    from ._invocations import Flight
    from ._session import Session

_PROGRESS: Final[dict[str, Any]] = {"progress": True}
_MAX_LATE: Final = 10_000  # calls of one session


class Inputs(msgspec.Struct):
    """A call in flight whose caller has not sent its last input. Everything but the payload is that of the first CALL (PCI-R4)."""

    procedure: str
    registration_id: int
    details: dict[str, Any]
    is_transparent: bool  # the payload is octets in the place of Arguments

    def invocation(self, flight: Flight, message: Call) -> Invocation:
        """Return what the callee is sent for one more CALL."""
        details = self.details | _PROGRESS if message.options.get("progress") else self.details
        return Invocation(flight.invocation_id, self.registration_id, details, message.args, message.kwargs)


def inputs_of(message: Call, registration_id: int, details: dict[str, Any]) -> Inputs:
    """Return what is remembered of the first CALL; `details` are those of its INVOCATION."""
    first = {name: value for name, value in details.items() if name != "progress"}
    return Inputs(message.procedure, registration_id, first or NOTHING, type(message.args) is bytes)


def is_further_input(session: Session, call_id: int) -> bool:
    """Tell whether a CALL continues one that was made before, in flight or not (PCI-R5)."""
    return call_id in session.calls or call_id in session.late_inputs


def await_late_inputs(session: Session, call_id: int) -> None:
    """Note that a call is over although its last CALL has not come: the caller may have sent it, and more before it (PCI-C3, PCI-C5)."""
    late = session.late_inputs
    late[call_id] = None
    if len(late) > _MAX_LATE:
        del late[next(iter(late))]
