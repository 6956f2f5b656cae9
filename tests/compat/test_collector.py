"""The garbage collector while a program runs."""

from __future__ import annotations

import gc
import textwrap
import weakref
from pathlib import Path

import pytest
from trowamp_compat._collector import spare_what_is_there
from trowamp_compat.asyncio._running import run_until_done

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
    sys.__stdout__.write(f"{when}: {gc.get_freeze_count() > 10000}\\n")

tell("before")

def stop():
    if "FRAMEWORK" == "twisted":
        from twisted.internet import reactor
        reactor.stop()
"""


class Node:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


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
    assert (end.code, end.out.splitlines()) == (0, ["before: False", "joined: True", "over: True"]), end.err


def test_what_a_run_leaves_behind_is_collected_although_others_follow() -> None:
    spare_what_is_there()
    left = weakref.WeakSet[Node]()

    async def leave_a_cycle() -> None:
        left.add(Node())

    for _ in range(5):
        run_until_done(leave_a_cycle, lambda: None)
    gc.collect()
    assert len(left) == 0
