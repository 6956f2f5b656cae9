"""R7: one subscriber that never reads, and what it costs the others: nothing that can be noticed."""

from __future__ import annotations

import math

import pytest
import trio

from tests.faults.goals import check, scaled
from tests.faults.supervisor import RouterProcess, open_router_process
from tests.serve_tools import Peer, open_socket_peer
from trowamp import RouterOptions, Session, open_session
from trowamp.messages import Event, Goodbye

ALONE = 2_000  # events without a stalled subscriber, to compare with
HEALTHY = 3
CROWD = 99
EVENTS = {HEALTHY: 20_000, CROWD: 1_500}
WAITING = RouterOptions().outbox_limit  # octets that may wait for a peer
DROPPED = 1_200  # events by which more waits for a stalled subscriber than may

PAYLOAD = "x" * 16_000
TOPIC = "com.example.topic"
MEMORY = 32 * 1024  # KiB
SLOWER = 2.0  # times, at the 99th percentile
NOISE = 0.004  # seconds that a busy machine may add


class Audience:
    """Healthy subscribers, and how long each event took to reach them.

    Args:
        size: How many they are.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.took: list[float] = []
        self.got = 0
        self.is_behind = trio.Event()  # whoever reads nothing has been dropped
        self.behind_at = self.dropped_at = math.inf
        self.got_when_dropped = 0
        self.stalled = 0  # the id of its session

    def on_event(self, began: float, payload: str) -> None:
        self.got += 1
        if self.got == DROPPED * self.size:
            self.behind_at = trio.current_time()
            self.is_behind.set()
        self.took.append(trio.current_time() - began)

    def on_leave(self, session: int, *_: object) -> None:
        if session == self.stalled and self.dropped_at == math.inf:
            self.dropped_at = trio.current_time()
            self.got_when_dropped = self.got

    def p99(self) -> float:
        return sorted(self.took)[len(self.took) * 99 // 100]


async def publish(router: RouterProcess, count: int, audience: Audience) -> int:
    """Publish events to a healthy audience, one at a time; return by how many KiB the router has grown at most."""
    before = most = router.resident_kib()

    async def listen(*, task_status: trio.TaskStatus[Session]) -> None:
        async with open_session(router.url("ws"), realm="realm1") as session:
            await session.subscribe(TOPIC, audience.on_event)
            await session.subscribe("wamp.session.on_leave", audience.on_leave)
            task_status.started(session)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(audience.size):
            await nursery.start(listen)
        async with open_session(router.url("rs"), realm="realm1") as publisher:
            acknowledged = publisher.with_options(acknowledge=True)
            for number in range(count):
                await acknowledged.publish(TOPIC, trio.current_time(), PAYLOAD)
                if number % 50 == 0:
                    most = max(most, router.resident_kib())
        with trio.move_on_after(5):
            while audience.got < count * audience.size:  # noqa: ASYNC110  # a goal tells if they do not come
                await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    return most - before


async def farewell(peer: Peer) -> Goodbye | None:
    """Read everything that was sent, up to the reason for the end."""
    with trio.move_on_after(10):
        while True:
            message = await peer.next_message()
            if not isinstance(message, Event):
                assert isinstance(message, Goodbye)
                return message
    return None


@pytest.mark.parametrize("size", [HEALTHY, CROWD])
async def test_a_subscriber_that_never_reads_costs_the_others_nothing(size: int) -> None:
    count = max(scaled(EVENTS[size]), 5 * DROPPED // 4)
    goodbye: Goodbye | None = None
    async with open_router_process() as router:
        alone, audience = Audience(size), Audience(size)
        await publish(router, scaled(ALONE * HEALTHY // size), alone)
        async with open_socket_peer(router.url("rs")) as stalled, trio.open_nursery() as nursery:
            audience.stalled = await stalled.join()
            await stalled.subscribe(TOPIC)

            async def read_late() -> None:
                nonlocal goodbye
                await audience.is_behind.wait()
                goodbye = await farewell(stalled)

            nursery.start_soon(read_late)
            grown = await publish(router, count, audience)
    check("R7", f"events that {size} healthy subscribers got beside a stalled one", audience.got, "==", count * size)
    bound = SLOWER * alone.p99() + NOISE
    check("R7", f"p99 of an event's way to {size}, with a stalled subscriber", audience.p99(), "<=", bound, unit="s")
    check("R7", f"growth of the router with {size}", grown, "<=", MEMORY, unit="KiB")
    late = audience.dropped_at - audience.behind_at
    check("R7", f"end of a stalled one beside {size}, after more waited for it than may", late, "<=", 1.0, unit="s")
    early = audience.got_when_dropped / size
    check("R7", f"events before it was dropped, beside {size}", early, ">=", 0.9 * WAITING / len(PAYLOAD))
    assert goodbye is not None
    assert goodbye.reason == "wamp.close.killed"
    assert "does not read fast enough" in goodbye.details["message"]


async def test_many_stalled_subscribers_cost_their_bound_each_and_are_gone() -> None:
    stalled = scaled(5)
    async with open_router_process() as router, trio.open_nursery() as nursery:

        async def stall(*, task_status: trio.TaskStatus[None]) -> None:
            async with open_socket_peer(router.url("rs")) as peer:
                await peer.join()
                await peer.subscribe(TOPIC)
                task_status.started()
                await trio.sleep_forever()

        for _ in range(stalled):
            await nursery.start(stall)
        audience = Audience(HEALTHY)
        grown = await publish(router, ALONE, audience)
        nursery.cancel_scope.cancel()
    check("R7", "events beside many stalled subscribers", audience.got, "==", ALONE * HEALTHY)
    check("R7", "growth of the router for each stalled subscriber", grown / stalled, "<=", MEMORY, unit="KiB")
