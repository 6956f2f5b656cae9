"""Opening handshakes of both frameworks, and what HTTP gets from a server."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    ConnectionResponse,
)

from .pairs import End, World, told

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HEADERS = {
    b"Host": b"localhost:9000",
    b"Upgrade": b"websocket",
    b"Connection": b"keep-alive, Upgrade",
    b"Sec-WebSocket-Key": KEY,
    b"Sec-WebSocket-Version": b"13",
}


def request(line: bytes = b"GET / HTTP/1.1", **changed: bytes | None) -> bytes:
    headers = HEADERS | {name.replace("_", "-").encode(): value for name, value in changed.items()}
    fields = [b"%s: %s" % (name, value) for name, value in headers.items() if value is not None]
    return b"\r\n".join([line, *fields, b"", b""])


def server(
    world: World, arguments: dict[str, Any] | None = None, methods: dict[str, Any] | None = None, **options: Any
) -> End:
    from .pairs import noting

    factory = world.module.WebSocketServerFactory(**arguments or {})
    factory.protocol = noting(world.module.WebSocketServerProtocol, methods)
    factory.setProtocolOptions(**options)
    return world.attach(factory)


def answer(world: World, octets: bytes, **options: Any) -> bytes:
    end = server(world, **options)
    world.feed(end, octets)
    return bytes(end.sent)


# The server


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_request_is_answered_however_it_is_cut(world: World, step: int) -> None:
    end = server(world)
    octets = request() + b"\x89\x80\0\0\0\0"
    for start in range(0, len(octets), step):
        world.feed(end, octets[start : start + step])
    head, _, rest = bytes(end.sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # RFC 6455 §1.3
    assert rest == b"\x8a\x00"


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\x16\x03\x01", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 70000, 431),
        (request(Host=None), 400),
        (request(Host=b"a\r\nHost: b"), 400),
        (request(b"GET /#fragment HTTP/1.1"), 400),
        (request(Upgrade=b"h2c"), 400),
        (request(Connection=b"close"), 400),
        (request(Sec_WebSocket_Key=None), 400),
        (request(Sec_WebSocket_Key=b"too short"), 400),
        (request(Sec_WebSocket_Key=b"AAAA"), 400),
        (request(Sec_WebSocket_Version=None), 400),
        (request(Sec_WebSocket_Version=b"x"), 400),
        (request(Sec_WebSocket_Version=b"14"), 426),
        (request(Sec_WebSocket_Protocol=b"a, b, a"), 400),
        (request(Sec_WebSocket_Extensions=b";;"), 400),
        (request(Origin=b"http://a\r\nOrigin: http://b"), 400),
    ],
)
def test_what_is_no_proper_request_is_refused(world: World, octets: bytes, status: int) -> None:
    end = server(world)
    world.feed(end, octets)
    assert bytes(end.sent).startswith(b"HTTP/1.1 %d " % status)
    assert end.ends
    world.lose(end)
    assert told(end.protocol, "onClose")[0][:2] == (False, 1006)
    assert told(end.protocol, "onOpen") == []


def test_a_client_with_another_version_is_told_the_right_ones(world: World) -> None:
    assert b"\r\nSec-WebSocket-Version: 13, 8\r\n" in answer(world, request(Sec_WebSocket_Version=b"99"))
    assert b" 101 " in answer(world, request(Sec_WebSocket_Version=b"8"))
    refused = answer(world, request(Sec_WebSocket_Version=b"8"), versions=[13])
    assert b" 426 " in refused
    assert b"\r\nSec-WebSocket-Version: 13\r\n" in refused


def test_plain_http_gets_a_page_unless_that_is_not_wanted(world: World) -> None:
    page = answer(world, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", arguments={"server": "<a server>"})
    assert page.startswith(b"HTTP/1.1 200 ")
    assert b"&lt;a server&gt;" in page
    assert answer(world, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", webStatus=False).startswith(b"HTTP/1.1 426 ")


def test_a_server_can_answer_http_itself(world: World) -> None:
    end = server(world)
    protocol = end.protocol
    protocol.sendHtml("<p>grüß</p>")
    protocol.sendRedirect("https://example.com/")
    protocol.sendServerStatus('https://example.com/"', 3)
    with pytest.raises(ValueError, match="HTTP forbids"):
        protocol.sendRedirect("https://example.com/\r\nSet-Cookie: x")
    protocol.failHandshake("two\r\nlines", 418, {"X-Reason": ["a", "b"]})
    sent = bytes(end.sent)
    assert "<p>grüß</p>".encode() in sent
    assert b"HTTP/1.1 303 See Other\r\nLocation: https://example.com/\r\n" in sent
    assert b'content="3;URL=https://example.com/&quot;"' in sent
    assert b"HTTP/1.1 418 two lines\r\nX-Reason: a\r\nX-Reason: b\r\n" in sent


def test_a_server_knows_what_it_was_asked_for(world: World) -> None:
    asked: list[Any] = []

    def on_connect(self: Any, request: ConnectionRequest) -> None:
        asked.append(request)

    end = server(world, methods={"onConnect": on_connect})
    octets = request(
        b"GET /path?a=1&a=2&b=3 HTTP/1.1",
        X_One=b"1\r\nX-One: 2",
        Origin=b"http://example.com",
        Sec_WebSocket_Protocol=b"a, b",
    )
    world.feed(end, octets)
    (found,) = asked
    assert (found.path, found.params, found.host, found.version) == (
        "/path",
        {"a": ["1", "2"], "b": ["3"]},
        "localhost",
        13,
    )
    assert (found.origin, found.protocols, found.extensions) == ("http://example.com", ["a", "b"], [])
    assert found.headers["x-one"] == "1, 2"
    assert found.peer == end.protocol.peer == "tcp4:127.0.0.1:2"
    assert end.protocol.http_request_uri == "/path?a=1&a=2&b=3"
    assert end.protocol.transport_details.http_headers_received["host"] == "localhost:9000"
    assert end.protocol.transport_details.is_server


@pytest.mark.parametrize(
    ("answer", "protocol", "headers"),
    [
        (None, None, {}),
        ("b", "b", {}),
        (("a", {"X-One": "1"}), "a", {"x-one": "1"}),
        ((None, {"X-One": ["1", "2"]}), None, {"x-one": "1, 2"}),
        (ConnectionAccept("a", {"X-One": "1"}), "a", {"x-one": "1"}),
    ],
)
@pytest.mark.parametrize("is_later", [False, True])
def test_a_server_chooses_subprotocol_and_headers(
    world: World, answer: Any, protocol: str | None, headers: dict[str, str], is_later: bool
) -> None:
    def on_connect(self: Any, request: ConnectionRequest) -> Any:
        return world.succeed(answer) if is_later else answer

    server, client = world.connect(
        {"onConnect": on_connect},
        server_arguments={"headers": {"X-Always": "yes"}},
        client_arguments={"protocols": ["a", "b"]},
    )
    world.advance(2)
    assert told(client, "onOpen") == told(server, "onOpen") == [()]
    assert server.websocket_protocol_in_use == client.websocket_protocol_in_use == protocol
    assert {name: value for name, value in client.http_headers.items() if name == "x-one"} == headers
    assert client.http_headers["x-always"] == "yes"


def test_an_asynchronous_on_connect_is_waited_for(world: World) -> None:
    async def on_connect(self: Any, request: ConnectionRequest) -> str:
        await world.succeed(None)
        return "b"

    server, client = world.connect({"onConnect": on_connect}, client_arguments={"protocols": ["a", "b"]})
    assert told(server, "onOpen") == []
    world.advance(2)
    assert client.websocket_protocol_in_use == "b"


@pytest.mark.parametrize("is_later", [False, True])
def test_a_server_can_deny(world: World, is_later: bool) -> None:
    async def later(self: Any, request: ConnectionRequest) -> None:
        raise ConnectionDeny(ConnectionDeny.FORBIDDEN, "not you")

    def now(self: Any, request: ConnectionRequest) -> None:
        raise ConnectionDeny(ConnectionDeny.FORBIDDEN, "not you")

    server, client = world.connect({"onConnect": later if is_later else now})
    (heard,) = told(client, "onClose")
    assert heard[:2] == (False, 1006)
    assert "[403]: not you" in heard[2]
    assert told(server, "onClose") == [(False, 1006, 'connection was closed uncleanly ("not you")')]


@pytest.mark.parametrize("answer", ["not offered", 42, ("a", {"X": "line\r\nbreak"}), (None, {"X Y": "1"})])
def test_a_server_that_answers_nonsense_refuses_the_client(world: World, answer: Any) -> None:
    _, client = world.connect({"onConnect": lambda self, request: answer}, client_arguments={"protocols": ["a"]})
    assert "[500]" in told(client, "onClose")[0][2]


@pytest.mark.autobahn("C-29")
@pytest.mark.parametrize(
    ("options", "origin", "is_allowed"),
    [
        ({}, b"http://anywhere.example", True),
        ({}, b"null", True),
        ({"allowNullOrigin": False}, b"null", False),
        ({"allowedOrigins": ["http://example.com:80"]}, b"http://example.com", True),
        ({"allowedOrigins": ["http://example.com"]}, b"http://example.com", True),
        ({"allowedOrigins": ["http://example.com:80"]}, b"https://example.com", False),
        ({"allowedOrigins": ["http://example.com:80"]}, b"http://example.com.evil.example", False),
        ({"allowedOrigins": ["http://example.com:80"]}, b"http://example.com:8080", False),
        ({"allowedOrigins": ["https://*.example.com:443"]}, b"https://www.example.com", True),
        ({"allowedOrigins": ["https://*.example.com:443"]}, b"https://wwwXexample.com", False),
        ({"allowedOrigins": ["http://example.com:80"]}, b"http://example.com:x", False),
        ({"allowedOrigins": []}, None, True),
    ],
)
def test_pages_of_other_origins_may_not_connect(
    world: World, options: dict[str, Any], origin: bytes | None, is_allowed: bool
) -> None:
    found = answer(world, request(Origin=origin), **options)
    assert found.startswith(b"HTTP/1.1 101 " if is_allowed else b"HTTP/1.1 403 ")


@pytest.mark.autobahn("C-29")
def test_options_that_are_not_named_stay_as_they_are(world: World) -> None:
    factory = world.module.WebSocketServerFactory()
    assert factory.allowNullOrigin
    assert (factory.openHandshakeTimeout, factory.autoPingSize) == (5, 12)
    factory.setProtocolOptions(maxConnections=1)
    assert factory.allowNullOrigin
    factory.setProtocolOptions(allowNullOrigin=False, allowedOrigins=["http://a"])
    factory.setProtocolOptions(failByDrop=False)
    assert not factory.allowNullOrigin
    factory.resetProtocolOptions()
    assert factory.allowNullOrigin
    assert factory.failByDrop


def test_one_connection_too_many_is_refused(world: World) -> None:
    factory = world.module.WebSocketServerFactory()
    factory.setProtocolOptions(maxConnections=1)
    first, second = world.attach(factory), world.attach(factory)
    assert factory.getConnectionCount() == 2
    world.feed(second, request())
    assert bytes(second.sent).startswith(b"HTTP/1.1 503 ")
    world.lose(second)
    world.feed(first, request())
    assert bytes(first.sent).startswith(b"HTTP/1.1 101 ")
    world.lose(first)
    assert factory.getConnectionCount() == 0


@pytest.mark.parametrize(
    ("count", "peer"), [(0, "tcp4:127.0.0.1:2"), (1, "3.3.3.3"), (2, "2.2.2.2"), (4, "tcp4:127.0.0.1:2")]
)
def test_proxies_can_be_trusted_to_know_the_client(world: World, count: int, peer: str) -> None:
    end = server(world, trustXForwardedFor=count)
    world.feed(end, request(X_Forwarded_For=b"1.1.1.1, 2.2.2.2, 3.3.3.3"))
    assert end.protocol.peer == peer


def test_who_does_not_finish_the_opening_handshake_is_dropped(world: World) -> None:
    end = server(
        world,
        methods={"onOpenHandshakeTimeout": lambda self: self.log_of_test.append(("late",))},
        openHandshakeTimeout=3,
    )
    world.pairs.append((end, End()))
    world.pairs[0][1].is_lost = True
    world.feed(end, b"GET ")
    world.advance(2)
    assert not end.ends
    world.advance(2)
    assert told(end.protocol, "late") == [()]
    assert "opening handshake timeout" in told(end.protocol, "onClose")[0][2]


def test_a_client_that_talks_on_before_it_is_answered_is_dropped(world: World) -> None:
    end = server(world, methods={"onConnect": lambda self, request: world.succeed(None)})
    world.feed(end, request())
    world.feed(end, b"x" * 70000)
    assert end.ends


# The client


def client(
    world: World,
    url: str = "ws://localhost:9000/",
    methods: dict[str, Any] | None = None,
    arguments: dict[str, Any] | None = None,
    **options: Any,
) -> End:
    from .pairs import noting

    factory = world.module.WebSocketClientFactory(url, **arguments or {})
    factory.protocol = noting(world.module.WebSocketClientProtocol, methods)
    factory.setProtocolOptions(**options)
    end = world.attach(factory)
    world.settle()
    return end


def test_a_client_asks_for_what_its_factory_says(world: World) -> None:
    end = client(
        world,
        "ws://example.com/path?a=1",
        arguments={
            "origin": "http://a.example",
            "protocols": ["a", "b"],
            "useragent": "me/1",
            "headers": {"X-One": "1"},
        },
    )
    head = bytes(end.sent).decode().split("\r\n")
    assert head[0] == "GET /path?a=1 HTTP/1.1"
    for line in (
        "Host: example.com",
        "Origin: http://a.example",
        "Sec-WebSocket-Protocol: a, b",
        "User-Agent: me/1",
        "X-One: 1",
        "Sec-WebSocket-Version: 13",
    ):
        assert line in head


@pytest.mark.parametrize("is_later", [False, True])
def test_on_connecting_can_ask_for_something_else(world: World, is_later: bool) -> None:
    def on_connecting(self: Any, details: Any) -> Any:
        assert details.peer == "tcp4:127.0.0.1:2"
        wanted = ConnectingRequest("other.example", 8000, "/there", {"X-One": "1"}, None, None, ["c"])
        return world.succeed(wanted) if is_later else wanted

    end = client(world, methods={"onConnecting": on_connecting})
    world.advance(2)
    head = bytes(end.sent).decode().split("\r\n")
    assert head[0] == "GET /there HTTP/1.1"
    assert {"Host: other.example:8000", "X-One: 1", "Sec-WebSocket-Protocol: c"} <= set(head)
    assert not any(line.startswith("User-Agent") for line in head)


def test_a_client_hears_what_the_server_answered(world: World) -> None:
    responses: list[ConnectionResponse] = []
    _, opened = world.connect({}, {"onConnect": lambda self, response: responses.append(response)})
    (response,) = responses
    assert (response.protocol, response.version, response.extensions) == (None, 13, [])
    assert response.headers["upgrade"] == "websocket"
    assert told(opened, "onOpen") == [()]


def test_a_client_may_take_its_time_before_it_is_open(world: World) -> None:
    def talk(self: Any) -> None:
        self.sendMessage(b"early")

    _, opened = world.connect({"onOpen": talk}, {"onConnect": lambda self, response: world.succeed(None)})
    assert opened.log_of_test == []
    world.advance(2)
    assert [call[0] for call in opened.log_of_test] == ["onOpen", "onMessage"]


@pytest.mark.parametrize("method", ["onConnecting", "onConnect"])
def test_a_client_that_fails_gives_up(world: World, method: str) -> None:
    def fail(self: Any, _: Any) -> None:
        raise LookupError("a bug")

    server, opened = world.connect({}, {method: fail})
    assert [type(error) for error in world.errors] == [LookupError]
    assert told(opened, "onOpen") == []
    assert "a bug" in told(opened, "onClose")[0][2]
    assert server.state == server.STATE_CLOSED


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"\x00", "not HTTP"),
        (b"HTTP/1.0 200 OK\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 404 Not Found\r\nX: y\r\n\r\n", "[404]: Not Found"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "Upgrade"),
        (
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "does not answer the key",
        ),
    ],
)
def test_a_server_that_answers_something_else_is_left(world: World, octets: bytes, words: str) -> None:
    end = client(world)
    world.feed(end, octets)
    assert end.ends
    world.lose(end)
    assert words in told(end.protocol, "onClose")[0][2]


@pytest.mark.parametrize(
    ("url", "target"), [("ws://example.com/", "example.com:80"), ("ws://[::1]:9000/", "[::1]:9000")]
)
def test_a_proxy_is_asked_first(world: World, url: str, target: str) -> None:
    end = client(world, url, arguments={"proxy": {"host": "proxy", "port": 3128}})
    assert bytes(end.sent) == f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()
    assert end.protocol.state == end.protocol.STATE_PROXY_CONNECTING
    world.feed(end, b"HTTP/1.1 200 Connection established\r\n\r\n")
    assert b"GET / HTTP/1.1\r\n" in end.sent


@pytest.mark.parametrize(
    "octets", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nmore", b"x"]
)
def test_a_proxy_may_refuse(world: World, octets: bytes) -> None:
    end = client(world, arguments={"proxy": {"host": "proxy", "port": 3128}})
    world.feed(end, octets)
    world.lose(end)
    assert "proxy connect failed" in told(end.protocol, "onClose")[0][2]


# What both have


def test_nagle_is_an_option(world: World) -> None:
    server, client = world.connect(server_options={"tcpNoDelay": False})
    assert (server.tcpNoDelay, client.tcpNoDelay) == (False, True)
    if world.name == "twisted":
        assert (server.transport.no_delay, client.transport.no_delay) == (False, True)


def test_timings_can_be_tracked(world: World) -> None:
    _, client = world.connect()
    client.setTrackTimings(True)
    timings = client.trackedTimings
    timings.track("a")
    timings.track("b")
    assert timings.diff("a", "b", formatted=False) >= 0
    assert timings.diff("a", "c") == "n.a."
    assert list(timings) == ["a", "b"]
    client.setTrackTimings(False)
    assert client.trackedTimings is None


def test_octets_can_be_logged(world: World) -> None:
    seen: list[tuple[str, bytes]] = []
    methods = {
        "logRxOctets": lambda self, data: seen.append(("rx", data)),
        "logTxOctets": lambda self, data, sync: seen.append(("tx", data)),
    }
    server_factory = world.module.WebSocketServerFactory()
    server_factory.logOctets = True
    server_factory.protocol = type("Server", (world.module.WebSocketServerProtocol,), methods)
    _, client = world.join(server_factory, world.module.WebSocketClientFactory("ws://localhost:9000"))
    client.sendPing(b"!")
    world.run()
    assert [kind for kind, _ in seen] == ["rx", "tx", "rx", "tx"]
    assert seen[-1] == ("tx", b"\x8a\x01!")


def test_a_protocol_may_leave_out_the_constructor_of_its_base(world: World) -> None:
    def init(self: Any) -> None:
        self.own = 1

    server_factory = world.module.WebSocketServerFactory()
    server_factory.protocol = type("Server", (world.module.WebSocketServerProtocol,), {"__init__": init})
    server, client = world.join(server_factory, world.module.WebSocketClientFactory("ws://localhost:9000"))
    assert server.isOpen()
    assert client.isOpen()
