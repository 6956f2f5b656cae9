"""R4, R6 on asyncio and Twisted: hosts that vanish without a word, cables that lose packets, routers that are stopped."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import trio
from trowamp_compat.wamp.exception import TransportLost

from tests.compat.kit import Kit, join
from tests.faults.goals import SCALE, check, skipped
from tests.faults.network import Cable, obstacle, open_cable
from tests.faults.supervisor import open_router_process
from trowamp import Router, open_router

from .memory import FRAMEWORKS, Framework, on_frameworks
from .threads import Workload, beside, rest, until

PINGS = {"autoPingInterval": 1, "autoPingTimeout": 1}
DETECTED = 2.5
BUSY = 1.5  # more than that on a machine that does other things as well


@pytest.fixture
def cable() -> Iterator[Cable]:
    reason = obstacle()
    if reason:
        skipped("R4", "vanished hosts noticed, asyncio and Twisted", "<=", DETECTED, reason)
        pytest.skip(reason)
    with open_cable() as made:
        yield made


@asynccontextmanager
async def open_far_router(cable: Cable) -> AsyncGenerator[Router, None]:
    """Run a router at the far host, where it listens; threads that are made in the block belong to neither."""
    async with AsyncExitStack() as stack:
        with cable.at_far():
            opening = open_router(["realm1"], [f"ws://{cable.far}:0/"], ping_interval=1.0, ping_timeout=1.0)
            router = await stack.enter_async_context(opening)
        yield router


class Witness:
    """Notes when sessions learn that their router has vanished."""

    def __init__(self, url: str) -> None:
        self.is_ready = self.is_unplugged = False
        self.learned: dict[str, float] = {}
        self.maybe_executed: bool | None = None
        self._config: dict[str, Any] = {"type": "websocket", "url": url}

    async def program(self, kit: Kit) -> None:
        """Idle, call, and join."""
        idle = await join(kit, {**self._config, "options": PINGS})
        calling = await join(kit, {**self._config, "options": PINGS})
        idle.on("disconnect", lambda session, was_clean: self._learn("idle"))
        call = calling.call("com.example.never")
        self.is_ready = True
        while not self.is_unplugged:
            await rest(kit, 0.01)
        late = {**self._config, "options": {"openHandshakeTimeout": 2}, "max_retries": 0}
        late["endpoint"] = {"type": "tcp", "host": "10.99.0.2", "port": port_of(self._config["url"]), "timeout": 2}
        joining = kit.component.Component(transports=late).start(kit.loop)
        kit.face.when_done(joining, lambda _: None, lambda error: self._learn("joining"))
        try:
            await call
        except TransportLost as error:
            self.maybe_executed = error.maybe_executed
            self._learn("calling")
        while len(self.learned) < 3:
            await rest(kit, 0.01)

    def _learn(self, who: str) -> None:
        self.learned[who] = time.monotonic()


def port_of(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


async def test_a_vanished_router_is_noticed(cable: Cable) -> None:
    async with (
        open_far_router(cable) as router,
        router.open_session(realm="realm1") as callee,
        AsyncExitStack() as stack,
    ):
        await callee.register("com.example.never", trio.sleep_forever)
        witnesses = {framework: Witness(router.urls[0]) for framework in FRAMEWORKS}
        for framework, witness in witnesses.items():
            await stack.enter_async_context(beside(framework, witness.program, at=cable.at_near))
        await until(lambda: all(witness.is_ready for witness in witnesses.values()), within=10)
        await until(lambda: router.statistics().calls_in_flight == 2, within=10)
        cable.unplug()
        unplugged = time.monotonic()
        for witness in witnesses.values():
            witness.is_unplugged = True
        await until(lambda: router.statistics().sessions == 1, within=10)
    for framework, witness in witnesses.items():
        assert witness.maybe_executed is True
        for who, when in witness.learned.items():
            took = when - unplugged
            check("R4", f"vanished router noticed while {who}, {framework}", took, "<=", DETECTED * BUSY, unit="s")


async def test_what_is_promised_holds_over_a_cable_that_loses_packets(cable: Cable) -> None:
    async with open_far_router(cable) as router, AsyncExitStack() as stack:
        loads = [
            Workload(framework, lambda _: router.urls[0], sessions=3, processes=2, options=PINGS)
            for framework in FRAMEWORKS
        ]
        for load in loads:
            await stack.enter_async_context(beside(load.framework, load.run, at=cable.at_near))
            stack.callback(load.give_up)
        for load in loads:
            await load.everybody_is_there(within=10)
        for percent in (1, 5, 30):
            cable.lose(percent)
            await trio.sleep(0.7 * SCALE)
        cable.unplug()
        await trio.sleep(2.5)
        cable.repair()
        for load in loads:
            await load.everybody_is_there(within=20)
            await load.stop(within=10)
    for load in loads:
        operations, counts = len(load.history.operations), load.history.counts()
        check("R6", f"operations over a cable that loses packets, {load.framework}", operations, ">=", 50)
        check("R6", f"operations without an end, {load.framework}", counts["None"], "==", 0)
        violations = load.history.violations()
        assert violations == []
        check("R3", f"violations in the history of lost packets, {load.framework}", len(violations), "==", 0)


@on_frameworks
async def test_a_router_that_is_stopped_for_a_moment_loses_nobody_and_one_that_stays_so_is_noticed(
    framework: Framework,
) -> None:
    learned: list[float] = []
    joined: list[bool] = []
    answers: list[int] = []

    async def program(kit: Kit) -> None:
        config = {"type": "websocket", "url": url}
        patient = await join(kit, config)
        hasty = await join(kit, {**config, "options": {"autoPingInterval": 0.3, "autoPingTimeout": 0.3}})
        lost = kit.face.create_future()
        hasty.on("disconnect", lambda session, was_clean: kit.face.resolve(lost))
        joined.append(True)
        await lost
        learned.append(time.monotonic())
        answers.append(await patient.call("wamp.session.count"))
        await patient.leave()

    async with open_router_process() as router:
        url = router.url("ws")
        async with beside(framework, program):
            await until(lambda: joined, within=10)
            router.freeze()
            stopped = time.monotonic()
            await until(lambda: learned, within=10)
            router.thaw()
    check("R4", f"stopped router noticed, pings 0.3 s, {framework}", learned[0] - stopped, "<=", 1.2, unit="s")
    assert answers[0] in {1, 2}
