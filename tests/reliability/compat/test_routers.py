"""R2, R3, R26 on asyncio and Twisted: routers that are killed, connections that are harmed, under load: all ends are there, and true."""

from __future__ import annotations

import logging
import os
import random
import time
from contextlib import AsyncExitStack

import pytest
import trio

from tests.faults.goals import check, scaled, seed_of
from tests.faults.proxy import open_proxy
from tests.faults.supervisor import open_router_process, resident_kib
from tests.reliability.test_soak import SETTLING, harm

from .memory import FRAMEWORKS
from .threads import Workload, beside, until

KILLS = 5  # of both at once
OPERATIONS = 10_000  # of both together
MINUTES = float(os.environ.get("TROWAMP_SOAK_MINUTES", "0.1"))
APART = min(10.0, MINUTES * 60 / 8)


async def test_every_operation_has_one_true_end_however_often_the_router_is_killed() -> None:
    chance = random.Random(seed_of("killed router, asyncio and Twisted"))
    kills, operations = scaled(KILLS), scaled(OPERATIONS)
    slowest = 0.0
    async with open_router_process() as router, AsyncExitStack() as stack:
        loads = [Workload(framework, lambda number: router.url(("rs", "ws")[number % 2])) for framework in FRAMEWORKS]
        for load in loads:
            await stack.enter_async_context(beside(load.framework, load.run))
            stack.callback(load.give_up)
        for _ in range(kills):
            for load in loads:
                await load.everybody_is_there(within=30)
                await load.has_done(operations // kills // 2 + chance.randrange(100))
            pending = [set(load.history.pending) for load in loads]
            killed = time.monotonic()
            await router.kill()
            both = list(zip(pending, loads, strict=True))
            await until(lambda: not any(before & load.history.pending for before, load in both), within=10)  # noqa: B023
            slowest = max(slowest, time.monotonic() - killed)
            await router.start()
        for load in loads:
            await load.everybody_is_there(within=30)
            await load.stop(within=5)
    check("R2", "slowest end of an operation after a kill, asyncio and Twisted", slowest, "<=", 2, unit="s")
    for load in loads:
        counts, history = load.history.counts(), load.history
        where = f"{load.framework}, {kills} kills"
        check("R2", f"operations, {where}", len(history.operations), ">=", operations / 2)
        check("R2", f"operations without an end, {where}", counts["None"], "==", 0)
        check("R2", f"answers to a wrong call, {where}", history.wrong_answers, "==", 0)
        check("R2", f"operations that may have been executed, {where}", counts["unknown"], ">=", 1)
        violations = history.violations()
        assert violations == []
        check("R3", f"violations in the history, {where}", len(violations), "==", 0)


async def test_busy_programs_that_are_harmed_all_the_time_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)  # every harm is a warning, and what is captured is kept
    chance = random.Random(seed_of("soak, asyncio and Twisted"))
    sizes: list[int] = []
    violations: list[str] = []
    pings = {"autoPingInterval": 1, "autoPingTimeout": 1}
    async with open_router_process() as router, open_proxy(router.url()) as proxy, AsyncExitStack() as stack:
        urls = [router.url("ws"), proxy.url("ws")]  # a frozen RawSocket is the kernel's to notice
        loads = [
            Workload(framework, lambda number: urls[number % 2], sessions=6, processes=2, pause=0.02, options=pings)
            for framework in FRAMEWORKS
        ]
        for load in loads:
            await stack.enter_async_context(beside(load.framework, load.run))
            stack.callback(load.give_up)
        end = trio.current_time() + MINUTES * 60
        while trio.current_time() < end:
            for load in loads:
                await load.everybody_is_there(within=20)
            await trio.sleep(APART / 2)
            for load in loads:
                violations += await load.settle(within=10)
            sizes.append(resident_kib())
            await harm(chance, proxy, router)
            await trio.sleep(APART / 4)  # until it is noticed
        for load in loads:
            await load.everybody_is_there(within=20)
            await load.stop(within=10)
    late = sizes[len(sizes) // 4 :]
    for load in loads:
        where, counts = f"{load.framework}, {MINUTES:g} minutes", load.history.counts()
        check("R26", f"operations, {where}", counts.total(), ">=", MINUTES * 60 * 30)
        check("R26", f"operations without an end, {where}", counts["None"], "==", 0)
        violations += load.history.violations()
    assert violations == []
    check("R3", f"violations in the histories of a soak of {MINUTES:g} minutes", len(violations), "==", 0)
    grown = late[-1] - late[0]
    bound = max(2 * SETTLING, 1024 * MINUTES / 60)
    check("R26", f"growth of both programs in {MINUTES:g} minutes", grown, "<=", bound, unit="KiB")
