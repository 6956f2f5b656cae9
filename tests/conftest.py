"""What every test can ask for. Nothing here is global: a test that wants a fixture names it.

Tests of Trio code are plain `async def` functions. One that waits for time to pass names pytest-trio's `autojump_clock`; one that talks
through real sockets does not, because a jumping clock does not wait for the kernel.
"""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root folder of the project."""
    return Path(__file__).resolve().parent.parent
