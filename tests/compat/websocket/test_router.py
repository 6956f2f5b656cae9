"""A router within a program on asyncio or Twisted, over WebSocket and RawSocket."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp.router import Router
from trowamp_compat.wamp.types import ComponentConfig, PublishOptions

from tests.compat.kit import Kit, Run, on_both, until
from tests.compat.websocket.test_sockets import client_factory, connected, listening, module_of
from trowamp.router import RouterOptions


async def joined(kit: Kit, port: int, *, raw: bool = False, serializers: list[str] | None = None) -> Any:
    """Return a session that has joined."""
    ready = kit.face.create_future()

    def make() -> Any:
        session = kit.wamp.ApplicationSession(ComponentConfig("realm1"))
        session.on("ready", lambda session: kit.face.resolve(ready, session))
        session.on("leave", lambda session, details: kit.face.reject(ready, ConnectionError(str(details))))
        return session

    if raw:
        factory = kit.rawsocket.WampRawSocketClientFactory(make)
    else:
        factory = module_of(kit).WampWebSocketClientFactory(make, f"ws://localhost:{port}/", serializers=serializers)
    if kit.name == "asyncio":
        await kit.loop.create_connection(factory, "127.0.0.1", port)
    else:
        factory.reactor = kit.loop
        kit.loop.connectTCP("127.0.0.1", port, factory)
    return await ready


@on_both
@pytest.mark.parametrize("raw", [False, True], ids=["websocket", "rawsocket"])
def test_a_program_can_have_a_router_of_its_own(run: Run, raw: bool) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"])
        made: Any = kit.rawsocket.WampRawSocketServerFactory if raw else module_of(kit).WampWebSocketServerFactory
        async with listening(kit, made(router)) as port:
            one = await joined(kit, port, raw=raw, serializers=["json"])
            two = await joined(kit, port, raw=raw, serializers=["cbor"])
            events: list[Any] = []
            await one.register(lambda a, b: a + b, "com.example.sum")
            await two.subscribe(events.append, "com.example.topic")
            assert await two.call("com.example.sum", 2, 3) == 5
            await one.publish("com.example.topic", "hello", options=PublishOptions(acknowledge=True))
            await until(kit, lambda: events)
            assert events == ["hello"]
            statistics = router.statistics()
            assert (statistics.sessions, statistics.registrations) == (2, 1)
            one.leave()
            await until(kit, lambda: router.statistics().sessions == 1)
            router.shutdown()
            await until(kit, lambda: two.transport is None)
            await until(kit, lambda: router.statistics().connections == 0)

    run(scenario)


@on_both
def test_a_client_whose_connection_is_being_closed_keeps_nothing_from_the_others(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"])
        served: list[Any] = []
        factory = module_of(kit).WampWebSocketServerFactory(router)

        class Noted(factory.protocol):  # type: ignore[name-defined,misc]
            def onOpen(self) -> None:
                super().onOpen()
                served.append(self)

        factory.protocol = Noted
        async with listening(kit, factory) as port:
            one, two = await joined(kit, port), await joined(kit, port)
            told: list[Any] = []
            two.on("leave", lambda session, details: told.append(details.reason))
            served[0].sendClose()
            router.shutdown()
            await until(kit, lambda: one.transport is None and two.transport is None)
            assert told == ["wamp.close.system_shutdown"]
            await until(kit, lambda: router.statistics().connections == 0)

    run(scenario)


@on_both
def test_who_says_nothing_is_not_kept(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"], RouterOptions(handshake_timeout=0.1))
        async with listening(kit, module_of(kit).WampWebSocketServerFactory(router)) as port:
            factory = client_factory(kit, port)
            factory.protocols = ["wamp.2.json"]
            silent = await connected(kit, factory, port)
            await silent.is_closed
            assert silent.wasClean

    run(scenario)


@on_both
@pytest.mark.parametrize("payload", [b"nonsense", b'[1,"realm1"]', b"x" * 70000])
def test_who_breaks_the_protocol_is_told_so(run: Run, payload: bytes) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"])
        heard: list[bytes] = []

        def note(self: Any, payload: bytes, is_binary: bool) -> None:
            heard.append(payload)

        async with listening(kit, module_of(kit).WampWebSocketServerFactory(router)) as port:
            factory = client_factory(kit, port, onMessage=note)
            factory.protocols = ["wamp.2.json"]
            client = await connected(kit, factory, port)
            client.sendMessage(payload)
            await client.is_closed
            assert len(heard) == 1
            assert b"wamp.error.protocol_violation" in heard[0]

    run(scenario)


@on_both
def test_a_realm_that_is_not_there_cannot_be_joined(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        async with listening(kit, module_of(kit).WampWebSocketServerFactory(Router(["realm2"]))) as port:
            with pytest.raises(ConnectionError, match="no_such_realm"):
                await joined(kit, port)

    run(scenario)


@on_both
def test_what_a_slow_client_does_not_take_counts_until_it_is_too_much(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"], RouterOptions(outbox_limit=2**20))
        async with listening(kit, module_of(kit).WampWebSocketServerFactory(router)) as port:
            slow, busy = await joined(kit, port), await joined(kit, port)
            await slow.subscribe(lambda *_: None, "com.example.topic")
            transport = slow.transport.transport
            (getattr(transport, "pause_reading", None) or transport.pauseProducing)()
            for _ in range(400):
                if router.statistics().sessions == 1:
                    break
                await busy.publish("com.example.topic", "x" * 2**16, options=PublishOptions(acknowledge=True))
            await until(kit, lambda: router.statistics().sessions == 1)
            assert await busy.call("wamp.session.count") == 1
            for session in (slow, busy):
                gone = session.transport.is_closed
                session.transport.abort()
                await gone
            await until(kit, lambda: router.statistics().connections == 0)

    run(scenario)
