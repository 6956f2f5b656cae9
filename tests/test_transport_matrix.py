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

from tests.driver import REALM, Place, Proof, Scenario
from tests.scenarios import (
    a_call_is_answered,
    a_procedure_sees_that_its_call_was_cancelled,
    an_error_arrives_as_it_was_raised,
    an_event_reaches_its_publisher_only_if_that_is_asked_for,
    calls_run_side_by_side,
    large_payloads_arrive_whole,
    octets_stay_octets,
    results_come_in_parts,
)
from tests.transports import client_tls, server_tls
from tests.trio_driver import TrioDriver
from trowamp import Event, Router, Session, SessionClosed, open_router, open_session
from trowamp._byte_pump import BytePump
from trowamp._failures import open_service_nursery
from trowamp._join import open_link
from trowamp._run_session import Opened, run_session
from trowamp._stream import memory_pair
from trowamp.wire import BY_SUBPROTOCOL, get_serializer, rawsocket_client

Opener = Callable[[], AbstractAsyncContextManager[Session]]

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
            nursery.start_soon(router._shell.serve_transport, far)
            pump = BytePump(near, rawsocket_client(get_serializer(serializer)))
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


class WayDriver(TrioDriver):
    """Tells scenarios over one way."""

    def __init__(self, way: Way, nursery: trio.Nursery) -> None:
        nowhere = Place(
            url="", auth_url="", fragile_url="", serializer=way.serializer, name="", cut=lambda: None, denied=""
        )
        super().__init__(nowhere, nursery)
        self._way = way

    def open(
        self, realm: str, proof: Proof | None, key: str | None, *, is_fragile: bool
    ) -> AbstractAsyncContextManager[Session]:
        assert (realm, proof, key, is_fragile) == (REALM, None, None, False)
        return self._way.session()


@pytest.mark.parametrize(
    "scenario",
    [
        a_call_is_answered,
        calls_run_side_by_side,
        results_come_in_parts,
        a_procedure_sees_that_its_call_was_cancelled,
        an_error_arrives_as_it_was_raised,
        an_event_reaches_its_publisher_only_if_that_is_asked_for,
        large_payloads_arrive_whole,
        octets_stay_octets,
    ],
    ids=lambda scenario: scenario.__name__,
)
async def test_a_scenario_is_the_same_whatever_carries_it(way: Way, scenario: Scenario) -> None:
    async with open_service_nursery() as nursery:
        driver = WayDriver(way, nursery)
        await scenario(driver)
        await driver.close()
    assert way.router.statistics().violations == 0


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
            await way.router._shell.shut_down()
            await trio.sleep_forever()
    assert caught.value.reason == "wamp.close.system_shutdown"
