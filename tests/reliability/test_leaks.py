"""R1, R20, R21, R22: what sessions cost while they are idle, that nothing of them stays, and what happens when descriptors run out."""

from __future__ import annotations

import gc
import random
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from trio._core._run import GLOBAL_RUN_CONTEXT
from trio.testing import MockClock

from tests.faults.goals import check, scaled
from tests.faults.supervisor import RouterProcess, open_router_process
from tests.serve_tools import open_socket, open_socket_peer, rawsocket, websocket
from tests.sessions import settle
from trowamp import Component, ConnectError, Router, Session, SessionLost, Transport, open_router, open_session
from trowamp._run_session import Opened
from trowamp.messages import Call, Invocation, Register, Registered
from trowamp.wire import Link

IDLE = 2_000
LARGEST = {"ws": 20, "rs": 16}  # KiB of an idle session
BLOCKS = 2_500  # of memory by which a cycle of sessions may leave a process larger: five of each session
CYCLE = {"in good order": 500, "abruptly": 500, "by the error of a handler": 100}

ROUTERS_OWN = ("trowamp.router.", "trowamp._router_", "trowamp.wire._websocket_server")

CLIENTS = 500
OUTAGE = 5.0  # seconds
BACK = 10.0


@pytest.mark.parametrize("scheme", ["ws", "rs"])
async def test_an_idle_session_costs_little(scheme: str) -> None:
    count = scaled(IDLE)
    async with open_router_process() as router, AsyncExitStack() as stack:
        async with open_session(router.url(scheme), realm="realm1") as session:
            for _ in range(100):
                await session.call("wamp.session.count")
        before = router.resident_kib()
        for _ in range(count):
            peer = await stack.enter_async_context(
                open_socket_peer(router.url(scheme), {"ws": websocket, "rs": rawsocket}[scheme])
            )
            await peer.join()
        each = (router.resident_kib() - before) / count
    check("R1", f"memory of an idle session, {scheme}", each, "<=", LARGEST[scheme], unit="KiB")


class Census:
    """How much there is of everything."""

    def __init__(self) -> None:
        GLOBAL_RUN_CONTEXT.runner.deadlines._prune()  # Trio keeps up to a thousand scopes whose deadlines do not count any more
        gc.collect()
        self.files = len(list(Path("/proc/self/fd").iterdir()))
        self.blocks = sys.getallocatedblocks()
        self.tasks = trio.lowlevel.current_statistics().tasks_living
        self.objects = Counter(type(thing).__qualname__ for thing in gc.get_objects())

    def more_than(self, other: Census) -> dict[str, int]:
        """Return the kinds of objects that have become more, by more than one in a hundred."""
        grown = {name: count - other.objects[name] for name, count in self.objects.items()}
        return {name: more for name, more in grown.items() if more > max(5, other.objects[name] // 100)}


def routers_own() -> list[str]:
    """Return the kinds of all objects of routers' that there are, once for each."""
    kinds = [type(thing) for thing in gc.get_objects()]
    return sorted(kind.__name__ for kind in kinds if str(kind.__module__).startswith(ROUTERS_OWN))


@pytest.mark.parametrize("make_link", [rawsocket, websocket])
async def test_a_router_leaves_nothing_of_a_connection_to_the_collector(make_link: Callable[[], Link]) -> None:
    """The collector would walk over every session there is to find those that have gone."""
    async with open_router(listen=["ws://127.0.0.1:0/"]) as router:
        gc.collect()
        gc.disable()
        try:
            before = routers_own()
            async with open_socket_peer(router.urls[0], make_link) as peer:
                await peer.join()
                await peer.subscribe("com.example.topic")
                peer.send(
                    Register(2, {}, "com.example.procedure"), Call(3, {"timeout": 60_000}, "com.example.procedure")
                )
                await peer.expect(Registered)
                await peer.expect(Invocation)
                assert "RouterConnection" in routers_own()
            with trio.fail_after(5):
                while router.connections:
                    await trio.lowlevel.checkpoint()
            await settle()
            assert routers_own() == before
        finally:
            gc.enable()


@pytest.mark.parametrize("ends", CYCLE)
async def test_nothing_stays_of_sessions_that_have_ended(ends: str) -> None:
    count = scaled(CYCLE[ends])
    async with open_router(listen=["ws://127.0.0.1:0/", "rs://127.0.0.1:0"]) as router:

        async def cycle() -> Census:
            for number in range(count):
                await live(router, router.urls[number % 2], ends)
            with trio.fail_after(5):
                while router.connections:
                    await trio.lowlevel.checkpoint()
            await settle()
            return Census()

        await cycle()
        second, third = await cycle(), await cycle()
    check("R20", f"files more after another cycle of sessions that end {ends}", third.files - second.files, "==", 0)
    check("R20", f"tasks more after another cycle of sessions that end {ends}", third.tasks - second.tasks, "==", 0)
    more = third.blocks - second.blocks
    check("R20", f"blocks of memory more after another cycle of sessions that end {ends}", more, "<=", BLOCKS)
    grown = third.more_than(second)
    assert grown == {}
    check("R20", f"kinds of objects that grew with sessions that end {ends}", len(grown), "==", 0)


def fail() -> None:
    raise ZeroDivisionError


async def live(router: Router, url: str, ends: str) -> None:
    try:
        async with open_session(url, realm="realm1") as session:
            await session.register("com.example.procedure", print, invoke="roundrobin")
            await session.subscribe("com.example.topic", print)
            await session.call("wamp.session.count")
            await session.with_options(acknowledge=True).publish("com.example.topic")
            if ends == "abruptly":
                session._shell.pump.transport.abort()
                await trio.sleep_forever()
            if ends == "by the error of a handler":
                await session.subscribe("com.example.failing", fail)
                await session.with_options(exclude_me=False).publish("com.example.failing")
                await trio.sleep_forever()
    except (SessionLost, ZeroDivisionError):
        if ends == "in good order":
            raise


def test_a_planted_leak_is_found() -> None:
    async def main() -> dict[str, int]:
        before = Census()
        kept = [Component("ws://localhost/", realm="realm1") for _ in range(20)]
        found = Census().more_than(before)
        assert kept
        return found

    assert trio.run(main)["Component"] == 20


async def test_a_router_without_free_descriptors_goes_on_when_there_are_some() -> None:
    async with open_router_process(open_files=64) as router:
        async with open_session(router.url("ws"), realm="realm1") as witness:
            streams = [await open_socket(router.url("ws")) for _ in range(100)]
            await at_the_limit(router)
            for _ in range(20):
                assert await witness.call("wamp.session.count") == 1
            for stream in streams:
                await stream.aclose()
            with trio.fail_after(10):
                async with open_session(router.url("ws"), realm="realm1") as another:
                    assert await another.call("wamp.session.count") == 2
        assert await router.terminate() == 0
        lines = router.errors().splitlines()
    check("R21", "complaints of a router without free descriptors, within some seconds", len(lines), "<=", 5)
    assert all("cannot accept" in line for line in lines), lines


async def at_the_limit(router: RouterProcess) -> None:
    with trio.fail_after(10):
        while router.open_files() < 63:  # noqa: ASYNC110  # the kernel knows, and nobody tells us
            await trio.sleep(0.01)


class Outage:
    """A way to a router in memory that can be closed for a while, and knows when it was tried."""

    def __init__(self) -> None:
        self.router: Router | None = None
        self.attempts: list[float] = []

    async def connect(self) -> Opened:
        self.attempts.append(trio.current_time())
        if self.router is None:
            raise ConnectError("nobody is there")
        return await self.router._shell.connect()


class ToOutage(Transport):
    """The same as a transport of components."""

    def __init__(self, outage: Outage) -> None:
        self.url = "memory"
        self.schedule = None
        self.options = {}
        self._outage = outage

    async def connect(self, defaults: object) -> Opened:
        return await self._outage.connect()


async def test_clients_that_lose_their_router_together_do_not_come_back_together(autojump_clock: MockClock) -> None:
    count = scaled(CLIENTS)
    outage = Outage()
    present: set[int] = set()

    def component(number: int) -> Component:
        made = Component(ToOutage(outage), realm="realm1", retry_delay_jitter=0.5)  # as the guide tells fleets

        @made.register(f"com.example.p{number}")
        def answer() -> int:
            return number

        @made.on_ready
        def ready(session: Session) -> None:
            present.add(number)

        @made.on_leave
        def left(error: BaseException | None) -> None:
            present.discard(number)

        return made

    async def everybody_is_there() -> None:
        while len(present) < count:  # noqa: ASYNC110  # the clock jumps
            await trio.sleep(0.05)

    async with trio.open_nursery() as nursery:
        async with open_router() as outage.router:
            for number in range(count):
                nursery.start_soon(component(number).run)
            await everybody_is_there()
            await trio.sleep(10)
            outage.attempts.clear()
            for transport in list(outage.router._shell._transports):
                transport.abort()
        outage.router = None
        await trio.sleep(OUTAGE)
        async with open_router() as outage.router:
            began = trio.current_time()
            await everybody_is_there()
            took = trio.current_time() - began
            registrations = outage.router.statistics().registrations
            async with outage.router.open_session(realm="realm1") as session:
                for number in random.sample(range(count), 10):
                    assert await session.call(f"com.example.p{number}") == number
            nursery.cancel_scope.cancel()
    buckets = Counter(int(moment * 10) for moment in outage.attempts)
    largest = max(buckets.values()) / len(outage.attempts)
    check("R22", "largest part of all attempts within a tenth of a second", largest, "<=", 0.05)
    check("R22", "everybody is back after the router is", took, "<=", BACK, unit="s")
    check("R22", "registrations when everybody is back", registrations, "==", count)
