"""Payloads that not everybody can read: not every serializer has them, or not every decoder survives them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final


def nested(depth: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


POISONS: Final[dict[str, Callable[[], Any]]] = {
    "not a number": lambda: math.nan,
    "infinite": lambda: -math.inf,
    "too large": lambda: 2**70,
    "too small": lambda: -(2**70),
    "half a character": lambda: "\ud800",
    "an object": object,
    "a set": lambda: {1},
    "a decimal": lambda: Decimal(1),
    "a date": lambda: datetime(2026, 1, 1),  # noqa: DTZ001
    "numbers as keys": lambda: {1: 2},
    "pairs as keys": lambda: {(1, 2): 3},
    "a cycle": cyclic,
    "deeply nested": lambda: nested(1000),
}
