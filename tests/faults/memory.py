"""Processes that get so much memory and no more: the kernel kills who takes more.

Only where the machine allows it: as root, with the kernel's control groups, of version 1 or 2.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# Where groups are made, the file of a group that holds the limit, and the one that counts who was killed.
_HIERARCHIES: Final = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.oom_control"),
    (Path("/sys/fs/cgroup"), "memory.max", "memory.events"),
)
_MIB: Final = 2**20


class MemoryGroup:
    """Processes that share a limit. Made by `open_memory_group`."""

    def __init__(self, folder: Path, counter: str) -> None:
        self._folder = folder
        self._counter = counter

    @property
    def prefix(self) -> list[str]:
        """What runs a command as a member of the group."""
        return ["sh", "-c", f'echo $$ > {self._folder}/cgroup.procs && exec "$@"', "sh"]

    def killed(self) -> int:
        """Return how many members the kernel has killed."""
        lines = (self._folder / self._counter).read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def obstacle() -> str:
    """Say why this machine cannot do it, or nothing."""
    try:
        with open_memory_group(1):
            return ""
    except OSError as error:
        return f"no groups with a limit of memory here: {error}"


@contextmanager
def open_memory_group(mib: int) -> Iterator[MemoryGroup]:
    """Make a group; its members have to be gone at the end of the block.

    Raises:
        OSError: This machine does not allow it.
    """
    root, limit, counter = next((each for each in _HIERARCHIES if each[0].is_dir()), _HIERARCHIES[-1])
    folder = root / f"trowamp-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        (folder / limit).write_text(str(mib * _MIB), encoding="ascii")
        yield MemoryGroup(folder, counter)
    finally:
        folder.rmdir()
