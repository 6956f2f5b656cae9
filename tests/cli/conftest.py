"""`trowamp` as its users run it: a process with arguments, standard input and output, and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

import pytest

_LONG_ENOUGH = 30.0


class Ended(NamedTuple):
    """What is known of a program that has ended."""

    code: int
    out: str
    err: str


class Program:
    """`trowamp`, running."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trowamp", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            text=True,
            encoding="utf-8",
        )

    def says(self, start: str) -> str:
        """Wait for a line of standard output."""
        return _line(self.process.stdout, start, self.process.stderr)

    def tells(self, start: str) -> str:
        """Wait for a line of standard error."""
        return _line(self.process.stderr, start, self.process.stdout)

    def write(self, text: str) -> None:
        """Write to standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def end(self, *, signal: int | None = None) -> Ended:
        """Wait for its end, which a signal may ask for."""
        if signal is not None:
            self.process.send_signal(signal)
        out, err = self.process.communicate(timeout=_LONG_ENOUGH)
        return Ended(self.process.returncode, out, err)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        self.process.wait()


Start = Callable[..., Program]
Run = Callable[..., Ended]


def _line(stream: IO[str] | None, start: str, other: IO[str] | None) -> str:
    assert stream is not None
    for line in stream:
        if line.startswith(start):
            return line.rstrip("\n")
    rest = other.read() if other is not None else ""
    raise AssertionError(f"ended without a line that begins with {start!r}: {rest}")


def _environment(project: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of the tests, without settings of whoever runs them, and with this project's packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TROWAMP_")}
    paths = [str(project), str(project / "compat"), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}


@pytest.fixture
def start(project: Path, tmp_path: Path) -> Iterator[Start]:
    """Start `trowamp` with arguments; it is gone at the end of the test."""
    programs: list[Program] = []

    def begin(*arguments: str, env: Mapping[str, str] | None = None, folder: Path | None = None) -> Program:
        programs.append(Program(arguments, _environment(project, env or {}), folder or tmp_path))
        return programs[-1]

    yield begin
    for program in programs:
        program.close()


@pytest.fixture
def run(start: Start) -> Run:
    """Run `trowamp` to its end."""

    def finish(*arguments: str, env: Mapping[str, str] | None = None, given: str = "") -> Ended:
        program = start(*arguments, env=env)
        out, err = program.process.communicate(given, timeout=_LONG_ENOUGH)
        return Ended(program.process.returncode, out, err)

    return finish


@pytest.fixture(scope="session")
def router(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a router that all tests share, as `trowamp router` prints it."""
    program = Program(
        ("router", "--listen", "ws://127.0.0.1:0/ws"), _environment(project, {}), tmp_path_factory.mktemp("router")
    )
    yield program.says("listening on ").removeprefix("listening on ")
    program.close()


@pytest.fixture
def call(run: Run, router: str) -> Run:
    """Call a procedure at the shared router."""

    def finish(*arguments: str, env: Mapping[str, str] | None = None, given: str = "") -> Ended:
        return run("--url", router, "call", *arguments, env=env, given=given)

    return finish


@pytest.fixture
def serve(start: Start, router: str) -> Start:
    """Register a procedure at the shared router, and wait until it is there."""

    def begin(uri: str, *arguments: str, **more: object) -> Program:
        program = start("--url", router, "register", uri, *arguments, **more)
        program.tells(f"registered {uri}")
        return program

    return begin
