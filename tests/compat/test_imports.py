"""What importing the compatibility layer brings along: no framework that was not asked for, and no reactor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import LONG_ENOUGH, environment_of


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("trowamp_compat.wamp.protocol, trowamp_compat.wamp.component, trowamp_compat.wamp.router", "twisted"),
        ("trowamp_compat.asyncio.component, trowamp_compat.asyncio.wamp, trowamp_compat.asyncio.rawsocket", "twisted"),
        ("trowamp_compat.twisted.component, trowamp_compat.twisted.wamp", "twisted.internet.reactor"),
        ("trowamp_compat.asyncio.component, trowamp_compat.twisted.component", "twisted.internet.reactor"),
    ],
)
@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("W-27")
def test_importing_chooses_no_framework(project: Path, tmp_path: Path, imported: str, absent: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {imported}; assert {absent!r} not in sys.modules"],
        env=environment_of(project, {}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    assert done.returncode == 0, done.stderr
