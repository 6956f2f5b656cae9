"""RawSocket factories as programs use them with `create_connection` and `connectTCP`: what they make, and over which socket."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from trowamp_compat.wamp.message import Hello
from trowamp_compat.wamp.serializer import JsonSerializer
from trowamp_compat.wamp.types import ComponentConfig

from tests.compat.kit import Kit, Run, on_both, transport, until
from tests.compat.websocket.test_sockets import listening


async def connected(kit: Kit, factory: Any, port: int) -> Any:
    """Connect what a factory makes; return it."""
    if kit.name == "asyncio":
        _, protocol = await kit.loop.create_connection(factory, "127.0.0.1", port)
        return protocol
    from twisted.internet.endpoints import TCP4ClientEndpoint

    factory.reactor = kit.loop
    endpoint: Any = TCP4ClientEndpoint(kit.loop, "127.0.0.1", port)
    return await endpoint.connect(factory)


@on_both
@pytest.mark.autobahn("S-94")
@pytest.mark.parametrize("serializer", [None, "json", JsonSerializer()], ids=["default", "name", "object"])
def test_a_client_factory_makes_connections_of_its_class_with_a_session_each(
    run: Run, router_url: str, serializer: Any
) -> None:
    port = int(transport(router_url)["url"].rpartition(":")[2])

    async def scenario(kit: Kit) -> None:
        class Protocol(kit.rawsocket.WampRawSocketClientProtocol):  # type: ignore[misc, name-defined]
            """A program's own."""

        session = kit.wamp.ApplicationSession(ComponentConfig("realm1"))
        made: list[Any] = []

        def make() -> Any:
            made.append(kit.wamp.ApplicationSession(ComponentConfig("realm1")))
            return made[-1]

        for maker in (session, make, make):
            factory = kit.rawsocket.WampRawSocketClientFactory(maker, serializer)
            assert factory.protocol is kit.rawsocket.WampRawSocketClientProtocol
            factory.protocol = Protocol
            connection = await connected(kit, factory, port)
            used = await until(kit, lambda: connection._session)  # noqa: B023  # at once
            await until(kit, used.is_attached)
            assert used is (made[-1] if maker is make else session)
            assert (type(connection), connection.factory, type(used)) == (Protocol, factory, type(session))
            assert connection.link.serializer.name == ("cbor" if serializer is None else "json")
            await used.leave()
        assert len(made) == 2

    run(scenario)


@on_both
@pytest.mark.autobahn("S-94")
def test_a_server_factory_hands_the_messages_to_whatever_its_factory_makes(run: Run) -> None:
    class Handler:
        heard: list[Any] = []  # noqa: RUF012  # of all of them

        def onOpen(self, transport: Any) -> None:
            assert transport.isOpen()

        def onMessage(self, message: Any) -> None:
            self.heard.append(message)

        def onClose(self, was_clean: bool) -> None:
            self.heard.append("closed")

    async def scenario(kit: Kit) -> None:
        Handler.heard.clear()
        factory = kit.rawsocket.WampRawSocketServerFactory(Handler, serializers=["msgpack"])
        assert factory.protocol is kit.rawsocket.WampRawSocketServerProtocol
        async with listening(kit, factory) as port:
            session = kit.wamp.ApplicationSession(ComponentConfig("realm7"))
            connection = await connected(kit, kit.rawsocket.WampRawSocketClientFactory(session, "msgpack"), port)
            await until(kit, lambda: Handler.heard)
            assert (type(Handler.heard[0]), Handler.heard[0].realm) == (Hello, "realm7")
            connection.close()
            await until(kit, lambda: Handler.heard[1:] == ["closed"])
            refused = await connected(kit, kit.rawsocket.WampRawSocketClientFactory(print, "json"), port)
            await refused.is_closed
            assert "serializer" in refused.close_reason
        assert len(Handler.heard) == 2

    run(scenario)


@on_both
@pytest.mark.autobahn("W-5")
def test_small_messages_are_sent_at_once(run: Run, router_url: str) -> None:
    port = int(transport(router_url)["url"].rpartition(":")[2])

    async def scenario(kit: Kit) -> None:
        session = kit.wamp.ApplicationSession(ComponentConfig("realm1"))
        connection = await connected(kit, kit.rawsocket.WampRawSocketClientFactory(session), port)
        await until(kit, session.is_attached)
        if kit.name == "asyncio":
            sock = connection.transport.get_extra_info("socket")
        else:
            sock = connection.transport.getHandle()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await session.leave()

    run(scenario)
