"""What a realm keeps of the past: the topics, and how much of each."""

from __future__ import annotations

import msgspec

from .._uri_pattern import is_pattern


class HistoryRule(msgspec.Struct, frozen=True, kw_only=True):
    """Topics whose events a router keeps.

    Attributes:
        uri: The topic, or a pattern.
        match: "exact", "prefix" or "wildcard". An event is kept under the rule that matches best: exact, then the longest prefix, then a wildcard.
        max_events: How many events are kept for all these topics together; then the oldest go.
        max_octets: About how many octets they may take together.

    Raises:
        ValueError: The pattern is not legal, or a limit is less than 1.
    """

    uri: str
    match: str = "exact"
    max_events: int = 1000
    max_octets: int = 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not is_pattern(self.uri, self.match):
            raise ValueError(f"not a legal topic ({self.match}) to keep events of: {self.uri!r}")
        for name in ("max_events", "max_octets"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} of {self.uri!r} must be 1 or more, not {getattr(self, name)}")
