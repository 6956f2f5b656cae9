"""R5: a connection that is cut after every single octet of a session, from the handshake to GOODBYE, or that is bad in every way at once."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable

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
from trowamp._stream import memory_pair
from trowamp.wire import Link, get_serializer, rawsocket_client, websocket_client

EXPECTED = (ConnectError, JoinError, SessionLost, SessionClosed, RemoteProtocolError)
OFFSETS = 4096  # at most; a session in small has fewer
AT_ONCE = 50

LINKS: dict[str, Callable[[str], Link]] = {
    "rs": lambda name: rawsocket_client(get_serializer(name)),
    "ws": lambda name: websocket_client("ws://localhost/", [get_serializer(name)], random_octets=secrets.token_bytes),
}


class Visit:
    """Sessions that do a little of everything, each over a connection that may go at any moment; what they learn has to be true."""

    def __init__(self) -> None:
        self.number = 0
        self.ends: Counter[str] = Counter()
        self._executed: set[str] = set()
        self._failed: dict[str, WampError] = {}  # what was certainly not executed
        self._answered: set[str] = set()

    async def serve(self, callee: Session) -> None:
        """Have what the visitors call."""

        def execute(name: str) -> str:
            self._executed.add(name)
            return name

        async def parts(name: str, invocation: Invocation) -> str:
            await invocation.progress(1)
            return execute(name)

        await callee.register("com.example.execute", execute)
        await callee.register("com.example.parts", parts)
        await callee.subscribe("com.example.topic", execute)

    async def pay(self, opening: Awaitable[Opened]) -> None:
        """Visit once."""
        end = "in good order"
        try:
            async with run_session(await opening, "realm1", {}) as session:
                await self._do_everything(session)
        except EXPECTED as error:
            end = type(error).__name__
        self.ends[end] += 1

    def untruths(self) -> list[str]:
        """Return what was told and is not so, when everything has arrived."""
        return [
            *(f"{name} was executed, but: {self._failed[name]!r}" for name in self._executed & self._failed.keys()),
            *(f"{name} was not executed, but answered" for name in self._answered - self._executed),
        ]

    async def _do_everything(self, session: Session) -> None:
        async def take_parts() -> None:
            async with session.open_call("com.example.parts", parts) as call:
                async for _ in call:
                    pass
                await call.result()

        self.number += 1
        call, parts, event = (f"{name} {self.number}" for name in ("call", "parts", "event"))
        await session.register(f"com.example.{session.id}", print)
        await session.subscribe(f"com.example.{session.id}", print)
        await self._attempt(call, session.call("com.example.execute", call))
        await self._attempt(parts, take_parts())
        publisher = session.with_options(acknowledge=True)
        await self._attempt(event, publisher.publish("com.example.topic", event))

    async def _attempt(self, name: str, operation: Awaitable[object]) -> None:
        try:
            await operation
        except WampError as error:
            if outcome_of(error) == "failed":
                self._failed[name] = error
            raise
        self._answered.add(name)


class CutWay:
    """One connection to a router in memory, which will be cut: after so many octets up, or down."""

    def __init__(self, router: Router, cut: Cut, up: int | None = None, down: int | None = None) -> None:
        near, self._far = memory_pair()
        self._near = CutTransport(near, cut, up=up, down=down)
        self._router = router

    async def connect(self, nursery: trio.Nursery, framing: str, serializer: str) -> Opened:
        """Connect; raises what `open_session` raises."""
        nursery.start_soon(self._router._shell.serve_transport, self._far)
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
        """Return how many octets it has carried, up and down."""
        return self._near.sent, self._near.received

    def close(self) -> None:
        """Have the router learn what only a kernel would tell it, where peers are not pinged."""
        self._far.abort()


async def visit_every_offset(framing: str, serializer: str, cut: Cut) -> int:
    """Cut a session after every octet, sent and received, some of them at a time; return how many sessions that were."""
    visits = 0
    async with open_router() as router, router.open_session(realm="realm1") as callee, trio.open_nursery() as nursery:
        visit = Visit()
        await visit.serve(callee)

        async def pay_all(ways: list[CutWay]) -> None:
            with trio.fail_after(200):
                async with trio.open_nursery() as visitors:
                    for way in ways:
                        visitors.start_soon(visit.pay, way.connect(nursery, framing, serializer))
            await trio.sleep(22 if cut == "stall" else 4)  # what the router needs to close, or its keep-alive
            for way in ways:
                way.close()
            await settle()

        whole = [CutWay(router, cut) for _ in range(AT_ONCE)]
        await pay_all(whole)
        assert visit.ends == {"in good order": AT_ONCE}
        before = trio.lowlevel.current_statistics().tasks_living
        for direction, octets in zip(("up", "down"), whole[0].passed(), strict=True):
            offsets = range(1, min(octets, OFFSETS))
            for some in (offsets[first : first + AT_ONCE] for first in range(0, len(offsets), AT_ONCE)):
                await pay_all([CutWay(router, cut, **{direction: offset}) for offset in some])
                place = f"{framing} {serializer} {cut} {direction} {some}"
                assert pending(callee) == {}, place
                assert in_flight(router) == (0, 0), place
                assert router.statistics().sessions == 1, place
                assert trio.lowlevel.current_statistics().tasks_living <= before, place
                assert visit.untruths() == [], place
                visits += len(some)
        nursery.cancel_scope.cancel()
    print(framing, serializer, cut, visit.ends)  # noqa: T201  # how they ended
    assert sum(visit.ends.values()) == visits + AT_ONCE
    return visits


@pytest.mark.parametrize("framing", ["rs", "ws"])
async def test_a_session_cut_after_any_octet_ends_and_leaves_nothing(
    framing: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    serializers = ("json",) if SCALE <= 1 else ("json", "msgpack", "cbor")
    visits = 0
    for serializer in serializers:
        for cut in CUTS:
            visits += await visit_every_offset(framing, serializer, cut)
    check("R5", f"sessions cut after an octet each, {framing}, in memory", visits, ">=", 7500)
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
    visit = Visit()

    async def visit_through(plan: Plan) -> None:
        nonlocal slowest
        async with open_proxy(router.urls[0], lambda _: plan) as proxy:
            began = trio.current_time()
            connection = connect(
                proxy.url(framing), serializers=["json"], ping_interval=0.2, ping_timeout=0.2, connect_timeout=1
            )
            with trio.fail_after(10):
                await visit.pay(connection)
            slowest = max(slowest, trio.current_time() - began)

    async with open_router(["realm1"], [f"{framing}://127.0.0.1:0"], **limits) as router:  # type: ignore[arg-type]
        async with router.open_session(realm="realm1") as callee:
            await visit.serve(callee)
            async with trio.open_nursery() as nursery:
                for plan in plans:
                    nursery.start_soon(visit_through, plan)
            with trio.fail_after(5):
                while router.statistics().sessions > 1:
                    await trio.lowlevel.checkpoint()
            assert in_flight(router) == (0, 0)
            assert pending(callee) == {}
            with trio.fail_after(5):
                while visit.untruths():
                    await trio.lowlevel.checkpoint()
    check("R5", f"sessions cut by a proxy, {framing}", len(plans), ">=", 90)
    check("R5", f"slowest end of a session cut by a proxy, {framing}", slowest, "<=", 1 + 3 * 1.2, unit="s")
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
