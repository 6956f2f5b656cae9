"""The programs in `examples/compat/` print the same lines with Autobahn itself, which they were written for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.compat.test_programs import EXAMPLES, PROGRAMS, STAMP, examples_router, promised_output

from .conftest import peer_folder

__all__ = ["examples_router"]  # a fixture


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_the_same_with_autobahn(tmp_path: Path, examples_router: str, name: str) -> None:
    ran = subprocess.run(
        [str(peer_folder("clients") / "bin" / "python"), str(EXAMPLES / f"{name}.py"), examples_router],
        cwd=tmp_path,
        env={variable: value for variable, value in os.environ.items() if variable != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (STAMP.sub("", ran.stdout), ran.returncode) == (promised_output(name), 0), ran.stderr
