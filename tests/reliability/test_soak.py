"""R26: mixed load, and a fault every few moments: nothing grows, nothing is wrong. `make soak` is the long form."""

from __future__ import annotations

import os
import random

import trio

from tests.faults.goals import check, seed_of
from tests.faults.proxy import HARMLESS, FaultProxy, open_proxy, random_plan
from tests.faults.supervisor import RouterProcess, open_router_process
from tests.faults.workload import Workload

MINUTES = float(os.environ.get("TROWAMP_SOAK_MINUTES", "1"))
APART = min(10.0, MINUTES * 60 / 8)  # seconds from fault to fault
GROWTH = 1024  # KiB in an hour, after the first quarter
SETTLING = 3072  # KiB that a run of any length may grow by


async def harm(chance: random.Random, proxy: FaultProxy, router: RouterProcess) -> None:
    """Do one bad thing, and undo it."""
    seed = chance.randrange(2**32)
    match chance.randrange(4):
        case 0:
            proxy.reset_all()
        case 1:
            proxy.freeze()
            await trio.sleep(APART / 2)
            proxy.thaw()
        case 2:
            proxy.plan_for = lambda number: random_plan(seed + number)
            proxy.reset_all()
            await trio.sleep(APART / 2)
            proxy.plan_for = lambda _: HARMLESS
            proxy.reset_all()
        case _:
            router.freeze()
            await trio.sleep(0.2)
            router.thaw()


def slope(sizes: list[tuple[float, int]]) -> float:
    """Return by how many KiB an hour a size grows: the line through its points."""
    middle = sum(when for when, _ in sizes) / len(sizes)
    spread = sum((when - middle) ** 2 for when, _ in sizes)
    return 3600 * sum((when - middle) * size for when, size in sizes) / spread


def test_a_planted_growth_is_found() -> None:
    assert round(slope([(0.0, 100), (1800.0, 600), (3600.0, 1100)])) == 1000


async def test_a_busy_router_that_is_harmed_all_the_time_stays_as_it_is() -> None:
    chance = random.Random(seed_of("soak"))
    sizes: list[tuple[float, int]] = []
    files: list[int] = []
    async with open_router_process() as router, open_proxy(router.url()) as proxy, trio.open_nursery() as nursery:
        urls = [router.url("ws"), router.url("rs"), proxy.url("ws"), proxy.url("rs")]
        load = Workload(
            lambda number: urls[number % 4], sessions=12, processes=2, pause=0.02, ping_interval=1.0, ping_timeout=1.0
        )
        nursery.start_soon(load.run)
        end = trio.current_time() + MINUTES * 60
        while trio.current_time() < end:
            await load.everybody_is_there(within=20)
            await trio.sleep(APART / 2)
            sizes.append((trio.current_time(), router.resident_kib()))
            files.append(router.open_files())
            await harm(chance, proxy, router)
            await trio.sleep(APART / 4)  # until it is noticed
        await load.everybody_is_there(within=20)
        await load.stop(within=10)
        nursery.cancel_scope.cancel()
    counts, violations = load.history.counts(), load.history.violations()
    late = sizes[len(sizes) // 4 :]
    grown = late[-1][1] - late[0][1]
    bound = max(SETTLING, GROWTH * MINUTES / 60)
    check("R26", f"operations in {MINUTES:g} minutes", len(load.history.operations), ">=", MINUTES * 60 * 50)
    check("R26", f"operations without an end in {MINUTES:g} minutes", counts["None"], "==", 0)
    check("R26", f"growth of the router in {MINUTES:g} minutes", grown, "<=", bound, unit="KiB")
    if MINUTES >= 10:
        check("R26", f"growth of the router, measured in {MINUTES:g} minutes", slope(late), "<=", GROWTH, unit="KiB/h")
    check("R26", f"files of the router more than at first, {MINUTES:g} minutes", files[-1] - files[0], "<=", load.size)
    assert violations == []
    check("R3", f"violations in the history of a soak of {MINUTES:g} minutes", len(violations), "==", 0)
