"""Sessions over connections of trio-websocket: bodies both ways, how they end, and who waits for whom."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    connect_websocket,
    open_websocket,
    open_websocket_url,
    serve_websocket,
)

import trowamp
from trowamp import RemoteProtocolError, SessionLost, open_router, open_session
from trowamp._pump import HIGH_WATER, Pump
from trowamp._trio_websocket import BodyPump, attach
from trowamp.messages import Event, Message
from trowamp.wire import DEFAULT_MAX_SIZE

SUBPROTOCOLS = ["wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor"]
LARGE = 20 * 1024 * 1024  # octets that trio-websocket takes at once


@asynccontextmanager
async def open_connections(
    subprotocol: str | None,
) -> AsyncGenerator[tuple[WebSocketConnection, WebSocketConnection], None]:
    """Open both ends of a connection; the client's first."""
    send, receive = trio.open_memory_channel[WebSocketConnection](0)

    async def serve(request: WebSocketRequest) -> None:
        await send.send(await request.accept(subprotocol=subprotocol))
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        start = partial(serve_websocket, serve, "127.0.0.1", 0, None, max_message_size=LARGE)
        server = await nursery.start(start)
        client = await connect_websocket(
            nursery,
            "127.0.0.1",
            server.port,
            "/ws",
            use_ssl=False,
            subprotocols=SUBPROTOCOLS,
            max_message_size=LARGE,
        )
        try:
            yield client, await receive.receive()
        finally:
            nursery.cancel_scope.cancel()
            await trio.aclose_forcefully(
                client._stream
            )  # when the server closes, a client leaves it to the garbage collector


@asynccontextmanager
async def open_pumps(subprotocol: str = "wamp.2.msgpack") -> AsyncGenerator[tuple[BodyPump, BodyPump], None]:
    """Open both ends of a connection with their pumps and writers; the client's first."""
    async with open_connections(subprotocol) as connections, trio.open_nursery() as nursery:
        near, far = (attach(connection, max_size=DEFAULT_MAX_SIZE) for connection in connections)
        nursery.start_soon(near.write)
        nursery.start_soon(far.write)
        yield near, far
        nursery.cancel_scope.cancel()


def event(number: int, payload: Any = None) -> Event:
    return Event(1, number, {}, [payload], None)


async def receive(pump: Pump, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += await pump.receive()
        assert not pump.link.is_closed, pump.broken
    return messages


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
async def test_messages_go_both_ways_in_order(subprotocol: str) -> None:
    async with open_pumps(subprotocol) as (near, far):
        for pump in (near, far):
            for number in range(1, 301):
                pump.link.send(event(number, "x" * number))
                if number % 7 == 0:
                    pump.flush()
            pump.flush()
        for pump in (near, far):
            assert [message.publication_id for message in await receive(pump, 300)] == list(range(1, 301))  # type: ignore[attr-defined]  # they are events


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
async def test_large_messages_arrive(subprotocol: str) -> None:
    payload = "x" * 5_000_000
    async with open_pumps(subprotocol) as (near, far):
        near.link.send(event(1, payload))
        near.flush()
        (message,) = await receive(far, 1)
        assert message == event(1, payload)


async def test_a_message_that_is_too_large_for_this_side_is_a_violation() -> None:
    async with open_connections("wamp.2.json") as (client, server):
        pump = attach(server, max_size=100)
        await client.send_message('[36,1,2,{},["' + "x" * 100 + '"]]')
        assert await pump.receive() == []
        assert isinstance(pump.link.error, trowamp.MessageTooLarge)


@pytest.mark.parametrize("subprotocol", [None, "other"])
async def test_a_connection_without_a_subprotocol_of_wamp_is_refused(subprotocol: str | None) -> None:
    async with open_connections(None) as (client, server):
        with pytest.raises(
            ValueError, match="^the connection negotiated the subprotocol None, not one of WAMP's: open it"
        ):
            attach(client, max_size=100)
        async with open_router() as router:
            with pytest.raises(ValueError, match=r"subprotocols=\['wamp.2.cbor', 'wamp.2.msgpack', 'wamp.2.json'\]"):
                await router.serve_websocket(server)


async def test_a_router_that_has_stopped_says_so() -> None:
    async with open_router() as router:
        pass
    async with open_connections("wamp.2.json") as (client, server):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(router.serve_websocket, server)
            with pytest.raises(ConnectionClosed) as caught:
                await client.get_message()
        assert caught.value.reason is not None
        assert (caught.value.reason.code, caught.value.reason.reason) == (1001, "the router shuts down")


@pytest.mark.parametrize(
    ("subprotocol", "body", "words"),
    [
        ("wamp.2.json", b"[36,1,2,{}]", "binary message, but wamp.2.json is not carried by them"),
        ("wamp.2.msgpack", "[36,1,2,{}]", "text message, but wamp.2.msgpack is not carried by them"),
        ("wamp.2.cbor", "[36,1,2,{}]", "text message, but wamp.2.cbor is not carried by them"),
    ],
)
async def test_text_and_binary_messages_are_not_confused(subprotocol: str, body: Any, words: str) -> None:
    async with open_connections(subprotocol) as (client, server):
        pump = attach(server, max_size=DEFAULT_MAX_SIZE)
        await client.send_message(body)
        assert await pump.receive() == []
        assert isinstance(pump.link.error, RemoteProtocolError)
        assert str(pump.link.error) == words


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (1000, None, "1000 normal closure"),
        (1001, None, "1001 going away"),
        (4000, "gone fishing", "4000: gone fishing"),
        (4000, "gone\x1b[31m", "4000: gone\ufffd[31m"),
    ],
)
async def test_the_end_of_the_connection_is_told_in_words(code: int, reason: str | None, words: str) -> None:
    async with open_connections("wamp.2.json") as (client, server):
        pump = attach(client, max_size=DEFAULT_MAX_SIZE)
        await server.send_message("[36,1,2,{}]")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.aclose, code, reason)
            assert await receive(pump, 1) == [Event(1, 2, {}, None, None)]
            assert await pump.receive() == []
        assert pump.broken == f"the WebSocket connection was closed ({words})"
        assert pump.link.is_closed


async def test_a_connection_that_breaks_is_noticed_by_the_writer_as_well() -> None:
    async with open_connections("wamp.2.json") as (client, _server):
        pump = attach(client, max_size=DEFAULT_MAX_SIZE)
        await client.aclose()
        pump.link.send(event(1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.write)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert pump.broken is not None
        assert pump.broken.startswith("the connection broke: the WebSocket connection was closed (1000 normal closure)")


async def test_aborting_wakes_the_reader() -> None:
    async with open_pumps() as (near, _):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.receive)
            await wait_all_tasks_blocked()
            near.transport.abort()
        assert near.link.is_closed
        assert near.broken == "this side closed the connection"
        assert await near.receive() == []


async def test_aborting_wakes_the_writer() -> None:
    async with open_connections("wamp.2.json") as (client, _):
        pump = attach(client, max_size=DEFAULT_MAX_SIZE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.write)
            for number in range(1, 7):  # trio-websocket takes two of them before anybody reads
                pump.link.send(event(number, "x" * 3_000_000))
            pump.flush()
            await wait_all_tasks_blocked(0.01)
            pump.transport.abort()
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert pump.broken == "the connection broke: this side closed the connection"


async def test_producers_wait_for_a_peer_that_does_not_read() -> None:
    async with open_pumps() as (near, far):
        sent = 0
        while not near.is_above_high_water:
            sent += 1
            near.link.send(event(sent, "x" * 100_000))
            near.flush()
            await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.wait_writable)
            await wait_all_tasks_blocked()
            assert near.is_above_high_water
            received = await receive(far, sent)
        assert not near.is_above_high_water
        assert len(received) == sent
        assert sent * 100_000 > HIGH_WATER


async def test_draining_waits_until_everything_is_sent() -> None:
    async with open_pumps() as (near, far):
        for number in range(1, 51):
            near.link.send(event(number, "x" * 100_000))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive, far, 50)
            with assert_checkpoints():
                await near.drain()
            assert not near.link.data_to_send()


async def test_it_says_what_it_is() -> None:
    async with open_connections("wamp.2.json") as (_client, server):
        transport = attach(server, max_size=100).transport
        assert transport.description.startswith("trio-websocket 127.0.0.1:")
        assert transport.details["type"] == "websocket"
        assert transport.details["peer"].startswith("127.0.0.1:")
        assert transport.details["http"]["path"] == "/ws"
        assert transport.details["http"]["headers"]["upgrade"] == "websocket"


@asynccontextmanager
async def open_router_behind_trio_websocket() -> AsyncGenerator[int, None]:
    """Run a router that is reached through a server of trio-websocket; yield its port."""
    async with open_router() as router, trio.open_nursery() as nursery:

        async def serve(request: WebSocketRequest) -> None:
            subprotocol = next(name for name in request.proposed_subprotocols if name in SUBPROTOCOLS)
            await router.serve_websocket(await request.accept(subprotocol=subprotocol))

        server = await nursery.start(partial(serve_websocket, serve, "127.0.0.1", 0, None))
        yield server.port
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
async def test_sessions_talk_through_trio_websocket_on_both_sides(subprotocol: str) -> None:
    async with open_router_behind_trio_websocket() as port:
        async with open_websocket("127.0.0.1", port, "/ws", use_ssl=False, subprotocols=[subprotocol]) as connection:
            async with open_session(connection=connection, realm="realm1") as session:
                await session.register("com.example.add2", lambda x, y: x + y)
                assert await session.call("com.example.add2", 2, 3) == 5
            with pytest.raises(ConnectionClosed):
                await connection.get_message()
            assert connection.closed is not None
            assert connection.closed.code == 1000


async def test_our_own_client_talks_to_it_as_well() -> None:
    async with (
        open_router_behind_trio_websocket() as port,
        open_session(f"ws://127.0.0.1:{port}/ws", realm="realm1") as session,
    ):
        await session.register("com.example.echo", lambda x: x)
        assert await session.call("com.example.echo", "x" * 900_000) == "x" * 900_000


async def test_a_session_is_lost_when_its_connection_is() -> None:
    async with open_router_behind_trio_websocket() as port:
        with pytest.raises(SessionLost, match="the WebSocket connection was closed"):
            async with (
                open_websocket("127.0.0.1", port, "/ws", use_ssl=False, subprotocols=["wamp.2.json"]) as connection,
                open_session(connection=connection, realm="realm1") as session,
            ):
                await session.register("com.example.never", trio.sleep_forever)
                connection._stream.socket.close()  # type: ignore[attr-defined]  # it is one of a socket
                await trio.sleep_forever()


async def test_the_socket_of_a_client_is_released_also_when_the_router_was_the_first_to_close() -> None:
    async with open_router(listen=["ws://127.0.0.1:0/"]) as router:
        async with open_websocket_url(router.urls[0], subprotocols=["wamp.2.json"]) as connection:
            with pytest.raises(trowamp.SessionClosed):
                async with open_session(connection=connection, realm="realm1"):
                    await router._shell.shut_down()
                    await trio.sleep_forever()
            stream = connection._stream
            assert isinstance(stream, trio.SocketStream)
            assert stream.socket.fileno() == -1
