"""R15: peers that try to use a router up. What they cost is bounded, they are refused by name and in time, and an honest session hardly notices.

The attackers, the router and the honest session are processes of their own, so what the session notices is the router's doing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.faults.attackers import ATTACKS, HANDSHAKE, Figure
from tests.faults.goals import SCALE, check, skipped
from tests.faults.memory import MemoryGroup, obstacle, open_memory_group
from tests.faults.supervisor import RouterProcess, environment, open_router_process
from trowamp import Session, open_session

P99 = 0.050 * 5  # seconds; five times the goal, for this machine does other things as well
MEMORY = 64 * 1024  # KiB
GROUP = 256  # MiB that the router may have in all

CONFIG = f"""
[router.limits]
handshake_timeout = {HANDSHAKE}
compression = "deflate"
outbox_limit = 8388608
close_timeout = 0.5
max_pending = 50000
max_pending_per_address = 50000
"""


@pytest.fixture
def group() -> Iterator[MemoryGroup | None]:
    """Return where the router has to make do with little memory, if this machine has that."""
    reason = obstacle()
    if reason:
        skipped("R15", f"routers killed for want of memory, with {GROUP} MiB", "==", 0, reason)
        yield None
        return
    with open_memory_group(GROUP) as made:
        yield made


class Honest:
    """A session that calls all the time, and knows how long that takes."""

    def __init__(self) -> None:
        self.took: list[float] = []

    async def call(self, session: Session) -> None:
        while True:
            began = trio.current_time()
            await session.call("com.example.honest")
            self.took.append(trio.current_time() - began)
            await trio.sleep(0.002)

    def p99(self) -> float:
        return sorted(self.took)[len(self.took) * 99 // 100]


class Attackers:
    """A process that attacks when it is told to."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process

    async def attack(self) -> list[Figure]:
        """Attack; return what the attackers measured."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(b"go\n")
        figures: list[Figure] = json.loads(await self.line())
        assert await self._process.wait() == 0
        return figures

    async def line(self) -> bytes:
        """Return the next line that they say."""
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            piece = await self._process.stdout.receive_some()
            assert piece, "the attackers failed, and said why"
            line += piece
        return line


@asynccontextmanager
async def open_attackers(name: str, router: RouterProcess) -> AsyncGenerator[Attackers, None]:
    port = router.url().rpartition(":")[2]
    async with trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "tests.faults.attackers", name, port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment(), "TROWAMP_SCALE": str(SCALE)},
            cwd=Path(__file__).parents[2],
        )
        try:
            attackers = Attackers(process)
            assert await attackers.line() == b"ready\n"
            yield attackers
        finally:
            assert process.stdin is not None
            assert process.stdout is not None
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
                await process.stdin.aclose()
                await process.stdout.aclose()
        nursery.cancel_scope.cancel()


async def watch(router: RouterProcess, sizes: list[int]) -> None:
    """Note how large a router is, over and over."""
    while True:
        sizes.append(router.resident_kib())
        await trio.sleep(0.05)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_honest_session_hardly_notices(name: str, group: MemoryGroup | None, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(CONFIG, encoding="utf-8")
    honest = Honest()
    prefix = () if group is None else group.prefix
    async with (
        open_router_process("--config", str(config), prefix=prefix) as router,
        open_attackers(name, router) as attackers,
        open_session(router.url("ws"), realm="realm1") as session,
        trio.open_nursery() as nursery,
    ):
        await session.register("com.example.honest", lambda: None)
        for _ in range(50):
            await session.call("com.example.honest")
        sizes = [router.resident_kib()]
        nursery.start_soon(watch, router, sizes)
        nursery.start_soon(honest.call, session)
        with trio.fail_after(120 * SCALE):
            figures = await attackers.attack()
        nursery.cancel_scope.cancel()
    for what, measured, relation, bound in figures:
        check("R15", what, measured, relation, bound)
    check("R15", f"p99 of an honest session's calls meanwhile: {name}", honest.p99(), "<=", P99, unit="s")
    check("R15", f"memory of the router: {name}", max(sizes) - sizes[0], "<=", MEMORY, unit="KiB")
    if group is not None:
        check("R15", f"routers killed for want of memory, with {GROUP} MiB: {name}", group.killed(), "==", 0)


async def test_a_router_that_takes_too_much_memory_would_be_killed(group: MemoryGroup | None) -> None:
    if group is None:
        pytest.skip(obstacle())
    greedy = [*group.prefix, sys.executable, "-c", f"print(len(bytearray({2 * GROUP} * 2**20)))"]
    assert (await trio.run_process(greedy, check=False)).returncode != 0
    assert group.killed() == 1
