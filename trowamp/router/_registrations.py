"""A registration, and the callees that share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._policies import POLICIES
from ._wall_time import as_text

if TYPE_CHECKING:
    from datetime import datetime

    from ._session import Session


class Endpoint:
    """One callee's part in a registration.

    Attributes:
        session: The callee.
        registration: What it takes part in.
        forwards_timeout: Whether it runs the timers of its calls itself (CT-R3).
        discloses_caller: Whether it asked to see its callers (CI-C3).
    """

    __slots__ = ("discloses_caller", "forwards_timeout", "registration", "session")

    def __init__(self, session: Session, registration: Registration, options: dict[str, Any]) -> None:
        self.session = session
        self.registration = registration
        self.forwards_timeout = session.can_time_out and options.get("forward_timeout") is True
        self.discloses_caller = options.get("disclose_caller") is True


class Registration:
    """A procedure, or pattern of procedures, that one or several callees offer; it lives as long as it has a callee (SR-R7).

    Attributes:
        id: Its id, the same for all callees (SR-R4).
        uri, match: What it is registered under.
        is_pattern: Whether callees need to be told the procedure's URI (PBR-R4).
        invoke: Its invocation policy.
        select: The policy's function.
        created: When it was made.
        endpoints: Its callees in the order of their registration.
        turn: The index of the next callee under the policy "roundrobin".
    """

    __slots__ = ("created", "endpoints", "id", "invoke", "is_pattern", "match", "select", "turn", "uri")

    def __init__(self, registration_id: int, uri: str, match: str, invoke: str, *, created: datetime) -> None:
        self.id = registration_id
        self.uri = uri
        self.match = match
        self.is_pattern = match != "exact"
        self.invoke = invoke
        self.select = POLICIES[invoke]
        self.created = created
        self.endpoints: list[Endpoint] = []
        self.turn = 0

    @property
    def is_over(self) -> bool:
        """Whether nobody has it any more."""
        return not self.endpoints

    def members(self) -> list[int]:
        """Return the ids of its callees' sessions."""
        return [endpoint.session.session_id for endpoint in self.endpoints]

    def describe(self) -> dict[str, Any]:
        """Return what the meta API tells of it."""
        created = as_text(self.created)
        return {"id": self.id, "created": created, "uri": self.uri, "match": self.match, "invoke": self.invoke}

    def remove(self, endpoint: Endpoint) -> None:
        """Take a callee out; nobody else loses its turn by that (SR-R6)."""
        index = self.endpoints.index(endpoint)
        del self.endpoints[index]
        if index < self.turn:
            self.turn -= 1
