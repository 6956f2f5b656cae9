"""`trowamp` as its users run it: a process with arguments, standard input and output, and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

LONG_ENOUGH = 30.0


class Ended(NamedTuple):
    """What is known of a program that has ended."""

    code: int
    out: str
    err: str


class Program:
    """`trowamp`, running."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        start: Sequence[str] = ("-m", "trowamp"),
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *start, *arguments],
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
        out, err = self.process.communicate(timeout=LONG_ENOUGH)
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


def environment_of(project: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of the tests, without settings of whoever runs them, and with this project's packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TROWAMP_")}
    paths = [str(project), str(project / "compat"), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}
