"""Which subscribers a publisher lets an event reach (BW-R1)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from ._session import Session

# The option; what of a session it speaks of; whether that must be, or must not be, in the option's list
_RULES: Final = {
    "eligible": (attrgetter("session_id"), True),
    "eligible_authid": (attrgetter("authid"), True),
    "eligible_authrole": (attrgetter("authrole"), True),
    "exclude": (attrgetter("session_id"), False),
    "exclude_authid": (attrgetter("authid"), False),
    "exclude_authrole": (attrgetter("authrole"), False),
}
_KEYS: Final = _RULES.keys()


class Admits(Protocol):
    """A filter of receivers."""

    def admits(self, session: Session) -> bool:
        """Tell whether a session may get the event."""
        ...


class Eligibility:
    """The black and white lists of one publication; a list that is present but empty is a list (BW-R2)."""

    __slots__ = ("_tests",)

    def __init__(self, options: dict[str, Any]) -> None:
        self._tests = [
            (attribute, frozenset(options[key]), must_be_in)
            for key, (attribute, must_be_in) in _RULES.items()
            if key in options
        ]

    @classmethod
    def of(cls, options: dict[str, Any]) -> Eligibility | None:
        """Read PUBLISH.Options; None if they have no list."""
        return None if _KEYS.isdisjoint(options) else cls(options)

    def admits(self, session: Session) -> bool:
        """Tell whether all lists let a session through."""
        return all((attribute(session) in values) is must_be_in for attribute, values, must_be_in in self._tests)
