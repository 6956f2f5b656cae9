"""A router process that is killed in the middle of everything: whoever waits for it learns of it at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from trowamp import Session, SessionLost, open_session

SESSIONS = 5
CALLS = 100  # of each session

ROUTER = """
import trio, trowamp

async def main():
    async with trowamp.open_router(["realm1"], ["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"]) as router:
        print(*router.urls, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


@asynccontextmanager
async def open_router_process() -> AsyncGenerator[tuple[trio.Process, dict[str, str]], None]:
    """Run a router in a process of its own; yield the process and the router's URL for each scheme."""
    async with trio.open_nursery() as nursery:

        async def run(*, task_status: trio.TaskStatus[trio.Process]) -> None:
            await trio.run_process(
                [sys.executable, "-c", ROUTER], stdout=subprocess.PIPE, check=False, task_status=task_status
            )

        process: trio.Process = await nursery.start(run)
        assert process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            line += await process.stdout.receive_some()
        yield process, {url.partition(":")[0]: url for url in line.decode().split()}
        process.kill()


class Witness:
    """Calls a procedure that never answers, and notes how that ends."""

    def __init__(self) -> None:
        self.waiting = 0
        self.all_wait = trio.Event()
        self.losses: list[tuple[float, SessionLost]] = []
        self.ends: list[SessionLost] = []

    async def serve(self, url: str, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            async with open_session(url, realm="realm1") as session:
                await session.register("com.example.never", self.never_answer)
                task_status.started()
                await trio.sleep_forever()
        except SessionLost as error:
            self.ends.append(error)

    async def visit(self, url: str) -> None:
        try:
            async with open_session(url, realm="realm1") as session, trio.open_nursery() as nursery:
                for _ in range(CALLS):
                    nursery.start_soon(self._call, session)
        except SessionLost as error:
            self.ends.append(error)

    async def never_answer(self) -> None:
        self.waiting += 1
        if self.waiting == SESSIONS * CALLS:
            self.all_wait.set()
        await trio.sleep_forever()

    async def _call(self, session: Session) -> None:
        try:
            await session.call("com.example.never")
        except SessionLost as error:
            self.losses.append((trio.current_time(), error))
            raise


@pytest.mark.parametrize("scheme", ["ws", "rs"])
async def test_every_caller_learns_of_a_killed_router_within_a_second(scheme: str) -> None:
    witness = Witness()
    with trio.fail_after(30):
        async with open_router_process() as (process, urls), trio.open_nursery() as nursery:
            await nursery.start(witness.serve, urls["rs"])
            for _ in range(SESSIONS):
                nursery.start_soon(witness.visit, urls[scheme])
            await witness.all_wait.wait()
            process.kill()
            killed = trio.current_time()
    assert len(witness.losses) == SESSIONS * CALLS
    assert all(loss.maybe_executed for _, loss in witness.losses)
    assert max(when for when, _ in witness.losses) - killed < 1
    assert len(witness.ends) == SESSIONS + 1
