"""URLs, value objects, and the arguments and options of factories."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.websocket import protocol
from trowamp_compat.websocket.compress import PerMessageDeflateOffer
from trowamp_compat.websocket.interfaces import (
    IWebSocketChannel,
    IWebSocketClientChannelFactory,
    IWebSocketServerChannelFactory,
)
from trowamp_compat.websocket.protocol import TrafficStats
from trowamp_compat.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    ConnectionResponse,
    IncomingMessage,
    OutgoingMessage,
    Ping,
)
from trowamp_compat.websocket.util import create_url, parse_url

from .pairs import World


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://localhost", (False, "localhost", 80, "/", "/", {})),
        ("wss://h:1/p?a=1&a=2", (True, "h", 1, "/p?a=1&a=2", "/p", {"a": ["1", "2"]})),
        ("wss://h/p%20q", (True, "h", 443, "/p%20q", "/p q", {})),
        ("ws://unix:/tmp/a", (False, "unix", "/tmp/a", "/tmp/a", "/tmp/a", {})),
        ("ws://[::1]:80/", (False, "::1", 80, "/", "/", {})),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: tuple[Any, ...]) -> None:
    assert parse_url(url) == expected


@pytest.mark.parametrize(
    "url", ["http://x", "unix:///tmp/x", "ws://h/#f", "ws://h:99999", "ws://", "ws://u@", "ws://:80/", ""]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="(?i)url|port"):
        parse_url(url)


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("h",), "ws://h:80/"),
        (("h", 9000, True, "ws", {"a": 1}), "wss://h:9000/ws?a=1"),
        (("h", None, True, "/a b"), "wss://h:443/a%20b"),
        (("::1", 80), "ws://[::1]:80/"),
        (("unix", "/tmp/a"), "ws://unix:/tmp/a/"),
    ],
)
def test_a_url_is_put_together(arguments: tuple[Any, ...], url: str) -> None:
    assert create_url(*arguments) == url


@pytest.mark.parametrize("port", [-1, 65536, True, "80"])
def test_a_url_needs_a_port_that_there_is(port: Any) -> None:
    with pytest.raises(ValueError, match="no port"):
        create_url("h", port)


def test_value_objects_take_their_arguments_in_order_and_show_them() -> None:
    request = ConnectionRequest("tcp4:a:1", {}, "h", "/", {}, 13, None, ["p"], [])
    assert request.__json__() == {
        "peer": "tcp4:a:1",
        "headers": {},
        "host": "h",
        "path": "/",
        "params": {},
        "version": 13,
        "origin": None,
        "protocols": ["p"],
        "extensions": [],
    }
    assert "host=h" in str(request)
    response = ConnectionResponse("tcp4:a:1", {}, 13, "p", [])
    assert (response.protocol, response.version) == ("p", 13)
    assert ConnectingRequest().__json__() == {
        "host": "localhost",
        "port": 80,
        "resource": "/",
        "headers": {},
        "useragent": None,
        "origin": None,
        "protocols": [],
    }
    assert (ConnectionAccept("p").subprotocol, ConnectionAccept().headers) == ("p", {})
    assert (ConnectionDeny(404, "no").code, ConnectionDeny(ConnectionDeny.FORBIDDEN).reason) == (404, None)
    assert (IncomingMessage(b"x").is_binary, OutgoingMessage(b"x", True).skip_compress) == (False, False)
    assert Ping(b"x").payload == b"x"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConnectionDeny(200),
        lambda: ConnectionDeny(403, b"x"),  # type: ignore[arg-type]
        lambda: ConnectionAccept(1),  # type: ignore[arg-type]
        lambda: IncomingMessage("x"),  # type: ignore[arg-type]
        lambda: IncomingMessage(b"x", 1),  # type: ignore[arg-type]
        lambda: OutgoingMessage("x"),  # type: ignore[arg-type]
        lambda: OutgoingMessage(b"x", 1),  # type: ignore[arg-type]
        lambda: OutgoingMessage(b"x", True, 1),  # type: ignore[arg-type]
        lambda: Ping(b"x" * 126),
    ],
)
def test_value_objects_refuse_what_they_cannot_hold(make: Any) -> None:
    with pytest.raises(AssertionError):
        make()


def test_traffic_is_counted_from_zero() -> None:
    statistics = TrafficStats()
    statistics.incomingWebSocketFrames += 1
    assert statistics.__json__()["incomingWebSocketFrames"] == 1
    statistics.reset()
    assert set(statistics.__json__().values()) == {0}
    assert '"incomingWebSocketFrames": 0' in str(statistics)


@pytest.mark.autobahn("S-92")
def test_factories_take_their_arguments_in_order(world: World) -> None:
    server = world.module.WebSocketServerFactory("ws://localhost:9000/p", ["a"], "me", {"X": "1"}, 80)
    assert (server.url, server.isSecure, server.host, server.port, server.path) == (
        "ws://localhost:9000/p",
        False,
        "localhost",
        9000,
        "/p",
    )
    assert (server.protocols, server.server, server.headers, server.externalPort) == (["a"], "me", {"X": "1"}, 80)
    client = world.module.WebSocketClientFactory(
        "wss://h/p?a=1", "http://o", ["a"], "me", {"X": "1"}, {"host": "p", "port": 1}
    )
    assert (client.isSecure, client.host, client.port, client.resource, client.params) == (
        True,
        "h",
        443,
        "/p?a=1",
        {"a": ["1"]},
    )
    assert (client.origin, client.protocols, client.useragent, client.headers) == ("http://o", ["a"], "me", {"X": "1"})
    assert client.proxy == {"host": "p", "port": 1}
    assert (server.isServer, client.isServer) == (True, False)
    assert server.protocol is world.module.WebSocketServerProtocol
    assert client.protocol is world.module.WebSocketClientProtocol
    assert isinstance(server.protocol(), IWebSocketChannel)
    assert isinstance(client.protocol(), protocol.WebSocketProtocol)
    assert isinstance(server, IWebSocketServerChannelFactory)
    assert isinstance(client, IWebSocketClientChannelFactory)


@pytest.mark.parametrize("make", ["WebSocketServerFactory", "WebSocketClientFactory"])
@pytest.mark.parametrize("arguments", [{"url": "http://x"}, {"protocols": "a"}, {"headers": ["x"]}])
def test_factories_refuse_what_they_cannot_use(world: World, make: str, arguments: dict[str, Any]) -> None:
    with pytest.raises((ValueError, AssertionError)):
        getattr(world.module, make)(**arguments)


def test_a_proxy_needs_host_and_port(world: World) -> None:
    with pytest.raises(AssertionError, match="proxy"):
        world.module.WebSocketClientFactory(proxy={"host": "p"})


COMMON: dict[str, tuple[Any, Any]] = {
    "utf8validateIncoming": (False, 1),
    "applyMask": (False, None.__class__),
    "maxFramePayloadSize": (10, -1),
    "maxMessagePayloadSize": (10, 1.5),
    "autoFragmentSize": (10, True),
    "failByDrop": (False, "no"),
    "echoCloseCodeReason": (True, 1),
    "openHandshakeTimeout": (2.5, -1),
    "closeHandshakeTimeout": (2, "2"),
    "tcpNoDelay": (False, 0),
    "autoPingInterval": (2.5, -1),
    "autoPingTimeout": (2, True),
    "autoPingSize": (4, 3),
    "autoPingRestartOnAnyTraffic": (False, 0),
    "perMessageCompressionAccept": (print, "deflate"),
}
SERVER = COMMON | {
    "versions": ([13], [7]),
    "webStatus": (False, 0),
    "maskServerFrames": (True, 1),
    "requireMaskedClientFrames": (False, 0),
    "serveFlashSocketPolicy": (True, 1),
    "flashSocketPolicy": ("x", 1),
    "allowedOrigins": (["http://x:80"], "http://x:80"),
    "allowNullOrigin": (False, 0),
    "maxConnections": (1, -1),
    "trustXForwardedFor": (1, -1),
}
CLIENT = COMMON | {
    "version": (13, 8),
    "acceptMaskedServerFrames": (True, 1),
    "maskClientFrames": (False, 0),
    "serverConnectionDropTimeout": (2, -1),
    "perMessageCompressionOffers": ([PerMessageDeflateOffer()], "deflate"),
}
CASES = [
    (side, name, *values)
    for side, options in (("Server", SERVER), ("Client", CLIENT))
    for name, values in options.items()
]


@pytest.mark.parametrize(("side", "name", "good", "bad"), CASES)
def test_every_option_is_checked_and_reaches_the_protocols(
    world: World, side: str, name: str, good: Any, bad: Any
) -> None:
    factory = getattr(world.module, f"WebSocket{side}Factory")()
    default = getattr(factory, name)
    with pytest.raises(AssertionError, match=name):
        factory.setProtocolOptions(**{name: bad})
    factory.setProtocolOptions(**{name: good})
    assert getattr(factory, name) == good != default
    assert getattr(world.attach(factory).protocol, name) == good
    factory.resetProtocolOptions()
    assert getattr(factory, name) == default
    with pytest.raises(TypeError):
        factory.setProtocolOptions(nonsense=True)


@pytest.mark.parametrize("framework", ["asyncio", "twisted"])
def test_the_packages_offer_what_programs_import_from_them(framework: str) -> None:
    from importlib import import_module

    package = import_module(f"trowamp_compat.{framework}")
    for name in ("ApplicationSession", "WebSocketServerProtocol", "WebSocketClientFactory"):
        assert name in dir(package)
        assert getattr(package, name).__name__ == name
    assert package.__ident__.startswith("trowamp/")
    with pytest.raises(AttributeError):
        package.nonsense  # noqa: B018  # looking it up is the test


def test_what_is_shared_chooses_no_framework() -> None:
    import subprocess
    import sys

    program = (
        "import sys\n"
        "import trowamp_compat.websocket.protocol, trowamp_compat.websocket.interfaces, trowamp_compat.websocket.util\n"
        "assert not {'asyncio', 'twisted'} & set(sys.modules)\n"
        "import trowamp_compat.asyncio.websocket\n"
        "assert 'twisted' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
