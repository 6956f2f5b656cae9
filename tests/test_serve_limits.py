"""trowamp/_router_shell.py and _router_connection.py: peers that are too many, too slow, silent or no WAMP clients at all."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
import trustme

import trowamp
from trowamp import ConnectError, Router, RouterOptions, open_router, open_session
from trowamp._connect import open_transport
from trowamp._join import open_link
from trowamp._stream import memory_pair
from trowamp._url import parse_url
from trowamp.messages import Abort, Event, Goodbye, Hello, Publish, Published
from trowamp.wire import Link

from .serve_tools import (
    REALM,
    ROLES,
    Peer,
    exchange,
    open_joined_peer,
    open_peer,
    open_socket,
    open_socket_peer,
    rawsocket,
    websocket,
)
from .transports import client_tls, server_tls

TOPIC = "com.example.topic"


# ---- too many


@pytest.mark.parametrize(("scheme", "words"), [("ws", "503"), ("rs", "it has too many connections")])
async def test_one_connection_too_many_is_told_so(scheme: str, words: str) -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"], max_connections=2) as router:
        url = scheme + router.urls[0].rstrip("/")[2:]
        async with router.open_session(realm=REALM) as session, open_session(url, realm=REALM):
            for _ in range(3):
                with pytest.raises(ConnectError, match=words):
                    async with open_session(url, realm=REALM, serializers=["json"]):
                        raise AssertionError("it was let in")
            assert router.statistics().refused_connections == 3
            assert session.is_open
        with trio.fail_after(2):
            while router.connections:
                await trio.lowlevel.checkpoint()
        async with open_session(url, realm=REALM):  # there is room again
            assert router.statistics().sessions == 1


async def test_sessions_in_memory_count_as_connections(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], max_connections=1) as router, router.open_session(realm=REALM):
        with pytest.raises(ConnectError):
            async with router.open_session(realm=REALM):
                raise AssertionError("it was let in")


async def test_far_too_many_are_closed_without_a_word(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], max_connections=1) as router, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(open_peer(router)) for _ in range(200)]
        await trio.testing.wait_all_tasks_blocked()
        assert router.connections == 101
        assert router.statistics().refused_connections == 199
        assert await peers[-1].transport.receive_some() == b""


# ---- too slow to join


@pytest.mark.parametrize("progress", ["nothing", "half a handshake", "no HELLO"])
async def test_who_does_not_join_in_time_is_cut_off(autojump_clock: trio.abc.Clock, progress: str) -> None:
    async with open_router([REALM], handshake_timeout=5, close_timeout=1) as router, open_peer(router) as peer:
        began = trio.current_time()
        if progress == "half a handshake":
            await peer.transport.send_all(b"GET / HT")
        elif progress == "no HELLO":
            await open_link(peer.pump, "the router")
        await peer.is_cut_off()
        assert 5 <= trio.current_time() - began <= 6.1
        await trio.sleep(1.1)  # it is given time to close
        assert router.connections == 0


async def test_an_octet_now_and_then_does_not_buy_time(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_peer(router, websocket) as peer:
        began = trio.current_time()
        with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
            for octet in b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Padding: " + b"x" * 1000:
                await peer.transport.send_all(bytes([octet]))
                await trio.sleep(1)
        assert 5 <= trio.current_time() - began <= 8.1


async def test_limits_can_carry_the_handshake_timeout(autojump_clock: trio.abc.Clock) -> None:
    limits = RouterOptions(handshake_timeout=3)
    async with open_router([REALM], limits=limits, close_timeout=0) as router, open_peer(router) as peer:
        began = trio.current_time()
        await peer.is_cut_off()
        assert trio.current_time() - began == pytest.approx(3)


async def test_a_silent_tls_client_is_cut_off_and_one_that_speaks_no_tls_too() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    async with open_router([REALM], ["wss://localhost:0/"], tls=server, handshake_timeout=0.2) as router:
        with trio.fail_after(5):
            assert await exchange(router.urls[0], b"") == b""
            await exchange(router.urls[0], b"GET / HTTP/1.1\r\n\r\n")  # what comes back, if anything, is a TLS alert
        while router.connections:
            await trio.lowlevel.checkpoint()


# ---- silent


@asynccontextmanager
async def open_listening_peer(router: Router, make_link: Any) -> AsyncGenerator[Peer, None]:
    """A peer that reads, and answers pings, but says nothing."""
    async with open_joined_peer(router, make_link) as peer, trio.open_nursery() as nursery:
        nursery.start_soon(peer.answer_pings)
        yield peer
        nursery.cancel_scope.cancel()


async def test_a_silent_websocket_peer_that_answers_pings_stays(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router, open_listening_peer(router, websocket) as peer:
        before = peer.link.received_octets
        await trio.sleep(3600)
        assert router.statistics().sessions == 1
        pings = (peer.link.received_octets - before) / 10
        assert 3600 / 12.5 - 2 < pings < 3600 / 10 + 1  # never more often than the interval


async def test_a_websocket_peer_that_does_not_answer_is_gone(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], ping_interval=10, ping_timeout=4) as router, open_joined_peer(router, websocket):
        await trio.sleep(13.9)
        assert router.statistics().sessions == 1
        await trio.sleep(2.2)  # it is looked after once a second
        assert router.statistics().sessions == 0


async def test_any_octet_is_a_sign_of_life(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], ping_interval=10, ping_timeout=4) as router:
        async with open_joined_peer(router, websocket) as peer:
            for number in range(1, 30):
                peer.send(Publish(number, {}, TOPIC))
                await trio.sleep(12)
            assert router.statistics().sessions == 1


async def test_rawsocket_peers_are_not_pinged(autojump_clock: trio.abc.Clock) -> None:
    """Some would drop the connection."""
    async with open_router([REALM]) as router, open_joined_peer(router, rawsocket) as peer:
        before = peer.link.received_octets
        await trio.sleep(3600)
        assert router.statistics().sessions == 1
        with trio.move_on_after(1):
            await peer.pump.receive()
        assert peer.link.received_octets == before


async def test_pings_can_be_turned_off(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM], ping_interval=float("inf")) as router, open_joined_peer(router, websocket):
        await trio.sleep(3600)
        assert router.statistics().sessions == 1


# ---- too slow to read


async def test_a_slow_consumer_is_dropped_while_the_others_get_everything(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limits = RouterOptions(outbox_limit=200_000)
    events: list[int] = []
    async with open_router([REALM], limits=limits) as router, open_joined_peer(router) as slow:
        await slow.subscribe(TOPIC)
        async with router.open_session(realm=REALM) as healthy, router.open_session(realm=REALM) as publisher:
            await healthy.subscribe(TOPIC, lambda number, payload: events.append(number))
            for number in range(3000):
                await publisher.with_options(acknowledge=True).publish(TOPIC, number, "x" * 1000)
            await trio.testing.wait_all_tasks_blocked()
            assert events == list(range(3000))
            statistics = router.statistics()
            assert (statistics.slow_consumers, statistics.sessions) == (1, 2)
        await trio.sleep(3)  # its connection is closed when it has had its time to read the rest
        assert router.connections == 0
    assert "does not read fast enough" in caplog.text


async def test_a_slow_consumer_that_reads_at_last_learns_why_it_was_dropped(autojump_clock: trio.abc.Clock) -> None:
    limits = RouterOptions(outbox_limit=200_000)
    async with open_router([REALM], limits=limits) as router, open_joined_peer(router) as slow:
        await slow.subscribe(TOPIC)
        async with router.open_session(realm=REALM) as publisher:
            for _ in range(2000):
                await publisher.with_options(acknowledge=True).publish(TOPIC, "x" * 1000)
        message = await slow.next_message()
        while isinstance(message, Event):
            message = await slow.next_message()
        assert isinstance(message, Goodbye)
        assert message.reason == "wamp.close.killed"
        assert "does not read fast enough" in message.details["message"]


async def test_events_can_be_dropped_instead_of_the_consumer(autojump_clock: trio.abc.Clock) -> None:
    limits = RouterOptions(outbox_limit=200_000, slow_consumer="drop_events")
    async with open_router([REALM], limits=limits) as router, open_joined_peer(router) as slow:
        await slow.subscribe(TOPIC)
        async with router.open_session(realm=REALM) as publisher:
            for _ in range(2000):
                await publisher.with_options(acknowledge=True).publish(TOPIC, "x" * 1000)
        statistics = router.statistics()
        assert statistics.slow_consumers == 0
        assert statistics.dropped_events > 100
        assert statistics.sessions == 1


# ---- no WAMP clients


async def test_a_browser_gets_an_answer_that_people_can_read() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/ws"]) as router, await open_socket(router.urls[0]) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\n") or b"\r\n\r\n" not in answer:
            chunk = await stream.receive_some()
            assert chunk
            answer += chunk
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 426 ")
    assert "Upgrade: websocket" in head
    assert body == "this is a WAMP router: connect with a WAMP client over WebSocket, not with plain HTTP\n"


GARBAGE = {
    "zeroes": bytes(100),
    "random": os.urandom(100_000),
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "post": b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nx",
    "endless header": b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000,
    "rawsocket with no serializer": b"\x7f\xf0\x00\x00",
    "rawsocket with reserved octets": b"\x7f\xf1\x01\x01",
    "rawsocket and then garbage": b"\x7f\xf1\x00\x00" + b"\xff" * 100,
    "rawsocket and then no message": b"\x7f\xf1\x00\x00\x00\x00\x00\x02{}",
    "a message that is not the first": b'\x7f\xf1\x00\x00\x00\x00\x00\x0f[48,1,{},"a.b"]',
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_garbage_never_ends_a_router(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"], handshake_timeout=0.3, close_timeout=0.1) as router:
        with trio.fail_after(5):
            try:
                await exchange(router.urls[0], GARBAGE[kind])
            except trio.BrokenResourceError:
                assert len(GARBAGE[kind]) > 1000  # the router did not wait for all of it
        async with open_session(router.urls[0], realm=REALM) as session:
            assert session.is_open
        assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("scheme", ["rs", "rss"])
async def test_a_client_that_is_told_nothing_is_left_at_once(scheme: str) -> None:
    """A client that waits for an answer, and closes when the router does, need not wait until the router has run out of patience."""
    async with open_router([REALM], [f"{scheme}://localhost:0"], tls=server_tls(), close_timeout=30) as router:
        transport = await open_transport(parse_url(router.urls[0]), tls=client_tls())
        with trio.fail_after(5):
            await transport.send_all(b"\x00\x00\x00\x00")
            assert await transport.receive_some() == b""
            transport.abort()
            while router.connections:
                await trio.lowlevel.checkpoint()


async def test_a_connection_that_breaks_is_no_event(caplog: pytest.LogCaptureFixture) -> None:
    """Neither for the router nor for its log, wherever it breaks."""
    async with open_router([REALM], ["rs://127.0.0.1:0"]) as router:
        for octets in (b"", b"\x7f", b"\x7f\xf1\x00\x00", b"\x7f\xf1\x00\x00\x00\x00"):
            stream = await open_socket(router.urls[0])
            await stream.send_all(octets)
            stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            await stream.aclose()  # with a reset
        async with open_socket_peer(router.urls[0]) as peer:
            await peer.join()
        with trio.fail_after(5):
            while router.connections:
                await trio.lowlevel.checkpoint()
        assert router.statistics().sessions == 0
        assert caplog.records == []


async def test_web_pages_of_other_hosts_need_permission() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"]) as strict:
        with pytest.raises(ConnectError, match="403"):
            await join_from_page(strict, "https://app.example.com")
        await join_from_page(strict, "http://127.0.0.1:8000")
    origins = ["https://app.example.com"]
    async with open_router([REALM], ["ws://127.0.0.1:0/"], origins=origins) as open_minded:
        await join_from_page(open_minded, "https://app.example.com")
        with pytest.raises(ConnectError, match="403"):
            await join_from_page(open_minded, "https://evil.example.com")


async def join_from_page(router: Router, origin: str) -> None:
    async with open_session(router.urls[0], realm=REALM, headers={"Origin": origin}) as session:
        assert session.is_open


async def test_a_message_too_large_ends_only_its_senders_session() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"], max_message_size=10_000) as router:
        async with router.open_session(realm=REALM) as witness:
            with pytest.raises((trowamp.SessionLost, trowamp.SessionClosed)):
                async with open_session(router.urls[0], realm=REALM) as session:
                    await session.publish(TOPIC, "x" * 100_000)
                    await trio.sleep_forever()
            assert witness.is_open


@pytest.mark.parametrize("make_link", [rawsocket, websocket])
async def test_strangers_may_only_send_short_messages(
    autojump_clock: trio.abc.Clock, make_link: Callable[[], Link]
) -> None:
    async with open_router([REALM]) as router:
        async with open_peer(router, make_link) as peer:
            await open_link(peer.pump, "the router")
            peer.send(Hello(REALM, {"roles": ROLES, "authextra": {"x": "x" * 100_000}}))
            assert "100" in (await peer.expect(Abort)).details["message"]
        async with open_joined_peer(router, make_link) as peer:
            peer.send(Publish(1, {"acknowledge": True}, TOPIC, ["x" * 500_000]))
            await peer.expect(Published)


@pytest.mark.parametrize(("make_link", "most"), [(rawsocket, 131_072), (websocket, 100_000)])
async def test_those_who_have_joined_may_send_what_was_announced(
    autojump_clock: trio.abc.Clock, make_link: Callable[[], Link], most: int
) -> None:
    """RawSocket can only announce powers of two."""
    frame = len(msgspec.json.encode([16, 1, {"acknowledge": True}, TOPIC, [""]]))
    async with open_router([REALM], max_message_size=100_000) as router:
        async with open_joined_peer(router, make_link) as peer:
            peer.send(Publish(1, {"acknowledge": True}, TOPIC, ["x" * (most - frame)]))
            await peer.expect(Published)
            peer.link.max_send_size = most + 1
            peer.send(Publish(2, {"acknowledge": True}, TOPIC, ["x" * (most - frame + 1)]))
            assert (await peer.expect(Abort)).reason == "wamp.error.protocol_violation"


async def test_peers_that_come_and_go_leave_nothing_behind(autojump_clock: trio.abc.Clock) -> None:
    async with open_router([REALM]) as router:
        tasks = trio.lowlevel.current_statistics().tasks_living
        for number in range(60):
            near, far = memory_pair()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(router._shell.serve_transport, far)
                peer = Peer(near, (rawsocket, websocket)[number % 2]())
                if number % 3:
                    await open_link(peer.pump, "the router")
                    await peer.join()
                    await peer.subscribe(TOPIC)
                near.abort()
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        statistics = router.statistics()
        assert (statistics.connections, statistics.sessions, statistics.subscriptions) == (0, 0, 0)
        assert statistics.deadlines == 0
