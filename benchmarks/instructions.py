"""Instructions per operation: a figure that a busy machine does not change, so that a regression shows.

Counted by `perf stat` where the processor's counters can be read, else by `valgrind`. A program runs with two numbers of operations; the difference
is what the operations cost, without starting up.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

from .processes import PROJECT, ProgramFailed, Row, command_of, environment_with

_TIMEOUT = 300.0
Counter = Callable[[list[str]], int]


def counted(metric: str, what: str, serializer: str, n: int) -> list[Row]:
    """Count the instructions of `n` operations of `programs.counted`.

    Raises:
        ProgramFailed: There is nothing to count with, or the program failed.
    """
    counter = find_counter()
    low, high = (counter(command_of(sys.executable, "counted", what, serializer, count)) for count in (20, 20 + n))
    return [{"metric": metric, "instructions": (high - low) / n}]


@functools.cache
def find_counter() -> Counter:
    """Return what counts here.

    Raises:
        ProgramFailed: Nothing does.
    """
    for tool, counter in (("perf", _perf), ("valgrind", _valgrind)):
        if shutil.which(tool):
            try:
                counter([sys.executable, "-c", ""])
            except ProgramFailed:
                continue
            return counter
    raise ProgramFailed("instructions are not counted: neither perf (with hardware counters) nor valgrind works here")


def _perf(command: list[str]) -> int:
    return _count(["perf", "stat", "-x", ",", "-e", "instructions:u", *command], r"^(\d+),[^\n]*instructions:u")


def _valgrind(command: list[str]) -> int:
    options = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    return _count(["valgrind", *options, *command], r"I\s+refs:\s+([\d,]+)")


def _count(command: list[str], pattern: str) -> int:
    environment = environment_with({"PYTHONHASHSEED": "0"})
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False
    )
    found = re.search(pattern, done.stderr, re.MULTILINE)
    if done.returncode or found is None:
        raise ProgramFailed((done.stderr.strip().splitlines() or ["no count"])[-1])
    return int(found[1].replace(",", ""))
