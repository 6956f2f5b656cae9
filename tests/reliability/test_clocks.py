"""R18: the wall clock may jump as it likes, and long times pass as short ones do."""

from __future__ import annotations

import ast
import math
import time
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.faults.goals import check
from tests.faults.transport import CutTransport
from tests.serve_tools import rawsocket, websocket
from trowamp import CallTimeout, Component, Session, SessionDetails, SessionLost, open_router
from trowamp._byte_pump import BytePump
from trowamp._join import open_link
from trowamp._run_session import KeepAlive, Opened, run_session
from trowamp._stream import memory_pair

# Who may look at the wall clock: what is shown to people, or signed with a date.
WALL = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "time.gmtime",
    "time.localtime",
}
ALLOWED = {"trowamp/_router_shell.py", "trowamp/_authentication.py", "trowamp/cli"}
WEEK = 7 * 24 * 3600.0
YEAR = 365 * 24 * 3600.0


def looks_at_the_wall(source: str) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [name for name in (ast.unparse(call.func) for call in calls) if name in WALL]


def test_nothing_is_timed_by_the_wall_clock(project: Path) -> None:
    found = []
    for path in sorted((project / "trowamp").rglob("*.py")):
        name = path.relative_to(project).as_posix()
        if not any(name.startswith(allowed) for allowed in ALLOWED):
            found += [f"{name}: {call}" for call in looks_at_the_wall(path.read_text(encoding="utf-8"))]
    assert found == []
    check("R18", "uses of the wall clock where time is measured", len(found), "==", 0)


def test_a_planted_look_at_the_wall_clock_is_found() -> None:
    assert looks_at_the_wall("import time\ndeadline = time.time() + 5\n") == ["time.time"]


@pytest.mark.parametrize("framing", ["rs", "ws"])
async def test_jumps_of_the_wall_clock_lose_nobody(
    framing: str, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither our code nor what it stands on looks there: pings go on, and calls end at their time-out and not before."""
    real = time.time
    make_link = {"rs": rawsocket, "ws": websocket}[framing]
    async with open_router() as router, trio.open_nursery() as nursery:
        near, far = memory_pair()
        nursery.start_soon(router._shell.serve_transport, far)
        pump = BytePump(near, make_link())
        opened = Opened(pump, await open_link(pump, "the router"), trio.current_time() + 15, KeepAlive(10, 10))
        async with run_session(opened, "realm1", {}) as session:
            await session.register("com.example.never", trio.sleep_forever)
            for years in (10, -10, 0):
                monkeypatch.setattr(time, "time", lambda years=years: real() + years * YEAR)
                monkeypatch.setattr(time, "time_ns", lambda years=years: int((real() + years * YEAR) * 1e9))
                began = trio.current_time()
                with pytest.raises(CallTimeout):
                    await session.with_options(timeout=100).call("com.example.never")
                assert 100 <= trio.current_time() - began < 101
            assert await session.call("wamp.session.count") == 1
        nursery.cancel_scope.cancel()
    check("R18", f"sessions lost by jumps of the wall clock, {framing}", router.statistics().sessions, "==", 0)


async def test_a_week_of_idling_loses_nobody(autojump_clock: MockClock) -> None:
    async with open_router(ping_interval=600, ping_timeout=600) as router, trio.open_nursery() as nursery:
        near, far = memory_pair()
        nursery.start_soon(router._shell.serve_transport, far)
        pump = BytePump(CutTransport(near, "stall"), websocket())
        opened = Opened(pump, await open_link(pump, "the router"), trio.current_time() + 15, KeepAlive(600, 600))
        async with run_session(opened, "realm1", {}) as session:
            await trio.sleep(WEEK)
            assert await session.call("wamp.session.count") == 1
        nursery.cancel_scope.cancel()
    check("R18", "sessions lost by a week of idling", router.statistics().sessions, "==", 0)


async def test_a_week_of_lost_sessions_ends_with_a_session(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    joined, ended = 0, []
    async with open_router(ping_interval=math.inf) as router:
        component = Component(router.transport, realm="realm1")

        @component.on_join
        def on_join(session: Session, details: SessionDetails) -> None:
            nonlocal joined
            joined += 1

        @component.on_leave
        def on_leave(error: BaseException | None) -> None:
            ended.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(component.run)
            end = trio.current_time() + WEEK
            while trio.current_time() < end:
                await trio.sleep(3600)
                for transport in list(router._shell._transports):
                    transport.abort()
            await trio.sleep(60)
            assert component.session is not None
            assert await component.session.call("wamp.session.count") == 1
            nursery.cancel_scope.cancel()
        assert all(isinstance(error, SessionLost) for error in ended[:-1])
    check("R18", "sessions of a week in which each was lost after an hour", joined, ">=", 165)
