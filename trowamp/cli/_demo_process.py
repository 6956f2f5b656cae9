"""The processes of `trowamp demo`: what they print, line by line, and their end."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from .._exit_codes import INTERNAL
from .._failures import open_service_nursery
from ._errors import Failure

_PATIENCE: Final = 10.0  # seconds for a line, or for a process to end


class Child:
    """A process of ours that tells what it does.

    Attributes:
        name: How the demo calls it.
    """

    def __init__(self, name: str, process: trio.Process) -> None:
        self.name = name
        self._process = process
        self._writer, self._lines = trio.open_memory_channel[str](math.inf)

    async def read(self) -> None:
        """Read its lines until it ends."""
        assert self._process.stdout is not None
        rest = b""
        async with self._writer:
            async for chunk in self._process.stdout:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._writer.send_nowait(line.decode("utf-8", "replace"))

    async def line(self, is_expected: Callable[[str], bool], what: str) -> str:
        """Return the next line that is expected; lines before it are passed over.

        Raises:
            Failure: It did not come.
        """
        with trio.move_on_after(_PATIENCE):
            async for line in self._lines:
                if is_expected(line):
                    return line
            raise Failure(INTERNAL, f"{self.name} ended without saying {what!r}")
        raise Failure(INTERNAL, f"{self.name} did not say {what!r} within {_PATIENCE:g} s")

    async def says(self, start: str) -> str:
        """Return the next line that begins with `start`. Raises as `line` does."""
        return await self.line(lambda line: line.startswith(start), start)

    def kill(self) -> None:
        """End it without any warning, as a crash would."""
        self._process.kill()

    async def stop(self) -> int:
        """Ask it to end, and return its exit code.

        Raises:
            Failure: It does not end.
        """
        self._process.terminate()
        with trio.move_on_after(_PATIENCE):
            return await self._process.wait()
        raise Failure(INTERNAL, f"{self.name} does not end when asked to")


@asynccontextmanager
async def open_child(name: str, *arguments: str) -> AsyncGenerator[Child, None]:
    """Run a module of this package as a process, for the length of a block; at its end it is gone, whatever happened."""
    command = [sys.executable, "-m", *arguments]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    child = Child(name, process)
    try:
        async with open_service_nursery() as nursery:
            nursery.start_soon(child.read)
            yield child
    finally:
        with trio.CancelScope(shield=True):
            if process.poll() is None:
                process.kill()
            await process.wait()
            if process.stdout is not None:
                await process.stdout.aclose()
