"""What the keys of a transport do: components of both frameworks connect, and routers tell what they have seen of it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import trustme
from trowamp_compat.wamp.router import Router

from tests.compat.kit import Kit, Run, on_both, until
from tests.compat.websocket.test_sockets import Proxy, Tls, listening, module_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Twisted's own, towards pyOpenSSL

HOST = "127.0.0.1"


async def attempt(kit: Kit, transports: Any, realm: str = "realm1") -> Any:
    """Join; return the session's transport, as it was then."""
    seen: list[Any] = []

    def main(session: Any) -> None:
        seen.append((session.transport.transport_details, session.transport.link.serializer.name))

    component = kit.component.Component(main, transports=transports, realm=realm)
    component.log = _Silent()
    await component.start(kit.loop)
    return seen[0]


async def failure(kit: Kit, **config: Any) -> str:
    """Try once; return in words why it failed."""
    try:
        await attempt(kit, {**config, "max_retries": 0})
    except Exception as error:  # noqa: BLE001  # the outcome
        return f"{type(error).__name__}: {error}"
    raise AssertionError("it has not failed")


class _Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def router_factory(kit: Kit, requests: list[Any], router: Router) -> Any:
    """Return the factory of a router over WebSocket that notes the requests for handshakes."""
    module = module_of(kit)

    class Server(module.WampWebSocketServerProtocol):  # type: ignore[misc, name-defined]
        def onConnect(self, request: Any) -> Any:
            requests.append(request)
            return super().onConnect(request)

    factory = module.WampWebSocketServerFactory(router)
    factory.protocol = Server
    return factory


@on_both
@pytest.mark.autobahn("S-4", "S-21", "S-22", "S-23", "C-28")
def test_a_transport_is_a_url_or_a_dictionary_or_a_list_of_them(run: Run, router_url: str) -> None:
    host, _, port = router_url.removeprefix("ws://").removesuffix("/ws").partition(":")
    rawsocket_url = f"rs://{host}:{port}"
    endpoint = {"type": "tcp", "host": host, "port": int(port)}

    async def scenario(kit: Kit) -> None:
        for config, kind in [
            (router_url, "websocket"),
            ({"url": router_url}, "websocket"),
            ({"type": "websocket", "url": "ws://router.example/ws", "endpoint": endpoint}, "websocket"),
            (rawsocket_url, "rawsocket"),
            ({"type": "rawsocket", "url": rawsocket_url}, "rawsocket"),
            ({"type": "rawsocket", "url": router_url}, "rawsocket"),
            ({"type": "rawsocket", "endpoint": endpoint}, "rawsocket"),
            ([rawsocket_url], "rawsocket"),
            ([{"type": "rawsocket", "url": rawsocket_url}, router_url], "rawsocket"),
        ]:
            details, _ = await attempt(kit, config)
            assert (
                details.channel_framing
                == {
                    "websocket": details.CHANNEL_FRAMING_WEBSOCKET,
                    "rawsocket": details.CHANNEL_FRAMING_RAWSOCKET,
                }[kind]
            )
        (config,) = kit.component.Component()._transports
        assert (config.kind, str(config)) == ("websocket", "ws://127.0.0.1:8080/ws")
        for wrong in ({"type": "websocket"}, {"type": "rawsocket"}, {"type": "pigeon", "url": router_url}):
            with pytest.raises(ValueError, match=r"url|type"):
                kit.component.Component(transports=wrong)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-25")
def test_serializers_are_offered_as_listed_or_cbor_first(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        requests: list[Any] = []
        router = Router(["realm1"])
        async with listening(kit, router_factory(kit, requests, router)) as port:
            url = f"ws://{HOST}:{port}/"
            assert (await attempt(kit, url))[1] == "cbor"
            assert (await attempt(kit, {"url": url, "serializers": ["msgpack", "json"]}))[1] == "msgpack"
            await until(kit, lambda: router.statistics().connections == 0)
        assert [request.protocols for request in requests] == [
            ["wamp.2.cbor", "wamp.2.json"],
            ["wamp.2.msgpack", "wamp.2.json"],
        ]
        rawsocket = {"type": "rawsocket", "url": router_url}
        assert (await attempt(kit, rawsocket))[1] == "cbor"
        for name in ("json", "msgpack", "cbor"):
            assert (await attempt(kit, {**rawsocket, "serializer": name}))[1] == name
        for wrong in ({"serializers": ["json.batched"]}, {"serializer": "json"}, {"serializers": ["ubjson"]}):
            with pytest.raises(ValueError, match="serializer"):
                kit.component.Component(transports={"url": router_url, **wrong})
        for wrong in ({"serializers": ["json"]}, {"serializer": "json.batched"}, {"serializer": "flatbuffers"}):
            with pytest.raises(ValueError, match="serializer"):
                kit.component.Component(transports={**rawsocket, **wrong})

    run(scenario)


@on_both
@pytest.mark.autobahn("S-26")
@pytest.mark.parametrize("name", ["open_handshake_timeout", "openHandshakeTimeout"])
def test_options_are_written_in_either_case_and_take_effect(run: Run, name: str) -> None:
    async def scenario(kit: Kit) -> None:
        with socket.create_server((HOST, 0)) as silent:
            url = f"ws://{HOST}:{silent.getsockname()[1]}/"
            assert "0.05 s" in await failure(kit, url=url, options={name: 0.05})
        for wrong in ({"options": {"no_such_option": 1}}, {"options": {"noSuchOption": 1}}):
            with pytest.raises(ValueError, match="no_such_option"):
                kit.component.Component(transports={"url": url, **wrong})

    run(scenario)


@on_both
@pytest.mark.autobahn("S-26")
def test_a_message_is_no_larger_than_the_options_allow_over_either_framing(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        lengths: list[int] = []

        async def main(session: Any) -> None:
            await session.register(lambda size: b"x" * size, "com.example.transports.octets")
            lengths.append(len(await session.call("com.example.transports.octets", 500)))
            await session.call("com.example.transports.octets", 5000)

        for kind in ("rawsocket", "websocket"):
            config = {"type": kind, "url": router_url, "max_retries": 0, "options": {"maxMessagePayloadSize": 1024}}
            component = kit.component.Component(main, transports=config)
            component.log = _Silent()
            with pytest.raises(Exception, match=r"1024|payload_size_exceeded|too large"):
                await component.start(kit.loop)
        assert lengths == [500, 500]
        with pytest.raises(ValueError, match="auto_ping_interval"):
            kit.component.Component(
                transports={"type": "rawsocket", "url": router_url, "options": {"autoPingInterval": 1}}
            )

    run(scenario)


@on_both
@pytest.mark.autobahn("S-27", "W-24")
def test_headers_are_sent_with_the_handshake_of_components_and_runners(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        requests: list[Any] = []
        router = Router(["realm1"])
        async with listening(kit, router_factory(kit, requests, router)) as port:
            url = f"ws://{HOST}:{port}/"
            await attempt(kit, {"url": url, "headers": {"X-Colour": "red", "X-Size": 7}})
            runner = kit.wamp.ApplicationRunner(url, "realm1", headers={"X-Colour": "blue"})
            connection = await opened(kit, runner)
            connection.abort()
            await until(kit, lambda: router.statistics().connections == 0)
        assert [request.headers["x-colour"] for request in requests] == ["red", "blue"]
        assert requests[0].headers["x-size"] == "7"

    run(scenario)


async def opened(kit: Kit, runner: Any) -> Any:
    """Let a runner connect, on a loop that runs; return the protocol."""
    if kit.name == "asyncio":
        _, protocol = await runner.run(kit.wamp.ApplicationSession, start_loop=False, log_level=None)
        return protocol
    return await runner.run(kit.wamp.ApplicationSession, start_reactor=False, log_level=None, reactor=kit.loop)


@on_both
@pytest.mark.autobahn("S-27", "W-3")
@pytest.mark.parametrize("is_secure", [False, True], ids=["ws", "wss"])
def test_components_and_runners_connect_through_a_proxy_also_with_tls(
    run: Run, is_secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(kit: Kit) -> None:
        tls = Tls(kit, monkeypatch)
        router = Router(["realm1"])
        async with listening(kit, router_factory(kit, [], router), tls.server(kit) if is_secure else None) as port:
            url = f"{'wss' if is_secure else 'ws'}://localhost:{port}/"
            proxy = Proxy(port)
            endpoint = {
                "type": "tcp",
                "host": "localhost",
                "port": port,
                **({"tls": tls.client(kit)} if is_secure else {}),
            }
            details, _ = await attempt(
                kit, {"url": url, "endpoint": endpoint, "proxy": {"host": HOST, "port": proxy.port}}
            )
            assert details.is_secure is is_secure
            assert proxy.asked.startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
            proxy = Proxy(port)
            runner = kit.wamp.ApplicationRunner(
                url, "realm1", ssl=tls.client(kit) if is_secure else None, proxy={"host": HOST, "port": proxy.port}
            )
            connection = await opened(kit, runner)
            assert connection.transport_details.is_secure is is_secure
            assert proxy.asked.startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
            connection.close()
            await connection.is_closed  # the proxy stands between: this end may be the last to hear of it
            await until(kit, lambda: router.statistics().connections == 0)
        for wrong in (
            {"host": HOST},
            {"host": HOST, "port": "80"},
            {"host": HOST, "port": 80, "user": "joe"},
            "proxy:80",
        ):
            with pytest.raises(ValueError, match="proxy"):
                kit.component.Component(transports={"url": "ws://localhost/", "proxy": wrong})

    run(scenario)


@on_both
@pytest.mark.autobahn("W-4")
def test_a_runner_connects_through_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def scenario(kit: Kit) -> None:
        path = str(tmp_path / "router.sock")
        router = Router(["realm1"])
        factory = kit.rawsocket.WampRawSocketServerFactory(router)
        if kit.name == "asyncio":
            close = (await kit.loop.create_unix_server(factory, path)).close
        else:
            close = kit.loop.listenUNIX(path, factory).stopListening
        connection = await opened(kit, kit.wamp.ApplicationRunner(f"rs://unix:{path}", "realm1"))
        assert connection.transport_details.peer == f"unix:{path}"
        connection.abort()
        await until(kit, lambda: router.statistics().connections == 0)
        close()

    run(scenario)


@on_both
@pytest.mark.autobahn("S-23", "W-24")
def test_the_time_to_connect_in_may_be_a_part_of_a_second(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        with socket.create_server((HOST, 0), backlog=0) as full:
            port = full.getsockname()[1]
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:  # they fill the queue, so that nobody else is answered
                each.setblocking(False)
                each.connect_ex((HOST, port))
            endpoint = {"type": "tcp", "host": HOST, "port": port, "timeout": 0.05}
            assert "imeout" in await failure(kit, url=f"rs://{HOST}:{port}", endpoint=endpoint)
            for each in waiting:
                each.close()

    run(scenario)


@on_both
@pytest.mark.autobahn("S-23", "W-24")
@pytest.mark.parametrize("is_secure", [False, True], ids=["rs", "rss"])
def test_an_endpoint_may_be_of_one_version_of_ip_also_with_tls(
    run: Run, is_secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    scheme = "rss" if is_secure else "rs"

    async def scenario(kit: Kit) -> None:
        tls = Tls(kit, monkeypatch)
        trust = {"tls": tls.client(kit)} if is_secure else {}
        router = Router(["realm1"])
        factory = kit.rawsocket.WampRawSocketServerFactory(router)
        for number, host in ((4, "127.0.0.1"), (6, "::1")):
            port, close = await listen_at(kit, factory, host, tls.server(kit) if is_secure else None)
            endpoint = {"type": "tcp", "host": host, "port": port, **trust}
            config = {"url": f"{scheme}://localhost:{port}", "max_retries": 0}
            for version in ({}, {"version": number}):
                details, _ = await attempt(kit, {**config, "endpoint": {**endpoint, **version}})
                assert (details.peer, details.is_secure) == (f"tcp{number}:{host}:{port}", is_secure)
            if number == 4:
                assert await failure(kit, **config, endpoint={**endpoint, "version": 6})
            await until(kit, lambda: router.statistics().connections == 0)
            close()

    run(scenario)


async def listen_at(kit: Kit, factory: Any, host: str, tls: Any) -> tuple[int, Any]:
    """Listen at an address; return the port, and what closes it."""
    if kit.name == "asyncio":
        server = await kit.loop.create_server(factory, host, 0, ssl=tls)
        return server.sockets[0].getsockname()[1], server.close
    factory.reactor = kit.loop
    if tls is None:
        port = kit.loop.listenTCP(0, factory, interface=host)
    else:
        port = kit.loop.listenSSL(0, factory, tls, interface=host)
    return port.getHost().port, port.stopListening


@on_both
@pytest.mark.autobahn("S-23")
def test_an_endpoint_object_is_for_twisted_only(run: Run, router_url: str) -> None:
    class Endpoint:
        def connect(self, factory: Any) -> Any:
            raise AssertionError("asyncio has no such endpoints")

    async def scenario(kit: Kit) -> None:
        if kit.name == "asyncio":
            assert "Twisted" in await failure(kit, url=router_url, endpoint=Endpoint())
            return
        from twisted.internet.endpoints import TCP4ClientEndpoint

        host, _, port = router_url.removeprefix("ws://").removesuffix("/ws").partition(":")
        endpoint: Any = TCP4ClientEndpoint(kit.loop, host, int(port))
        details, _ = await attempt(kit, {"url": "ws://router.example/ws", "endpoint": endpoint})
        assert details.peer == f"tcp4:{host}:{port}"

    run(scenario)


@on_both
@pytest.mark.autobahn("S-24", "C-27")
def test_tls_is_a_bool_too(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """True is the trust that the system has, which OpenSSL reads from where the variable says; False is none in spite of the URL."""

    async def scenario(kit: Kit) -> None:
        tls = Tls(kit, monkeypatch)
        trust_by_default(tls.authority, tmp_path, monkeypatch)
        router = Router(["realm1"])
        factory = kit.rawsocket.WampRawSocketServerFactory(router)
        for is_secure, scheme in ((True, "rs"), (False, "rss")):
            async with listening(kit, factory, tls.server(kit) if is_secure else None) as port:
                endpoint = {"type": "tcp", "host": HOST, "port": port, "tls": is_secure}
                config = {"type": "rawsocket", "url": f"{scheme}://localhost:{port}", "endpoint": endpoint}
                details, _ = await attempt(kit, {**config, "max_retries": 0})
                assert details.is_secure is is_secure
                await until(kit, lambda: router.statistics().connections == 0)

    run(scenario)


def trust_by_default(authority: trustme.CA, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
