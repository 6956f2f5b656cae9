"""The garbage collector while a program runs."""

from __future__ import annotations

import gc
import sys
import textwrap
from pathlib import Path

import pytest
from trowamp_compat._collector import imports_spared

from tests.cli.program import Program, environment_of

PROGRAMS = {
    "component": """
        component = Component(transports=sys.argv[1], realm="realm1")

        @component.on_join
        async def joined(session, details):
            tell("joined")
            session.leave()

        run([component], log_level="error")
        """,
    "runner": """
        class Seen(ApplicationSession):
            def onJoin(self, details):
                tell("joined")
                self.leave()

            def onDisconnect(self):
                self.config.extra["stop"]()

        ApplicationRunner(sys.argv[1], "realm1", {"stop": stop}).run(Seen, log_level="error")
        """,
}
COMMON = """
import gc, sys
from trowamp_compat.FRAMEWORK.component import Component, run
from trowamp_compat.FRAMEWORK.wamp import ApplicationRunner, ApplicationSession

def tell(when):
    sys.__stdout__.write(f"{when}: {gc.get_freeze_count() > 1000}\\n")

def stop():
    if "FRAMEWORK" == "twisted":
        from twisted.internet import reactor
        reactor.stop()
"""


@pytest.mark.parametrize("framework", ["asyncio", "twisted"])
@pytest.mark.parametrize("kind", PROGRAMS)
def test_the_collector_does_not_walk_over_what_a_running_program_has_imported(
    project: Path, tmp_path: Path, router_url: str, kind: str, framework: str
) -> None:
    text = COMMON.replace("FRAMEWORK", framework) + textwrap.dedent(PROGRAMS[kind]) + "\ntell('over')\n"
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    program = Program([router_url], environment_of(project, {}), tmp_path, start=[str(path)])
    try:
        end = program.end()
    finally:
        program.close()
    assert (end.code, end.out.splitlines()) == (0, ["joined: True", "over: False"]), end.err


def test_a_program_that_has_frozen_objects_itself_is_left_as_it_is() -> None:
    if gc.get_freeze_count():
        pytest.skip("somebody else has frozen objects")
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with imports_spared():
            assert gc.get_freeze_count() <= frozen
        assert 0 < gc.get_freeze_count() <= frozen
    finally:
        gc.unfreeze()


def test_what_failed_does_not_stay_frozen() -> None:
    before = gc.get_freeze_count()
    with pytest.raises(SystemExit), imports_spared():
        sys.exit(1)
    assert gc.get_freeze_count() == before
