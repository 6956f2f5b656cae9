"""Call re-routing: a callee that is unavailable has the call passed on to another one of the same registration (checklist §4.8, RR)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from ..messages import Call
    from ._policies import Draw
    from ._registrations import Endpoint
    from ._session import Session

# Which callee of a list is next under a policy; the number says how many of them registered before the one that was unavailable.
_NEXT: Final[dict[str, Callable[[list[Endpoint], int, Draw], Endpoint]]] = {
    "first": lambda candidates, before, draw: candidates[0],
    "last": lambda candidates, before, draw: candidates[-1],
    "roundrobin": lambda candidates, before, draw: candidates[before % len(candidates)],
    "random": lambda candidates, before, draw: candidates[draw() % len(candidates)],
}


class Detour(msgspec.Struct):
    """What it takes to pass a call on.

    Attributes:
        message: The CALL.
        endpoint: The callee that has it now.
        tried: Those that were unavailable before (RR-R3).
    """

    message: Call
    endpoint: Endpoint
    tried: set[Session]

    def next(self, draw: Draw) -> Endpoint | None:
        """Give the present callee up and return the next one, None if all have been tried (RR-R2)."""
        failed = self.endpoint
        self.tried.add(failed.session)
        registration = failed.registration
        candidates = [endpoint for endpoint in registration.endpoints if endpoint.session not in self.tried]
        if not candidates or registration.invoke == "single":
            return None
        before = 0
        if failed in registration.endpoints:
            earlier = registration.endpoints[: registration.endpoints.index(failed)]
            before = sum(endpoint in candidates for endpoint in earlier)
        self.endpoint = _NEXT[registration.invoke](candidates, before, draw)
        return self.endpoint
