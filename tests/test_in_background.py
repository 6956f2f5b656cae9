"""The suite runs as it should where Ctrl-C is ignored: in the background of a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

IGNORING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
)
PRESSING = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(20)"


@pytest.mark.parametrize(
    "test",
    [
        "tests/test_session_closing.py::test_ctrl_c_while_the_block_runs_says_goodbye",
        "tests/test_in_background.py::test_a_program_that_a_test_starts_heeds_ctrl_c",
    ],
)
def test_tests_of_ctrl_c_pass_where_it_is_ignored(project: Path, test: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    ran = subprocess.run(
        [sys.executable, "-c", IGNORING, *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(project), str(project / "compat")))},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_program_that_a_test_starts_heeds_ctrl_c() -> None:
    ran = subprocess.run([sys.executable, "-c", PRESSING], capture_output=True, timeout=30, check=False)
    assert ran.returncode == -signal.SIGINT
