"""What a process of ours is given by whoever starts it, put in order before anything else."""

from __future__ import annotations

import os
import signal
import sys
from typing import Final, NoReturn

TERMINATED: Final = 128 + signal.SIGTERM  # what a shell shows for a program that SIGTERM ended

_MISSING: Final = {
    0: os.O_WRONLY,
    1: os.O_RDONLY,
    2: os.O_WRONLY,
}  # what is missing cannot be used; messages go nowhere


def prepare_process() -> None:
    """Fill the places of standard streams that are closed, and end in good order on SIGTERM, also before there is an event loop."""
    _fill_standard_streams()
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _fill_standard_streams() -> None:
    """Leave no number of a standard stream free: the next connection would get it, and what is printed would be sent to the router."""
    for number, mode in _MISSING.items():
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _terminate(*_: object) -> NoReturn:
    sys.exit(TERMINATED)
