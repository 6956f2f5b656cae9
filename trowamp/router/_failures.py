"""Who failed to authenticate how often: guessing is slow, and what is remembered of it is bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address
from typing import Any, Final

import msgspec

PERIOD: Final = 60.0  # seconds within which failures are counted, and after which a quiet peer is forgotten
_FIRST_DELAY: Final = 1.0
_LAST_DELAY: Final = 60.0
_SIZE: Final = 10_000  # entries; the one that failed longest ago makes room


class _Record(msgspec.Struct):
    since: float
    last: float
    count: int = 0
    delay: float = 0.0  # the present one; nothing is heard until `last + delay`

    def is_over(self, now: float) -> bool:
        """Say whether it counts no more: a minute has passed since it began, or, if there is a delay, since that ended."""
        return now >= (self.last + self.delay if self.delay else self.since) + PERIOD


class Failures:
    """Counts failures by key; beyond so many within a minute a delay begins, which doubles with each further one.

    Args:
        allowed: How many within a minute cost nothing.
        size: How many keys are remembered.
    """

    def __init__(self, allowed: int, size: int = _SIZE) -> None:
        self._allowed = allowed
        self._size = size
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def is_blocked(self, key: Hashable, now: float) -> bool:
        """Say whether a key has to wait."""
        record = self._records.get(key)
        return record is not None and now < record.last + record.delay

    def add(self, key: Hashable, now: float) -> None:
        """Count a failure."""
        record = self._records.pop(key, None)
        if record is None or record.is_over(now):
            record = _Record(now, now)
        record.count += 1
        record.last = now
        if record.count >= self._allowed:
            record.delay = min(record.delay * 2 or _FIRST_DELAY, _LAST_DELAY)
        self._records[key] = record
        if len(self._records) > self._size:
            self._records.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """A key has authenticated itself: what it failed before does not count."""
        self._records.pop(key, None)


class Attempts:
    """Which attempts to authenticate are heard: failures are counted by address and identity, and, ten times as many, by address.

    Args:
        allowed: How many failures within a minute cost an identity nothing.
    """

    def __init__(self, allowed: int) -> None:
        self._identities = Failures(allowed)
        self._addresses = Failures(10 * allowed)

    def are_blocked(self, transport: dict[str, Any], details: dict[str, Any], now: float) -> bool:
        """Say whether an attempt is refused unheard, right or wrong.

        Args:
            transport: What is known of the connection.
            details: HELLO.Details.
            now: The time.
        """
        if not self._addresses:  # nobody has failed: whatever counts for an identity counts for an address
            return False
        address = address_of(transport)
        return self._addresses.is_blocked(address, now) or self._identities.is_blocked(
            (address, _name_in(details)), now
        )

    def failed(self, transport: dict[str, Any], details: dict[str, Any], now: float) -> None:
        """Count a failure."""
        address, name = address_of(transport), _name_in(details)
        self._addresses.add(address, now)
        if name is not None:
            self._identities.add((address, name), now)

    def succeeded(self, transport: dict[str, Any], details: dict[str, Any]) -> None:
        """Forget the failures of an identity that has proved itself. Those of its address stay: it may try others."""
        if self._identities:
            self._identities.forget((address_of(transport), _name_in(details)))


def _name_in(details: dict[str, Any]) -> int | None:
    """Return what stands for the identity that is claimed, by name or by key, in little memory; None if none is."""
    name = details.get("authid") or (details.get("authextra") or {}).get("pubkey")
    return hash(name) if isinstance(name, str) else None


def address_of(transport: dict[str, Any]) -> str:
    """Return what failures are counted by: the peer's address without its port, the network of 64 bits for IPv6."""
    peer = transport.get("peer")
    if not isinstance(peer, str):
        return str(transport.get("type"))
    host = peer.rpartition(":")[0].strip("[]") or peer
    if ":" not in host:  # IPv4, as nearly always: the exception would cost more than the look
        return host
    try:
        network = int(IPv6Address(host.partition("%")[0])) >> 64
    except ValueError:
        return host
    return f"{network:x}::/64"
