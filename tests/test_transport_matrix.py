"""One suite of scenarios over every transport with every serializer: what users see does not depend on what carries it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio_websocket

from tests.transports import client_tls, server_tls
from trowamp import (
    ApplicationError,
    Event,
    Invocation,
    Result,
    Router,
    Session,
    SessionClosed,
    open_router,
    open_session,
)
from trowamp._join import open_link
from trowamp._pump import Pump
from trowamp._run_session import Opened, run_session
from trowamp._stream import memory_pair
from trowamp.wire import BY_SUBPROTOCOL, get_serializer, rawsocket_client

Opener = Callable[[], AbstractAsyncContextManager[Session]]

REALM = "realm1"
MAX_SIZE = 2**24  # trio-websocket's own limit is lower
SERIALIZERS = ("json", "msgpack", "cbor")
SCHEMES = ("ws", "wss", "rs", "rss", "http", "https", "ws+unix", "rs+unix", "http+unix")


class Way:
    """A router and how a session of it is opened."""

    def __init__(self, router: Router, open_one: Opener, serializer: str) -> None:
        self.router = router
        self.serializer = serializer
        self.session = open_one

    @asynccontextmanager
    async def sessions(self) -> AsyncGenerator[tuple[Session, Session], None]:
        async with self.session() as one, self.session() as other:
            assert one._shell.pump.link.serializer.name == self.serializer
            yield one, other


@asynccontextmanager
async def over_socket(scheme: str, folder: Path, serializer: str) -> AsyncGenerator[Way, None]:
    url = f"{scheme}://{folder / 'router'}" if scheme.endswith("unix") else f"{scheme}://localhost:0"
    is_tls = scheme in {"wss", "rss", "https"}
    async with open_router([REALM], [url], tls=server_tls() if is_tls else None, max_message_size=MAX_SIZE) as router:
        tls = client_tls() if is_tls else None
        yield Way(
            router, partial(open_session, router.urls[0], realm=REALM, serializers=[serializer], tls=tls), serializer
        )


@asynccontextmanager
async def in_memory(folder: Path, serializer: str) -> AsyncGenerator[Way, None]:
    async with open_router([REALM], max_message_size=MAX_SIZE) as router, trio.open_nursery() as nursery:

        @asynccontextmanager
        async def open_one() -> AsyncGenerator[Session, None]:
            near, far = memory_pair()
            nursery.start_soon(router.serve_transport, far)
            pump = Pump(near, rawsocket_client(get_serializer(serializer)))
            opened = Opened(pump, await open_link(pump, "memory"), trio.current_time() + 10, None)
            async with run_session(opened, REALM, {}) as session:
                yield session

        yield Way(router, open_one, serializer)


@asynccontextmanager
async def open_through_trio_websocket(url: str, serializer: str) -> AsyncGenerator[Session, None]:
    subprotocol = get_serializer(serializer).subprotocol
    async with trio_websocket.open_websocket_url(
        url, subprotocols=[subprotocol], max_message_size=MAX_SIZE
    ) as connection:
        async with open_session(connection=connection, realm=REALM) as session:
            yield session


@asynccontextmanager
async def trio_websocket_client(folder: Path, serializer: str) -> AsyncGenerator[Way, None]:
    async with open_router([REALM], ["ws://127.0.0.1:0/ws"], max_message_size=MAX_SIZE) as router:
        yield Way(router, partial(open_through_trio_websocket, router.urls[0], serializer), serializer)


@asynccontextmanager
async def serve_through_trio_websocket(router: Router) -> AsyncGenerator[str, None]:
    """Run a trio-websocket server that hands its connections to the router; yield its URL."""

    async def handle(request: trio_websocket.WebSocketRequest) -> None:
        chosen = next(name for name in request.proposed_subprotocols if name in BY_SUBPROTOCOL)
        await router.serve_websocket(await request.accept(subprotocol=chosen))

    async with trio.open_nursery() as nursery:
        serve = partial(
            trio_websocket.serve_websocket, handle, "127.0.0.1", 0, ssl_context=None, max_message_size=MAX_SIZE
        )
        server: trio_websocket.WebSocketServer = await nursery.start(serve)
        yield f"ws://127.0.0.1:{server.port}/"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def trio_websocket_server(folder: Path, serializer: str) -> AsyncGenerator[Way, None]:
    async with open_router([REALM], max_message_size=MAX_SIZE) as router, serve_through_trio_websocket(router) as url:
        yield Way(router, partial(open_session, url, realm=REALM, serializers=[serializer]), serializer)


@asynccontextmanager
async def trio_websocket_both(folder: Path, serializer: str) -> AsyncGenerator[Way, None]:
    async with open_router([REALM], max_message_size=MAX_SIZE) as router, serve_through_trio_websocket(router) as url:
        yield Way(router, partial(open_through_trio_websocket, url, serializer), serializer)


WAYS: dict[str, Callable[[Path, str], AbstractAsyncContextManager[Way]]] = {
    **{scheme: partial(over_socket, scheme) for scheme in SCHEMES},
    "in-memory": in_memory,
    "trio-websocket client": trio_websocket_client,
    "trio-websocket server": trio_websocket_server,
    "trio-websocket both": trio_websocket_both,
}


@pytest.fixture(params=itertools.product(WAYS, SERIALIZERS), ids=" ".join)
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Way, None]:
    kind, serializer = request.param
    with trio.fail_after(20):
        async with WAYS[kind](tmp_path, serializer) as way:
            yield way


async def test_a_call_is_answered(way: Way) -> None:
    async with way.sessions() as (caller, callee):
        await callee.register("com.example.echo", Result)
        value = {"text": "grüß göttin \0 🐌", "numbers": [0, -1, 2**63, -(2**63), 0.5], "nothing": None, "yes": True}
        assert await caller.call("com.example.echo", value) == value
        assert await caller.call("com.example.echo") is None
        assert await caller.call("com.example.echo", 1, a=[2]) == Result(1, a=[2])


async def test_calls_run_side_by_side(way: Way) -> None:
    async with way.sessions() as (caller, callee):
        everybody_is_here = trio.Event()
        numbers: set[int] = set()

        async def meet(number: int) -> int:
            numbers.add(number)
            if len(numbers) == 100:
                everybody_is_here.set()
            await everybody_is_here.wait()
            return number * 2

        results: dict[int, int] = {}

        async def call(number: int) -> None:
            results[number] = await caller.call("com.example.meet", number)

        await callee.register("com.example.meet", meet)
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(call, number)
        assert results == {number: number * 2 for number in range(100)}


async def test_results_come_in_parts(way: Way) -> None:
    async def count(n: int, invocation: Invocation) -> str:
        for number in range(n):
            await invocation.progress(number)
        return "done"

    async with way.sessions() as (caller, callee):
        await callee.register("com.example.count", count)
        async with caller.open_call("com.example.count", 50) as stream:
            assert [part async for part in stream] == list(range(50))
            assert await stream.result() == "done"


async def test_a_procedure_sees_that_its_call_was_cancelled(way: Way) -> None:
    async with way.sessions() as (caller, callee):
        began, ended = trio.Event(), trio.Event()

        async def sleep() -> None:
            began.set()
            try:
                await trio.sleep_forever()
            finally:
                ended.set()

        await callee.register("com.example.sleep", sleep)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.call, "com.example.sleep")
            await began.wait()
            nursery.cancel_scope.cancel()
        await ended.wait()
        assert caller.statistics().pending_calls == 0
        assert await caller.with_options(acknowledge=True).publish("com.example.topic")  # and the session goes on


async def test_events_reach_who_subscribed_to_a_pattern(way: Way) -> None:
    async with way.sessions() as (publisher, subscriber):
        handled: list[Any] = []
        all_handled = trio.Event()

        def concert(country: str, title: str, event: Event) -> None:
            handled.append((country, title, event.topic))
            if len(handled) == 3:
                all_handled.set()

        await subscriber.subscribe("com.example.<country>.on_concert", concert)
        async with subscriber.open_subscription("com.example", match="prefix") as stream:
            for country in ("at", "it", "fr"):
                await publisher.publish(f"com.example.{country}.on_concert", "Tosca")
            await publisher.publish("org.example.it.on_concert", "Aida")
            await all_handled.wait()
            topics = [(await anext(stream)).topic for _ in range(3)]
        assert handled == [
            ("at", "Tosca", "com.example.at.on_concert"),
            ("it", "Tosca", "com.example.it.on_concert"),
            ("fr", "Tosca", "com.example.fr.on_concert"),
        ]
        assert topics == [topic for _, _, topic in handled]


async def test_an_error_arrives_as_it_was_raised(way: Way) -> None:
    def fail() -> None:
        raise ApplicationError("com.example.error.out_of_stock", "apples", until="monday")

    async with way.sessions() as (caller, callee):
        await callee.register("com.example.buy", fail)
        with pytest.raises(ApplicationError) as caught:
            await caller.call("com.example.buy")
        error = caught.value
        assert (error.uri, error.args, error.kwargs) == (
            "com.example.error.out_of_stock",
            ("apples",),
            {"until": "monday"},
        )


async def test_a_large_payload_arrives_whole(way: Way) -> None:
    text = "".join(map(chr, range(32, 127))) * (1024 * 1024 // 95 + 1)
    async with way.sessions() as (caller, callee):
        await callee.register("com.example.echo", Result)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.call, "com.example.echo", 1)
            assert await caller.call("com.example.echo", text) == text


async def test_octets_stay_octets(way: Way) -> None:
    octets = bytes(range(256))
    async with way.sessions() as (caller, callee):
        await callee.register("com.example.echo", Result)
        assert await caller.call("com.example.echo", octets, inside=[{"a": octets}, b""]) == Result(
            octets, inside=[{"a": octets}, b""]
        )


async def test_both_sides_say_goodbye(way: Way) -> None:
    async with way.sessions() as (one, _):
        await one.register("com.example.f", print)
        assert way.router.statistics().sessions == 2
        one.leave("com.example.close.lunch")
        with pytest.raises(SessionClosed):
            await one.call("com.example.f")
    while way.router.statistics().sessions:  # noqa: ASYNC110  # the kernel tells the router, and nobody tells us
        await trio.sleep(0.001)
    assert way.router.statistics().violations == 0


async def test_the_router_says_goodbye(way: Way) -> None:
    with pytest.raises(SessionClosed) as caught:
        async with way.session():
            await way.router.shut_down()
            await trio.sleep_forever()
    assert caught.value.reason == "wamp.close.system_shutdown"
