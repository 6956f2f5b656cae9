"""The payloads of the benchmarks: a small one, and two kinds of large ones."""

from __future__ import annotations

from typing import Any

KIB, MIB = 1024, 1024 * 1024
SIZES = {"64 KiB": 64 * KIB, "1 MiB": MIB}
_ROW = {
    "id": 1234567,
    "name": "somebody",
    "tags": ["alpha", "beta", "gamma"],
    "at": {"x": 12.25, "y": -3.5},
    "ok": True,
}
_ROW_OCTETS = 106  # of one row in JSON


def octets(size: int) -> bytes:
    """Return `size` octets."""
    return bytes(range(256)) * (size // 256)


def nested(size: int) -> list[dict[str, Any]]:
    """Return rows of dictionaries that take about `size` octets in JSON."""
    return [_ROW | {"id": number} for number in range(1000000, 1000000 + size // _ROW_OCTETS)]


KINDS = {"bytes": octets, "nested": nested}
