"""What `trowamp router` tells the memory managers of its process."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from trowamp.cli._memory import settle
settle()
print(gc.get_freeze_count() > 1000, gc.isenabled(), gc.get_threshold()[0] == 10_000)
"""


def test_what_is_there_when_the_router_has_started_is_not_collected_and_the_rest_is() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["True", "True", "True"]
