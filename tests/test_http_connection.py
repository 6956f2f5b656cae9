"""HTTP connections of long-polling: how requests come, and what web pages may do."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
import trio

from tests.http_tools import HELLO, REALM, header, open_http, open_polled, opening
from trowamp import open_router
from trowamp._http_connection import _KEPT, HttpConnection, HttpService, HttpTimes
from trowamp._stream import CHUNK, ByteTransport

UNKNOWN = "/lp/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/receive"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n"
)


async def test_requests_may_come_octet_by_octet(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        for octet in http.client.request("/lp/open", opening(), "application/json"):
            await http.send(bytes([octet]))
            await trio.lowlevel.checkpoint()
        assert (await http.answer()).status == 200


async def test_requests_may_come_together(autojump_clock: trio.abc.Clock) -> None:
    """Answers come one after the other; a request that waits holds up those behind it."""
    async with open_router([REALM]) as router, open_polled(router) as polled:
        message = json.dumps(HELLO).encode()
        head = "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n"
        await polled.sending.send(
            head.format(polled.path("send"), len(message)).encode()
            + message
            + head.format(polled.path("receive"), 0).encode()
            + head.format(polled.path("close"), 0).encode()
        )
        answers = b""
        while answers.count(b"HTTP/1.1") != 3:
            answers += await polled.sending.transport.receive_some()
        assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"204", b"200", b"204"]


async def test_who_sends_requests_without_reading_the_answers_is_not_read_any_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        await polled.polling.begin(polled.path("receive"))
        with trio.move_on_after(1) as scope:
            await polled.polling.send(b"x" * 10_000_000)
        assert scope.cancelled_caught


async def test_a_client_may_ask_before_it_sends_the_body(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        body = opening()
        await http.send(
            f"POST /lp/open HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        assert (await http.transport.receive_some()).startswith(b"HTTP/1.1 100 ")
        await http.send(body)
        assert (await http.transport.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_a_client_of_http_1_0_is_answered_and_left(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        body = opening()
        await http.send(f"POST /lp/open HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        http.transport.end_sending()
        assert (await http.rest()).startswith(b"HTTP/1.1 200 ")


async def test_a_connection_may_become_a_websocket_connection_after_requests(autojump_clock: trio.abc.Clock) -> None:
    """A proxy that keeps connections to the router does not care which client they were for."""
    async with open_router([REALM]) as router, open_http(router) as http:
        assert (await http.post("/lp/open", opening())).status == 200
        await http.send(UPGRADE)
        assert (await http.transport.receive_some()).startswith(b"HTTP/1.1 101 ")
        hello = json.dumps(HELLO).encode()
        assert len(hello) < 126
        await http.send(b"\x81" + bytes([0x80 | len(hello)]) + bytes(4) + hello)
        assert b"[2," in await http.transport.receive_some()
        assert router.statistics().sessions == 1


async def test_a_browser_still_gets_an_answer_that_people_can_read(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        assert (await http.post("/lp/open", opening())).status == 200
        await http.send(b"GET /lp HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await http.rest()
        assert answer.startswith(b"HTTP/1.1 426 ")
        assert b"this is a WAMP router" in answer


# ---- what strangers may take


async def test_connections_whose_requests_belong_to_no_transport_count_as_pending(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_router([REALM], max_pending=2) as router, open_http(router) as one, open_http(router) as other:
        assert (await one.post("/nothing")).status == 404
        assert (await other.post(UNKNOWN)).status == 404
        async with open_http(router) as third:
            assert (await third.post("/lp/open", opening())).status == 503
        assert router.statistics().refused_connections == 1


async def test_a_connection_is_pending_until_it_carries_requests_of_a_transport(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], max_pending=2) as router, open_polled(router) as polled:
        await (
            polled.join()
        )  # which takes two connections and the transport: never more than two of them have not joined
        async with open_http(router) as one, open_http(router) as other:
            assert (await one.post("/nothing")).status == 404
            assert (await other.post("/nothing")).status == 404


async def test_a_connection_that_opens_one_transport_too_many_stays_pending(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], max_pending=2) as router, open_http(router) as one, open_http(router) as other:
        assert [(await one.post("/lp/open", opening())).status for _ in range(2)] == [200, 503]
        assert (await other.post("/lp/open", opening())).status == 200
        async with open_http(router) as third:
            assert (await third.post("/lp/open", opening())).status == 503


@pytest.mark.parametrize("path", ["/nothing", UNKNOWN])
async def test_who_never_names_a_transport_that_exists_is_not_kept(path: str, autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], handshake_timeout=7) as router, open_http(router) as http:
        began = trio.current_time()
        for _ in range(6):
            assert (await http.post(path)).status == 404
            await trio.sleep(1)
        assert await http.rest() == b""
        assert trio.current_time() - began == pytest.approx(7)


async def test_other_requests_do_not_keep_a_connection_whose_transport_has_ended(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        assert (await polled.sending.post(polled.path("close"))).status == 204
        began = trio.current_time()
        for _ in range(5):
            await trio.sleep(10)
            assert (await polled.sending.post(polled.path("close"))).status == 404
        assert await polled.sending.rest() == b""
        assert trio.current_time() - began == pytest.approx(_KEPT)


async def test_a_connection_that_asks_for_a_websocket_is_pending_again(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], max_pending=2) as router, open_polled(router) as polled:
        await polled.join()
        async with open_http(router):
            await polled.polling.send(UPGRADE)
            assert (await polled.polling.transport.receive_some()).startswith(b"HTTP/1.1 101 ")
            await polled.sending.send(UPGRADE)
            assert (await polled.sending.rest()).startswith(b"HTTP/1.1 503 ")
            assert router.statistics().refused_connections == 1


class Deaf:
    """A client that sends without end and never reads."""

    description = "deaf"

    def __init__(self) -> None:
        self.sent = 0

    async def receive_some(self) -> bytes:
        await trio.lowlevel.checkpoint()
        self.sent += CHUNK
        if self.sent > 100 * CHUNK:
            await trio.sleep_forever()
        return b"x" * CHUNK

    async def send_all(self, data: bytes) -> None:
        await trio.sleep_forever()


@pytest.mark.parametrize(
    "octets",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n",
        b"no HTTP\r\n\r\n",
    ],
)
async def test_no_more_is_read_while_what_is_to_be_said_first_is_not_taken(
    octets: bytes, autojump_clock: trio.abc.Clock
) -> None:
    async def answer(*_: Any) -> None:
        raise AssertionError("there is no request")

    deaf = Deaf()
    times = HttpTimes(10, 2)
    connection = HttpConnection(
        cast("ByteTransport", deaf), octets, HttpService(lambda *_: 1000, answer), times, since=trio.current_time()
    )
    with trio.move_on_after(5) as scope:
        await connection.serve()
    assert scope.cancelled_caught
    assert 0 < deaf.sent <= 3 * CHUNK


# ---- web pages


PREFLIGHT = "OPTIONS /lp/open HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {}\r\nAccess-Control-Request-Method: POST\r\n\r\n"


@pytest.mark.parametrize(
    ("origins", "origin"),
    [
        (None, "http://127.0.0.1:8000"),
        (["https://app.example.com"], "https://app.example.com"),
        (["*"], "https://anywhere.example.com"),
    ],
)
async def test_web_pages_that_may_connect_may_read_the_answers(
    origins: list[str] | None, origin: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_router([REALM], origins=origins) as router, open_http(router, Origin=origin) as http:
        answer = await http.post("/lp/open", opening(), "application/json")
        assert answer.status == 200
        assert header(answer, "access-control-allow-origin") == origin
        assert header(answer, "access-control-allow-credentials") == "true"
        assert header(answer, "vary") == "Origin"
        await http.send(PREFLIGHT.format(origin).encode())
        preflight = (await http.transport.receive_some()).decode().lower()
        assert preflight.startswith("http/1.1 204 ")
        assert f"access-control-allow-origin: {origin}" in preflight
        assert "access-control-allow-methods: post" in preflight
        assert "access-control-allow-headers: content-type" in preflight


async def test_web_pages_of_other_hosts_need_permission(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router, Origin="https://evil.example.com") as http:
        answer = await http.post("/lp/open", opening(), "application/json")
        assert answer.words == "403 Forbidden: web pages of https://evil.example.com may not connect"
        assert header(answer, "access-control-allow-origin") is None
        await http.send(PREFLIGHT.format("https://evil.example.com").encode())
        assert (await http.transport.receive_some()).startswith(b"HTTP/1.1 403 ")
        assert router.statistics().connections == 0


@pytest.mark.parametrize("origins", [b"Origin: \xff\xfe\r\n", b"Origin: https://a\r\nOrigin: https://a\r\n"])
async def test_an_origin_that_is_none_is_refused(autojump_clock: trio.abc.Clock, origins: bytes) -> None:
    async with open_router([REALM], origins=["*"]) as router, open_http(router) as http:
        await http.send(b"POST /lp/open HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n" + origins + b"\r\n")
        assert (await http.transport.receive_some()).startswith(b"HTTP/1.1 403 ")
