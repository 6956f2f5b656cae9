"""Any protocol of Twisted over WebSocket, and the endpoints for it. Only Twisted has such a thing."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trowamp_compat.twisted import endpoints
from trowamp_compat.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketServerFactory,
    WrappingWebSocketClientFactory,
    WrappingWebSocketServerFactory,
)
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol
from twisted.plugin import IPlugin

from tests.cli.program import environment_of
from tests.compat.kit import RUNNERS, Kit, Run
from tests.compat.websocket.pairs import End, TwistedWorld, World, a_world, noting, told

URL = "ws://localhost:9000/"


class Noting(Protocol):
    """A stream protocol that notes what it is told."""

    transport: Any = None

    def __init__(self) -> None:
        self.octets = b""
        self.ends: list[type[BaseException]] = []

    def dataReceived(self, data: bytes) -> None:
        self.octets += data

    def connectionLost(self, reason: Any = None) -> None:
        self.ends.append(type(reason.value))


@pytest.fixture
def world() -> Iterator[World]:
    with a_world("twisted") as opened:
        yield opened


def stream_factory(protocol: Any = Noting) -> Factory:
    return Factory.forProtocol(protocol)


def joined(world: World, **options: Any) -> tuple[Any, Any]:
    """Return the wrapping protocols of both sides."""
    return world.join(
        WrappingWebSocketServerFactory(stream_factory(), URL, **options),
        WrappingWebSocketClientFactory(stream_factory(), URL, **options),
    )


def test_octets_go_both_ways(world: World) -> None:
    server, client = joined(world)
    assert ITransport.providedBy(client)
    assert client.wrapped.transport is client
    client.wrapped.transport.write(b"to the server, ")
    client.wrapped.transport.writeSequence([b"in ", b"pieces"])
    server.wrapped.transport.write(bytearray(b"to the client"))
    world.run()
    assert server.wrapped.octets == b"to the server, in pieces"
    assert client.wrapped.octets == b"to the client"
    assert client.websocket_protocol_in_use == "binary"
    assert [each.EXTENSION_NAME for each in client.websocket_extensions_in_use] == ["permessage-deflate"]
    assert client.getPeer().port == 2
    assert client.getHost().port == 1


def test_compression_and_fragments_can_be_chosen(world: World) -> None:
    _, client = joined(world, enableCompression=False, autoFragmentSize=10, subprotocol="more")
    assert client.websocket_extensions_in_use == []
    assert client.websocket_protocols == ["binary", "base64", "more"]
    client.wrapped.transport.write(bytes(25))
    assert client.trafficStats.outgoingWebSocketFrames == 3


@pytest.mark.parametrize(
    ("offered", "selected", "encode"), [("base64", "base64", base64.b64encode), ("more", "more", bytes)]
)
def test_the_subprotocol_says_how_octets_travel(world: World, offered: str, selected: str, encode: Any) -> None:
    client_factory = WebSocketClientFactory(URL, protocols=["unknown", offered])
    client_factory.protocol = noting(client_factory.protocol, None)
    server, client = world.join(
        WrappingWebSocketServerFactory(stream_factory(), URL, subprotocol="more"), client_factory
    )
    is_binary = selected != "base64"
    client.sendMessage(encode(b"\0\xff"), is_binary)
    server.wrapped.transport.write(b"\xfe\0")
    world.run()
    assert client.websocket_protocol_in_use == selected
    assert server.wrapped.octets == b"\0\xff"
    assert told(client, "onMessage") == [(encode(b"\xfe\0"), is_binary)]


@pytest.mark.parametrize(
    ("subprotocol", "payload", "is_binary", "code"),
    [("binary", b"text", False, 1003), ("base64", b"YQ==", True, 1003), ("base64", b"no base64!", False, 1007)],
)
def test_messages_of_another_kind_end_the_connection(
    world: World, subprotocol: str, payload: bytes, is_binary: bool, code: int
) -> None:
    client_factory = WebSocketClientFactory(URL, protocols=[subprotocol])
    server_factory = WrappingWebSocketServerFactory(stream_factory(), URL)
    server_factory.setProtocolOptions(failByDrop=False)
    server, client = world.join(server_factory, client_factory)
    client.sendMessage(payload, is_binary)
    world.run()
    assert client.remoteCloseCode == code
    assert server.wrapped.octets == b""


def test_a_client_without_a_known_subprotocol_is_refused(world: World) -> None:
    client_factory = WebSocketClientFactory(URL, protocols=["unknown"])
    client_factory.protocol = noting(client_factory.protocol, None)
    server, client = world.join(WrappingWebSocketServerFactory(stream_factory(), URL), client_factory)
    assert "406" in told(client, "onClose")[0][2]
    assert server.wrapped.transport is None
    assert server.wrapped.ends == []


def test_a_server_that_selects_nothing_is_left(world: World) -> None:
    _, client = world.join(WebSocketServerFactory(), WrappingWebSocketClientFactory(stream_factory(), URL))
    assert client.wrapped.transport is None
    with pytest.raises(ConnectionError, match="subprotocols"):
        world.result(client.is_made)


def test_a_connection_is_closed_in_good_order(world: World) -> None:
    server, client = joined(world)
    client.wrapped.transport.write(b"the last words")
    client.wrapped.transport.loseConnection()
    assert client.disconnecting
    client.wrapped.transport.write(b"too late")
    world.run()
    assert server.wrapped.octets == b"the last words"
    assert server.wrapped.ends == client.wrapped.ends == [ConnectionDone]


def test_a_connection_that_breaks_is_told_of_as_such(world: World) -> None:
    server, client = joined(world)
    client.wrapped.transport.abortConnection()
    world.run()
    assert server.wrapped.ends == client.wrapped.ends == [ConnectionLost]


class Producer:
    """Writes pieces; notes what it is told."""

    def __init__(self, transport: Any, pieces: int) -> None:
        self.transport = transport
        self.pieces = pieces
        self.told: list[str] = []

    def resumeProducing(self) -> None:
        self.told.append("resume")
        if self.pieces:
            self.pieces -= 1
            self.transport.write(b"piece")
        else:
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def stopProducing(self) -> None:
        self.told.append("stop")


def test_a_producer_that_wants_to_be_asked_is_asked_for_each_piece(world: TwistedWorld) -> None:
    server, client = joined(world)
    producer = Producer(client, 20)
    client.registerProducer(producer, False)
    world.advance(1)
    assert server.wrapped.octets == b"piece" * 20
    assert client.wrapped.ends == [ConnectionDone]
    assert producer.told == ["resume"] * 21


def test_a_producer_is_not_asked_while_the_peer_takes_nothing(world: TwistedWorld) -> None:
    _, client = joined(world)
    producer = Producer(client, 100)
    client.pauseProducing()
    client.registerProducer(producer, False)
    world.advance(1)
    assert producer.told == []
    client.resumeProducing()
    world.advance(1)
    assert producer.told == ["resume"] * 101


def test_a_producer_is_stopped_when_the_connection_is_gone(world: TwistedWorld) -> None:
    _, client = joined(world)
    producer = Producer(client, 100)
    client.registerProducer(producer, False)
    client.pauseProducing()
    world.lose(client.transport)
    assert producer.told == ["stop"]


def test_a_producer_that_fails_ends_the_connection(world: TwistedWorld) -> None:
    class Failing(Producer):
        def resumeProducing(self) -> None:
            super().resumeProducing()
            raise RuntimeError("it cannot be read")

    server, client = joined(world)
    client.failByDrop = False
    producer = Failing(client, 1)
    client.registerProducer(producer, False)
    world.advance(1)
    assert server.remoteCloseCode == 1011
    assert producer.told == ["resume", "stop"]


def test_a_producer_that_streams_is_told_to_pause(world: World) -> None:
    _, client = joined(world)
    producer = Producer(client, 0)
    client.registerProducer(producer, True)
    client.pauseProducing()
    assert producer.told == ["pause"]


def test_the_factory_that_is_wrapped_starts_and_stops_and_may_refuse(world: World) -> None:
    inner = stream_factory(lambda: None)
    inner.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    factory = WrappingWebSocketServerFactory(inner, URL)
    factory.startFactory()
    assert inner.numPorts == 1
    assert factory.buildProtocol(None) is None
    factory.stopFactory()
    assert inner.numPorts == 0


def escaped(text: str) -> str:
    return text.replace(":", "\\:").replace("=", "\\=")


class Echo(Noting):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data.upper())


class Asking(Noting):
    def __init__(self, answered: Any) -> None:
        super().__init__()
        self.answered = answered

    def connectionMade(self) -> None:
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if len(self.octets) == 5:
            self.answered.callback(self.octets)


async def over_endpoints(kit: Kit) -> bytes:
    from twisted.internet.defer import Deferred

    server = endpoints.serverFromString(
        kit.loop, f"autobahn:{escaped('tcp:0:interface=127.0.0.1')}:url={escaped('ws://localhost')}:autofrag=2"
    )
    port = await server.listen(stream_factory(Echo))
    number = port.getHost().port
    answered: Deferred[bytes] = Deferred()
    client = endpoints.clientFromString(
        kit.loop, f"autobahn:{escaped(f'tcp:127.0.0.1:{number}')}:url={escaped(f'ws://localhost:{number}')}"
    )
    protocol = await client.connect(stream_factory(lambda: Asking(answered)))
    assert protocol.transport.isOpen()
    answer = await answered
    protocol.transport.loseConnection()
    await protocol.transport.is_closed
    await port.stopListening()
    return answer


@pytest.mark.parametrize("run", [RUNNERS["twisted-epoll"]], ids=["twisted"])
def test_endpoint_strings_carry_any_protocol_over_websocket(run: Run) -> None:
    assert run(over_endpoints) == b"HELLO"


@pytest.mark.parametrize("from_string", [endpoints.serverFromString, endpoints.clientFromString])
@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("tcp\\:localhost\\:9000", "needs a url"),
        ("url=ws\\://localhost", "one endpoint beneath"),
        ("tcp\\:localhost\\:9000:url=ws\\://localhost:compress=maybe", "true or false"),
        ("tcp\\:localhost\\:9000:url=ws\\://localhost:autofrag=-1", "number of octets"),
        ("tcp\\:localhost\\:9000:url=ws\\://localhost:other=1", "have no other"),
    ],
)
def test_endpoint_strings_that_make_no_sense_are_refused(from_string: Any, rest: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_string(None, f"autobahn:{rest}")


def test_endpoint_strings_hold_all_options() -> None:
    text = "autobahn:tcp\\:9000:url=ws\\://localhost\\:9000/a\\=b:compress=false:autofrag=7:subprotocol=more"
    made: list[Any] = []

    class Beneath:
        def listen(self, factory: Any) -> None:
            made.append(factory)

    endpoint = endpoints.serverFromString(None, text)
    endpoint._endpoint = Beneath()
    endpoint.listen(stream_factory())
    (factory,) = made
    assert (factory.url, factory.autoFragmentSize) == ("ws://localhost:9000/a=b", 7)
    assert factory.protocols == ["binary", "base64", "more"]
    assert factory.perMessageCompressionAccept([object()]) is None


def test_other_strings_are_those_of_twisted_and_the_parsers_can_be_its_plugins() -> None:
    from twisted.internet import reactor
    from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint

    assert isinstance(endpoints.serverFromString(reactor, "tcp:9000"), TCP4ServerEndpoint)
    assert isinstance(endpoints.clientFromString(reactor, "tcp:localhost:9000"), TCP4ClientEndpoint)
    for parser in (endpoints.AutobahnServerParser(), endpoints.AutobahnClientParser()):
        assert IPlugin.providedBy(parser)
        assert parser.prefix == "autobahn"


def test_a_program_can_have_the_parsers_as_plugins_of_twisted(project: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "websocket_endpoints.py").write_text(
        "from trowamp_compat.twisted.endpoints import AutobahnClientParser, AutobahnServerParser\n"
        "server, client = AutobahnServerParser(), AutobahnClientParser()\n"
    )
    program = (
        "from twisted.internet import endpoints, reactor\n"
        "for beneath, find in (('tcp', endpoints.serverFromString), ('tcp\\\\:localhost', endpoints.clientFromString)):\n"
        "    print(type(find(reactor, f'autobahn:{beneath}\\\\:9000:url=ws\\\\://localhost')).__name__)\n"
    )
    environment = environment_of(project, {"PYTHONPATH": f"{tmp_path}:{project}:{project / 'compat'}"})
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["AutobahnServerEndpoint", "AutobahnClientEndpoint"], run.stderr


def test_a_connection_that_is_refused_fails_the_endpoint(world: World) -> None:
    class Beneath:
        def connect(self, factory: Any) -> Any:
            from twisted.internet.defer import succeed

            self.end: End = world.attach(factory)
            return succeed(self.end.protocol)

    beneath = Beneath()
    endpoint = endpoints.AutobahnClientEndpoint(None, beneath, {"url": URL})
    connecting = endpoint.connect(stream_factory())
    world.feed(beneath.end, b"HTTP/1.1 404 Not Found\r\n\r\n")
    world.lose(beneath.end)
    with pytest.raises(ConnectionError, match="404"):
        world.result(connecting)


def test_the_factory_of_a_server_can_be_imported_from_the_package() -> None:
    import trowamp_compat.twisted

    assert trowamp_compat.twisted.WrappingWebSocketServerFactory is WrappingWebSocketServerFactory
