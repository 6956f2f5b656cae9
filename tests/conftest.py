"""What every test can ask for. A test that wants a fixture names it.

Tests of Trio code are plain `async def` functions. One that waits for time to pass names pytest-trio's `autojump_clock`; one that talks
through real sockets does not, because a jumping clock does not wait for the kernel.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# On a busy build server making the first example may take seconds: how fast a machine is, is nothing that a test finds out.
settings.register_profile("trowamp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trowamp")


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root folder of the project."""
    return Path(__file__).resolve().parent.parent
