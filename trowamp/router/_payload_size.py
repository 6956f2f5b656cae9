"""How much memory a payload stands for that the router keeps: an estimate, for limits."""

from __future__ import annotations

from typing import Any, Final

from ..wire._passing import PassedArgs

_EACH: Final = 16  # what any value costs besides its text or octets


def payload_size(*values: Any) -> int:
    """Return about how many octets the values have, with everything in them. Decoded payloads have no cycles and are not deep."""
    total = 0
    pending = list(values)
    while pending:
        value = pending.pop()
        total += _EACH
        if isinstance(value, str | bytes | memoryview):
            total += len(value)
        elif isinstance(value, dict):
            pending += value.keys()
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
            if isinstance(value, PassedArgs):
                total += len(value.octets)
    return total
