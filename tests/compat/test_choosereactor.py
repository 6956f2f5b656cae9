"""Which reactor Twisted gets: each case in a process of its own, for there is one reactor in each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import LONG_ENOUGH, environment_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere another reactor is the best one")

CASES = {
    "the best one": (
        "print(c.current_reactor_klass()); r = c.install_reactor(); print(c.current_reactor_klass(), c.install_reactor() is r)",
        "None\nEPollReactor True\n",
    ),
    "one that is named": (
        "print(type(c.install_reactor('select')).__name__, c.current_reactor_klass())",
        "SelectReactor SelectReactor\n",
    ),
    "another one is installed": (
        "c.install_reactor('select'); c.install_optimal_reactor()",
        "ReactorAlreadyInstalledError: SelectReactor is installed, not EPollReactor",
    ),
    "another one will do": (
        "c.install_reactor('select'); print(type(c.install_reactor(require_optimal_reactor=False)).__name__)",
        "SelectReactor\n",
    ),
    "two that are named": ("c.install_reactor('select'); c.install_reactor('poll')", "ReactorAlreadyInstalledError"),
    "one that is not there": ("c.install_reactor('nothing')", "NoSuchReactor"),
    "a log that is told": (
        "class Log:\n  def info(self, text, **values): print(text.format(**values))\nc.install_reactor(None, True, Log())",
        "running on EPollReactor\n",
    ),
    "from the package": (
        "from trowamp_compat import twisted; print(twisted.install_reactor is c.install_reactor, c.current_reactor_klass())",
        "True None\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_program_chooses_its_reactor(project: Path, case: str) -> None:
    statements, expected = CASES[case]
    ran = subprocess.run(
        [sys.executable, "-c", f"import trowamp_compat.twisted.choosereactor as c\n{statements}"],
        env=environment_of(project, {}),
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    if "\n" in expected:
        assert (ran.stdout, ran.returncode) == (expected, 0), ran.stderr
    else:
        assert expected in ran.stderr
        assert ran.returncode == 1


def test_the_logger_of_the_module_tells_of_the_reactor(project: Path) -> None:
    statements = (
        "import sys\nfrom trowamp_compat._logging import start_logging\n"
        "import trowamp_compat.twisted.choosereactor as c\n"
        "c.install_reactor()\nstart_logging('twisted', sys.stdout)\nc.install_reactor(verbose=True)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", statements],
        env=environment_of(project, {}),
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    assert "running on EPollReactor" in ran.stdout, ran.stderr
