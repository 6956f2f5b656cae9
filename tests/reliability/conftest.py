"""The summary of the goals: one line each, and a file with all of them."""

from __future__ import annotations

import pytest

from tests.faults import goals


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, and keep it."""
    if goals.goals:
        terminalreporter.section("goals of reliability")
        for line in goals.summary():
            terminalreporter.write_line(line)
        goals.store()
