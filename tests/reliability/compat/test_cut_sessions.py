"""R5 on asyncio and Twisted: sessions that are cut after any octet, from the handshake to GOODBYE, end with what is true, and leave nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from trowamp_compat.wamp.exception import Error, SessionNotReady, TransportLost
from trowamp_compat.wamp.types import CallOptions, PublishOptions, RegisterOptions

from tests.compat.kit import join
from tests.faults.goals import SCALE, check, seed_of

from .memory import FRAMEWORKS, KERNEL, Cut, Framework, World, run_in_memory

STRIDE = 24  # of the offsets in the suite; where it begins is drawn
LARGEST = 4096


class Visits:
    """Sessions that do a little of everything, one after the other, over connections that are cut; what they are told has to be true."""

    def __init__(self, world: World, framing: str) -> None:
        self.world = world
        self.framing = framing
        self.number = 0
        self.executed: set[str] = set()
        self.untrue: list[str] = []
        self.ends: Counter[str] = Counter()
        self.told: Counter[str] = Counter()

    async def serve(self) -> Any:
        """Have somebody whom the visitors call."""
        callee = await join(self.world.kit, self.world.transport())

        def parts(name: str, details: Any) -> str:
            details.progress(1)
            return self.execute(name)

        await callee.register(self.execute, "com.example.execute")
        await callee.register(parts, "com.example.parts", RegisterOptions(details_arg="details"))
        await callee.subscribe(self.execute, "com.example.topic")
        self.world.serve_router(self.framing)
        return callee

    def execute(self, name: str) -> str:
        self.executed.add(name)
        return name

    async def pay(self, plan: Cut) -> None:
        """Visit once."""
        self.number += 1
        self.world.network.plan = plan
        transport = self.world.transport(self.framing, max_retries=0)
        component = self.world.kit.component.Component(main=self.main, transports=transport, realm="realm1")
        for event in ("connect", "join", "leave", "disconnect"):
            component.on(event, self._noting(event))
        try:
            await component.start(self.world.kit.loop)
        except (Error, OSError) as error:
            self.ends[type(error).__name__] += 1
        else:
            self.ends["in good order"] += 1
        await self.world.rest(KERNEL + 1)

    def _noting(self, event: str) -> Callable[..., None]:
        def note(*_: Any) -> None:
            self.told[event] += 1

        return note

    async def main(self, _loop: Any, session: Any) -> None:
        """Do a little of everything."""
        call, parts, event = (f"{name} {self.number}" for name in ("call", "parts", "event"))
        acknowledged = PublishOptions(acknowledge=True)
        streamed = CallOptions(on_progress=lambda _: None)
        await self._attempt("", lambda: session.register(print, f"com.example.p{self.number}"))
        await self._attempt("", lambda: session.subscribe(print, f"com.example.p{self.number}"))
        await self._attempt(call, lambda: session.call("com.example.execute", call))
        await self._attempt(parts, lambda: session.call("com.example.parts", parts, options=streamed))
        await self._attempt(event, lambda: session.publish("com.example.topic", event, options=acknowledged))

    async def _attempt(self, name: str, operation: Callable[[], Any]) -> None:
        try:
            await operation()
        except Error as error:
            is_certain = isinstance(error, TransportLost | SessionNotReady) and not getattr(
                error, "maybe_executed", False
            )
            if is_certain and name in self.executed:
                self.untrue.append(f"{name} was executed, but: {error!r}")
            raise
        if name and name not in self.executed:
            self.untrue.append(f"{name} was not executed, but answered")


async def visit_every_offset(world: World, framing: str, begin: int, stride: int) -> Visits:
    """Cut a session after every octet, sent and received, in every way."""
    visits = Visits(world, framing)
    await visits.serve()
    await visits.pay(Cut())
    assert visits.ends == {"in good order": 1}
    tasks, octets = world.tasks(), [end.passed for end in world.network.last]
    for how in ("fin", "rst", "stall"):
        for way, size in zip(("up", "down"), octets, strict=True):
            for offset in range(begin, min(size, LARGEST), stride):
                plan = Cut(how, **{way: offset})
                await visits.pay(plan)
                left = world.router.statistics()
                assert (left.sessions, left.connections, left.calls_in_flight) == (1, 1, 0), plan
                assert (left.registrations, left.subscriptions) == (2, 1), plan
                assert (world.network.connections, world.timers(), world.tasks()) == (2, 0, tasks), plan
    return visits


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("framing", ["rs", "ws"])
def test_a_session_cut_after_any_octet_ends_and_leaves_nothing(framework: Framework, framing: str) -> None:
    stride = 1 if SCALE > 1 else STRIDE
    begin = random.Random(seed_of("cut sessions")).randint(1, stride)
    visits: Visits = run_in_memory(framework, visit_every_offset, framing, begin, stride)
    assert visits.untrue == []
    assert visits.told["leave"] == visits.told["join"]
    assert visits.told["disconnect"] == visits.told["connect"] >= visits.told["join"]
    where = f"{framework}, {framing}"
    check("R5", f"sessions cut after an octet each, {where}", visits.number, ">=", 150)
    check("R5", f"cut sessions that ended with an error, {where}", visits.ends["TransportLost"], ">=", 60)
    check("R5", f"cut sessions that were told what is not true, {where}", len(visits.untrue), "==", 0)
