"""Random ids that no two things of a router share."""

from __future__ import annotations

from collections.abc import Callable


class RandomIds:
    """Ids of sessions, subscriptions and registrations, unique in the whole router while they are in use.

    Args:
        draw: Source of random integers from 1 to 2**53.
    """

    __slots__ = ("_used", "draw")

    def __init__(self, draw: Callable[[], int]) -> None:
        self.draw = draw
        self._used: set[int] = set()

    def __len__(self) -> int:
        return len(self._used)

    def take(self) -> int:
        """Return an id that nothing else has."""
        used = self._used
        while (number := self.draw()) in used:
            pass
        used.add(number)
        return number

    def give_back(self, number: int) -> None:
        """The id is not used any more."""
        self._used.discard(number)
