"""How every program of the benchmarks times what it does and says what came out: one JSON object per line on standard output."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from types import TracebackType


def report(metric: str, **figures: float) -> None:
    """Print the figures of one metric."""
    assert sys.__stdout__ is not None
    sys.__stdout__.write(
        json.dumps({"metric": metric, **figures}) + "\n"
    )  # logging of Twisted may have replaced sys.stdout
    sys.__stdout__.flush()


def own_cpu() -> float:
    """Return the processor time of this process, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Measure:
    """Reports operations a second, and microseconds of processor time an operation, for what happens in its block.

    Args:
        metric: The name of what is measured.
        operations: How many there are in the block.
        size: Octets of payload that each carries; with it MiB a second are reported, too.
    """

    def __init__(self, metric: str, operations: int, *, size: int = 0) -> None:
        self._metric = metric
        self._operations = operations
        self._size = size

    def __enter__(self) -> None:
        gc.collect()  # what was left from before is not what is measured
        self._cpu, self._time = self.cpu(), time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            return
        seconds, cpu = time.perf_counter() - self._time, self.cpu() - self._cpu
        figures = {"per_second": self._operations / seconds, "cpu_us": 1e6 * cpu / self._operations}
        if self._size:
            figures["mib_per_second"] = figures["per_second"] * self._size / 2**20
        report(self._metric, **figures)

    def cpu(self) -> float:
        """Return the processor time that counts, in seconds."""
        return own_cpu()
