"""The processes of a run: programs that measure and end, and servers that run until the end of the block."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop import peers
from tests.interop.crossbar_node import free_port

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM_TIMEOUT = 90.0
PAYLOADS_TIMEOUT = 45.0  # a client that finds a message too large may wait for an answer for ever
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 10.0
_LARGEST_MESSAGE = 2**24 - 1  # octets; a payload of 1 MiB and its head are more than the router accepts by default

Row = dict[str, Any]


class ProgramFailed(Exception):
    """A program did not measure all that it should have, or a server did not start.

    Attributes:
        rows: What it had measured before.
    """

    def __init__(self, words: str, rows: Sequence[Row] = ()) -> None:
        super().__init__(words)
        self.rows = rows


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        port: Where it listens; WebSocket and RawSocket alike.
        pid: Its process; it may have children.
    """

    port: int
    pid: int

    def url(self, framing: str) -> str:
        """Return its address for "ws" or "rs"."""
        return f"{framing}://127.0.0.1:{self.port}" + ("/ws" if framing == "ws" else "")


def peers_python() -> str:
    """Return the interpreter that has the other clients, installing them on demand.

    Raises:
        ProgramFailed: It cannot be made; says why.
    """
    return str(_peers_folder("clients") / "bin" / "python")


def _peers_folder(name: str) -> Path:
    peers.make(name)
    try:
        return peers.folder_of(name)
    except peers.PeerMissing as error:
        raise ProgramFailed(str(error)) from error


def command_of(python: str, program: str, *arguments: object) -> list[str]:
    """Return the command that runs one of our programs."""
    return [python, "-m", f"benchmarks.programs.{program}", *map(str, arguments)]


def measure(
    command: Sequence[str],
    environment: dict[str, str] | None = None,
    *,
    timeout: float = PROGRAM_TIMEOUT,
    processor: int | None = None,
) -> list[Row]:
    """Run a program and return what it reports.

    Args:
        command: The program and its arguments.
        environment: What it is told beside our own environment.
        timeout: Seconds after which it is ended.
        processor: The only one it may use; None for any.

    Raises:
        ProgramFailed: It reported nothing, failed or did not end; has its last words, and what it reported before.
    """
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=environment_with(environment),
            preexec_fn=_onto(processor),  # this process has no threads
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        reported = (error.stdout or b"").decode()
        raise ProgramFailed(f"no end within {timeout:.0f} s", _rows(reported)) from error
    rows = _rows(done.stdout)
    if done.returncode or not rows:
        raise ProgramFailed((done.stderr.strip().splitlines() or ["no figure and no word"])[-1], rows)
    return rows


def _rows(output: str) -> list[Row]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@contextmanager
def running(
    command: Sequence[str],
    ready: str,
    log: Path,
    environment: dict[str, str] | None = None,
    *,
    processor: int | None = None,
) -> Iterator[tuple[int, str]]:
    """Run a server; the block gets its process id, and the line in which `ready` stood. `processor` is the only one it may use."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment_with(environment),
            preexec_fn=_onto(processor),  # noqa: PLW1509  # this process has no threads
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it started ends with it
        )
    try:
        yield process.pid, _wait_for(process, command, ready, log)
    finally:
        _end(process)


def shared_processor() -> int:
    """Return the processor of clients, and of what answers them from memory."""
    return max(os.sched_getaffinity(0))


def _onto(processor: int | None) -> Callable[[], None] | None:
    """Return what a process does before it begins, to use one processor only."""
    return None if processor is None else functools.partial(os.sched_setaffinity, 0, {processor})


def environment_with(more: dict[str, str] | None) -> dict[str, str]:
    """Return our environment with more in it, and with the way to our programs and trowamp."""
    path = os.pathsep.join([str(PROJECT), str(PROJECT / "compat")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(more or {})}


def _wait_for(process: subprocess.Popen[bytes], command: Sequence[str], ready: str, log: Path) -> str:
    end = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if ready in line:
                return line
        time.sleep(0.05)
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no word"]
    raise ProgramFailed(f"{Path(str(command[0])).name} did not start: {words[-1]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def stub_router(python: str, folder: Path) -> Iterator[Server]:
    """Run the stub router, on the processor that it shares with clients."""
    command = command_of(python, "stub_router")
    with running(command, "listening on", folder / "stub.log", processor=shared_processor()) as (pid, line):
        yield Server(int(line.split()[-1]), pid)


@contextmanager
def echo_server(python: str, folder: Path) -> Iterator[Server]:
    """Run the server that sends back what it gets, on the processor that it shares with clients."""
    command = command_of(python, "echo_server")
    with running(command, "listening on", folder / "echo.log", processor=shared_processor()) as (pid, line):
        yield Server(int(line.split()[-1]), pid)


@contextmanager
def trowamp_router(folder: Path) -> Iterator[Server]:
    """Run our router."""
    config = folder / "trowamp.toml"
    config.write_text(f"[router.limits]\nmax_message_size = {_LARGEST_MESSAGE}\n", encoding="utf-8")
    command = [sys.executable, "-m", "trowamp", "router", "--config", str(config), "--listen", "ws://127.0.0.1:0/ws"]
    with running(command, "listening on", folder / "trowamp.log") as (pid, line):
        yield Server(int(line.rpartition(":")[2].removesuffix("/ws")), pid)


@contextmanager
def crossbar_router(folder: Path) -> Iterator[Server]:
    """Run Crossbar.io, installing it on demand."""
    port, program = free_port(), _peers_folder("crossbar") / "bin" / "crossbar"
    node = folder / "crossbar"
    node.mkdir()
    (node / "config.json").write_text(json.dumps(_crossbar_configuration(port)), encoding="utf-8")
    command = [str(program), "start", "--cbdir", str(node), "--color", "false"]
    with running(command, "NODE_BOOT_COMPLETE", folder / "crossbar.log", {"PYTHONPATH": ""}) as (pid, _):
        yield Server(port, pid)


def _crossbar_configuration(port: int) -> dict[str, Any]:
    allow = dict.fromkeys(("call", "register", "publish", "subscribe"), True)
    permission = {"uri": "", "match": "prefix", "allow": allow, "cache": True}
    serializers = ["json", "msgpack", "cbor"]
    transport = {
        "type": "universal",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": port, "backlog": 1000},
        "rawsocket": {"serializers": serializers},
        "websocket": {"ws": {"type": "websocket", "serializers": serializers}},
    }
    realm = {"name": "realm1", "roles": [{"name": "anonymous", "permissions": [permission]}]}
    return {"version": 2, "workers": [{"type": "router", "realms": [realm], "transports": [transport]}]}
