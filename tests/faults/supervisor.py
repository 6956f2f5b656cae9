"""Routers in processes of their own, which are killed, stopped, continued and started again at the same port."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import trio

_PROJECT = Path(__file__).resolve().parent.parent.parent


def environment() -> dict[str, str]:
    """Return the environment for programs of this project, without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TROWAMP_")}
    paths = [str(_PROJECT), str(_PROJECT / "compat"), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


class RouterProcess:
    """`trowamp router`, at one port however often it is started. Made by `open_router_process`.

    Args:
        arguments: More of the command line.
        prefix: What runs the command: `["ip", "netns", "exec", "a"]`.
        host: Where it listens.
        said: Where its standard error goes. Not a pipe: a router that says much would wait for somebody to read.
        open_files: How many it may have open; None: as many as this machine allows.

    Attributes:
        starts: How often it was started.
    """

    def __init__(
        self, arguments: Sequence[str], prefix: Sequence[str], host: str, said: IO[bytes], open_files: int | None = None
    ) -> None:
        self.starts = 0
        self._arguments = arguments
        self._prefix = prefix
        self._host = host
        self._open_files = open_files
        self._port = 0
        self._process: trio.Process | None = None
        self._said = said

    def url(self, scheme: str = "rs") -> str:
        """Return its URL; one port serves both framings."""
        return f"{scheme}://{self._host}:{self._port}" + ("/ws" if scheme == "ws" else "")

    @property
    def process(self) -> trio.Process:
        """The process that runs."""
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        command = [sys.executable, "-m", "trowamp", "router", "--listen", f"ws://{self._host}:{self._port}/ws"]
        self._process = await trio.lowlevel.open_process(
            [*self._prefix, *command, *self._arguments],
            stdout=subprocess.PIPE,
            stderr=self._said,
            stdin=subprocess.DEVNULL,
            env=environment(),
            preexec_fn=self._limit,
        )
        self.starts += 1
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            piece = await self._process.stdout.receive_some()
            assert piece, f"the router ended: {self.errors()!r}"
            line += piece
        self._port = int(line.decode().rstrip().removesuffix("/ws").rpartition(":")[2])

    def errors(self) -> str:
        """Return what it has said on standard error since it was started first."""
        said = self._said.fileno()
        return os.pread(said, os.fstat(said).st_size, 0).decode()  # to seek would move what the router writes

    async def kill(self) -> None:
        """Kill it, and wait until the kernel has taken it away."""
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        await self._gone()

    async def terminate(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.terminate()
        await self._gone()
        assert self.process.returncode is not None
        return self.process.returncode

    def freeze(self) -> None:
        """Stop it, with everything it holds."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def resident_kib(self) -> int:
        """Return how much memory it holds."""
        return resident_kib(self.process.pid)

    def open_files(self) -> int:
        """Return how many files it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    async def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    async def _gone(self) -> None:
        await self.process.wait()
        assert self.process.stdout is not None
        await self.process.stdout.aclose()

    def _limit(self) -> None:
        allowed = self._open_files or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))


@asynccontextmanager
async def open_router_process(
    *arguments: str, prefix: Sequence[str] = (), host: str = "127.0.0.1", **options: Any
) -> AsyncGenerator[RouterProcess, None]:
    """Run a router in a process of its own; it is killed at the end of the block."""
    with tempfile.TemporaryFile() as said:
        router = RouterProcess(arguments, prefix, host, said, **options)
        try:
            await router.start()
            yield router
        finally:
            with trio.CancelScope(shield=True):
                await router.close()


def resident_kib(pid: int | str = "self") -> int:
    """Return how much memory a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} tells nothing of its memory")
