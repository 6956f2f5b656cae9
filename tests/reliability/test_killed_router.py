"""R2, R3: a router that is killed and started again, over and over, under load: every operation has one end, and the end it has is true."""

from __future__ import annotations

import random

import trio

from tests.faults.goals import check, scaled, seed_of
from tests.faults.supervisor import open_router_process
from tests.faults.workload import Workload

KILLS = 10
OPERATIONS = 10_000


async def test_every_operation_has_one_true_end_however_often_the_router_is_killed() -> None:
    chance = random.Random(seed_of("killed router"))
    kills, operations = scaled(KILLS), scaled(OPERATIONS)
    slowest = 0.0
    async with open_router_process() as router, trio.open_nursery() as nursery:
        load = Workload(lambda number: router.url(("rs", "ws")[number % 2]))
        history = load.history
        nursery.start_soon(load.run)
        for _ in range(kills):
            await load.everybody_is_there(within=10)
            await load.has_done(operations // kills + chance.randrange(200))
            pending = set(history.pending)
            killed = trio.current_time()
            await router.kill()
            with trio.move_on_after(10):
                while pending & history.pending:
                    await trio.lowlevel.checkpoint()
            slowest = max(slowest, trio.current_time() - killed)
            await router.start()
        await load.everybody_is_there(within=10)
        await load.stop(within=5)
        nursery.cancel_scope.cancel()
    counts = history.counts()
    check("R2", "kills of the router under load", kills, ">=", kills)
    check("R2", "operations", len(history.operations), ">=", operations)
    check("R2", "slowest end of an operation after a kill", slowest, "<=", 2, unit="s")
    check("R2", "operations without an end", counts["None"], "==", 0)
    check("R2", "answers to a wrong call", history.wrong_answers, "==", 0)
    check("R2", "operations that told they may have been executed", counts["unknown"], ">=", 1)
    violations = history.violations()
    assert violations == []
    check("R3", "violations in the history of killed routers", len(violations), "==", 0)
