"""trowamp/_serve.py, _router_shell.py and _router_connection.py: a router with listeners and sessions in memory, from its start to its end."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from trio_websocket import WebSocketRequest
from trio_websocket import serve_websocket as run_websocket_server

import trowamp
from trowamp import (
    ConnectError,
    NoSuchRealm,
    Role,
    Router,
    RouterAuth,
    RouterOptions,
    SessionClosed,
    open_router,
    open_session,
)
from trowamp._join import open_link
from trowamp.messages import Abort, Goodbye, Hello, Publish
from trowamp.wire import Link

from .serve_tools import (
    REALM,
    ROLES,
    Peer,
    open_joined_peer,
    open_peer,
    open_socket,
    open_socket_peer,
    rawsocket,
    websocket,
)

ADD = "com.example.add2"


async def check_that_it_works(url: str, **options: Any) -> None:
    async with open_session(url, realm=REALM, **options) as session:
        registration = await session.register(ADD, lambda x, y: x + y)
        assert await session.call(ADD, 2, 3) == 5
        await registration.unregister()


# ---- listening


async def test_a_router_listens_at_any_number_of_urls(tmp_path: Path) -> None:
    listen = [
        "ws://127.0.0.1:0/ws",
        "rs://127.0.0.1:0",
        "ws://localhost:0/",
        f"ws+unix://{tmp_path}/a",
        f"rs+unix://{tmp_path}/b",
    ]
    async with open_router([REALM], listen) as router:
        assert len(set(router.urls)) == 5
        assert not [url for url in router.urls if ":0" in url]
        for url in router.urls:
            await check_that_it_works(url)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_every_port_speaks_websocket_and_rawsocket(tmp_path: Path) -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/", "rs://127.0.0.1:0", f"rs+unix://{tmp_path}/x"]) as router:
        for url in router.urls:
            for scheme in ("ws", "rs"):
                await check_that_it_works(scheme + url.rstrip("/")[2:])


async def test_tls_ports_speak_both_too() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with open_router([REALM], ["wss://localhost:0/"], tls=server) as router:
        for scheme in ("wss", "rss"):
            await check_that_it_works(f"{scheme}{router.urls[0].rstrip('/')[3:]}", tls=client)
        with pytest.raises(ConnectError, match="certificate"):
            await check_that_it_works(router.urls[0])
        await check_that_it_works(router.urls[0], tls=client)  # the one who refused has done no harm


async def test_an_address_in_use_is_an_error_and_the_other_ports_are_free_again() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"]) as router:
        (url,) = router.urls
        with pytest.raises(ConnectError, match="cannot listen at .*in use"):
            async with open_router([REALM], ["ws://127.0.0.1:0/", url]):
                raise AssertionError("two routers at one port")
        await check_that_it_works(url)
    async with open_router([REALM], [url]):
        await check_that_it_works(url)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"realms": REALM}, TypeError, "realms and listen are lists"),
        ({"listen": "ws://127.0.0.1:0/"}, TypeError, "realms and listen are lists"),
        ({"realms": ["not a uri"]}, ValueError, "not a legal name of a realm"),
        ({"listen": ["tcp://127.0.0.1:1"]}, ValueError, "tcp://127.0.0.1:1"),
        ({"listen": ["wss://127.0.0.1:0/"]}, ValueError, "TLS"),
        ({"max_connections": 0}, ValueError, "max_connections must be more than 0"),
        ({"ping_interval": 0}, ValueError, "ping_interval must be more than 0"),
        ({"ping_timeout": float("nan")}, ValueError, "ping_timeout must be more than 0"),
        ({"max_message_size": -1}, ValueError, "max_message_size must be more than 0"),
        ({"close_timeout": -1}, ValueError, "close_timeout must be 0 seconds or more"),
        ({"compression": "gzip"}, ValueError, "compression"),
        ({"origins": "https://*.example.com"}, TypeError, r"origins=\['https://\*.example.com'\]"),
        (
            {"auth": RouterAuth(realm="a")},
            ValueError,
            "RouterAuth.realm is about RouterAuth.authenticator, and there is none",
        ),
        ({"auth": RouterAuth(authenticator="a.b", methods=[])}, ValueError, "would never be asked"),
        ({"auth": RouterAuth(methods=["ticket"])}, ValueError, "RouterAuth.methods is about RouterAuth.authenticator"),
        ({"auth": RouterAuth(private_key="x")}, ValueError, "RouterAuth.private_key: this is no private key"),
        (
            {"auth": RouterAuth(anonymous_role="gast"), "limits": RouterOptions(roles=[Role(name="guest")])},
            ValueError,
            "auth.anonymous_role must be one of guest, not 'gast'",
        ),
        (
            {
                "auth": RouterAuth(principals={"joe": {"role": "cook", "ticket": "x", "realm": "b"}}),
                "limits": RouterOptions(roles=[Role(name="cook", realm="a")]),
            },
            ValueError,
            "auth.principals.joe.role: there is no role 'cook' in realm 'b'",
        ),
    ],
)
async def test_wrong_arguments_are_refused(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        async with open_router(**arguments):
            raise AssertionError("it opened")


async def test_a_router_tells_where_it_is_and_what_it_holds() -> None:
    async with open_router([REALM, "realm2"], ["ws://127.0.0.1:0/"]) as router:
        assert repr(router) == f"<trowamp.Router at {router.urls[0]}, 0 connections>"
        async with open_session(router.urls[0], realm=REALM) as session, router.open_session(realm="realm2") as other:
            await session.register(ADD, int)
            await other.subscribe(ADD, print)
            statistics = router.statistics()
            assert (statistics.connections, statistics.sessions, statistics.realms) == (2, 2, 2)
            assert (statistics.registrations, statistics.subscriptions) == (1, 1)
            assert router.connections == 2


async def test_a_router_without_listeners_says_so() -> None:
    async with open_router() as router:
        assert repr(router) == "<trowamp.Router at no listener, 0 connections>"


# ---- sessions in memory


async def test_sessions_in_memory_reach_those_on_sockets() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"]) as router:
        async with router.open_session(realm=REALM) as near, open_session(router.urls[0], realm=REALM) as far:
            await near.register(ADD, lambda x, y: x + y)
            assert await far.call(ADD, 2, 3) == 5
        with trio.fail_after(2):
            while router.connections:
                await trio.lowlevel.checkpoint()


async def test_sessions_in_memory_are_refused_like_others(autojump_clock: trio.abc.Clock) -> None:
    options: dict[str, Any] = {"realm": REALM, "proxy": "http://127.0.0.1/"}
    async with open_router([REALM]) as router:
        with pytest.raises(NoSuchRealm):
            async with router.open_session(realm="elsewhere"):
                raise AssertionError("it joined")
        with pytest.raises(TypeError, match="no such option: proxy"):
            router.open_session(**options)
    with pytest.raises(ConnectError, match="has stopped"):
        async with router.open_session(realm=REALM):
            raise AssertionError("it joined a router that is no more")


class Broken:
    """A method of authentication with a bug."""

    method = "anonymous"

    def begin(self, attempt: object) -> Any:
        raise LookupError("a bug")

    def answer(self, pending: object, *proof: object) -> Any:
        raise AssertionError("it has not begun")


async def test_a_bug_met_by_a_session_in_memory_ends_no_other(caplog: pytest.LogCaptureFixture) -> None:
    limits = RouterOptions(authenticators=[Broken()])
    async with open_router([REALM], limits=limits) as router:
        for _ in range(2):
            with pytest.raises(ConnectError):
                async with router.open_session(realm=REALM):
                    raise AssertionError("nobody can join")
    assert caplog.text.count("LookupError: a bug") == 2


async def test_opening_a_session_in_memory_can_be_cancelled_at_any_point(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router:
        for steps in range(12):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_cancel_after, scope, steps)
                    async with router.open_session(realm=REALM):
                        nursery.cancel_scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert router.connections == 0


async def _cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_one_router_does_not_know_the_realms_of_another(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as one, open_router([REALM]) as other:
        async with one.open_session(realm=REALM) as session, other.open_session(realm=REALM) as stranger:
            await session.register(ADD, int)
            with pytest.raises(trowamp.NoSuchProcedure):
                await stranger.call(ADD)


# ---- the end of a router


async def test_at_its_end_a_router_says_goodbye_to_everybody(autojump_clock: trio.abc.Clock) -> None:
    ends: list[Exception] = []

    async def stay(router: Router, task_status: trio.TaskStatus[None]) -> None:
        try:
            async with router.open_session(realm=REALM):
                task_status.started()
                await trio.sleep_forever()
        except SessionClosed as error:
            ends.append(error)

    async with trio.open_nursery() as nursery:
        async with open_router([REALM]) as router:
            for _ in range(20):
                await nursery.start(stay, router)
            began = trio.current_time()
        assert trio.current_time() - began < 0.1
    assert [str(error) for error in ends] == ["wamp.close.system_shutdown"] * 20


async def test_a_peer_that_does_not_answer_cannot_hold_a_router_back(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        async with open_router([REALM], close_timeout=3) as router:
            peer = await nursery.start(_keep_silent, router)
            began = trio.current_time()
        assert trio.current_time() - began == pytest.approx(3)
        assert (await peer.expect(Goodbye)).reason == "wamp.close.system_shutdown"
        await peer.is_cut_off()
        nursery.cancel_scope.cancel()


async def _keep_silent(router: Router, task_status: trio.TaskStatus[Peer]) -> None:
    async with open_joined_peer(router) as peer:
        task_status.started(peer)
        await trio.sleep_forever()


async def test_who_is_only_joining_is_sent_away_at_the_end(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        async with open_router([REALM]) as router:
            peer = await nursery.start(_join_slowly, router)
            began = trio.current_time()
        assert trio.current_time() - began <= 2
        assert (await peer.expect(Abort)).reason == "wamp.close.system_shutdown"
        nursery.cancel_scope.cancel()


async def _join_slowly(router: Router, task_status: trio.TaskStatus[Peer]) -> None:
    async with open_peer(router) as peer:
        await open_link(peer.pump, "the router")
        task_status.started(peer)
        await trio.sleep_forever()


async def test_what_the_body_raises_comes_out_as_itself() -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_router([REALM], ["ws://127.0.0.1:0/"]) as router, router.open_session(realm=REALM):
            raise ZeroDivisionError


async def test_a_cancelled_router_says_goodbye_too(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery, trio.open_nursery() as routers:
        router: Router = await routers.start(trowamp.serve_router, [REALM], [])
        peer = await nursery.start(_keep_silent, router)
        routers.cancel_scope.cancel()
        nursery.start_soon(_expect_goodbye, peer, nursery)


async def _expect_goodbye(peer: Peer, nursery: trio.Nursery) -> None:
    assert (await peer.expect(Goodbye)).reason == "wamp.close.system_shutdown"
    nursery.cancel_scope.cancel()


async def test_serve_router_starts_with_a_router_that_can_be_reached() -> None:
    async with trio.open_nursery() as nursery:
        serve = functools.partial(trowamp.serve_router, limits=RouterOptions(agent="tester"))
        router: Router = await nursery.start(serve, [REALM], ["rs://127.0.0.1:0"])
        await check_that_it_works(router.urls[0])
        async with open_session(router.urls[0], realm=REALM) as session:
            assert session.details.agent == "tester"
        nursery.cancel_scope.cancel()


async def test_serve_router_that_cannot_start_raises_why() -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="http")):
        async with trio.open_nursery() as nursery:
            await nursery.start(trowamp.serve_router, [REALM], ["tcp://127.0.0.1:1"])


# ---- on a trio-websocket server


@asynccontextmanager
async def open_websocket_server(router: Router) -> AsyncGenerator[str, None]:
    """Run a trio-websocket server that gives its connections to a router."""

    async def handle(request: WebSocketRequest) -> None:
        subprotocol = next((name for name in request.proposed_subprotocols if name.startswith("wamp")), None)
        connection = await request.accept(subprotocol=subprotocol)
        try:
            await router.serve_websocket(connection)
        except ValueError as error:
            await connection.aclose(1002, str(error)[:100])

    async with trio.open_nursery() as nursery:
        server = await nursery.start(functools.partial(run_websocket_server, handle, "127.0.0.1", 0, None))
        yield f"ws://127.0.0.1:{server.port}/"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor"])
async def test_a_router_serves_connections_of_a_trio_websocket_server(serializer: str) -> None:
    async with open_router([REALM]) as router, open_websocket_server(router) as url:
        await check_that_it_works(url, serializers=[serializer])
        async with open_session(url, realm=REALM) as session, router.open_session(realm=REALM) as other:
            await session.register(ADD, lambda x, y: x + y)
            assert await other.call(ADD, 2, 3) == 5


async def test_a_websocket_without_wamp_is_refused() -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    async with open_router([REALM]) as router, open_websocket_server(router) as url, await open_socket(url) as stream:
        await stream.send_all(request + b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
        answer = b""
        while b"negotiated the subprotocol None" not in answer:
            chunk = await stream.receive_some()
            assert chunk
            answer += chunk
        assert router.connections == 0


async def test_connections_of_a_trio_websocket_server_count(caplog: pytest.LogCaptureFixture) -> None:
    async with open_router([REALM], max_connections=1) as router, open_websocket_server(router) as url:
        async with open_session(url, realm=REALM):
            with pytest.raises(ConnectError, match="1013 try again later: too many connections"):
                await check_that_it_works(url)
        assert router.statistics().refused_connections == 1


async def test_connections_of_a_trio_websocket_server_end_with_the_router() -> None:
    """Also those of peers that do not answer: nobody else would end them."""
    scope = trio.CancelScope()

    async def serve(task_status: trio.TaskStatus[Router]) -> None:
        with scope:
            await trowamp.serve_router([REALM], [], close_timeout=0.3, task_status=task_status)

    async with trio.open_nursery() as nursery:
        router = await nursery.start(serve)
        async with open_websocket_server(router) as url, open_socket_peer(url, websocket) as peer:
            await peer.join()
            scope.cancel()
            assert (await peer.expect(Goodbye)).reason == "wamp.close.system_shutdown"
            with trio.fail_after(3):
                assert "closed by the peer" in await peer.is_cut_off()
                peer.pump.flush()


# ---- the end of a connection


@pytest.mark.parametrize("make_link", [rawsocket, websocket])
async def test_a_peer_that_breaks_the_protocol_can_read_why(make_link: Callable[[], Link]) -> None:
    """Octets that the router has not read yet must not take the ABORT back."""
    async with open_router([REALM], ["ws://127.0.0.1:0/"], max_message_size=2**24) as router:
        url = router.urls[0] if make_link is websocket else f"rs{router.urls[0].rstrip('/')[2:]}"
        async with open_socket_peer(url, make_link) as peer:
            await peer.join()
            for message in (Hello(REALM, {"roles": ROLES}), *[Publish(1, {}, ADD, ["x" * 5_000_000])] * 3):
                peer.link.send(message)
            await peer.pump.send_queued()
            assert (await peer.expect(Abort)).reason == "wamp.error.protocol_violation"
