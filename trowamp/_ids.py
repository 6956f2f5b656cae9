"""WAMP identifiers (checklist §1.6): integers from 1 to 2**53."""

from __future__ import annotations

from typing import Final

MAX_ID: Final = 2**53


def next_id(current: int) -> int:
    """Return the id after `current` in session scope: start with `next_id(0) == 1`, wrap to 1 after 2**53 (ID-B2)."""
    return current + 1 if current < MAX_ID else 1
