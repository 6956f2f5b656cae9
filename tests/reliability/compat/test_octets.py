"""R9, R10 on asyncio and Twisted: routers that talk nonsense, octets of any kind into every protocol: an error of the session, and no more."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from trowamp_compat.wamp.exception import Error
from trowamp_compat.wamp.types import ComponentConfig, PublishOptions

from tests.faults.goals import check, scaled, seed_of
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import PLAIN, conversation
from trowamp import WampError
from trowamp.wire import SERIALIZERS, websocket_server

from .memory import End, Framework, World, on_frameworks, run_in_memory

SESSIONS = 600
INPUTS = 4000  # of all targets together
MEASURED = 20  # of them, with an eye on memory
MIB = 2**20
PIECES = 10
LONG = {"rs": "rawsocket", "ws": "websocket"}


class Babbler:
    """A router that says what it was told to, whatever it hears, and closes. On WebSocket it shakes hands first."""

    def __init__(self, framing: str, octets: bytes, later: Callable[..., Any]) -> None:
        self._octets = octets
        self._later = later
        self._link = websocket_server(tuple(SERIALIZERS.values()), compression="deflate") if framing == "ws" else None
        self._end: Any = None

    def begin(self, end: End) -> None:
        self._end = end
        if self._link is None:
            self._babble()

    def hear(self, data: bytes) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.receive_data(data)
            self._end.write(bytes(link.data_to_send()))
            self._babble()

    def _babble(self) -> None:
        """Say it piece by piece: the client shall have time to ask for something."""
        for number in range(PIECES):
            piece = self._octets[number * len(self._octets) // PIECES : (number + 1) * len(self._octets) // PIECES]
            self._later(number / 1000, self._end.write, piece)
        self._later(PIECES / 1000, self._end.close)

    def over(self, *_: Any) -> None:
        """The client is gone."""

    connection_made = makeConnection = begin  # noqa: N815
    data_received = dataReceived = hear  # noqa: N815
    connection_lost = connectionLost = eof_received = over  # noqa: N815


def said_by_router(framing: str, serializer: str) -> bytes:
    """Return what a router says in a short life, but for the handshake of WebSocket."""
    octets = conversation(LONG[framing], serializer)[1]
    return octets.partition(b"\r\n\r\n")[2] if framing == "ws" else octets


async def visit(world: World, framing: str, serializer: str, octets: bytes, told: Counter[str]) -> None:
    """Visit a router that babbles."""

    async def main(session: Any) -> None:
        acknowledged = PublishOptions(acknowledge=True)
        futures = [
            session.subscribe(print, "com.example.topic"),
            session.register(print, "com.example.procedure"),
            session.publish("com.example.topic", 1, options=acknowledged),
            session.call("com.example.procedure"),
        ]
        told["requests"] += len(futures)
        ended = await world.kit.face.gather(futures)
        told["requests that ended"] += len(ended)

    def note(event: str) -> Callable[..., None]:
        return lambda *_: told.update([event])

    world.network.serve = lambda: Babbler(framing, octets, world.network.later)
    options = {"options": {"perMessageCompressionOffers": ["deflate"]}} if framing == "ws" else {}
    transport = world.transport(framing, serializer, max_retries=0, **options)
    component = world.kit.component.Component(transports=transport, realm="realm1")
    component.on("ready", main)
    for event in ("connect", "join", "ready", "leave", "disconnect"):
        component.on(event, note(event))
    try:
        await component.start(world.kit.loop)
    except (Error, WampError, OSError):
        told["ended with an error"] += 1
    else:
        told["ended in good order"] += 1


async def visits(world: World, chance: random.Random, count: int) -> Counter[str]:
    told: Counter[str] = Counter()
    tasks = world.tasks()
    for _ in range(count):
        framing, serializer = chance.choice(("rs", "ws")), chance.choice(PLAIN)
        await visit(world, framing, serializer, mutated([said_by_router(framing, serializer)], chance, changes=3), told)
        await world.rest(PIECES / 1000)  # what it still had to say goes nowhere
        assert (world.network.connections, world.timers(), world.tasks()) == (0, 0, tasks)
    return told


@on_frameworks
def test_a_client_ends_corrupted_sessions_with_an_error_of_its_own(framework: Framework) -> None:
    chance = random.Random(seed_of("corrupted at a client"))
    count = scaled(SESSIONS)
    told = run_in_memory(framework, visits, chance, count)
    assert told["leave"] >= told["join"] > count / 20
    assert told["requests that ended"] == told["requests"] > count / 20
    assert told["disconnect"] == told["connect"] > count / 4
    check("R9", f"corrupted sessions at a client, {framework}", told["ended with an error"], ">=", count / 2)
    check("R9", f"corrupted sessions that never ended, {framework}", count - sum_of_ends(told), "==", 0)


def sum_of_ends(told: Counter[str]) -> int:
    return told["ended with an error"] + told["ended in good order"]


# ---- every protocol there is


class Pipe:
    """A protocol of one kind, which gets octets and must not fail over them."""

    def __init__(self, world: World, role: str, framing: str, serializer: str) -> None:
        self.ends = 0
        self.begun = 0
        self._world = world
        self._corpus = [conversation(LONG[framing], serializer)[role == "client"]]
        self.protocol = getattr(self, f"_{role}")(framing, serializer)

    def feed(self, chance: random.Random) -> int:
        """Feed it, and end the connection; return how many octets that were."""
        octets = mutated(self._corpus, chance, changes=4)
        end = self._world.network.attach(self.protocol)
        half = chance.randrange(len(octets) + 1)
        for piece in (octets[:half], octets[half:]):
            if piece:
                end.take(piece)
        end.lose(chance.random() < 0.5)
        return len(octets)

    def _session(self) -> Any:
        session = self._world.kit.wamp.ApplicationSession(ComponentConfig("realm1"))
        session.on("connect", lambda *_: self._note("begun"))
        session.on("disconnect", lambda *_: self._note("ends"))
        return session

    def _note(self, what: str) -> None:
        setattr(self, what, getattr(self, what) + 1)

    def _client(self, framing: str, serializer: str) -> Any:
        """A client whose router is not the one that its handshake asked for."""
        if framing == "rs":
            factory = self._world.kit.rawsocket.WampRawSocketClientFactory(self._session, serializer)
        else:
            make = self._world.websocket.WampWebSocketClientFactory
            factory = make(self._session, "ws://localhost/ws", serializers=[serializer])
        return self._world.made_by(factory)()

    def _server(self, framing: str, serializer: str) -> Any:
        """A server with a router behind it."""
        return self._world.made_by(self._world.server_factory(framing, self._world.router))()

    def _echo(self, framing: str, serializer: str) -> Any:
        """A server without WAMP."""
        pipe = self

        class Echo(self._world.websocket.WebSocketServerProtocol):  # type: ignore[misc, name-defined]
            def onConnect(self, request: Any) -> Any:  # noqa: N802
                return request.protocols[0] if request.protocols else None

            def onOpen(self) -> None:  # noqa: N802
                pipe.begun += 1

            def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
                self.sendMessage(payload, isBinary)

            def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
                pipe.ends += 1

        factory = self._world.websocket.WebSocketServerFactory()
        factory.protocol = Echo
        return self._world.made_by(factory)()


KINDS = [("client", "rs"), ("client", "ws"), ("server", "rs"), ("server", "ws"), ("echo", "ws")]


async def feed_all(world: World, chance: random.Random, count: int) -> tuple[int, float]:
    """Feed protocols of all kinds; return how many sessions began, and the worst part of the memory that an input may take."""
    begun, worst, tasks = 0, 0.0, world.tasks()
    for number in range(count):
        role, framing = chance.choice(KINDS)
        pipe = Pipe(world, role, framing, chance.choice(PLAIN))
        if number < MEASURED:
            gc.collect()
            tracemalloc.start()
            size = pipe.feed(chance)
            worst = max(worst, tracemalloc.get_traced_memory()[1] / (16 * size + MIB))
            tracemalloc.stop()
        else:
            pipe.feed(chance)
        await world.turn()
        assert pipe.ends >= pipe.begun, (role, framing)
        begun += pipe.begun
        left = world.router.statistics()
        assert (left.connections, left.sessions, left.subscriptions, left.registrations) == (0, 0, 0, 0)
        assert (world.network.connections, world.tasks()) == (0, tasks), (role, framing)
        assert world.timers() <= 1, (role, framing)  # the router's own
    return begun, worst


@on_frameworks
def test_every_protocol_takes_any_octets(framework: Framework) -> None:
    chance = random.Random(seed_of("octets of any kind"))
    count = scaled(INPUTS) // 2
    begun, worst = run_in_memory(framework, feed_all, chance, count)
    assert begun > count / 20
    check("R10", f"octets of any kind into clients and servers, {framework}", count, ">=", scaled(INPUTS) / 2)
    check("R10", f"peak memory, of 16 times the input and 1 MiB, {framework}", worst, "<=", 1)


@on_frameworks
@pytest.mark.parametrize(
    "head",
    [b"GET //[ HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: [\r\n"],
    ids=["target", "host"],
)
def test_a_request_for_what_is_no_url_is_refused(framework: Framework, head: bytes) -> None:
    request = head + (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    async def scenario(world: World) -> bytes:
        end = world.network.attach(Pipe(world, "echo", "ws", "json").protocol)
        end.take(request)
        await world.rest(10)
        assert end.is_lost
        return bytes(end.sent)

    assert run_in_memory(framework, scenario).startswith(b"HTTP/1.1 400 ")


@on_frameworks
def test_a_router_in_a_role_that_nobody_knows_is_left(framework: Framework) -> None:
    async def scenario(world: World) -> Counter[str]:
        told: Counter[str] = Counter()
        octets = conversation("rawsocket", "json")[1].replace(b'"dealer"', b'"dealre"')
        await visit(world, "rs", "json", octets, told)
        await world.rest(PIECES / 1000)
        return told

    told = run_in_memory(framework, scenario)
    assert told == {"connect": 1, "leave": 1, "disconnect": 1, "ended with an error": 1}
