"""Clients that we did not write against a router inside a program on asyncio or Twisted, together with our own client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trowamp_compat.wamp.router import Router

import trowamp
from tests.compat.kit import Kit
from tests.reliability.compat.memory import FRAMEWORKS, Framework
from tests.reliability.compat.threads import beside, rest, until

from .conftest import NewClient
from .remote_client import RemoteClient

REALM = "realm1"
F = "com.example.f"
TOPIC = "com.example.topic"
PYTHON = ("autobahn-asyncio", "autobahn-twisted", "xconn")


class Program:
    """Runs a router until it is told to end.

    Attributes:
        router: The router.
        urls: Where it listens, by framing.
        is_over: Whether it has to end.
    """

    def __init__(self) -> None:
        self.router = Router([REALM])
        self.urls: dict[str, str] = {}
        self.is_over = False

    async def run(self, kit: Kit) -> None:
        if kit.name == "asyncio":
            from trowamp_compat.asyncio.websocket import WampWebSocketServerFactory
        else:
            from trowamp_compat.twisted.websocket import WampWebSocketServerFactory  # type: ignore[assignment]
        factories: dict[str, Any] = {
            "ws": WampWebSocketServerFactory(self.router),
            "rs": kit.rawsocket.WampRawSocketServerFactory(self.router),
        }
        closing = [await self._listen(kit, framing, factory) for framing, factory in factories.items()]
        while not self.is_over:
            await rest(kit, 0.01)
        for close in closing:
            close()

    async def _listen(self, kit: Kit, framing: str, factory: Any) -> Any:
        if kit.name == "asyncio":
            factory.loop = kit.loop
            server = await kit.loop.create_server(factory, "127.0.0.1", 0)
            port, close = server.sockets[0].getsockname()[1], server.close
        else:
            factory.reactor = kit.loop
            listening = kit.loop.listenTCP(0, factory, interface="127.0.0.1")
            port, close = listening.getHost().port, listening.stopListening
        self.urls[framing] = f"{framing}://127.0.0.1:{port}" + ("/ws" if framing == "ws" else "")
        return close

    def end(self) -> None:
        self.is_over = True


@asynccontextmanager
async def open_program(framework: Framework) -> AsyncGenerator[Program, None]:
    program = Program()
    async with beside(framework, program.run):
        try:
            await until(lambda: len(program.urls) == 2, within=10)
            yield program
        finally:
            program.end()


async def call_each_other(session: trowamp.Session, client: RemoteClient) -> None:
    await session.register(F, trowamp.Result)
    result = await client.call(F, 1, "two", three=[3, None])
    assert (result["args"], result["kwargs"]) == ([1, "two"], {"three": [3, None]})
    await client.do("register", procedure=f"{F}.theirs", kind="echo")
    assert await session.call(f"{F}.theirs", 1, "two", three=3) == trowamp.Result(1, "two", three=3)
    with pytest.raises(trowamp.ApplicationError) as caught:
        await client.call("com.example.nobody")
    assert caught.value.uri == "wamp.error.no_such_procedure"


async def publish_to_each_other(session: trowamp.Session, client: RemoteClient) -> None:
    async with session.open_subscription(TOPIC) as events:
        await client.do("publish", topic=TOPIC, args=[1, "two"], kwargs={"three": [3]})
        event = await anext(events)
        assert (event.args, event.kwargs) == ((1, "two"), {"three": [3]})
    await client.do("subscribe", topic=TOPIC)
    for number in range(20):
        await session.publish(TOPIC, number, double=number * 2)
    heard = await client.do("events", count=20)
    assert [(event["args"], event["kwargs"]) for event in heard] == [([n], {"double": n * 2}) for n in range(20)]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("name", "framing"),
    [*((name, "ws") for name in (*PYTHON, "autobahn-js", "wampy")), *((name, "rs") for name in PYTHON)],
)
async def test_they_and_we_call_and_hear_each_other(
    framework: Framework, new_client: NewClient, name: str, framing: str
) -> None:
    client = new_client(name)
    with trio.fail_after(20):
        async with open_program(framework) as program:
            await client.do("join", url=program.urls[framing], realm=REALM, serializer="json")
            async with trowamp.open_session(program.urls["ws"], realm=REALM) as session:
                await call_each_other(session, client)
                await publish_to_each_other(session, client)
                assert await session.call("wamp.session.count") == 2
            await client.do("leave")
            await until(lambda: program.router.statistics().sessions == 0, within=10)
            assert program.router.statistics().violations == 0
