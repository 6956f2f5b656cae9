"""A router inside a program: server factories over a realm of trowamp."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from trowamp_compat.exception import PayloadExceededError
from trowamp_compat.wamp.exception import ApplicationError, TransportLost
from trowamp_compat.wamp.router import Router
from trowamp_compat.wamp.types import PublishOptions

from tests.compat.kit import Kit, Run, join, on_all, on_both, turn, until


async def listen(kit: Kit, factory: Any) -> tuple[str, Any]:
    """Listen on a free port; return where, and what closes it."""
    if kit.name == "asyncio":
        server = await kit.loop.create_server(factory, "127.0.0.1", 0)
        return f"127.0.0.1:{server.sockets[0].getsockname()[1]}", server.close
    port = kit.loop.listenTCP(0, factory, interface="127.0.0.1")
    return f"127.0.0.1:{port.getHost().port}", port.stopListening


@on_all
@pytest.mark.autobahn("S-94")
@pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor"])
def test_a_rawsocket_server_factory_over_a_realm_is_a_router(run: Run, serializer: str) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"])
        place, close = await listen(kit, kit.rawsocket.WampRawSocketServerFactory(router))
        config = {"type": "rawsocket", "url": f"rs://{place}", "serializer": serializer}
        callee, caller = await join(kit, config), await join(kit, config)
        events: list[Any] = []
        await callee.register(lambda x, y: x + y, "com.example.add2")
        await callee.subscribe(events.append, "com.example.topic")
        assert await caller.call("com.example.add2", 2, 3) == 5
        await caller.publish("com.example.topic", 7, options=PublishOptions(acknowledge=True))
        await until(kit, lambda: events)
        assert (events, router.statistics().sessions) == ([7], 2)
        waiting = caller.call("com.example.nothing")
        with pytest.raises(ApplicationError, match="no_such_procedure"):
            await waiting
        await callee.leave()
        await until(kit, lambda: router.statistics().sessions == 1)
        ended = kit.face.create_future()
        caller.on("leave", lambda session, details: kit.face.resolve(ended, details.reason))
        router.shutdown()
        assert await ended == "wamp.close.system_shutdown"
        close()
        await until(kit, lambda: router.statistics().connections == 0)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-30", "W-6")
def test_what_is_no_wamp_ends_a_connection_and_a_ping_is_answered(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"])
        place, close = await listen(kit, kit.rawsocket.WampRawSocketServerFactory(router))
        host, _, port = place.partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.setblocking(False)
            received = bytearray()

            def read() -> bytes:
                try:
                    data = client.recv(4096)
                except BlockingIOError:
                    return b""
                received.extend(data or b"<end>")
                return bytes(received)

            client.sendall(bytes([0x7F, 0xF1, 0, 0]))
            await until(kit, lambda: len(read()) >= 4)
            client.sendall(bytes([1, 0, 0, 2]) + b"hi")
            await until(kit, lambda: read().endswith(bytes([2, 0, 0, 2]) + b"hi"))
            client.sendall(bytes([0, 0, 0, 3]) + b"[1]")
            await until(kit, lambda: read().endswith(b"<end>"))
            assert b"wamp.error.protocol_violation" in received
        close()
        await until(kit, lambda: router.statistics().connections == 0)

    run(scenario)


def is_read(kit: Kit, connection: Any) -> bool:
    """Tell whether the framework reads from a connection."""
    if kit.name == "asyncio":
        return bool(connection.transport.is_reading())
    return connection.transport in kit.loop.getReaders()


@on_both
@pytest.mark.autobahn("W-5", "C-30")
def test_a_transport_that_takes_no_more_lets_nothing_pile_up_in_itself(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"])
        place, close = await listen(kit, kit.rawsocket.WampRawSocketServerFactory(router))
        session = await join(kit, {"type": "rawsocket", "url": f"rs://{place}", "serializer": "cbor"})
        connection = session.transport
        await turn(kit)  # out of what was just received: what is sent during that leaves at its end
        for _ in range(40):
            assert session.publish("com.example.topic", b"x" * 1_000_000) is None
        connection.flush()
        assert connection._is_paused
        for _ in range(2):
            session.publish("com.example.topic", b"x" * 1_000_000)
        connection.flush()
        assert len(connection.link.data_to_send()) > 2_000_000
        connection._received(b"")
        assert connection._is_reading_paused
        assert not is_read(kit, connection)
        waiting = session.publish("com.example.topic", options=PublishOptions(acknowledge=True))
        assert (await waiting).id > 0
        assert (connection._is_paused, len(connection.link.data_to_send())) == (False, 0)
        assert is_read(kit, connection)
        connection.abort()
        with pytest.raises(TransportLost):
            while True:
                await session.publish("com.example.topic", options=PublishOptions(acknowledge=True))
        close()

    run(scenario)


@on_both
@pytest.mark.autobahn("W-6", "S-26")
def test_what_is_too_large_for_the_peer_is_refused_at_once_on_both_frameworks_alike(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        factory = kit.rawsocket.WampRawSocketServerFactory(Router(["realm1"]))
        factory.setProtocolOptions(maxMessagePayloadSize=1024)
        place, close = await listen(kit, factory)
        session = await join(kit, {"type": "rawsocket", "url": f"rs://{place}", "serializer": "cbor"})
        for request in (session.call, session.publish):
            with pytest.raises(PayloadExceededError):
                request("com.example.uri", b"x" * 1024)
        waiting = session.publish("com.example.uri", b"x" * 512, options=PublishOptions(acknowledge=True))
        assert (await waiting).id > 0
        factory.resetProtocolOptions()
        with pytest.raises(AssertionError):
            factory.setProtocolOptions(maxMessagePayloadSize=511)
        await session.leave()
        close()

    run(scenario)
