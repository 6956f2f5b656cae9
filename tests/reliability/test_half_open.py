"""R4, R6: hosts that vanish without a word, cables that lose packets, processes that are stopped: who waits for them learns of it in time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.faults.goals import SCALE, check, scaled, skipped
from tests.faults.network import Cable, obstacle, open_cable
from tests.faults.proxy import open_proxy
from tests.faults.supervisor import open_router_process
from tests.faults.transport import CutTransport
from tests.faults.workload import Workload
from tests.serve_tools import websocket
from trowamp import ConnectError, Router, Session, SessionLost, open_router, open_session
from trowamp._byte_pump import BytePump
from trowamp._join import open_link
from trowamp._open import _PING_INTERVAL, DEFAULT_PING_TIMEOUT
from trowamp._run_session import KeepAlive, Opened, run_session
from trowamp._stream import memory_pair
from trowamp.wire import TCP_KEEPALIVE

DEFAULTS = _PING_INTERVAL["websocket"], DEFAULT_PING_TIMEOUT
PINGS: dict[str, Any] = {"ping_interval": 1.0, "ping_timeout": 1.0}
DETECTED = (
    2.5  # seconds after the last octet: an interval, a time-out, and a quarter of the shorter for the router's round
)
LOSS = 8.0  # seconds with each share of packets lost
PARTITION = 5.0  # seconds
VANISHED = 3  # times under load
STOP = 5.0  # seconds; half of the default ping time-out, which a ping meanwhile has
KERNEL = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": 2000}  # instead of a minute
BUSY = 1.5  # more than that on a machine that does other things as well


@pytest.fixture
def cable() -> Iterator[Cable]:
    reason = obstacle()
    if reason:
        skipped("R4", "vanished hosts noticed", "<=", DETECTED, reason)
        pytest.skip(reason)
    with open_cable() as made:
        yield made


@asynccontextmanager
async def open_far_router(cable: Cable) -> AsyncGenerator[Router, None]:
    """Run a router at the far host; what is opened in the block belongs to the near one."""
    with cable.at_far():
        async with open_router(["realm1"], [f"ws://{cable.far}:0/"], handshake_timeout=2.0, **PINGS) as router:
            with cable.at_near():
                yield router


async def _stay(session: Session) -> None:
    await trio.sleep_forever()


class Witness:
    """Notes how long things take to end."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}
        self.maybe_executed: list[bool] = []

    async def idle(self, url: str, unplugged: trio.Event) -> None:
        await self._measure("idle", url, unplugged, _stay)

    async def calling(self, url: str, unplugged: trio.Event) -> None:
        async def call(session: Session) -> None:
            try:
                await session.call("com.example.never")
            except SessionLost as error:
                self.maybe_executed.append(error.maybe_executed)
                raise

        await self._measure(f"calling ({url[:2]})", url, unplugged, call)

    async def joining(self, url: str, unplugged: trio.Event) -> None:
        await unplugged.wait()
        began = trio.current_time()
        with pytest.raises(ConnectError):
            async with open_session(url, realm="realm1", connect_timeout=2):
                raise AssertionError("it was let in")
        self.took["joining"] = trio.current_time() - began

    async def _measure(
        self, name: str, url: str, unplugged: trio.Event, do: Callable[[Session], Awaitable[None]]
    ) -> None:
        try:
            async with open_session(url, realm="realm1", serializers=["json"], **PINGS) as session:
                await session.publish("com.example.ready")
                await do(session)
        except SessionLost:
            self.took[name] = trio.current_time() - self.unplugged

    unplugged = 0.0


async def test_a_vanished_host_is_noticed_on_both_ends(cable: Cable) -> None:
    witness = Witness()
    unplugged = trio.Event()
    async with open_far_router(cable) as router, router.open_session(realm="realm1") as callee:
        await callee.register("com.example.never", trio.sleep_forever)
        ready = trio.Event()
        seen = 0

        def on_ready() -> None:
            nonlocal seen
            seen += 1
            if seen == 3:
                ready.set()

        await callee.subscribe("com.example.ready", on_ready)
        async with trio.open_nursery() as nursery:
            for url in (router.urls[0], router.urls[0].replace("ws:", "rs:").rstrip("/")):
                if url.startswith("ws"):
                    nursery.start_soon(witness.idle, url, unplugged)
                nursery.start_soon(witness.calling, url, unplugged)
            nursery.start_soon(witness.joining, router.urls[0], unplugged)
            await ready.wait()
            cable.unplug()
            witness.unplugged = trio.current_time()
            unplugged.set()
            while router.statistics().sessions > 2:  # noqa: ASYNC110  # that of RawSocket is the kernel's to notice
                await trio.sleep(0.01)
            at_router = trio.current_time() - witness.unplugged
        assert witness.maybe_executed == [True, True]
    for name, took in witness.took.items():
        check("R4", f"vanished router noticed by a session that is {name}", took, "<=", DETECTED * BUSY, unit="s")
    assert set(witness.took) == {"idle", "calling (ws)", "calling (rs)", "joining"}
    check("R4", "vanished clients noticed by the router", at_router, "<=", DETECTED * BUSY, unit="s")


async def test_a_vanished_host_is_noticed_by_the_kernels_where_nobody_pings(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On RawSocket, that is: sessions that are idle, and those to and from which octets are on their way."""
    if SCALE <= 1:  # the long form has the times as they are
        for name, value in KERNEL.items():
            monkeypatch.setitem(TCP_KEEPALIVE, name, value)
    noticed = TCP_KEEPALIVE["TCP_USER_TIMEOUT"] / 1000 + TCP_KEEPALIVE["TCP_KEEPINTVL"]
    unplugged, at = trio.Event(), 0.0
    took: dict[str, float] = {}

    async def visit(name: str, *, task_status: trio.TaskStatus[None]) -> None:
        with pytest.raises(SessionLost):
            async with open_session(router.urls[0].replace("ws:", "rs:").rstrip("/"), realm="realm1") as session:
                await session.subscribe(f"com.example.{name}", print)
                task_status.started()
                await unplugged.wait()
                if name == "speaking":
                    await session.publish("com.example.topic")
                await trio.sleep_forever()
        took[name] = trio.current_time() - at

    async with open_far_router(cable) as router, router.open_session(realm="realm1") as speaker:
        async with trio.open_nursery() as nursery:
            for name in ("idle", "speaking"):
                await nursery.start(visit, name)
            cable.unplug()
            at = trio.current_time()
            unplugged.set()
            await speaker.publish("com.example.speaking")
            while router.statistics().sessions > 1:  # noqa: ASYNC110  # nobody tells us
                await trio.sleep(0.01)
            took["a router"] = trio.current_time() - at
    assert set(took) == {"idle", "speaking", "a router"}
    for name, seconds in took.items():
        what = f"vanished host noticed by the kernel, of {noticed:g} s that it may take: {name}"
        check("R4", what, seconds, "<=", noticed * BUSY, unit="s")


async def test_what_is_promised_holds_over_a_cable_that_loses_packets(cable: Cable) -> None:
    async with open_far_router(cable) as router:
        load = Workload(
            lambda _: router.urls[0], sessions=6, processes=2, connect_timeout=3.0, ping_interval=1.0, ping_timeout=1.0
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load.run)
            await load.everybody_is_there(within=10)
            for percent in (1, 5, 30):
                cable.lose(percent)
                await trio.sleep(LOSS * SCALE)
            cable.unplug()
            await trio.sleep(PARTITION)
            cable.repair()
            await load.everybody_is_there(within=20)
            await load.stop(within=10)
            nursery.cancel_scope.cancel()
    history = load.history
    check("R6", "operations over a cable that loses packets", len(history.operations), ">=", 100)
    check("R6", "operations without an end", history.counts()["None"], "==", 0)
    check("R3", "violations in the history of lost packets", len(history.violations()), "==", 0)


async def test_what_is_promised_holds_while_hosts_vanish_and_come_back(cable: Cable) -> None:
    at_clients = at_router = 0.0
    async with open_far_router(cable) as router:
        load = Workload(lambda _: router.urls[0], sessions=6, processes=2, connect_timeout=2.0, **PINGS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load.run)
            for _ in range(scaled(VANISHED)):
                await load.everybody_is_there(within=20)
                await load.has_done(200, within=20)
                cable.unplug()
                unplugged = trio.current_time()
                await load.nobody_is_there(within=20)
                at_clients = max(at_clients, trio.current_time() - unplugged)
                with trio.fail_after(20):
                    while router.statistics().sessions:  # noqa: ASYNC110  # nobody tells us
                        await trio.sleep(0.01)
                at_router = max(at_router, trio.current_time() - unplugged)
                cable.repair()
            await load.everybody_is_there(within=20)
            await load.stop(within=10)
            nursery.cancel_scope.cancel()
    history = load.history
    check("R4", "vanished router noticed by all sessions under load", at_clients, "<=", DETECTED * BUSY, unit="s")
    check("R4", "vanished clients noticed by the router under load", at_router, "<=", DETECTED * BUSY, unit="s")
    check("R4", "operations of which a vanished host left nobody knows what", history.counts()["unknown"], ">=", 1)
    check("R3", "violations in the history of vanished hosts", len(history.violations()), "==", 0)


async def test_a_router_that_is_stopped_for_a_moment_loses_nobody_and_one_that_stays_so_is_noticed() -> None:
    async with (
        open_router_process() as router,
        open_session(router.url("ws"), realm="realm1", ping_interval=0.5) as patient,
    ):
        lost = trio.Event()
        took = 0.0

        async def hasty() -> None:
            nonlocal took
            try:
                async with open_session(router.url("ws"), realm="realm1", ping_interval=0.3, ping_timeout=0.3):
                    await trio.sleep_forever()
            except SessionLost:
                took = trio.current_time() - stopped
                lost.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hasty)
            while await patient.call("wamp.session.count") < 2:
                await trio.lowlevel.checkpoint()
            stopped = trio.current_time()
            router.freeze()
            nursery.start_soon(patient.call, "wamp.session.count")
            await lost.wait()
            await trio.sleep_until(stopped + STOP)
            router.thaw()
        assert await patient.call("wamp.session.count") in {1, 2}  # it has not read of the other's end yet, or has
        check("R18", "a stopped router noticed, pings 0.3 s", took, "<=", 0.6 * BUSY + 0.3, unit="s")
        check("R18", "sessions lost by a stop shorter than their ping time-out", int(not patient.is_open), "==", 0)


async def test_cycles_of_frozen_connections_leave_no_session_behind() -> None:
    cycles = scaled(5)
    async with open_router(["realm1"], ["ws://127.0.0.1:0/"], ping_interval=0.2, ping_timeout=0.2) as router:
        async with open_proxy(router.urls[0]) as proxy:
            for _ in range(cycles):
                proxy.thaw()
                with trio.fail_after(5), pytest.raises(SessionLost):
                    async with open_session(
                        proxy.url("ws"), realm="realm1", ping_interval=0.2, ping_timeout=0.2
                    ) as session:
                        proxy.freeze()
                        await session.call("wamp.session.count")
            with trio.fail_after(5):
                while router.statistics().sessions:  # noqa: ASYNC110  # nobody tells us
                    await trio.sleep(0.01)
    check("R4", "sessions left behind by frozen connections", router.statistics().sessions, "==", 0)


async def test_with_the_defaults_a_vanished_peer_is_noticed_within_a_few_pings(autojump_clock: MockClock) -> None:
    async with open_router() as router:
        near, far = memory_pair()
        transport = CutTransport(near, "stall")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(router._shell.serve_transport, far)
            pump = BytePump(transport, websocket())
            messages = await open_link(pump, "the router")
            opened = Opened(pump, messages, trio.current_time() + 15, KeepAlive(*DEFAULTS))
            with pytest.raises(SessionLost):
                async with run_session(opened, "realm1", {}) as session:
                    await session.call("wamp.session.count")
                    transport.cut()
                    cut = trio.current_time()
                    await trio.sleep_forever()
            client = trio.current_time() - cut
            while router.statistics().sessions:  # noqa: ASYNC110  # the clock jumps
                await trio.sleep(0.1)
            at_router = trio.current_time() - cut
    check("R4", "vanished router noticed by a client, with the defaults", client, "<=", 21, unit="s")
    check("R4", "vanished client noticed by a router, with the defaults", at_router, "<=", 21, unit="s")
