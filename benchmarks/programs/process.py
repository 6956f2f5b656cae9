"""What Linux knows of another process and its descendants: a router may have workers."""

from __future__ import annotations

from pathlib import Path

from .measure import Measure


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int(_stat(int(folder.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for member in found:
        found.extend(children.get(member, ()))
    return found


def cpu_of(pids: list[int]) -> float:
    """Return the processor time of their threads together, in seconds, as the scheduler counts it: to the nanosecond."""
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def resident_kib(pids: list[int]) -> float:
    """Return the memory that they hold, in KiB."""
    return sum(_status(pid, "VmRSS:") for pid in pids)


class MeasureProcess(Measure):
    """As `Measure`, but the processor time is that of other processes."""

    def __init__(self, metric: str, operations: int, pids: list[int], *, size: int = 0) -> None:
        super().__init__(metric, operations, size=size)
        self._pids = pids

    def cpu(self) -> float:
        """Return the processor time of the other processes, in seconds."""
        return cpu_of(self._pids)


def _stat(pid: int) -> list[str]:
    """Return the fields that follow the name: state, parent and so on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
