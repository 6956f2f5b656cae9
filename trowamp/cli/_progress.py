"""Progressive results while they come: a bar if they say how far the call is, else a line each. On standard error, always."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ._output import line_of, notice
from ._values import Payload

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Advance(NamedTuple):
    """How far a call is."""

    done: float
    total: float

    def __str__(self) -> str:
        return f"{self.done:g}/{self.total:g} ({self.done / self.total:.0%})"


def advance_of(payload: Payload) -> Advance | None:
    """Tell how far a call is by a progressive result; None if that is not what the result says.

    Understood are `(done, total)` and `[done, total]`; the keys `done` and `total`, or `percent`, as keywords or in an object; a float from 0.0
    to 1.0; a text such as "40%". A whole number alone could be anything.
    """
    args, kwargs = payload
    if not args:
        return _of_keys(kwargs)
    if len(args) == 1 and isinstance(args[0], list):
        args = tuple(args[0])
    if len(args) == 2:
        return _checked(args[0], args[1])
    value = args[0] if len(args) == 1 else None
    if isinstance(value, dict):
        return _of_keys(value)
    if isinstance(value, float):
        return _checked(value, 1.0)
    return _of_text(value) if isinstance(value, str) else None


def _of_keys(keys: dict[str, Any]) -> Advance | None:
    if "percent" in keys:
        return _checked(keys["percent"], 100)
    return _checked(keys.get("done"), keys.get("total"))


def _of_text(text: str) -> Advance | None:
    number, percent, rest = text.strip().partition("%")
    try:
        return _checked(float(number), 100) if percent and not rest else None
    except ValueError:
        return None


def _checked(done: Any, total: Any) -> Advance | None:
    for value in (done, total):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
    return Advance(done, total) if 0 <= done <= total and total > 0 else None


class ProgressDisplay:
    """Shows the progressive results of one call, between entering and leaving its block.

    Args:
        title: What is going on: the procedure.
        is_quiet: Show nothing at all.
    """

    def __init__(self, title: str, *, is_quiet: bool = False) -> None:
        self._title = title
        self._is_quiet = is_quiet
        self._has_bar = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def show(self, payload: Payload) -> None:
        """Show one progressive result."""
        if self._is_quiet:
            return
        advance = advance_of(payload)
        if advance is None:
            self._say(line_of(*payload))
        elif self._has_bar:
            self._move(advance)
        else:
            self._say(f"progress: {advance}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _say(self, text: str) -> None:
        if self._bar is None:
            notice(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)  # above the bar

    def _move(self, advance: Advance) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=advance.total)
        assert self._task is not None
        self._bar.update(self._task, completed=advance.done, total=advance.total, refresh=True)


def _new_bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415  # rich is slow to import, and few calls need it
    from rich.progress import Progress  # noqa: PLC0415

    return Progress(console=Console(stderr=True), auto_refresh=False)
