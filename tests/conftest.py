"""What every test can ask for. A test that wants a fixture names it.

Tests of Trio code are plain `async def` functions. One that waits for time to pass names pytest-trio's `autojump_clock`; one that talks
through real sockets does not, because a jumping clock does not wait for the kernel.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.router")  # so that assertions of helpers tell their values, too

# On a busy build server making the first example may take seconds: how fast a machine is, is nothing that a test finds out.
settings.register_profile("trowamp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trowamp")


def pytest_runtest_setup() -> None:
    """Let Ctrl-C be Python's own for every test, and so for the programs that it starts.

    What a script starts in the background ignores it, and so would all our children; a test that fails may leave a handler of its own behind.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root folder of the project."""
    return Path(__file__).resolve().parent.parent
