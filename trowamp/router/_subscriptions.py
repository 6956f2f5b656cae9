"""A subscription, and the sessions that share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._wall_time import as_text

if TYPE_CHECKING:
    from datetime import datetime

    from ._session import Session


class Subscription:
    """A topic, or pattern of topics, that one or several sessions listen to; it lives as long as it has a subscriber.

    Attributes:
        id: Its id, the same for all subscribers (BP-R2).
        uri, match: What is subscribed to.
        is_pattern: Whether subscribers need to be told the topic (PBS-R2).
        created: When it was made.
        subscribers: Sessions, in the order of their subscription.
    """

    __slots__ = ("created", "id", "is_pattern", "match", "subscribers", "uri")

    def __init__(self, subscription_id: int, uri: str, match: str, created: datetime) -> None:
        self.id = subscription_id
        self.uri = uri
        self.match = match
        self.is_pattern = match != "exact"
        self.created = created
        self.subscribers: dict[Session, None] = {}

    @property
    def is_over(self) -> bool:
        """Whether nobody has it any more."""
        return not self.subscribers

    def members(self) -> list[int]:
        """Return the ids of its subscribers' sessions."""
        return [session.session_id for session in self.subscribers]

    def describe(self) -> dict[str, Any]:
        """Return what the meta API tells of it."""
        return {"id": self.id, "created": as_text(self.created), "uri": self.uri, "match": self.match}
