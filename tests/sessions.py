"""Sessions for tests, ready to talk: a router in memory with a caller and a callee, and answers of a scripted router."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar, Unpack

import trio
from trio.testing import wait_all_tasks_blocked

from tests.transports import sockets
from trowamp import Router, RouterStatistics, Session, SessionStatistics, Subscription, open_router
from trowamp import messages as m
from trowamp._byte_pump import BytePump
from trowamp._failures import open_service_nursery
from trowamp._join import JoinOptions, open_link
from trowamp._run_session import KeepAlive, Opened, run_session
from trowamp._stream import memory_pair
from trowamp.testing import ALL_FEATURES, ScriptedRouter
from trowamp.wire import Link, get_serializer, rawsocket_client, rawsocket_server, websocket_client, websocket_server

M = TypeVar("M", bound=m.Message)

MSGPACK = get_serializer("msgpack")


class Pair(NamedTuple):
    """Two sessions in one realm."""

    router: Router
    caller: Session
    callee: Session


@asynccontextmanager
async def open_pair(**callee_options: Unpack[JoinOptions]) -> AsyncGenerator[Pair, None]:
    async with (
        open_router() as router,
        router.open_session(realm="realm1", **callee_options) as callee,
        router.open_session(realm="realm1") as caller,
    ):
        yield Pair(router, caller, callee)


@asynccontextmanager
async def answering(
    router: ScriptedRouter, kind: type[M], answer: Callable[[M], m.Message]
) -> AsyncGenerator[None, None]:
    """Have the scripted router answer the next message, which must be of a kind, while the block runs."""

    async def expect_and_answer() -> None:
        router.send(answer(await router.expect(kind)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_and_answer)
        yield


@asynccontextmanager
async def open_scripted_socket() -> AsyncGenerator[ScriptedRouter, None]:
    """Open a connection as `open_scripted_router` does, but through a real socket."""
    near, far = sockets()
    server = BytePump(far, rawsocket_server([MSGPACK]))
    client = BytePump(near, rawsocket_client(MSGPACK))
    router = ScriptedRouter(server, client, ALL_FEATURES)
    try:
        async with open_service_nursery() as nursery:
            nursery.start_soon(server.write)
            nursery.start_soon(router.play)
            yield router
    finally:
        far.abort()


# A connection in memory whose router end is played octet by octet: unlike a scripted router it reads only when the test says so.


@asynccontextmanager
async def open_ends(client: Link, server: Link) -> AsyncGenerator[tuple[BytePump, BytePump], None]:
    """Open a connection in memory on which messages can flow."""
    near, far = memory_pair()
    ours, theirs = BytePump(near, client), BytePump(far, server)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(theirs.write)
        nursery.start_soon(open_link, theirs, "the client")
        assert await open_link(ours, "the router") == []
        yield ours, theirs
        nursery.cancel_scope.cancel()


def rawsocket() -> tuple[Link, Link]:
    return rawsocket_client(MSGPACK), rawsocket_server([MSGPACK])


def websocket() -> tuple[Link, Link]:
    random_octets = b"0123456789abcdef"
    client = websocket_client("ws://localhost/", [MSGPACK], random_octets=lambda count: random_octets[:count])
    return client, websocket_server([MSGPACK])


async def welcome(router: BytePump) -> None:
    (hello,) = await router.receive()
    assert isinstance(hello, m.Hello)
    router.link.send(m.Welcome(1, {"roles": {"broker": {}, "dealer": {}}}))
    router.flush()


@asynccontextmanager
async def open_played_session(
    ours: BytePump, theirs: BytePump, keep_alive: KeepAlive | None = None
) -> AsyncGenerator[Session, None]:
    opened = Opened(ours, [], trio.current_time() + 10, keep_alive)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(welcome, theirs)
        async with run_session(opened, "realm1", {"check_features": False}) as session:
            yield session


# What is left


def pending(session: Session) -> dict[str, int]:
    """Return what a session still holds; registrations, subscriptions and what it counts for ever left out."""
    return {name: value for name, value in _numbers(session.statistics()).items() if name in _TRANSIENT and value}


def flow(subscription: Subscription) -> tuple[int, int, int]:
    """Return how many events were delivered, wait, and were dropped."""
    statistics = subscription.statistics()
    return statistics.delivered, statistics.buffered, statistics.dropped


def in_flight(router: Router) -> tuple[int, int]:
    """Return the router's calls without an answer and its pending deadlines."""
    statistics: RouterStatistics = router.statistics()
    return statistics.calls_in_flight, statistics.deadlines


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    await wait_all_tasks_blocked()


def _numbers(statistics: SessionStatistics) -> dict[str, int]:
    return {name: getattr(statistics, name) for name in statistics.__struct_fields__}


_TRANSIENT = frozenset(
    {
        "pending_calls",
        "pending_publishes",
        "pending_registers",
        "pending_subscribes",
        "pending_removals",
        "running_invocations",
    }
)
