"""Fixtures that run `trowamp`."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from trowamp.cli import _main as trowamp_main

from .program import LONG_ENOUGH, Ended, Program, Run, Start, environment_of


@pytest.fixture
def start(project: Path, tmp_path: Path) -> Iterator[Start]:
    """Start `trowamp` with arguments; it is gone at the end of the test."""
    programs: list[Program] = []

    def begin(*arguments: str, env: Mapping[str, str] | None = None, folder: Path | None = None) -> Program:
        programs.append(Program(arguments, environment_of(project, env or {}), folder or tmp_path))
        return programs[-1]

    yield begin
    for program in programs:
        program.close()


@pytest.fixture
def run(start: Start) -> Run:
    """Run `trowamp` to its end."""

    def finish(*arguments: str, env: Mapping[str, str] | None = None, given: str = "") -> Ended:
        program = start(*arguments, env=env)
        out, err = program.process.communicate(given, timeout=LONG_ENOUGH)
        return Ended(program.process.returncode, out, err)

    return finish


@pytest.fixture(scope="session")
def router(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a router that all tests share, as `trowamp router` prints it."""
    program = Program(
        ("router", "--listen", "ws://127.0.0.1:0/ws"), environment_of(project, {}), tmp_path_factory.mktemp("router")
    )
    yield program.says("listening on ").removeprefix("listening on ")
    program.close()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run `trowamp` in this process: quicker, where a process of its own would show nothing more."""
    log = logging.getLogger("trowamp")
    level, handlers = log.level, list(log.handlers)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in os.environ:
        if name.startswith("TROWAMP_"):
            monkeypatch.delenv(name)

    def finish(*arguments: str) -> Ended:
        capfd.readouterr()
        code = trowamp_main.run(arguments)
        return Ended(code, *capfd.readouterr())

    yield finish
    log.setLevel(level)
    log.handlers = handlers


@pytest.fixture
def call(here: Run, router: str) -> Run:
    """Call a procedure at the shared router."""
    return functools.partial(here, "--url", router, "call")


@pytest.fixture
def serve(start: Start, router: str) -> Start:
    """Register a procedure at the shared router, and wait until it is there."""

    def begin(uri: str, *arguments: str, **more: Any) -> Program:
        program = start("--url", router, "register", uri, *arguments, **more)
        program.tells(f"registered {uri}")
        return program

    return begin
