"""How `trowamp demo` tells what it does."""

from __future__ import annotations

import sys
import textwrap
import time
from typing import Final

from .._exit_codes import INTERNAL
from ._errors import Failure
from ._output import styled, write

_NAME: Final = 12  # columns for who says something
_WIDTH: Final = 110


class Story:
    """Numbers the steps, prints what happens and why, and ends when something is not as it should be."""

    def __init__(self) -> None:
        self._step = 0
        self._started = time.monotonic()

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        self._print(f"\n{styled(f'{self._step}. {title}', sys.stdout, bold=True)}\n")

    def line(self, who: str, what: str, why: str) -> None:
        """Print one thing that happened, and explain it."""
        self._print(f"   {styled(who.ljust(_NAME), sys.stdout, fg='cyan')}{what}\n")
        indent = " " * (3 + _NAME)
        for line in textwrap.wrap(why, _WIDTH, initial_indent=f"{indent}^ ", subsequent_indent=f"{indent}  "):
            self._print(f"{styled(line, sys.stdout, dim=True)}\n")

    def check(self, what: str, seen: object, wanted: object) -> None:
        """Compare what was seen with what should be.

        Raises:
            Failure: They differ.
        """
        if seen != wanted:
            raise Failure(INTERNAL, f"step {self._step}: {what} should be {wanted!r}, but is {seen!r}")

    def end(self) -> None:
        """Print the last line."""
        self._print(f"\nAll {self._step} steps showed what they should, in {time.monotonic() - self._started:.1f} s.\n")

    def _print(self, text: str) -> None:
        write(text.encode())
