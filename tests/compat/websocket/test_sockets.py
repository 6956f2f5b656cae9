"""The WebSocket classes over real sockets: TCP, TLS, sockets in the file system, resources of Twisted Web, client agents, and WAMP on top."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from trowamp_compat.wamp import message, role
from trowamp_compat.wamp.types import ComponentConfig
from trowamp_compat.websocket.interfaces import IWebSocketChannelStreamingApi, IWebSocketClientAgent

from tests.compat.kit import Kit, Run, on_all, on_both, until
from tests.compat.websocket.pairs import noting, told

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Twisted's own, towards pyOpenSSL


def module_of(kit: Kit) -> Any:
    if kit.name == "asyncio":
        from trowamp_compat.asyncio import websocket as asyncio_module

        return asyncio_module
    from trowamp_compat.twisted import websocket as twisted_module

    return twisted_module


def echo(self: Any, payload: bytes, is_binary: bool) -> None:
    self.sendMessage(payload, is_binary)


class Tls:
    """A server's certificate, and who believes it."""

    def __init__(self, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
        if kit.name == "twisted":  # whose TLS would write by the clock of the reactor that is installed
            monkeypatch.setattr("twisted.protocols.tls._get_default_clock", lambda: kit.loop)
        self.authority = trustme.CA()
        self.certificate = self.authority.issue_cert("localhost")

    def server(self, kit: Kit) -> Any:
        if kit.name == "asyncio":
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.certificate.configure_cert(context)
            return context
        from twisted.internet.ssl import PrivateCertificate

        pem = self.certificate.cert_chain_pems[0].bytes() + self.certificate.private_key_pem.bytes()
        return PrivateCertificate.loadPEM(pem).options()  # type: ignore[no-untyped-call]

    def client(self, kit: Kit) -> Any:
        if kit.name == "asyncio":
            context = ssl.create_default_context()
            self.authority.configure_trust(context)
            return context
        from twisted.internet.ssl import Certificate, optionsForClientTLS

        root = Certificate.loadPEM(self.authority.cert_pem.bytes())
        return optionsForClientTLS("localhost", trustRoot=root)


@asynccontextmanager
async def listening(kit: Kit, factory: Any, tls: Any = None) -> AsyncIterator[int]:
    """Serve on a port of 127.0.0.1."""
    if kit.name == "asyncio":
        server = await kit.loop.create_server(factory, "127.0.0.1", 0, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
        return
    factory.reactor = kit.loop
    if tls is None:
        port = kit.loop.listenTCP(0, factory, interface="127.0.0.1")
    else:
        port = kit.loop.listenSSL(0, factory, tls, interface="127.0.0.1")
    try:
        yield port.getHost().port
    finally:
        await port.stopListening()


async def connected(kit: Kit, factory: Any, port: int, tls: Any = None) -> Any:
    """Connect a client; return its protocol, when it is open."""
    if kit.name == "asyncio":
        host = "localhost" if tls is not None else None
        _, protocol = await kit.loop.create_connection(factory, "127.0.0.1", port, ssl=tls, server_hostname=host)
        return await protocol.is_open
    from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS

    factory.reactor = kit.loop
    endpoint: Any = TCP4ClientEndpoint(kit.loop, "127.0.0.1", port)
    if tls is not None:
        endpoint = wrapClientTLS(tls, endpoint)
    protocol = await endpoint.connect(factory)
    return await protocol.is_open


def server_factory(kit: Kit, **methods: Any) -> Any:
    factory = module_of(kit).WebSocketServerFactory()
    factory.protocol = noting(module_of(kit).WebSocketServerProtocol, {"onMessage": echo, **methods})
    return factory


def client_factory(kit: Kit, port: int = 80, **methods: Any) -> Any:
    factory = module_of(kit).WebSocketClientFactory(f"ws://localhost:{port}/")
    factory.protocol = noting(module_of(kit).WebSocketClientProtocol, methods)
    return factory


@on_all
@pytest.mark.autobahn("S-92")
def test_messages_go_over_a_socket_and_both_sides_close(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        async with listening(kit, server_factory(kit)) as port:
            client = await connected(kit, client_factory(kit, port), port)
            assert issubclass(type(client), IWebSocketChannelStreamingApi)
            for payload in (b"one", b"x" * 2**20, b""):
                client.sendMessage(payload, True)
            await until(kit, lambda: len(told(client, "onMessage")) == 3)
            assert [len(payload) for payload, _ in told(client, "onMessage")] == [3, 2**20, 0]
            assert client.peer == f"tcp4:127.0.0.1:{port}"
            assert not client.transport_details.is_secure
            client.sendClose(3000, "enough")
            assert await client.is_closed is client
            assert told(client, "onClose") == [(True, 1000, None)]

    run(scenario)


@on_both
@pytest.mark.parametrize("failing", [False, True])
def test_tls_is_the_loops(run: Run, failing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(kit: Kit) -> None:
        tls = Tls(kit, monkeypatch)
        factory = server_factory(kit)
        factory.setProtocolOptions(failByDrop=False)
        async with listening(kit, factory, tls.server(kit)) as port:
            client = await connected(kit, client_factory(kit, port), port, tls.client(kit))
            assert client.transport_details.is_secure
            client.sendMessage(b"x" * 2**20, True)
            await until(kit, lambda: told(client, "onMessage"))
            if failing:
                client.transport.write(b"\x83\x80\0\0\0\0")
            else:
                client.sendClose()
            await client.is_closed
            assert told(client, "onClose")[0][:2] == (True, 1002 if failing else 1000)

    run(scenario)


@on_both
def test_a_certificate_that_nobody_vouches_for_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(kit: Kit) -> None:
        async with listening(kit, server_factory(kit), Tls(kit, monkeypatch).server(kit)) as port:
            with pytest.raises(Exception, match="(?i)certificate|unclean|SSL"):
                await connected(kit, client_factory(kit, port), port, Tls(kit, monkeypatch).client(kit))

    run(scenario)


class Proxy:
    """A proxy for one connection, in a thread."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._target = port
        self.port = self._listener.getsockname()[1]
        self.asked = b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as client:
            while b"\r\n\r\n" not in self.asked:
                self.asked += client.recv(1)
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                forth = threading.Thread(target=_pump, args=(client, server), daemon=True)
                forth.start()
                _pump(server, client)
                forth.join(10)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@on_both
@pytest.mark.autobahn("W-3")
@pytest.mark.parametrize("is_secure", [False, True])
def test_connections_go_through_a_proxy_also_with_tls(
    run: Run, is_secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(kit: Kit) -> None:
        tls = Tls(kit, monkeypatch)
        async with listening(kit, server_factory(kit), tls.server(kit) if is_secure else None) as port:
            proxy = Proxy(port)
            url = f"{'wss' if is_secure else 'ws'}://localhost:{port}/"
            factory = client_factory(kit)
            factory.setSessionParameters(url, proxy={"host": "127.0.0.1", "port": proxy.port})
            factory.ssl = factory.contextFactory = tls.client(kit)
            client = await connected(kit, factory, proxy.port)
            assert proxy.asked.startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
            assert client.transport_details.is_secure is is_secure
            client.sendMessage(bytes(2**18), True)
            await until(kit, lambda: told(client, "onMessage"))
            client.sendClose()
            await client.is_closed
            assert told(client, "onClose") == [(True, 1000, None)]
            await until(kit, lambda: not proxy.thread.is_alive())

    run(scenario)


@on_both
@pytest.mark.autobahn("W-5")
def test_a_server_does_not_pile_up_answers_for_a_client_that_does_not_read(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        servers: list[Any] = []

        def on_open(self: Any) -> None:
            servers.append(self)

        factory = server_factory(kit, onOpen=on_open)
        async with listening(kit, factory) as port:
            client = await connected(kit, client_factory(kit, port), port)
            stop = getattr(client.transport, "pause_reading", None) or client.transport.pauseProducing
            go_on = getattr(client.transport, "resume_reading", None) or client.transport.resumeProducing
            stop()
            for _ in range(400):
                client.sendMessage(bytes(2**16), True)
            (server,) = servers
            await until(kit, lambda: server._is_paused)
            answered = server.trafficStats.outgoingWebSocketMessages
            for _ in range(20):
                await until(kit, lambda: True)
            assert server.trafficStats.outgoingWebSocketMessages <= answered + 2 < 400
            go_on()
            await until(kit, lambda: len(told(client, "onMessage")) == 400)
            client.sendClose()
            await client.is_closed
            assert told(client, "onClose") == [(True, 1000, None)]

    run(scenario)


@on_both
def test_what_was_sent_before_the_end_arrives(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        def burst(self: Any) -> None:
            for _ in range(100):
                self.sendMessage(bytes(2**16), True)
            self.sendClose(3000)

        async with listening(kit, server_factory(kit, onOpen=burst)) as port:
            client = await connected(kit, client_factory(kit, port), port)
            await client.is_closed
            assert len(told(client, "onMessage")) == 100
            assert told(client, "onClose") == [(True, 3000, None)]

    run(scenario)


@on_both
def test_a_socket_may_lie_in_the_file_system(run: Run, tmp_path: Path) -> None:
    async def scenario(kit: Kit) -> None:
        path = str(tmp_path / "socket")
        factory = client_factory(kit)
        if kit.name == "asyncio":
            server = await kit.loop.create_unix_server(server_factory(kit), path)
            _, client = await kit.loop.create_unix_connection(factory, path)
        else:
            served = server_factory(kit)
            served.reactor = factory.reactor = kit.loop
            served.setSessionParameters(f"ws://unix:{path}")
            server = module_of(kit).listenWS(served)
            factory.setSessionParameters(f"ws://unix:{path}")
            made: list[Any] = []
            noted(factory, made)
            module_of(kit).connectWS(factory)
            await until(kit, lambda: made)
            (client,) = made
        await client.is_open
        assert client.peer.startswith("unix:")
        client.sendMessage(b"hello")
        await until(kit, lambda: told(client, "onMessage"))
        client.sendClose()
        await client.is_closed
        if kit.name == "asyncio":
            server.close()
        else:
            await server.stopListening()

    run(scenario)


@on_both
def test_an_agent_opens_connections(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        agent = module_of(kit).create_client_agent(kit.loop)
        assert isinstance(agent, IWebSocketClientAgent)
        async with listening(kit, server_factory(kit)) as port:
            url = f"ws://127.0.0.1:{port}/here"
            made = noting(module_of(kit).WebSocketClientProtocol, None)
            client = await agent.open(url, {"headers": {"X-One": "1"}, "autoFragmentSize": 2}, made)
            client.sendMessage(b"hello")
            await until(kit, lambda: told(client, "onMessage"))
            assert client.trafficStats.outgoingWebSocketFrames == 3
            client.sendClose()
            await client.is_closed
            other = await agent.open({"url": url}, {})
            other.dropConnection()
            with pytest.raises(TypeError):
                agent.open(url, {"nonsense": 1})
        with pytest.raises(Exception, match="(?i)refused|111"):
            await agent.open(f"ws://127.0.0.1:{port}/", {})

    run(scenario)


@on_both
def test_an_agent_tells_why_there_is_no_connection(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        factory = server_factory(kit)
        factory.setProtocolOptions(maxConnections=1)
        factory.countConnections = 1
        async with listening(kit, factory) as port:
            with pytest.raises(ConnectionError, match="503"):
                await module_of(kit).create_client_agent(kit.loop).open(f"ws://127.0.0.1:{port}/", {})

    run(scenario)


# WAMP


@on_all
@pytest.mark.parametrize("serializers", [None, ["json"], ["json.batched"], ["msgpack", "cbor"]])
@pytest.mark.autobahn("S-93", "W-13")
def test_sessions_go_over_the_protocols_of_wamp(run: Run, router_url: str, serializers: list[str] | None) -> None:
    async def scenario(kit: Kit) -> None:
        module = module_of(kit)
        sessions: list[Any] = []
        ready = kit.face.create_future()

        def make() -> Any:
            session = kit.wamp.ApplicationSession(ComponentConfig("realm1"))
            session.on("ready", lambda session: kit.face.resolve(ready, session))
            sessions.append(session)
            return session

        factory = module.WampWebSocketClientFactory(make, router_url, serializers=serializers)
        transport = await connected(kit, factory, factory.port)
        session = await ready
        assert session.transport is transport
        await session.register(lambda a, b: a + b, "com.example.sum")
        assert await session.call("com.example.sum", 2, 3) == 5
        assert transport.transport_details.websocket_protocol == transport.websocket_protocol_in_use
        assert transport.trafficStats.outgoingWebSocketMessages == 4
        session.leave()
        await transport.is_closed
        assert transport.wasClean
        assert session.transport is None

    run(scenario)


ROLES = {"broker": role.RoleBrokerFeatures(), "dealer": role.RoleDealerFeatures()}


class Handler:
    """What a server's factory makes: no session of ours, but anything with the three methods."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.messages: list[Any] = []
        self.closed: list[bool] = []

    def onOpen(self, transport: Any) -> None:
        self.transport = transport

    def onMessage(self, received: Any) -> None:
        self.messages.append(received)
        if isinstance(received, message.Hello):
            assert self.transport.send(message.Welcome(1, ROLES, realm=received.realm)) is None
        if isinstance(received, message.Goodbye):
            self.transport.send(message.Goodbye())
            self.transport.close()

    def onClose(self, was_clean: bool) -> None:
        self.closed.append(was_clean)


@on_both
@pytest.mark.autobahn("S-93", "C-30")
def test_a_server_carries_wamp_for_whoever_handles_it(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        module = module_of(kit)
        handler = Handler()
        async with listening(kit, module.WampWebSocketServerFactory(handler, serializers=["msgpack"])) as port:
            session = kit.wamp.ApplicationSession(ComponentConfig("a.realm"))
            joined = kit.face.create_future()
            session.on("join", lambda session, details: kit.face.resolve(joined, details))
            factory = module.WampWebSocketClientFactory(lambda: session, f"ws://localhost:{port}/")
            transport = await connected(kit, factory, port)
            details = await joined
            assert (details.realm, details.session) == ("a.realm", 1)
            assert handler.transport.isOpen()
            assert handler.transport.websocket_protocol_in_use == "wamp.2.msgpack"
            session.leave()
            await transport.is_closed
            await until(kit, lambda: handler.closed)
            assert [type(each) for each in handler.messages] == [message.Hello, message.Goodbye]
            assert handler.closed == [True]
            assert not handler.transport.isOpen()

    run(scenario)


@on_both
@pytest.mark.parametrize(
    ("offer", "words"), [(["json"], "400"), ([], "400")], ids=["another serializer", "no serializer"]
)
def test_who_offers_no_serializer_is_refused(run: Run, offer: list[str], words: str) -> None:
    async def scenario(kit: Kit) -> None:
        module = module_of(kit)
        async with listening(kit, module.WampWebSocketServerFactory(Handler, serializers=["msgpack"])) as port:
            factory = client_factory(kit, port)
            factory.protocols = [f"wamp.2.{name}" for name in offer]
            with pytest.raises(ConnectionError, match=words):
                await connected(kit, factory, port)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-30")
@pytest.mark.parametrize(("payload", "is_binary"), [(b"nonsense", False), (b"[1]", False), (b"[]", True)])
def test_who_does_not_speak_wamp_is_told_so(run: Run, payload: bytes, is_binary: bool) -> None:
    async def scenario(kit: Kit) -> None:
        module = module_of(kit)
        handler = Handler()
        async with listening(kit, module.WampWebSocketServerFactory(handler, serializers=["json"])) as port:
            factory = client_factory(kit, port)
            factory.protocols = ["wamp.2.json"]
            client = await connected(kit, factory, port)
            client.sendMessage(payload, is_binary)
            await client.is_closed
            assert told(client, "onClose")[0][:2] == (True, 1002)
            await until(kit, lambda: handler.closed)

    run(scenario)


# Twisted only


def noted(factory: Any, made: list[Any]) -> None:
    """Note what a factory makes."""
    build = factory.buildProtocol

    def build_and_note(addr: Any) -> Any:
        made.append(build(addr))
        return made[-1]

    factory.buildProtocol = build_and_note


@pytest.mark.parametrize("is_secure", [False, True])
def test_connect_ws_and_listen_ws_do_what_the_url_says(is_secure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.compat.kit import run_on_twisted

    async def scenario(kit: Kit) -> None:
        module = module_of(kit)
        tls = Tls(kit, monkeypatch)
        served = server_factory(kit)
        served.reactor = kit.loop
        scheme = "wss" if is_secure else "ws"
        served.setSessionParameters(f"{scheme}://localhost:0")
        if is_secure:
            with pytest.raises(ValueError, match="contextFactory"):
                module.listenWS(served)
        port = module.listenWS(served, tls.server(kit) if is_secure else None, interface="127.0.0.1")
        factory = client_factory(kit)
        factory.reactor = kit.loop
        factory.setSessionParameters(f"{scheme}://localhost:{port.getHost().port}")
        made: list[Any] = []
        noted(factory, made)
        module.connectWS(factory, tls.client(kit) if is_secure else None)
        await until(kit, lambda: made)
        client = await made[0].is_open
        assert client.transport_details.is_secure is is_secure
        client.sendClose()
        await client.is_closed
        await port.stopListening()

    run_on_twisted(scenario)


def test_a_resource_speaks_websocket_beside_http() -> None:
    from tests.compat.kit import run_on_twisted

    async def scenario(kit: Kit) -> None:
        from trowamp_compat.twisted.resource import WebSocketResource, WSGIRootResource
        from twisted.internet.threads import deferToThreadPool
        from twisted.web.resource import Resource
        from twisted.web.server import Site
        from twisted.web.wsgi import WSGIResource

        def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode()]

        sockets = WebSocketResource(server_factory(kit))
        page: Any = type("Page", (Resource,), {"isLeaf": True, "render_GET": lambda *_: b"a page"})
        with pytest.raises(RuntimeError):
            sockets.putChild(b"x", page)
        pool = kit.loop.getThreadPool()
        application_resource: Any = WSGIResource(kit.loop, pool, application)  # type: ignore[no-untyped-call]
        root = WSGIRootResource(application_resource, {b"ws": sockets, b"page": page()})
        site: Any = Site(root, reactor=kit.loop)  # type: ignore[no-untyped-call]
        async with listening(kit, site) as port:
            factory = client_factory(kit, port)
            factory.setSessionParameters(f"ws://localhost:{port}/ws")
            client = await connected(kit, factory, port)
            client.sendMessage(b"x" * 2**20, True)
            await until(kit, lambda: told(client, "onMessage"))
            client.sendClose()
            await client.is_closed
            assert told(client, "onClose") == [(True, 1000, None)]
            assert await deferToThreadPool(kit.loop, pool, fetch, port, "/page") == b"a page"
            assert await deferToThreadPool(kit.loop, pool, fetch, port, "/app/deep") == b"/app/deep"

    run_on_twisted(scenario)


def fetch(port: int, path: str) -> bytes:
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Connection": "close"})
    body = connection.getresponse().read()
    connection.close()
    return body
