"""Storms of cancelled calls: whatever the moment, nothing is left of them anywhere, and the next call is answered with its own result."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import trio
from trio.testing import MockClock

from tests.faults.goals import check, scaled, seed_of
from tests.sessions import in_flight, open_pair, pending, settle
from trowamp import CallTimeout, Invocation, Session

CANCELLED: Final = scaled(100_000)
RATE: Final = (
    60 / 100_000 * 3
)  # seconds for each; a hundred thousand in a minute, on a machine that does other things as well
AT_ONCE: Final = 250
MODES: Final = ("killnowait", "kill", "skip")


class Callee:
    """Procedures that take their time, quick or slow, and know how many of them run."""

    def __init__(self, chance: random.Random) -> None:
        self.running = 0
        self._chance = chance

    async def register(self, session: Session) -> None:
        await session.register("com.example.sync", lambda number: number)
        await session.register("com.example.quick", self.quick)
        await session.register("com.example.slow", self.slow)
        await session.register("com.example.one_by_one", self.quick, concurrency=1)
        await session.register("com.example.progress", self.progress)

    async def quick(self, number: int) -> int:
        return await self._work(number, trio.lowlevel.checkpoint)

    async def slow(self, number: int) -> int:
        return await self._work(number, self._rest)

    async def progress(self, number: int, invocation: Invocation) -> int:
        for part in range(3):
            await invocation.progress(part)
        return await self.slow(number)

    async def _rest(self) -> None:
        await trio.sleep(self._chance.randrange(6) / 2)

    async def _work(self, number: int, step: Callable[[], Awaitable[None]]) -> int:
        self.running += 1
        try:
            for _ in range(self._chance.randrange(1, 4)):
                await step()
        finally:
            self.running -= 1
        return number


class Caller:
    """Makes calls and gives most of them up: before they are sent, some passes of the scheduler later, or some time later."""

    def __init__(self, session: Session, chance: random.Random) -> None:
        self.ends: Counter[str] = Counter()
        self._session = session
        self._chance = chance

    async def storm(self, cancelled: int, at_once: int) -> None:
        while self.ends["cancelled"] < cancelled:
            async with trio.open_nursery() as nursery:
                for _ in range(at_once):
                    nursery.start_soon(self._call_and_give_up, self._chance.randrange(2**32))

    async def _call_and_give_up(self, number: int) -> None:
        chance = self._chance
        kind = chance.choice(("sync", "quick", "slow", "one_by_one", "progress"))
        passes = chance.randrange(8)
        scope = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            if chance.random() < 0.5:
                nursery.start_soon(self._cancel_later, scope, passes)
            else:
                scope.deadline = trio.current_time() + chance.choice((0, 0, 0.5, 1, 2, 4))
            with scope:
                await self._call(kind, number)
            self.ends["cancelled" if scope.cancelled_caught else "answered"] += 1

    async def _cancel_later(self, scope: trio.CancelScope, passes: int) -> None:
        for _ in range(passes):
            await trio.lowlevel.checkpoint()
        scope.cancel()

    async def _call(self, kind: str, number: int) -> None:
        mode = self._chance.choice(MODES)
        timeout = self._chance.random() * 4 + 0.001 if self._chance.random() < 0.1 else None
        view = self._session.with_options(cancel_mode=mode, timeout=timeout)  # type: ignore[arg-type]  # one of the three
        try:
            if kind == "progress":
                async with view.open_call(f"com.example.{kind}", number) as stream:
                    async for part in stream:
                        assert part in range(3)
                        if self._chance.random() < 0.2:
                            return
                    assert await stream.result() == number
            else:
                assert await view.call(f"com.example.{kind}", number) == number
        except CallTimeout:
            self.ends["timed out"] += 1


@pytest.fixture
def chance() -> random.Random:
    return random.Random(seed_of("storm"))


async def test_nothing_is_left_of_a_hundred_thousand_cancelled_calls(
    chance: random.Random, autojump_clock: MockClock
) -> None:
    async with open_pair() as (router, caller_session, callee_session):
        await settle()
        tasks = trio.lowlevel.current_statistics().tasks_living
        callee, caller = Callee(chance), Caller(caller_session, chance)
        await callee.register(callee_session)
        began = time.perf_counter()
        await caller.storm(CANCELLED, AT_ONCE)
        took = time.perf_counter() - began
        await trio.sleep(20)  # procedures whose callers skipped them finish
        print(caller.ends)  # noqa: T201  # what the storm was made of
        assert caller.ends["answered"] > 100
        assert callee.running == 0
        assert pending(caller_session) == pending(callee_session) == {}
        assert in_flight(router) == (0, 0)
        for number in range(100):
            assert await caller_session.call("com.example.quick", number) == number
        await trio.sleep(20)
        idle = trio.lowlevel.current_statistics().tasks_living - tasks
        assert idle <= 4 * 8  # what is kept ready for the next calls of each async procedure
    check("R13", "calls cancelled at random moments, nothing left of them", caller.ends["cancelled"], ">=", CANCELLED)
    check("R13", "time for each", took / CANCELLED, "<=", RATE, unit="s")


async def test_nothing_is_left_on_a_connection_that_is_congested(
    chance: random.Random, autojump_clock: MockClock
) -> None:
    """Large payloads: calls are cancelled while they wait for room, and while half of them has been sent."""
    async with open_pair() as (router, caller, callee):
        await callee.register("com.example.size", len)
        payload = bytes(300_000)

        async def call() -> None:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(Caller(caller, chance)._cancel_later, scope, chance.randrange(30))
                    assert await caller.call("com.example.size", payload) == len(payload)
                    nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(call)
        await settle()
        await trio.sleep(20)  # nobody is behind any more
        assert pending(caller) == pending(callee) == {}
        assert in_flight(router) == (0, 0)
        assert await caller.call("com.example.size", b"123") == 3
