"""R20 on asyncio and Twisted: sessions over real connections leave no file, no task, no timer and no object, however they end."""

from __future__ import annotations

import asyncio
import gc
import heapq
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from trowamp_compat.wamp.exception import TransportLost
from trowamp_compat.wamp.types import PublishOptions, RegisterOptions

from tests.compat.kit import Kit, join
from tests.faults.goals import check, scaled
from tests.faults.supervisor import open_router_process
from tests.reliability.test_leaks import Census

from .memory import Framework, on_frameworks
from .threads import beside, rest

CYCLE = 16


class Count(Census):
    """How much there is of everything in a program of another framework."""

    def __init__(self, kit: Kit) -> None:
        if kit.name == "twisted":  # which forgets calls that were cancelled when there are many of them
            kept = [call for call in kit.loop._pendingTimedCalls if not call.cancelled]
            heapq.heapify(kept)
            kit.loop._pendingTimedCalls, kit.loop._cancellations = kept, 0
        gc.collect()
        self.files = len(list(Path("/proc/self/fd").iterdir()))
        if kit.name == "asyncio":
            self.tasks = len(asyncio.all_tasks(kit.loop))
        else:
            self.tasks = len(kit.loop.getDelayedCalls())
        self.objects = Counter(type(thing).__qualname__ for thing in gc.get_objects())


async def live(kit: Kit, url: str, ends: str) -> None:
    """Live once."""
    kind = "websocket" if url.startswith("ws") else "rawsocket"
    session = await join(kit, {"type": kind, "url": url})
    await session.register(print, "com.example.procedure", RegisterOptions(invoke="roundrobin"))
    await session.subscribe(print, "com.example.topic")
    await session.call("wamp.session.count")
    await session.publish("com.example.topic", options=PublishOptions(acknowledge=True))
    gone = kit.face.create_future()
    session.on("disconnect", lambda session, was_clean: kit.face.resolve(gone))
    if ends == "abruptly":
        call = session.call("com.example.procedure", "x" * 10)
        session._transport.abort()
        with pytest.raises(TransportLost):
            await call
    else:
        session.leave()
    await gone


async def cycles(kit: Kit, urls: list[str], ends: str, counts: list[Count]) -> None:
    """Live over and over, three times as often."""
    for _ in range(3):
        for number in range(scaled(CYCLE)):
            await live(kit, urls[number % 2], ends)
        await rest(kit, 0.05)
        counts.append(Count(kit))


@on_frameworks
@pytest.mark.parametrize("ends", ["in good order", "abruptly"])
async def test_nothing_stays_of_sessions_that_have_ended(
    framework: Framework, ends: str, capsys: pytest.CaptureFixture[Any]
) -> None:
    counts: list[Any] = []
    async with open_router_process() as router:
        async with beside(framework, cycles, [router.url("ws"), router.url("rs")], ends, counts):
            pass
    _, second, third = counts
    what = f"sessions that end {ends}, {framework}"
    check("R20", f"files more after another cycle of {what}", third.files - second.files, "==", 0)
    check("R20", f"tasks or timers more after another cycle of {what}", third.tasks - second.tasks, "<=", 0)
    grown = third.more_than(second)
    assert grown == {}
    check("R20", f"kinds of objects that grew with {what}", len(grown), "==", 0)
