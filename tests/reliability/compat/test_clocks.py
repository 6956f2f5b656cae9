"""R4, R18, R22 on asyncio and Twisted, by clocks that jump: vanished routers, a week, the wall clock, and fleets that lose their router."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from trowamp_compat.wamp.exception import TransportLost

from tests.compat.kit import join, until
from tests.faults.goals import check, scaled
from tests.reliability.test_clocks import looks_at_the_wall

from .memory import Framework, World, on_frameworks, run_in_memory

WEEK = 7 * 24 * 3600.0
CLIENTS = 200
OUTAGE = 5.0
BACK = 10.0
# Who may look at the wall clock: what is shown to people, stamped, or signed with a date.
ALLOWED = {
    "_logging.py",
    "util.py",
    "wamp/_deciding.py",
    "wamp/_serializer_statistics.py",
    "wamp/auth.py",
    "wamp/router.py",
}


def test_nothing_is_timed_by_the_wall_clock(project: Path) -> None:
    folder = project / "compat" / "trowamp_compat"
    found = []
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if name not in ALLOWED:
            found += [f"{name}: {call}" for call in looks_at_the_wall(path.read_text(encoding="utf-8"))]
    assert found == []
    check("R18", "uses of the wall clock where time is measured, asyncio and Twisted", len(found), "==", 0)


@on_frameworks
def test_with_the_defaults_a_vanished_router_is_noticed_within_a_few_pings(framework: Framework) -> None:
    async def scenario(world: World) -> float:
        world.serve_router("ws")
        session = await join(world.kit, world.transport("ws"))
        await session.call("wamp.session.count")
        near, _ = world.network.last
        near.cut("stall")
        cut = world.now()
        with pytest.raises(TransportLost) as lost:
            await session.call("wamp.session.count")
        assert lost.value.maybe_executed
        return world.now() - cut

    took = run_in_memory(framework, scenario)
    check("R4", f"vanished router noticed with the defaults, {framework}", took, "<=", 21, unit="s")


@on_frameworks
@pytest.mark.parametrize("lives", [False, True], ids=["stalled", "slow"])
def test_a_ping_behind_a_large_message_may_wait_as_long_as_that_is_taken(framework: Framework, lives: bool) -> None:
    async def scenario(world: World) -> int:
        world.serve_router("ws")
        session = await join(world.kit, world.transport("ws"))
        near, _ = world.network.last
        near.dataBuffer = bytearray(1000)
        near.mute()
        for left in (900, 800, 700, 600):
            await world.rest(9)
            if lives:
                near.dataBuffer = bytearray(left)
        return int(session.is_connected())

    assert run_in_memory(framework, scenario) == lives


@on_frameworks
@pytest.mark.parametrize("jump", [-10 * 365 * 86400, 10 * 365 * 86400], ids=["into the past", "into the future"])
def test_the_wall_clock_may_jump_as_it_likes(
    framework: Framework, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(world: World) -> tuple[int, float]:
        world.serve_router("ws")
        session = await join(world.kit, world.transport("ws"))
        honest = time.time
        monkeypatch.setattr("time.time", lambda: honest() + jump)
        began = world.now()
        await world.rest(100)
        return await session.call("wamp.session.count"), world.now() - began

    assert run_in_memory(framework, scenario) == (1, 100)


@on_frameworks
def test_a_week_of_idling_loses_nobody(framework: Framework) -> None:
    async def scenario(world: World) -> int:
        world.serve_router("ws")
        pings = {"autoPingInterval": 600, "autoPingTimeout": 600}
        session = await join(world.kit, world.transport("ws", options=pings))
        await world.rest(WEEK)
        assert await session.call("wamp.session.count") == 1
        return len(world.network.attempts)

    check("R18", f"sessions of a week of idling, {framework}", run_in_memory(framework, scenario), "==", 1)


@on_frameworks
def test_a_week_of_lost_sessions_ends_with_a_session(framework: Framework) -> None:
    async def scenario(world: World) -> int:
        joined: list[Any] = []
        component = world.kit.component.Component(transports=world.transport())
        component.on("join", lambda session, details: joined.append(session))
        done = component.start(world.kit.loop)
        end = world.now() + WEEK
        while world.now() < end:
            await world.rest(3600)
            world.network.last[0].cut("rst")
        await world.rest(60)
        assert await joined[-1].call("wamp.session.count") == 1
        await component.stop()
        await done
        await world.rest(60)
        assert (world.router.statistics().connections, world.timers()) == (0, 0)
        return len(joined)

    check(
        "R18", f"sessions of a week in which each was lost, {framework}", run_in_memory(framework, scenario), ">=", 165
    )


async def outage(world: World, count: int) -> tuple[float, float, int]:
    """Lose the router of a fleet; return the largest part of all attempts within a tenth of a second, how long all are away, who is back."""
    present: set[int] = set()
    components = []
    for number in range(count):
        retries: dict[str, Any] = {"retry_delay_jitter": 0.5, "max_retry_delay": 5, "max_retries": -1}
        component = world.kit.component.Component(transports=world.transport(**retries))
        component.register(f"com.example.p{number}")(lambda number=number: number)
        component.on("ready", lambda session, number=number: present.add(number))
        component.on("leave", lambda session, details, number=number: present.discard(number))
        component.start(world.kit.loop)
        components.append(component)
    await until(world.kit, lambda: len(present) == count)
    world.network.attempts.clear()
    world.network.is_down = True
    for end in world.network.clients:
        end.cut("rst")
    await world.rest(OUTAGE)
    world.network.is_down = False
    began = world.now()
    await until(world.kit, lambda: len(present) == count)
    took = world.now() - began
    caller = await join(world.kit, world.transport())
    for number in random.Random(count).sample(range(count), 10):
        assert await caller.call(f"com.example.p{number}") == number
    buckets = Counter(int(moment * 10) for moment in world.network.attempts)
    return max(buckets.values()) / len(world.network.attempts), took, world.router.statistics().registrations


@on_frameworks
def test_clients_that_lose_their_router_together_do_not_come_back_together(framework: Framework) -> None:
    count = scaled(CLIENTS)
    largest, took, registrations = run_in_memory(framework, outage, count)
    check("R22", f"largest part of all attempts within a tenth of a second, {framework}", largest, "<=", 0.05)
    check("R22", f"everybody is back after the router is, {framework}", took, "<=", BACK, unit="s")
    check("R22", f"registrations when everybody is back, {framework}", registrations, "==", count)
