"""A router for every test of the compatibility layer that needs one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program, environment_of


@pytest.fixture(scope="session")
def router_url(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a router in a process of its own; its port serves WebSocket and RawSocket."""
    program = Program(
        ("router", "--listen", "ws://127.0.0.1:0/ws"), environment_of(project, {}), tmp_path_factory.mktemp("router")
    )
    yield program.says("listening on ").removeprefix("listening on ")
    program.close()
