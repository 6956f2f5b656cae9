"""R5: a connection that is cut after every single octet of a session, from the handshake to GOODBYE, or that is bad in every way at once."""

from __future__ import annotations

import random
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.faults.goals import SCALE, check, scaled, seed_of
from tests.faults.history import outcome_of
from tests.faults.proxy import CUTS, HARMLESS, Cut, Plan, Way, open_proxy, random_plan
from tests.faults.transport import CutTransport
from tests.faults.workload import Workload
from tests.sessions import in_flight, pending, settle
from trowamp import (
    ConnectError,
    Invocation,
    JoinError,
    RemoteProtocolError,
    Router,
    Session,
    SessionClosed,
    SessionLost,
    WampError,
    open_router,
)
from trowamp._byte_pump import BytePump
from trowamp._join import open_link
from trowamp._open import connect
from trowamp._run_session import KeepAlive, Opened, run_session
from trowamp._stream import ByteTransport, memory_pair
from trowamp.wire import Link, get_serializer, rawsocket_client, websocket_client

EXPECTED = (ConnectError, JoinError, SessionLost, SessionClosed, RemoteProtocolError)
OFFSETS = 4096  # at most; a session in small has fewer
LINKS: dict[str, Callable[[str], Link]] = {
    "rs": lambda name: rawsocket_client(get_serializer(name)),
    "ws": lambda name: websocket_client("ws://localhost/", [get_serializer(name)], random_octets=secrets.token_bytes),
}


class Visit:
    """A session that does a little of everything, over a connection that may go at any moment; what it learns has to be true."""

    def __init__(self, name: str = "") -> None:
        self.number = 0
        self.name = name
        self.executed: set[str] = set()
        self.untrue: list[str] = []
        self.ends: dict[str, int] = {}

    async def serve(self, callee: Session) -> None:
        """Have what the visitor calls."""

        def execute(name: str) -> str:
            self.executed.add(name)
            return name

        async def parts(name: str, invocation: Invocation) -> str:
            await invocation.progress(1)
            return execute(name)

        await callee.register("com.example.execute", execute)
        await callee.register("com.example.parts", parts)
        await callee.subscribe("com.example.topic", execute)

    async def pay(self, opening: Awaitable[Opened]) -> None:
        """Visit once."""
        self.number += 1
        end = "in good order"
        try:
            async with run_session(await opening, "realm1", {}) as session:
                await self._do_everything(session)
        except EXPECTED as error:
            end = type(error).__name__
        self.ends[end] = self.ends.get(end, 0) + 1

    async def _do_everything(self, session: Session) -> None:
        async def take_parts() -> None:
            async with session.open_call("com.example.parts", parts) as call:
                async for _ in call:
                    pass
                await call.result()

        call, parts, event = (f"{name} {self.name} {self.number}" for name in ("call", "parts", "event"))
        await self._attempt("", session.register(f"com.example.{session.id}", print))
        await self._attempt("", session.subscribe(f"com.example.{session.id}", print))
        await self._attempt(call, session.call("com.example.execute", call))
        await self._attempt(parts, take_parts())
        publisher = session.with_options(acknowledge=True)
        await self._attempt(event, publisher.publish("com.example.topic", event))

    async def _attempt(self, name: str, operation: Any) -> None:
        try:
            await operation
        except WampError as error:
            if outcome_of(error) == "failed" and name in self.executed:
                self.untrue.append(f"{name} was executed, but: {error!r}")
            raise
        if name and name not in self.executed:
            self.untrue.append(f"{name} was not executed, but answered")


class CutRouter:
    """A router in memory, to which connections are cut."""

    def __init__(self, router: Router, nursery: trio.Nursery, framing: str, serializer: str) -> None:
        self.router = router
        self._nursery = nursery
        self._link = (framing, serializer)
        self._near: CutTransport | None = None
        self._far: ByteTransport | None = None

    async def connect(self, cut: Cut, up: int | None = None, down: int | None = None) -> Opened:
        """Open a connection that will be cut; raises what `open_session` raises."""
        framing, serializer = self._link
        near, self._far = memory_pair()
        self._near = CutTransport(near, cut, up=up, down=down)
        self._nursery.start_soon(self.router._shell.serve_transport, self._far)
        pump = BytePump(self._near, LINKS[framing](serializer))
        deadline = trio.current_time() + 15
        with trio.move_on_at(deadline):
            try:
                return Opened(pump, await open_link(pump, "the router"), deadline, KeepAlive(20, 20))
            except ConnectError:
                self._near.abort()
                raise
        self._near.abort()
        raise ConnectError("no answer in time")

    def passed(self) -> tuple[int, int]:
        """Return how many octets the last connection has carried, up and down."""
        assert self._near is not None
        return self._near.sent, self._near.received

    async def notices(self, cut: Cut) -> None:
        """Give the router the time it needs: to close, or its keep-alive, and the kernel's where peers are not pinged."""
        assert self._far is not None
        await trio.sleep(22 if cut == "stall" else 4)
        self._far.abort()
        await settle()


async def visit_every_offset(framing: str, serializer: str, cut: Cut, stride: int) -> int:
    """Cut a session after every octet, sent and received; return how many sessions that were."""
    visits = 0
    async with open_router() as router, router.open_session(realm="realm1") as callee, trio.open_nursery() as nursery:
        visit = Visit()
        await visit.serve(callee)
        away = CutRouter(router, nursery, framing, serializer)
        await visit.pay(away.connect(cut))
        assert visit.ends == {"in good order": 1}
        await away.notices(cut)
        before = trio.lowlevel.current_statistics().tasks_living
        for direction, octets in zip(("up", "down"), away.passed(), strict=True):
            for offset in range(random.randrange(1, stride + 1), min(octets, OFFSETS), stride):
                with trio.fail_after(200):
                    await visit.pay(away.connect(cut, **{direction: offset}))
                await away.notices(cut)
                place = f"{framing} {serializer} {cut} {direction} {offset}"
                assert pending(callee) == {}, place
                assert in_flight(router) == (0, 0), place
                assert router.statistics().sessions == 1, place
                assert trio.lowlevel.current_statistics().tasks_living <= before, place
                visits += 1
        assert visit.untrue == []
        nursery.cancel_scope.cancel()
    print(framing, serializer, cut, visit.ends)  # noqa: T201  # how they ended
    return visits


@pytest.mark.parametrize("framing", ["rs", "ws"])
async def test_a_session_cut_after_any_octet_ends_and_leaves_nothing(
    framing: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    serializers = ("json",) if SCALE <= 1 else ("json", "msgpack", "cbor")
    stride = 1 if SCALE > 1 else {"rs": 4, "ws": 5}[framing]  # where it begins is drawn
    visits = 0
    for serializer in serializers:
        for cut in CUTS:
            visits += await visit_every_offset(framing, serializer, cut, stride)
    check("R5", f"sessions cut after an octet each, {framing}, in memory", visits, ">=", 1500)
    tracebacks = [record for record in caplog.records if record.exc_info]
    check("R5", f"tracebacks of cut sessions, {framing}, in memory", len(tracebacks), "==", 0)


@pytest.mark.parametrize("framing", ["rs", "ws"])
async def test_a_session_cut_on_its_way_through_a_proxy_ends_and_leaves_nothing(
    framing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The same with the kernel's connections: at fewer offsets, for each takes as long as its keep-alive."""
    chance = random.Random(seed_of("cut by a proxy"))
    plans = [
        Plan(way, Way()) if number % 2 else Plan(Way(), way)
        for cut in CUTS
        for number in range(scaled(30))
        for way in [Way(cut_at=chance.randrange(1, 2000), cut=cut, slices=chance.choice((0, 1, 100)))]
    ]
    limits = {"ping_interval": 0.2, "ping_timeout": 0.2, "handshake_timeout": 1.0, "close_timeout": 0.2}
    slowest = 0.0
    untrue: list[str] = []

    async def visit_through(plan: Plan) -> None:
        nonlocal slowest
        async with open_proxy(router.urls[0], lambda _: plan) as proxy:
            began = trio.current_time()
            connection = connect(
                proxy.url(framing), serializers=["json"], ping_interval=0.2, ping_timeout=0.2, connect_timeout=1
            )
            visitor = Visit(str(proxy.port))
            visitor.executed = executed
            with trio.fail_after(10):
                await visitor.pay(connection)
            untrue.extend(visitor.untrue)
            slowest = max(slowest, trio.current_time() - began)

    async with open_router(["realm1"], [f"{framing}://127.0.0.1:0"], **limits) as router:  # type: ignore[arg-type]
        async with router.open_session(realm="realm1") as callee:
            visit = Visit()
            executed = visit.executed
            await visit.serve(callee)
            async with trio.open_nursery() as nursery:
                for plan in plans:
                    nursery.start_soon(visit_through, plan)
            with trio.fail_after(5):
                while router.statistics().sessions > 1:
                    await trio.lowlevel.checkpoint()
            assert in_flight(router) == (0, 0)
            assert pending(callee) == {}
    check("R5", f"sessions cut by a proxy, {framing}", len(plans), ">=", 90)
    check("R5", f"slowest end of a session cut by a proxy, {framing}", slowest, "<=", 1 + 3 * 1.2, unit="s")
    assert untrue == []
    assert [record for record in caplog.records if record.exc_info] == []


async def test_what_is_promised_holds_on_bad_connections() -> None:
    """Every connection of a busy workload is slow, sliced, throttled, and cut at some time; the history of it all is checked."""
    seed = seed_of("bad connections")
    async with open_router(["realm1"], ["rs://127.0.0.1:0"], ping_interval=0.3, ping_timeout=0.3) as router:
        async with open_proxy(router.urls[0], lambda number: random_plan(seed + number)) as proxy:
            load = Workload(
                lambda number: proxy.url(("rs", "ws")[number % 2]),
                sessions=12,
                ping_interval=0.3,
                ping_timeout=0.3,
                connect_timeout=2.0,
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(load.run)
                with trio.move_on_after(4 * SCALE):
                    await trio.sleep_forever()
                proxy.plan_for = lambda _: HARMLESS
                proxy.reset_all()
                await load.everybody_is_there(within=15)
                await load.stop(within=5)
                nursery.cancel_scope.cancel()
            counts, connections = load.history.counts(), proxy.accepted
    check("R5", "connections of a workload, each of them bad", connections, ">=", 20)
    check("R5", "operations over bad connections", len(load.history.operations), ">=", 50)
    check("R5", "operations over bad connections without an end", counts["None"], "==", 0)
    check("R3", "violations in the history of bad connections", len(load.history.violations()), "==", 0)
