"""What became of past events since somebody saved them last.

An event that goes before it was saved leaves no trace here. So what waits to be saved is never more than what the rules keep, however slow saving is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ._event_history import PastEvent


class HistoryChanges(msgspec.Struct, frozen=True):
    """What has to be done to what was saved before.

    Attributes:
        kept: New events, with their realms, in order.
        dropped: Realms and numbers of events that are not kept any more.
    """

    kept: list[tuple[str, PastEvent]]
    dropped: list[tuple[str, int]]


class HistoryJournal:
    """Collects changes of the histories of all realms."""

    __slots__ = ("_dropped", "_kept")

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], PastEvent] = {}
        self._dropped: list[tuple[str, int]] = []

    def __len__(self) -> int:
        """Return how many events wait to be saved."""
        return len(self._kept)

    def __bool__(self) -> bool:
        return bool(self._kept or self._dropped)

    def keep(self, realm: str, event: PastEvent) -> None:
        """A realm keeps an event from now on."""
        self._kept[realm, event.number] = event

    def drop(self, realm: str, number: int) -> None:
        """A realm does not keep an event any more."""
        if self._kept.pop((realm, number), None) is None:
            self._dropped.append((realm, number))

    def take(self) -> HistoryChanges:
        """Return what is new, and forget it."""
        changes = HistoryChanges([(realm, event) for (realm, _), event in self._kept.items()], self._dropped)
        self._kept, self._dropped = {}, []
        return changes
