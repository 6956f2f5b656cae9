"""Long-polling at the client: what it asks of a router, and what it makes of routers that do not do as they should."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trowamp
from tests.http_tools import REALM
from tests.test_connect import serving
from tests.test_proxy import HttpProxy
from tests.transports import (
    HOST,
    Resolver,
    cancelled_at_every_step,
    client_tls,
    no_files_left_open,
    server_tls,
)
from trowamp import Component, ConnectError, SessionClosed, SessionLost, open_router, open_session
from trowamp._http_channel import _KEPT
from trowamp.wire import SERIALIZERS
from trowamp.wire._http import HttpRequest, HttpResponse, HttpServer, plain

WELCOME = [2, 7, {"roles": {"broker": {}, "dealer": {}}}]
GOODBYE = [6, {}, "wamp.close.goodbye_and_out"]
OPENED = {"protocol": "wamp.2.json", "transport": "id"}
NOTHING = HttpResponse(200)
TAKEN = HttpResponse(202)
Answer = Callable[[HttpRequest, bytes], Awaitable[HttpResponse | None]]


def carrying(value: Any) -> HttpResponse:
    return HttpResponse(200, json.dumps(value).encode(), "application/json")


class Asked(NamedTuple):
    """A request that a scripted router got."""

    connection: int
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedHttp:
    """A server whose answers a test decides about; None breaks the connection."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answer = answer
        self._connections = 0

    def operations(self) -> list[str]:
        return [asked.path.rpartition("/")[2] for asked in self.asked]

    async def serve(self, stream: trio.SocketStream) -> None:
        self._connections += 1
        number, server = self._connections, HttpServer()
        async with stream:
            while True:
                while not isinstance(head := server.head(), HttpRequest):
                    if not (data := await _receive(stream)):
                        return
                    server.receive_data(data)
                while not isinstance(body := server.body(2**20), bytes):
                    server.receive_data(await _receive(stream))
                self.asked.append(Asked(number, head.path, head.headers, body))
                response = await self._answer(head, body)
                if response is None:
                    return
                server.respond(response)
                try:
                    await stream.send_all(server.take())
                except trio.BrokenResourceError:
                    return


async def _receive(stream: trio.SocketStream) -> bytes:
    try:
        return bytes(await stream.receive_some())
    except trio.BrokenResourceError:
        return b""


@asynccontextmanager
async def open_script(answer: Answer) -> AsyncGenerator[ScriptedHttp, None]:
    script = ScriptedHttp(answer)
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, script.serve, 0, host="127.0.0.1"))
        script.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/lp"
        yield script
        nursery.cancel_scope.cancel()


class Script:
    """A router that lets one client join, and then does what the test says.

    Args:
        polls: What it answers to requests for messages, after the WELCOME; then it lets them wait.
    """

    def __init__(
        self, *polls: HttpResponse | None, opened: dict[str, Any] = OPENED, sent: HttpResponse = TAKEN
    ) -> None:
        self._polls = [carrying(WELCOME), *polls]
        self._opened = opened
        self._sent = sent
        self._greeting = trio.Event()

    async def __call__(self, request: HttpRequest, body: bytes) -> HttpResponse | None:
        operation = request.path.rpartition("/")[2]
        if operation == "open":
            return carrying(self._opened)
        if operation == "receive":
            if not self._polls:
                await self._greeting.wait()
                return carrying(GOODBYE)
            return self._polls.pop(0)
        if operation == "send":
            if body.startswith(b"[6"):
                self._greeting.set()
                return TAKEN
            return TAKEN if body.startswith(b"[1,") else self._sent
        return TAKEN


# ---- how it asks


@pytest.mark.checklist("LP-C1", "LP-C2")
async def test_a_session_takes_two_connections_one_of_which_waits() -> None:
    """Any status of success will do for what is sent."""
    async with open_script(Script()) as script:
        async with open_session(script.url + "?token=x", realm=REALM, headers={"X-Mine": "yes"}) as session:
            for number in range(5):
                await session.publish("com.example.topic", number)
        assert {(asked.connection, asked.path) for asked in script.asked} == {
            (1, "/lp/open"),
            (1, "/lp/id/send"),
            (2, "/lp/id/receive"),
            (1, "/lp/id/close"),
        }
        assert script.operations().count("send") == 7
        assert json.loads(script.asked[0].body) == {"protocols": ["wamp.2.cbor", "wamp.2.msgpack", "wamp.2.json"]}
        assert {asked.headers["x-mine"] for asked in script.asked} == {"yes"}
        assert {asked.headers["host"] for asked in script.asked} == {script.url.split("/")[2]}
        assert {asked.headers.get("content-type") for asked in script.asked} == {"application/json", None}


@pytest.mark.checklist("LP-C3")
async def test_an_answer_without_a_message_is_followed_by_another_request() -> None:
    async with open_script(Script(NOTHING, NOTHING, carrying([33, 1, 9]))) as script:
        async with open_session(script.url, realm=REALM) as session:
            assert (await session.subscribe("com.example.topic", print)).id == 9
        assert script.operations().count("receive") >= 4


@pytest.mark.checklist("LP-C3")
@pytest.mark.parametrize("status", [404, 410, 500, 204])
async def test_a_router_that_does_not_know_the_transport_any_more_has_lost_the_session(status: int) -> None:
    async with open_script(Script(NOTHING, plain(status, "gone") if status != 204 else HttpResponse(204))) as script:
        with pytest.raises(SessionLost, match=f"has ended the long-poll transport: HTTP {status}") as caught:
            async with open_session(script.url, realm=REALM):
                await trio.sleep_forever()
        assert not caught.value.maybe_executed


async def test_a_router_that_takes_a_message_no_more_has_lost_the_session() -> None:
    async with open_script(Script(sent=plain(400, "no more"))) as script:
        with pytest.raises(SessionLost, match="HTTP 400 Bad Request: no more") as caught:
            async with open_session(script.url, realm=REALM) as session:
                await session.call("com.example.f")
        assert caught.value.maybe_executed


@pytest.mark.parametrize("status", [400, 413, 500])
async def test_a_message_that_the_router_refuses_is_told_of_even_when_leaving_comes_first(status: int) -> None:
    async with open_script(Script(sent=plain(status, "not this"))) as script:
        with pytest.raises(SessionLost, match=f"refused a message: HTTP {status} .*: not this"):
            async with open_session(script.url, realm=REALM) as session:
                await session.publish("com.example.topic")
        assert script.operations().count("send") == 2


async def test_a_connection_that_breaks_is_not_tried_again() -> None:
    """What was on its way may have been lost."""
    async with open_script(Script(None)) as script:
        with pytest.raises(SessionLost, match="ended the connection without an answer"):
            async with open_session(script.url, realm=REALM):
                await trio.sleep_forever()
        assert script.operations().count("receive") == 2


async def test_a_connection_that_the_router_has_closed_meanwhile_is_opened_again() -> None:
    async def answer(request: HttpRequest, body: bytes) -> HttpResponse | None:
        found = await router(request, body)
        assert found is not None
        return HttpResponse(found.status, found.body, found.content_type, [("Connection", "close")])

    router = Script()
    async with open_script(answer) as script:
        async with open_session(script.url, realm=REALM) as session:
            for number in range(3):
                await session.publish("com.example.topic", number)
        connections = [asked.connection for asked in script.asked]
        assert len(set(connections)) == len(connections)


@pytest.mark.parametrize(
    ("header", "pause", "is_kept"), [("", 14, True), ("", 16, False), ("timeout=5, max=9", 4.5, False)]
)
async def test_a_connection_that_the_router_may_be_about_to_close_is_not_used_again(
    autojump_clock: trio.abc.Clock, header: str, pause: float, is_kept: bool
) -> None:
    """A request on it could be lost without anybody knowing."""
    from trowamp._http_channel import HttpChannel
    from trowamp._stream import SocketTransport

    async def answer(request: HttpRequest, body: bytes) -> HttpResponse:
        return HttpResponse(200, b"x", headers=[("Keep-Alive", header)] if header else [])

    async with open_script(answer) as script:
        port = int(script.url.split(":")[2].partition("/")[0])

        async def connect() -> SocketTransport:
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            return SocketTransport(stream.socket, "tcp", {"type": "tcp"})

        channel = HttpChannel(connect, [("Host", "x")])
        autojump_clock.autojump_threshold = math.inf  # type: ignore[attr-defined]
        await channel.request("/", b"", "", limit=10)
        autojump_clock.jump(pause)  # type: ignore[attr-defined]
        await channel.request("/", b"", "", limit=10)
        assert [asked.connection for asked in script.asked] == ([1, 1] if is_kept else [1, 2])
        assert _KEPT == 15
        channel.abort()


# ---- what it does not accept


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (plain(404, "nothing here"), "HTTP 404 Not Found: nothing here"),
        (HttpResponse(404, b"<html>", "text/html"), "HTTP 404 Not Found"),
        (
            HttpResponse(302, headers=[("Location", "https://x/")]),
            "302 Found to 'https://x/'; redirects are not followed",
        ),
        (HttpResponse(200, b"hello"), "no JSON object"),
        (HttpResponse(200, b"[]"), "no JSON object"),
        (carrying({"protocol": "wamp.2.ubjson", "transport": "id"}), "'wamp.2.ubjson', which was not offered"),
        (carrying({"protocol": 1, "transport": "id"}), "which was not offered"),
        (carrying({"protocol": "wamp.2.json"}), "cannot stand in a URL: None"),
        (carrying({"protocol": "wamp.2.json", "transport": "../x"}), "cannot stand in a URL: '../x'"),
        (carrying({"protocol": "wamp.2.json", "transport": ""}), "cannot stand in a URL: ''"),
        (carrying({"protocol": "wamp.2.json", "transport": "x" * 1000}), "cannot stand in a URL"),
        (HttpResponse(200, b" " * 100_000), "larger"),
        (None, "ended the connection without an answer"),
    ],
)
async def test_what_is_no_router_is_told_from_one(response: HttpResponse | None, words: str) -> None:
    async def answer(request: HttpRequest, body: bytes) -> HttpResponse | None:
        return response

    async with open_script(answer) as script:
        with pytest.raises(ConnectError) as caught:
            async with open_session(script.url, realm=REALM):
                raise AssertionError("it opened")
    assert str(caught.value).startswith(f"cannot open a session at {script.url}: ")
    assert words in str(caught.value) or (words == "larger" and "100000" in str(caught.value))


async def test_a_router_without_long_polling_is_told_from_one_with() -> None:
    async with open_router([REALM], ["rs://127.0.0.1:0"], max_connections=1) as router:
        url = router.urls[0].replace("rs://", "http://")
        async with open_session(router.urls[0], realm=REALM):
            with pytest.raises(ConnectError, match="HTTP 503 Service Unavailable: too many connections"):
                async with open_session(url, realm=REALM):
                    raise AssertionError("it opened")


@pytest.mark.parametrize("octets", [b"\x7f\xf1\0\0", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
async def test_what_does_not_speak_http_is_no_router(octets: bytes) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.send_all(octets)
        await stream.receive_some()
        await stream.receive_some()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        with pytest.raises(ConnectError, match="no HTTP response"):
            async with open_session(f"http://127.0.0.1:{listener.socket.getsockname()[1]}", realm=REALM):
                raise AssertionError("it opened")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "1"},
        {"transfer-encoding": "chunked"},
        {"X": "a\r\nY: b"},
        {"a b": "c"},
        {"Ä": "c"},
        {"X": "ü€"},
    ],
)
async def test_headers_that_cannot_be_sent_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="header"):
        async with open_session("http://127.0.0.1:1/", realm=REALM, headers=headers):
            raise AssertionError("it opened")


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (HttpResponse(200, b"nonsense"), "broke the protocol"),
        (carrying([33]), "broke the protocol"),
        (HttpResponse(200, b"x" * 200_000), "200000"),
    ],
)
async def test_a_router_that_breaks_the_protocol_loses_the_session(response: HttpResponse, words: str) -> None:
    async with open_script(Script(response)) as script:
        with pytest.raises(SessionLost, match=words):
            async with open_session(script.url, realm=REALM, max_message_size=100_000):
                await trio.sleep_forever()


# ---- a router that is silent


@pytest.mark.parametrize(
    ("told", "interval", "expected"), [(10.0, None, 15), (None, 30.0, 35), (10.0, 1.0, 6), (None, None, math.inf)]
)
async def test_a_router_that_answers_no_more_is_given_up(
    autojump_clock: trio.abc.Clock, told: float | None, interval: float | None, expected: float
) -> None:
    """What it has said of itself, or what the user says, decides when."""
    from trowamp._polling_pump import PollingOptions, open_polling
    from trowamp._url import parse_url

    opened = {**OPENED, "poll_timeout": told} if told else OPENED
    async with open_script(Script(opened=opened)) as script:
        autojump_clock.autojump_threshold = math.inf  # type: ignore[attr-defined]
        options = PollingOptions(None, None, [], 1000, interval, ping_timeout=5)
        pump = await open_polling(parse_url(script.url), [SERIALIZERS["json"]], options)
        await pump.receive()
        began = trio.current_time()
        with trio.move_on_after(100) as scope:
            autojump_clock.autojump_threshold = 0.02  # type: ignore[attr-defined]
            assert await pump.receive() == []
        assert scope.cancelled_caught == (expected == math.inf)
        if expected < math.inf:
            assert pump.broken == f"the router did not answer a request within {expected:g} s"
            assert trio.current_time() - began == pytest.approx(expected)
        pump.transport.abort()


# ---- with the real router


@asynccontextmanager
async def open_real(**options: Any) -> AsyncGenerator[tuple[trowamp.Router, str], None]:
    async with open_router([REALM], ["http://127.0.0.1:0/lp"], **options) as router:
        yield router, router.urls[0]


@pytest.mark.parametrize("name", [name for name in SERIALIZERS if "batched" in name])
async def test_batches_carry_what_waits(name: str) -> None:
    async with open_real() as (router, url):
        async with open_session(url, realm=REALM, serializers=[name]) as one, router.open_session(realm=REALM) as other:
            heard: list[int] = []
            done = trio.Event()

            def hear(number: int) -> None:
                heard.append(number)
                if number == 99:
                    done.set()

            await other.subscribe("com.example.there", hear)
            for number in range(100):
                await one.publish("com.example.there", number)
            await done.wait()
            assert heard == list(range(100))
            async with one.open_subscription("com.example.back") as events:
                for number in range(100):
                    await other.publish("com.example.back", number)
                assert [(await anext(events)).args[0] for _ in range(100)] == list(range(100))


@pytest.mark.parametrize("name", ["json.batched", "cbor.batched"])
async def test_batches_may_be_larger_than_a_message_may_be(name: str) -> None:
    async with open_router([REALM], ["http://127.0.0.1:0/lp"], max_message_size=5000) as router:
        async with open_session(router.urls[0], realm=REALM, serializers=[name]) as one:
            async with router.open_session(realm=REALM) as other:
                async with other.open_subscription("com.example.topic") as events:
                    for number in range(100):
                        await one.publish("com.example.topic", number, "x" * 1000)
                    assert [(await anext(events)).args[0] for _ in range(100)] == list(range(100))


async def test_cancelling_a_call_tears_nothing() -> None:
    """No task of a user's makes a request."""
    async with open_real() as (router, url):
        async with open_session(url, realm=REALM) as session, router.open_session(realm=REALM) as callee:
            await callee.register("com.example.echo", lambda value: value)

            async def call() -> None:
                assert await session.call("com.example.echo", 5) == 5

            assert await cancelled_at_every_step(call) > 1
            assert await session.call("com.example.echo", 6) == 6
            assert router.statistics().violations == 0


async def test_opening_can_be_cancelled_at_every_step() -> None:
    """What is left at the router ends when nobody has asked for anything for a while."""
    async with open_real(idle_timeout=1) as (router, url):
        with no_files_left_open():

            async def operate() -> None:
                async with open_session(url, realm=REALM):
                    pass

            assert await cancelled_at_every_step(operate) > 10
            with trio.fail_after(5):
                while router.connections:  # noqa: ASYNC110  # the kernel tells the router, and nobody tells us
                    await trio.sleep(0.01)


async def test_a_router_that_dies_loses_the_session() -> None:
    async with open_real() as (router, url):
        with pytest.raises(SessionLost):
            async with open_session(url, realm=REALM):
                for transport in router._shell._transports:
                    transport.abort()
                await trio.sleep_forever()


async def test_a_component_falls_back_to_long_polling_and_comes_back() -> None:
    async with open_real() as (router, url):
        app = Component("ws://127.0.0.1:1/", url, realm=REALM, initial_retry_delay=0.05)
        joined = 0
        left = trio.Event()

        @app.on_join
        def count(*_: object) -> None:
            nonlocal joined
            joined += 1
            if joined == 1:
                for transport in list(router._shell._transports):
                    transport.abort()
            else:
                left.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.run)
            with trio.fail_after(10):
                await left.wait()
            nursery.cancel_scope.cancel()
        assert joined == 2


async def test_the_router_can_send_a_client_away() -> None:
    async with open_real() as (router, url), router.open_session(realm=REALM) as admin:
        with pytest.raises(SessionClosed) as caught:
            async with open_session(url, realm=REALM) as session:
                await admin.call("wamp.session.kill", session.id, reason="com.example.tired")
                await trio.sleep_forever()
        assert caught.value.reason == "com.example.tired"


async def test_nothing_is_left_of_a_session_at_either_side() -> None:
    with no_files_left_open():
        async with open_real() as (router, url):
            for _ in range(3):
                async with open_session(url, realm=REALM) as session:
                    assert repr(session)
            with trio.fail_after(5):
                while router.connections:  # noqa: ASYNC110  # as above
                    await trio.sleep(0.01)
            await wait_all_tasks_blocked()
            assert router.statistics().sessions == 0
            assert router._shell._long_polls._pumps == {}
            assert router._shell._long_polls._connections == set()


async def test_both_connections_go_through_the_proxy_and_are_encrypted() -> None:
    async with open_router([REALM], ["https://localhost:0/lp"], tls=server_tls()) as router:
        port = int(router.urls[0].split(":")[2].partition("/")[0])
        proxy = HttpProxy(port)
        trio.socket.set_custom_hostname_resolver(Resolver())
        async with serving(proxy.serve) as at:
            url, way = f"https://{HOST}:{port}/lp", f"http://{HOST}:{at}"
            async with open_session(url, realm=REALM, tls=client_tls(), proxy=way) as session:
                assert await session.with_options(acknowledge=True).publish("com.example.topic")
            assert len(proxy.requests) == 2
            assert all(request.startswith(f"CONNECT {HOST}:{port} ".encode()) for request in proxy.requests)
