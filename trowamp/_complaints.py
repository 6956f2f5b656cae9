"""Log lines that a peer can cause as often as it likes: of each kind there is one a second at most, and what was left out is counted."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any, Final

import msgspec
import trio

_APART: Final = 1.0  # seconds


class _Kind(msgspec.Struct):
    level: int
    told: float = -math.inf
    left_out: int = 0


class Complaints:
    """Writes to a log, but not too often.

    Args:
        log: The log.
        clock: Returns the time in seconds.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = trio.current_time) -> None:
        self._log = log
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def tell(self, level: int, text: str, *args: Any, error: BaseException | None = None) -> None:
        """Write a line, unless there was one of the same kind within the last second.

        Args:
            level: Of `logging`.
            text: The line; it is what makes the kind. Never anything that comes from a peer: kinds are remembered.
            args: What is put into it.
            error: What is told with its traceback.
        """
        now = self._clock()
        kind = self._kinds.get(text)
        if kind is None:
            kind = self._kinds[text] = _Kind(level)
        if now - kind.told < _APART:
            kind.left_out += 1
            return
        kind.told = now
        if kind.left_out:
            text, args = f"{text} (%d more like this were left out)", (*args, kind.left_out)
            kind.left_out = 0
        self._log.log(level, text, *args, exc_info=error)

    def finish(self) -> None:
        """Tell what was left out since the last line of each kind."""
        for text, kind in self._kinds.items():
            if kind.left_out:
                self._log.log(kind.level, "%d more were left out of: %s", kind.left_out, text)
                kind.left_out = 0
