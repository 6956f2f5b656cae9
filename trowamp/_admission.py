"""Which connections are taken: how many there may be, in all and from one address, before and after they have a session.

Peers in this program and on a Unix socket count in all only: what they have in common is no address.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from .router._failures import address_of

_REMOTE: Final = "tcp"


class AdmissionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections there may be; `open_router` documents each of these."""

    max_connections: int = 10_000
    max_connections_per_address: int = 10_000
    max_pending: int = 1_000
    max_pending_per_address: int = 100


class Admission:
    """Counts connections.

    Args:
        limits: How many there may be.
    """

    def __init__(self, limits: AdmissionLimits) -> None:
        self._limits = limits
        self._all: dict[object, str | None] = {}  # every connection, with its address
        self._pending: set[object] = set()
        self._by_address: Counter[str] = Counter()
        self._pending_by_address: Counter[str] = Counter()

    def enter(self, connection: object, details: dict[str, Any]) -> str:
        """Count a new connection, which has no session yet.

        Args:
            connection: The connection; anything that can be hashed.
            details: What is known of it: `{"type": "tcp", "peer": …}`.

        Returns:
            Why there is one too many, in words; empty if there is not.
        """
        limits = self._limits
        address = address_of(details) if details.get("type") == _REMOTE else None
        self._all[connection] = address
        self._pending.add(connection)
        if address is not None:
            self._by_address[address] += 1
            self._pending_by_address[address] += 1
        if len(self._all) > limits.max_connections:
            return f"{len(self._all) - 1} connections are open"
        if address is not None and self._by_address[address] > limits.max_connections_per_address:
            return f"{self._by_address[address] - 1} connections from its address are open"
        return self._excess_pending(address)

    def joined(self, connection: object) -> bool:
        """A connection has a session now, or carries requests of one; return whether that is news."""
        is_news = connection in self._pending
        if is_news:
            self._pending.discard(connection)
            _subtract(self._pending_by_address, self._all[connection])
        return is_news

    def start_over(self, connection: object) -> str:
        """Count a connection that carried requests as one without a session: it asks for one of its own.

        Returns:
            Why there is one too many, in words; empty if there is not.
        """
        address = self._all[connection]
        if connection not in self._pending:
            self._pending.add(connection)
            if address is not None:
                self._pending_by_address[address] += 1
        return self._excess_pending(address)

    def _excess_pending(self, address: str | None) -> str:
        limits = self._limits
        if len(self._pending) > limits.max_pending:
            return f"{len(self._pending) - 1} connections have not joined yet"
        if address is not None and self._pending_by_address[address] > limits.max_pending_per_address:
            return f"{self._pending_by_address[address] - 1} connections from its address have not joined yet"
        return ""

    def leave(self, connection: object) -> None:
        """A connection has ended. Saying so twice does nothing."""
        if connection in self._all:
            self.joined(connection)
            _subtract(self._by_address, self._all.pop(connection))


def _subtract(counter: Counter[str], address: str | None) -> None:
    """Count one less, and forget who has none."""
    if address is not None:
        counter[address] -= 1
        if not counter[address]:
            del counter[address]
