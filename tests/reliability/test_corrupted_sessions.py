"""R9: live sessions whose octets are changed on their way, in both directions: nobody else notices, and what is no WAMP ends within a second."""

from __future__ import annotations

import random

import pytest
import trio
from trio.testing import MockClock

from tests.faults.goals import check, scaled, seed_of
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import PLAIN, client_link, conversation
from tests.sessions import in_flight, settle
from trowamp import (
    ConnectError,
    JoinError,
    RemoteProtocolError,
    Router,
    SessionClosed,
    SessionLost,
    open_router,
)
from trowamp._byte_pump import BytePump
from trowamp._join import open_link
from trowamp._run_session import KeepAlive, Opened, run_session
from trowamp._stream import memory_pair

EXPECTED = (ConnectError, JoinError, RemoteProtocolError, SessionLost, SessionClosed)
FRAMINGS = ("rawsocket", "websocket")
AT_A_ROUTER, AT_A_CLIENT = 14_000, 6_000


async def test_a_router_ends_corrupted_sessions_and_nobody_else_notices(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed_of("corrupted at the router"))
    count = scaled(AT_A_ROUTER)
    violations = late = 0
    async with open_router() as router, trio.open_nursery() as nursery:
        async with router.open_session(realm="realm1") as witness, router.open_session(realm="realm1") as callee:
            events: list[int] = []
            await witness.subscribe("com.example.witness", events.append)
            await callee.register("com.example.witness", lambda number: number)
            for number in range(count):
                talk = conversation(chance.choice(FRAMINGS), chance.choice(PLAIN))[0]
                before = router.statistics().violations
                has_ended = await say(router, nursery, mutated([talk], chance))
                is_violation = router.statistics().violations > before
                violations += is_violation
                late += is_violation and not has_ended
                if number % 20 == 0:
                    assert await witness.call("com.example.witness", number) == number
                    await callee.publish("com.example.witness", number)
                    await settle()
                    assert events.pop() == number
            assert in_flight(router) == (0, 0)
            assert router.statistics().sessions == 2
    check("R9", "corrupted sessions at a router, none of which a witness noticed", count, ">=", count)
    check("R9", "of those, violations", violations, ">=", count / 4)
    check("R9", "violations whose connection was not closed within a second", late, "==", 0)
    check("R9", "tracebacks", sum(bool(record.exc_info) for record in caplog.records), "==", 0)


async def say(router: Router, nursery: trio.Nursery, octets: bytes) -> bool:
    """Say something; tell whether the router has closed the connection within a second."""
    near, far = memory_pair()
    nursery.start_soon(router._shell.serve_transport, far)
    has_ended = False
    with trio.move_on_after(1):
        try:
            await near.send_all(octets)
            while await near.receive_some():
                pass
        except trio.BrokenResourceError:
            pass
        has_ended = True
    near.abort()
    await settle()
    return has_ended


async def test_a_client_ends_corrupted_sessions_with_an_error_of_its_own(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed_of("corrupted at the client"))
    count = scaled(AT_A_CLIENT)
    lost = 0
    before = trio.lowlevel.current_statistics().tasks_living
    for _ in range(count):
        framing, serializer = chance.choice(FRAMINGS), chance.choice(PLAIN)
        octets = mutated([conversation(framing, serializer)[1]], chance)
        with trio.fail_after(100):
            try:
                await visit(framing, serializer, octets)
            except EXPECTED:
                lost += 1
    await settle()
    assert trio.lowlevel.current_statistics().tasks_living == before
    check("R9", "corrupted sessions at a client, each ended with an error of trowamp's", lost, "==", count)
    check("R9", "tracebacks at a client", sum(bool(record.exc_info) for record in caplog.records), "==", 0)


async def visit(framing: str, serializer: str, octets: bytes) -> None:
    """Visit a router that says these octets, whatever it is told, and closes."""
    near, far = memory_pair()
    assert far.send_now(octets) == len(octets)
    far.end_sending()
    try:
        pump = BytePump(near, client_link(framing, serializer))
        opened = Opened(pump, await open_link(pump, "the router"), trio.current_time() + 15, KeepAlive(20, 20))
        async with run_session(opened, "realm1", {}) as session:
            await session.register("com.example.procedure", print)
            await session.subscribe("com.example.topic", print)
            await session.call("com.example.procedure")
            await trio.sleep_forever()
    finally:
        near.abort()
