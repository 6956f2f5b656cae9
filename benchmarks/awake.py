"""Keeps processors from being halted while something is measured.

A processor that has nothing to do is halted. On a virtual machine, to wake it takes more time than a call does, for all clients alike; so a quiet
machine would be slow, a busy one fast, and their ratios would say how the host wakes processors.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def processors_kept_awake() -> Iterator[list[int]]:
    """Have each processor calculate whenever nobody else wants it to.

    Yields:
        The processes that do so, one for each processor; their policy is SCHED_IDLE.
    """
    command = [sys.executable, "-m", "benchmarks.awake", str(os.getpid())]
    idlers = [
        subprocess.Popen([*command, str(processor)], stdout=subprocess.PIPE) for processor in os.sched_getaffinity(0)
    ]
    try:
        for idler in idlers:
            assert idler.stdout is not None
            idler.stdout.readline()  # it has given way to everybody
        yield [idler.pid for idler in idlers]
    finally:
        for idler in idlers:
            idler.kill()
            idler.communicate()


def _idle(parent: int, processor: int) -> None:
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    print(flush=True)  # noqa: T201
    while os.getppid() == parent:
        for _ in range(10_000_000):
            pass


if __name__ == "__main__":
    _idle(int(sys.argv[1]), int(sys.argv[2]))
