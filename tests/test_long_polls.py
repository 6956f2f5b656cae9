"""Long-polling at the router: what its requests do, what they may not, and when a transport ends."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.http_tools import GOODBYE, REALM, Polled, header, open_http, open_polled, opening
from trowamp import RouterOptions, open_router
from trowamp._http_connection import _KEPT
from trowamp.wire import SERIALIZERS, get_serializer
from trowamp.wire._http import HttpResponse

TOPIC = "com.example.topic"
UNKNOWN = "/lp/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SUBSCRIBE: tuple[Any, ...] = (32, 1, {}, TOPIC)


async def in_time(timeout: float, polled: Polled) -> HttpResponse:
    with trio.fail_after(timeout):
        return await polled.poll()
    raise AssertionError


# ---- opening


@pytest.mark.parametrize("protocol", [*(f"wamp.2.{name}" for name in SERIALIZERS), *SERIALIZERS])
async def test_a_transport_speaks_what_the_client_offers_first(protocol: str, autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        answer = await http.post("/some/where/open?x=1", opening("wamp.2.ubjson", protocol, "wamp.2.json"))
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert json.loads(answer.body)["protocol"] == protocol
        assert json.loads(answer.body)["poll_timeout"] == 10


@pytest.mark.checklist("LP-R4")
async def test_nobody_guesses_the_id_of_a_transport(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        found = {json.loads((await http.post("/lp/open", opening())).body)["transport"] for _ in range(20)}
    assert len(found) == 20
    assert {len(name) for name in found} == {32}  # 192 bits in base64
    assert all(re.fullmatch(r"[-_0-9A-Za-z]+", name) for name in found)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "more than"),
        (b"[" * 60_000, "no JSON"),
        (b"[]", '{"protocols": [...]}'),
        (b"{}", '{"protocols": [...]}'),
        (b'{"protocols": "wamp.2.json"}', '{"protocols": [...]}'),
        (b'{"protocols": []}', "speaks wamp.2.cbor, wamp.2.msgpack, wamp.2.json"),
        (b'{"protocols": [1, null, {}, "wamp.2.ubjson"]}', "none of the protocols is known"),
    ],
)
async def test_who_asks_for_nothing_sensible_is_told_so(
    body: bytes, words: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        answer = await http.post("/lp/open", body)
        assert answer.status in {400, 413}
        assert answer.content_type == "text/plain; charset=utf-8"
        assert words in answer.body.decode()
        assert router.statistics().connections == 0


async def test_a_transport_on_which_nobody_joins_ends(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], handshake_timeout=5) as router, open_polled(router) as polled:
        began = trio.current_time()
        assert (await in_time(6, polled)).body == b""
        assert trio.current_time() - began == pytest.approx(5)
        assert (await polled.poll()).status == 404
        assert router.statistics().connections == 0


# ---- messages


@pytest.mark.checklist("LP-R1", "LP-R5")
async def test_a_request_for_messages_is_held_until_there_is_one(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        await polled.send(*SUBSCRIBE)
        assert (await polled.receive())[0] == 33
        async with router.open_session(realm=REALM) as session, trio.open_nursery() as nursery:
            answers: list[HttpResponse] = []

            async def poll() -> None:
                answers.append(await polled.poll())

            nursery.start_soon(poll)
            await trio.sleep(5)
            assert answers == []
            for number in range(3):
                await session.publish(TOPIC, number)
        more = [await polled.poll(), await polled.poll()]
        for number, answer in enumerate([*answers, *more]):
            assert json.loads(answer.body)[4] == [number]  # one message each
            assert answer.content_type == "application/json"
            assert header(answer, "cache-control") == "no-store"


@pytest.mark.parametrize("name", SERIALIZERS)
async def test_every_serializer_has_its_content_type(name: str, autojump_clock: trio.abc.Clock) -> None:
    types = {"json": "application/json", "msgpack": "application/x-msgpack", "cbor": "application/cbor"}
    async with open_router([REALM]) as router, open_polled(router, name) as polled:
        from trowamp.messages import Hello

        octets = get_serializer(name).encode(Hello(REALM, {"roles": {"caller": {}}}))
        expected = types[name.partition(".")[0]]
        assert (await polled.sending.post(polled.path("send"), octets, expected)).status == 204
        assert (await polled.poll()).content_type == expected


@pytest.mark.parametrize("name", ["json.batched", "msgpack.batched", "cbor.batched"])
async def test_what_waits_comes_as_one_batch(name: str, autojump_clock: trio.abc.Clock) -> None:
    from trowamp.messages import Hello, Subscribe

    serializer = get_serializer(name)
    async with open_router([REALM]) as router, open_polled(router, name) as polled:
        octets = serializer.encode(Hello(REALM, {"roles": {"subscriber": {}}})) + serializer.encode(
            Subscribe(1, {}, TOPIC)
        )
        assert (await polled.sending.post(polled.path("send"), octets)).status == 204
        await wait_all_tasks_blocked()
        async with router.open_session(realm=REALM) as session:
            for number in range(3):
                await session.publish(TOPIC, number)
            await session.publish(TOPIC, "x" * 100_000)
        messages = list(serializer.decode_all((await polled.poll()).body))
        assert [message.name for message in messages] == ["WELCOME", "SUBSCRIBED", "EVENT", "EVENT", "EVENT"]
        assert [message.name for message in serializer.decode_all((await polled.poll()).body)] == ["EVENT"]


async def test_a_poll_that_waits_long_enough_is_answered_without_a_message(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], poll_timeout=10) as router, open_polled(router) as polled:
        await polled.join()
        for _ in range(10):  # and the session stays, however long it goes on
            began = trio.current_time()
            answer = await polled.poll()
            assert (answer.status, answer.body) == (200, b"")
            assert trio.current_time() - began == pytest.approx(10)
        assert router.statistics().sessions == 1


@pytest.mark.checklist("LP-R3")
async def test_a_second_request_for_messages_ends_the_first(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled, open_http(router) as other:
        await polled.join()
        await polled.polling.begin(polled.path("receive"))
        await wait_all_tasks_blocked()
        await other.begin(polled.path("receive"))
        answer = await polled.polling.answer()
        assert (answer.status, answer.body) == (200, b"")
        await polled.send(*SUBSCRIBE)
        assert json.loads((await other.answer()).body)[0] == 33


async def test_a_client_that_goes_away_while_it_waits_misses_nothing(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        await polled.polling.begin(polled.path("receive"))
        await wait_all_tasks_blocked()
        polled.polling.transport.abort()
        await wait_all_tasks_blocked()
        await polled.send(*SUBSCRIBE)
        async with open_http(router) as again:
            assert json.loads((await again.post(polled.path("receive"))).body)[0] == 33


async def test_a_client_that_goes_away_with_its_message_has_no_session_any_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    """It would not know what it has missed."""
    async with open_router([REALM], close_timeout=1, max_message_size=2**23) as router, open_polled(router) as polled:
        await polled.join()
        await polled.send(*SUBSCRIBE)
        assert (await polled.receive())[0] == 33
        async with router.open_session(realm=REALM) as session:
            await polled.polling.begin(polled.path("receive"))
            await session.publish(TOPIC, "x" * 3_000_000)  # more than a connection in memory takes
            await wait_all_tasks_blocked()
            assert router.statistics().sessions == 2
            polled.polling.transport.abort()
            await wait_all_tasks_blocked()
            assert router.statistics().sessions == 1
        assert (await polled.send(*GOODBYE)).status == 404


async def test_deliveries_may_overlap(autojump_clock: trio.abc.Clock) -> None:
    """A request that took the place of another one may be answered first: the end still waits for both."""
    async with open_router([REALM]) as router, open_polled(router) as polled:
        pump = router._shell._long_polls._pumps[polled.name]
        with pump.delivering():
            with pump.delivering():
                pass
            with trio.move_on_after(1) as scope:
                await pump.drain()
            assert scope.cancelled_caught
        with trio.fail_after(1):
            await pump.drain()


async def test_messages_of_many_requests_are_taken_in_their_order(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        for number in range(1, 21):
            assert (await polled.send(32, number, {}, f"com.example.topic{number}")).status == 204
        assert [(await polled.receive())[1] for _ in range(20)] == list(range(1, 21))


# ---- what is wrong


@pytest.mark.parametrize("operation", ["receive", "send", "close"])
async def test_an_unknown_transport_is_not_found(operation: str, autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        for path in (f"{UNKNOWN}/{operation}", f"/{operation}", f"//{operation}"):
            answer = await http.post(path, b"{}")
            assert (answer.status, answer.words) == (
                404,
                "404 Not Found: there is no such transport, or it has ended",
            )


@pytest.mark.parametrize(
    ("request_line", "status", "words"),
    [
        ("POST /", 404, "long-polling begins with POST"),
        ("POST /lp", 404, "long-polling begins with POST"),
        ("POST /open/lp", 404, "long-polling begins with POST"),
        ("PUT /lp/open", 405, "done by POST"),
        ("DELETE /lp/open", 405, "done by POST"),
        ("HEAD /lp/open", 405, ""),
        ("PATCH /lp/x/receive", 405, "done by POST"),
        ("POST http://127.0.0.1/lp/open", 400, "no JSON"),
    ],
)
async def test_other_requests_get_an_answer_that_people_can_read(
    request_line: str, status: int, words: str, autojump_clock: trio.abc.Clock
) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        await http.send(f"{request_line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await http.rest()).decode().partition("\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert words in body


async def test_a_message_of_another_serializer_is_refused_and_does_no_harm(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        answer = await polled.sending.post(polled.path("send"), b"\x80", "application/cbor")
        assert answer.words == "415 Unsupported Media Type: this transport carries application/json"
        for content in ("application/json; charset=utf-8", "text/plain", "application/octet-stream", ""):
            answer = await polled.sending.post(polled.path("send"), b'[64,1,{},"com.example.f"]', content)
            assert answer.status == 204
            assert (await polled.receive())[0] in {65, 8}


@pytest.mark.checklist("LP-R6")
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"nonsense", b"\xff\xff", b'[64,0,{},"a.b"]'])
async def test_who_sends_no_message_is_told_so_and_sent_away(body: bytes, autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], close_timeout=1) as router, open_polled(router) as polled:
        await polled.join()
        answer = await polled.sending.post(polled.path("send"), body)
        assert answer.status == 400
        assert len(answer.body) > 10
        code, _, reason = await polled.receive()
        assert (code, reason) == (3, "wamp.error.protocol_violation")
        assert (await polled.poll()).status == 404
        assert (await polled.send(*SUBSCRIBE)).status == 404
        assert router.statistics().sessions == 0


async def test_a_body_that_is_too_large_is_refused_before_it_has_come(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], max_message_size=100_000) as router, open_polled(router) as polled:
        await polled.join()
        request = polled.sending.client.request(polled.path("send"), b"x" * 200_000, "")
        await polled.sending.send(request[:150_000])
        answer = await polled.sending.answer()
        assert (answer.status, answer.body) == (413, b"the body has more than 100000 octets\n")
        assert header(answer, "connection") == "close"
        assert router.statistics().sessions == 1  # nothing of it was taken


async def test_strangers_may_only_send_short_messages(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        assert (await polled.sending.post(polled.path("send"), b"x" * 65_537)).status == 413


@pytest.mark.parametrize(
    "octets",
    [
        b"POST /lp/open HTTP/1.1\r\n\r\n",
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST\r\n\r\n",
        b"POST /" + b"x" * 100_000,
        b"POST / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000,
        b"P\0\0\0\r\n\r\n" + b"\xff" * 1000,
        b"OPTIONSOPTIONS" * 10_000,
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}\r\n\r\nnonsense\r\n\r\n",
    ],
)
async def test_garbage_gets_an_answer_and_ends_only_its_connection(
    octets: bytes, caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    async with open_router([REALM]) as router:
        async with open_http(router) as http:
            await http.send(octets)
            with trio.fail_after(1):
                answer = await http.rest()
            assert re.match(rb"HTTP/1.1 (400|431|501|505) ", answer)
            assert router.statistics().connections == 0
        async with open_polled(router) as polled:
            await polled.join()
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    "octets",
    [
        b"P",
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\n",
        b"POST /lp/open HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    ],
)
async def test_half_a_request_is_not_waited_for_for_ever(octets: bytes, autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], handshake_timeout=7) as router, open_http(router) as http:
        await http.send(octets)
        began = trio.current_time()
        assert (await http.answer()).status == 408
        assert trio.current_time() - began == pytest.approx(7)


async def test_a_connection_without_requests_is_closed_after_a_while(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_http(router) as http:
        assert (await http.post("/lp/open", opening())).status == 200
        began = trio.current_time()
        assert await http.rest() == b""
        assert trio.current_time() - began == pytest.approx(_KEPT)


# ---- limits and ends


@pytest.mark.checklist("LP-R2")
async def test_a_client_that_asks_for_nothing_any_more_is_gone(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], idle_timeout=30, close_timeout=1) as router, open_polled(router) as polled:
        await polled.join()
        async with router.open_session(realm=REALM) as witness:
            left = trio.Event()
            await witness.subscribe("wamp.session.on_leave", lambda *_: left.set())
            began = trio.current_time()
            await left.wait()
            assert trio.current_time() - began == pytest.approx(30)
        assert (await polled.poll()).status == 404


@pytest.mark.checklist("LP-R6")
async def test_a_transport_ends_with_its_session(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        assert (await polled.send(*GOODBYE)).status == 204
        assert (await polled.receive())[0] == 6
        assert (await polled.poll()).status == 404
        await wait_all_tasks_blocked()
        assert router.connections == 2  # those that carry requests


async def test_a_transport_can_be_closed_after_its_session(autojump_clock: trio.abc.Clock) -> None:
    """AutobahnJS does, without asking for messages again, and waits for a good answer."""
    async with open_router([REALM], close_timeout=2) as router, open_polled(router) as polled:
        await polled.join()
        await polled.send(*GOODBYE)
        assert (await polled.receive())[0] == 6
        assert (await polled.send(*SUBSCRIBE)).status == 404
        assert (await polled.sending.post(polled.path("close"))).status == 204
        await wait_all_tasks_blocked()
        assert router.connections == 2
    async with open_router([REALM], close_timeout=2) as router, open_polled(router) as polled:
        await polled.join()
        await polled.send(*GOODBYE)
        assert (await polled.receive())[0] == 6
        await trio.sleep(2.1)  # a client that does neither is not waited for longer
        assert router.connections == 2


async def test_a_client_can_close_its_transport_while_it_waits(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        await polled.polling.begin(polled.path("receive"))
        await wait_all_tasks_blocked()
        assert (await polled.sending.post(polled.path("close"))).status == 204
        answer = await polled.polling.answer()
        assert (answer.status, answer.body) == (200, b"")
        assert (await polled.poll()).status == 404
        assert (await polled.sending.post(polled.path("close"))).status == 404
        await wait_all_tasks_blocked()
        assert router.statistics().sessions == 0


async def test_a_client_that_does_not_fetch_its_messages_is_dropped(autojump_clock: trio.abc.Clock) -> None:
    limits = RouterOptions(outbox_limit=100_000)
    async with open_router([REALM], limits=limits, close_timeout=1) as router, open_polled(router) as polled:
        await polled.join()
        await polled.send(*SUBSCRIBE)
        assert (await polled.receive())[0] == 33
        async with router.open_session(realm=REALM) as session:
            for _ in range(200):
                await session.with_options(acknowledge=True).publish(TOPIC, "x" * 1000)
        assert router.statistics().slow_consumers == 1
        await trio.sleep(2)
        assert (await polled.poll()).status == 404


async def test_connections_have_a_limit_that_counts_transports(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], max_connections=3) as router, open_http(router) as http, open_http(router) as other:
        assert (await http.post("/lp/open", opening())).status == 200
        answer = await http.post("/lp/open", opening())
        assert answer.words == "503 Service Unavailable: too many connections"
        assert router.statistics().refused_connections == 1
        async with open_http(router) as third:
            await wait_all_tasks_blocked()
            answer = await third.post("/lp/open", opening())
            assert answer.words == "503 Service Unavailable: too many connections"
            assert await third.rest() == b""
        assert (await other.post("/")).status == 404


async def test_transports_on_which_nobody_has_joined_have_a_limit(autojump_clock: trio.abc.Clock) -> None:
    """Otherwise one connection could open them all."""
    async with open_router([REALM], max_pending=3) as router, open_http(router) as http:
        statuses = [(await http.post("/lp/open", opening())).status for _ in range(5)]
        assert statuses == [200, 200, 200, 503, 503]
        assert router.statistics().refused_connections == 2


async def test_the_router_says_goodbye_to_who_waits(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        async with trio.open_nursery() as nursery:
            await polled.polling.begin(polled.path("receive"))
            await wait_all_tasks_blocked()
            nursery.start_soon(router._shell.shut_down)
            code, _, reason = json.loads((await polled.polling.answer()).body)
            assert (code, reason) == (6, "wamp.close.system_shutdown")
            assert (await polled.sending.post("/lp/open", opening())).words.endswith("the router shuts down")
            began = trio.current_time()
            assert (await polled.send(6, {}, "wamp.close.goodbye_and_out")).status == 204
            assert (await polled.sending.post(polled.path("close"))).status == 204
            assert await polled.sending.rest() == b""
            assert await polled.polling.rest() == b""
        assert trio.current_time() == began


async def test_a_router_that_stops_does_not_wait_for_who_does_not_ask(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], close_timeout=2) as router, open_polled(router) as polled:
        await polled.join()
        began = trio.current_time()
        await router._shell.shut_down()
        assert trio.current_time() - began == pytest.approx(2)
        assert await polled.polling.rest() == b""


async def test_a_fault_in_one_session_leaves_the_others(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.abc.Clock
) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled, open_polled(router) as other:
        await polled.join()
        await other.join()
        with monkeypatch.context() as patch:
            patch.setattr(router._shell.core, "receive", partial(_raise, router))
            await polled.send(*SUBSCRIBE)
            await wait_all_tasks_blocked()
        assert "serving long-poll from memory failed" in caplog.text
        assert (await polled.poll()).status == 404
        await other.send(*SUBSCRIBE)
        assert (await other.receive())[0] == 33


def _raise(*_: Any) -> None:
    raise RuntimeError("a fault")


async def test_sessions_see_how_a_client_came(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_polled(router) as polled:
        await polled.join()
        (peer,) = [peer for peer in router._shell.core._peers if peer.session is not None]
        assert peer.transport["type"] == "longpoll"
        assert peer.transport["http"]["path"] == "/lp/open"
        assert peer.transport["http"]["headers"]["content-type"] == "application/json"
