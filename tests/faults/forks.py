"""Programs that are forked from a process that has everything imported, see `zygote`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from .supervisor import environment


class Forks:
    """Starts programs. Made by `open_forks`."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._codes: dict[int, int] = {}
        self._news = trio.lowlevel.ParkingLot()
        self._started: list[int] = []
        self._turn = trio.Lock()

    async def start(self, program: Path, argv: Sequence[str], output: Path) -> int:
        """Start a program; return its process id.

        Args:
            program: Its path.
            argv: Its arguments.
            output: Where standard output and standard error go.
        """
        request = {"program": str(program), "argv": list(argv), "output": str(output)}
        assert self._process.stdin is not None
        async with self._turn:
            await self._process.stdin.send_all(json.dumps(request).encode() + b"\n")
            while not self._started:
                await self._news.park()
            return self._started.pop()

    async def end_of(self, pid: int) -> int:
        """Wait for the end of a program; return its exit code, negative for a signal."""
        while pid not in self._codes:
            await self._news.park()
        return self._codes.pop(pid)

    async def listen(self) -> None:
        """Hear what there is to be heard, until cancelled."""
        assert self._process.stdout is not None
        pending = b""
        async for chunk in self._process.stdout:
            *lines, pending = (pending + bytes(chunk)).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "code" in said:
                    self._codes[said["pid"]] = said["code"]
                else:
                    self._started.append(said["pid"])
                self._news.unpark_all()


@asynccontextmanager
async def open_forks(modules: Sequence[str], flags: Sequence[str] = ()) -> AsyncGenerator[Forks, None]:
    """Run a process that programs can be forked from.

    Args:
        modules: What it imports.
        flags: Of the interpreter.
    """
    command = [sys.executable, *flags, "-m", "tests.faults.zygote", *modules]
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), cwd=Path(__file__).parents[2]
    )
    forks = Forks(process)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(forks.listen)
            while not forks._started:
                await forks._news.park()
            forks._started.clear()  # it has imported everything
            yield forks
            nursery.cancel_scope.cancel()
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        with trio.CancelScope(shield=True):
            await process.stdin.aclose()  # it ends whoever is left
            await process.wait()
            await process.stdout.aclose()
