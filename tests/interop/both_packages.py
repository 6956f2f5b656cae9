"""One program run with Autobahn's package or with ours, which have to print the same lines."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent / "clients"


def printed(python: str, program: str, package: str, **environment: str) -> list[str]:
    """Run a program of `clients`; return its lines.

    Args:
        python: The interpreter of an environment with the package.
        program: The program's file.
        package: "autobahn" or "trowamp_compat".
        environment: More variables.
    """
    run = subprocess.run(
        [python, str(CLIENTS / program)],
        env={**os.environ, "PACKAGE": package, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()
