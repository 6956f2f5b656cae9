"""The opening handshake, both sides."""

from __future__ import annotations

import re

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from trowamp import ConnectError, LocalProtocolError, RemoteProtocolError
from trowamp.messages import Call
from trowamp.wire import Link, get_serializer, websocket_client, websocket_server

from .pairs import ALL, CBOR, JSON, MSGPACK, URL, exchange, feed, fixed_octets, octets_of, take

CALL = Call(7, {}, "com.example.add2", [2, 3])
KEY = "AQIDBAUGBwgJCgsMDQ4PEA=="  # the base64 of fixed_octets(16)
ACCEPT = "C/0nmHhBztSRGR1CwL6Tf4ZjwpY="
UPGRADE = {
    "Host": "router.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "wamp.2.cbor",
}


def request(line: str = "GET /ws HTTP/1.1", **changes: str | None) -> bytes:
    """Return an upgrade request; `Sec_WebSocket_Key=None` leaves a header out."""
    headers = UPGRADE | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(status: str = "101 Switching Protocols", body: bytes = b"", **changes: str | None) -> bytes:
    headers: dict[str, str | None] = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": ACCEPT,
        "Sec-WebSocket-Protocol": "wamp.2.cbor",
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def client(*, offer: tuple[str, ...] = ("cbor", "json"), url: str = URL, **options: object) -> Link:
    return websocket_client(url, [get_serializer(name) for name in offer], random_octets=fixed_octets, **options)  # type: ignore[arg-type]


def answered(octets: bytes, **options: object) -> tuple[Link, str]:
    """Return a router's link after a request, and what it answered."""
    link = websocket_server(ALL, **options)  # type: ignore[arg-type]
    link.receive_data(octets)
    return link, take(link).decode()


@pytest.mark.checklist("WS-B1")
def test_the_request_offers_the_serializers_in_order_of_preference() -> None:
    head = take(client(offer=("msgpack", "cbor", "json"), url="ws://router.example:8080/ws?x=1")).decode()
    assert head.startswith("GET /ws?x=1 HTTP/1.1\r\nHost: router.example:8080\r\n")
    assert "\r\nSec-WebSocket-Protocol: wamp.2.msgpack, wamp.2.cbor, wamp.2.json\r\n" in head
    assert f"\r\nSec-WebSocket-Key: {KEY}\r\n" in head
    assert "Sec-WebSocket-Extensions" not in head
    assert head.endswith("\r\n\r\n")


def test_headers_of_the_user_are_added_or_replace_those_of_the_same_name() -> None:
    headers = [("Cookie", "a=1"), ("X-Many", "1"), ("X-Many", "2"), ("Host", "other.example")]
    head = take(client(headers=headers, origin="https://app.example")).decode()
    for line in ("Cookie: a=1", "X-Many: 1", "X-Many: 2", "Host: other.example", "Origin: https://app.example"):
        assert f"\r\n{line}\r\n" in head
    assert head.count("Host:") == 1


def test_credentials_in_the_url_become_a_header() -> None:
    head = take(client(url="ws://joe:secret@router.example/ws")).decode()
    assert "\r\nAuthorization: Basic am9lOnNlY3JldA==\r\n" in head


@pytest.mark.parametrize(
    "header",
    [
        ("Cookie", "a=1\r\nX-Evil: 1"),
        ("Cookie", "a\0b"),
        ("Bad Name", "x"),
        ("X:", "x"),
        ("", "x"),
        ("Upgrade", "h2c"),
        ("Sec-WebSocket-Protocol", "wamp.2.json"),
    ],
)
def test_headers_that_would_break_the_handshake_are_refused(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="header"):
        client(headers=[header])


@pytest.mark.parametrize("url", ["http://router.example/", "ws://", "ws://router.example/#part", "nonsense"])
def test_a_url_that_is_not_for_websocket_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="valid URI"):
        client(url=url)


def test_a_client_needs_a_serializer() -> None:
    with pytest.raises(ValueError, match="at least one serializer"):
        client(offer=())


def test_an_unknown_compression_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown compression 'brotli'"):
        client(compression="brotli")
    with pytest.raises(ValueError, match="unknown compression 'brotli'"):
        websocket_server(ALL, compression="brotli")  # type: ignore[arg-type]


@pytest.mark.checklist("WS-B1")
@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ("wamp.2.cbor", "cbor"),
        ("wamp.2.json, wamp.2.cbor", "json"),
        ("soap, wamp.2.msgpack, wamp.2.json", "msgpack"),
        ("wamp.2.cbor.batched, wamp.2.cbor", "cbor.batched"),
    ],
)
def test_the_router_takes_the_first_offer_that_it_knows(offered: str, selected: str) -> None:
    link, response = answered(request(Sec_WebSocket_Protocol=offered))
    assert link.is_open
    assert link.serializer.name == selected
    assert response.startswith("HTTP/1.1 101 ")
    assert f"\r\nSec-WebSocket-Protocol: wamp.2.{selected}\r\n" in response
    assert f"\r\nSec-WebSocket-Accept: {ACCEPT}\r\n" in response


@pytest.mark.checklist("WS-R1", "WS-B1")
@pytest.mark.parametrize(("offered", "words"), [("soap, wamp.2.xml", "soap, wamp.2.xml"), (None, "no subprotocol")])
def test_the_router_refuses_a_client_without_a_common_subprotocol(offered: str | None, words: str) -> None:
    link = websocket_server([CBOR, JSON])
    link.receive_data(request(Sec_WebSocket_Protocol=offered))
    response = take(link).decode()
    assert response.startswith("HTTP/1.1 400 ")
    assert f"the client offers {words}, this router speaks wamp.2.cbor, wamp.2.json" in response
    assert isinstance(link.error, ConnectError)
    assert link.is_closed
    assert not link.is_open


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST /ws HTTP/1.1", "HEAD / HTTP/1.0", "OPTIONS * HTTP/1.1"])
def test_plain_http_gets_a_readable_answer(line: str) -> None:
    link, response = answered(request(line, Upgrade=None, Connection=None))
    assert response.startswith("HTTP/1.1 426 Upgrade Required\r\n")
    assert "\r\nUpgrade: websocket\r\n" in response
    assert "\r\nConnection: close\r\n" in response
    assert response.partition("\r\n\r\n")[2].startswith("this is a WAMP router")
    assert "plain HTTP" in link.close_reason


@pytest.mark.parametrize(
    ("octets", "status", "words"),
    [
        (request("POST /ws HTTP/1.1"), 405, "unsupported HTTP method"),
        (request("GET /ws HTTP/1.0"), 505, "unsupported HTTP version"),
        (request(Upgrade="h2c"), 426, "invalid Upgrade header: h2c"),
        (request(Connection="keep-alive"), 426, "Connection"),
        (request(Sec_WebSocket_Key=None), 400, "missing Sec-WebSocket-Key"),
        (request(Sec_WebSocket_Key="c2hvcnQ="), 400, "invalid Sec-WebSocket-Key"),
        (request(Sec_WebSocket_Version="8"), 400, "invalid Sec-WebSocket-Version"),
        (request(Content_Length="5") + b"hello", 400, "unsupported request body"),
        (request("NONSENSE"), 400, "invalid HTTP request line"),
        (request("GET /ws HTTP/2.0"), 400, "unsupported protocol"),
        (b"GET /ws HTTP/1.1\nHost: x\n\n", 400, "line without CRLF"),
        (request(X="y" * 9000), 431, "expected no more than"),
        (request("GET /" + "y" * 9000 + " HTTP/1.1"), 414, "expected no more than"),
        (request() [:-2] + b"".join(b"X: y\r\n" for _ in range(200)) + b"\r\n", 431, "no more than 128 headers"),
        (request() [:-2] + b"X: y\r\n" * 20000, 431, "more than 65536 octets"),
    ],
)  # fmt: skip
def test_requests_that_are_no_handshake_get_the_fitting_status(octets: bytes, status: int, words: str) -> None:
    link, response = answered(octets)
    assert response.startswith(f"HTTP/1.1 {status} ")
    assert words in response
    assert words in link.close_reason
    assert isinstance(link.error, ConnectError)


@pytest.mark.parametrize(
    ("first", "words"),
    [(b"\x16\x03\x01", "0x16, as TLS does"), (b"\x7f", "0x7F, as RawSocket does"), (b"\0", "0x00"), (b"get /", "0x67")],
)
def test_the_router_hangs_up_at_the_first_octet_of_what_cannot_be_http(first: bytes, words: str) -> None:
    link, response = answered(first)
    assert not response
    assert isinstance(link.error, RemoteProtocolError)
    assert words in str(link.error)


def test_a_router_at_capacity_says_so() -> None:
    link, response = answered(request(), at_capacity=True)
    assert response.startswith("HTTP/1.1 503 ")
    assert "too many connections" in link.close_reason


@pytest.mark.parametrize(
    ("origin", "host", "origins", "is_allowed"),
    [
        (None, "router.example", None, True),
        (None, "router.example", [], True),
        ("https://router.example", "router.example", None, True),
        ("http://localhost:3000", "localhost:8080", None, True),
        ("http://[::1]:3000", "[::1]:8080", None, True),
        ("https://evil.example", "router.example", None, False),
        ("https://router.example.evil.example", "router.example", None, False),
        ("null", "router.example", None, False),
        ("https://[bad", "router.example", None, False),
        ("https://router.example", None, None, False),
        ("https://app.example", "router.example", ["https://app.example"], True),
        ("http://app.example", "router.example", ["https://app.example"], False),
        ("https://app.example:444", "router.example", ["https://app.example"], False),
        ("https://a.app.example", "router.example", [re.compile(r"https://\w+\.app\.example")], True),
        ("https://a.app.example.evil", "router.example", [re.compile(r"https://\w+\.app\.example")], False),
        ("https://router.example", "router.example", ["https://app.example"], False),
        ("https://anything.example", "router.example", ["*"], True),
    ],
)
def test_web_pages_may_connect_only_from_allowed_origins(
    origin: str | None, host: str | None, origins: list[str | re.Pattern[str]] | None, is_allowed: bool
) -> None:
    link, response = answered(request(Origin=origin, Host=host), origins=origins)
    assert link.is_open is is_allowed
    assert response.startswith("HTTP/1.1 101 " if is_allowed else "HTTP/1.1 403 ")


def test_two_origins_are_none() -> None:
    octets = request(Origin="https://router.example").replace(b"\r\n\r\n", b"\r\nOrigin: https://evil.example\r\n\r\n")
    assert answered(octets)[1].startswith("HTTP/1.1 403 ")


def test_the_client_opens_with_what_the_router_selected() -> None:
    link = client()
    link.receive_data(answer(Sec_WebSocket_Protocol="wamp.2.json"))
    assert link.is_open
    assert link.serializer.name == "json"
    assert link.error is None


@pytest.mark.checklist("WS-C1")
@pytest.mark.parametrize(
    ("selected", "words"),
    [
        (None, "selected none of wamp.2.cbor, wamp.2.json"),
        ("wamp.2.msgpack", "unsupported subprotocol: wamp.2.msgpack"),
        ("soap", "unsupported subprotocol: soap"),
        ("wamp.2.cbor, wamp.2.json", "multiple values"),
    ],
)
def test_the_client_refuses_a_subprotocol_that_it_did_not_offer(selected: str | None, words: str) -> None:
    link = client()
    link.receive_data(answer(Sec_WebSocket_Protocol=selected))
    assert isinstance(link.error, ConnectError)
    assert words in str(link.error)
    assert not link.is_open


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (answer("404 Not Found", b"no such\r\n  page", Content_Length="15"), "HTTP 404 Not Found: no such page"),
        (answer("403 Forbidden", Content_Length="0"), "HTTP 403 Forbidden"),
        (answer("301 Moved", Location="ws://x.example/", Content_Length="0"), "to ws://x.example/; redirects are not"),
        (answer("200 OK", b"x" * 5000, Content_Length="5000"), "HTTP 200 OK: xxx"),
        (answer("429 Slow Down", b"3\r\nno!\r\n0\r\n\r\n", Transfer_Encoding="chunked"), "HTTP 429 Slow Down: no!"),
        (answer(Sec_WebSocket_Accept="bm90IGl0"), "invalid Sec-WebSocket-Accept"),
        (answer(Sec_WebSocket_Accept=None), "missing Sec-WebSocket-Accept"),
        (answer(Upgrade=None), "missing Upgrade"),
        (answer(Connection="close"), "invalid Connection"),
        (answer(Sec_WebSocket_Extensions="permessage-deflate"), "no extensions supported"),
        (b"HTTP/1.0 200 OK\r\n\r\n", "unsupported protocol"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "invalid status code"),
        (answer("200 OK", Content_Length="99999999"), "body too large"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "invalid HTTP status line"),
        (b"\x15\x03", "its answer begins with 0x15, as TLS does"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000, "too long"),
    ],
)
def test_the_client_says_why_the_handshake_failed(octets: bytes, words: str) -> None:
    for pieces in ([octets], octets_of(octets)):
        link = client()
        feed(link, pieces)
        assert isinstance(link.error, ConnectError)
        assert words in str(link.error)
        assert len(str(link.error)) < 500
        assert link.is_closed
        assert not link.is_open


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "the connection ended during the WebSocket handshake"),
        (b"HTTP/1.1 10", "the connection ended during the WebSocket handshake"),
        (answer("500 Oops", b"it broke", Content_Length="99"), "stream ends after 8 bytes"),
        (answer("500 Oops", b"it broke"), "HTTP 500 Oops: it broke"),
    ],
)
def test_the_end_of_the_stream_ends_the_handshake(octets: bytes, words: str) -> None:
    link = client()
    link.receive_data(octets)
    assert link.error is None
    link.receive_eof()
    assert isinstance(link.error, ConnectError)
    assert words in str(link.error)


def test_a_client_that_leaves_during_the_handshake_is_named() -> None:
    link = websocket_server(ALL)
    link.receive_data(b"GET /ws HT")
    link.receive_eof()
    assert str(link.error) == "the connection ended during the WebSocket handshake"


def test_frames_may_come_with_the_handshake_or_octet_by_octet() -> None:
    frame = Frame(Opcode.BINARY, CBOR.encode(CALL)).serialize(mask=False)
    for pieces in ([answer() + frame + frame], octets_of(answer() + frame + frame)):
        link = client()
        feed(link, pieces)
        assert link.received() == [CALL, CALL]
    frame = Frame(Opcode.BINARY, CBOR.encode(CALL)).serialize(mask=True)
    for pieces in ([request() + frame + frame], octets_of(request() + frame + frame)):
        link = websocket_server(ALL)
        feed(link, pieces)
        assert link.received() == [CALL, CALL]


def test_nothing_can_be_sent_before_the_handshake_is_done() -> None:
    for link in (client(), websocket_server(ALL)):
        waiting = bytes(link.data_to_send())
        with pytest.raises(LocalProtocolError, match="handshake is not done"):
            link.send(CALL)
        link.ping()
        assert link.data_to_send() == waiting


def test_closing_during_the_handshake_is_final() -> None:
    link = client()
    take(link)
    link.close()
    link.receive_data(answer())
    assert not link.is_open
    assert link.is_closed
    assert not take(link)


@pytest.mark.parametrize(("offers", "accepts"), [(None, None), ("deflate", None), (None, "deflate")])
def test_compression_takes_two(offers: str | None, accepts: str | None) -> None:
    near, far = client(compression=offers), websocket_server(ALL, compression=accepts)  # type: ignore[arg-type]
    exchange(near, far)
    assert far.wire_format is not None
    assert far.encode(CALL)[2:] == CBOR.encode(CALL)


def test_compressed_connections_share_no_encoded_messages() -> None:
    near, far = client(compression="deflate"), websocket_server(ALL, compression="deflate")
    exchange(near, far)
    assert near.wire_format is None
    assert far.wire_format is None
    text = Call(1, {}, "com.example.echo", ["again and again " * 100])
    assert len(far.encode(text)) < 200


@pytest.mark.parametrize("is_compressed", [False, True])
def test_the_client_understands_the_server_of_websockets(is_compressed: bool) -> None:
    extensions = [ServerPerMessageDeflateFactory()] if is_compressed else None
    server = ServerProtocol(subprotocols=[Subprotocol("wamp.2.msgpack")], extensions=extensions)
    link = client(offer=("cbor", "msgpack"), compression="deflate" if is_compressed else None)
    server.receive_data(take(link))
    (event,) = server.events_received()
    assert isinstance(event, Request)
    server.send_response(server.accept(event))
    server.send_binary(MSGPACK.encode(CALL))
    feed(link, server.data_to_send())
    assert link.received() == [CALL]
    link.send(CALL)
    server.receive_data(take(link))
    (event,) = server.events_received()
    assert isinstance(event, Frame)
    assert event.data == MSGPACK.encode(CALL)
    link.close(1001, "enough")
    server.receive_data(take(link))
    assert server.close_rcvd is not None
    assert (server.close_rcvd.code, server.close_rcvd.reason) == (1001, "enough")
    feed(link, server.data_to_send())
    assert link.is_closed
    assert link.error is None


@pytest.mark.parametrize("is_compressed", [False, True])
def test_the_router_understands_the_client_of_websockets(is_compressed: bool) -> None:
    extensions = [ClientPerMessageDeflateFactory()] if is_compressed else None
    peer = ClientProtocol(parse_uri(URL), subprotocols=[Subprotocol("wamp.2.json")], extensions=extensions)
    link = websocket_server(ALL, compression="deflate" if is_compressed else None)
    peer.send_request(peer.connect())
    feed(link, peer.data_to_send())
    peer.receive_data(take(link))
    (event,) = peer.events_received()
    assert isinstance(event, Response)
    assert peer.handshake_exc is None
    peer.send_text(JSON.encode(CALL))
    feed(link, peer.data_to_send())
    assert link.received() == [CALL]
    link.send(CALL)
    peer.receive_data(take(link))
    (event,) = peer.events_received()
    assert isinstance(event, Frame)
    assert event.data == JSON.encode(CALL)
    peer.send_close(1000, "done")
    feed(link, peer.data_to_send())
    assert link.close_reason == "connection closed by the peer (1000 normal closure: done)"
    peer.receive_data(take(link))
    peer.receive_eof()
    assert peer.close_code == 1000


def test_what_a_peer_says_cannot_forge_lines_of_a_log() -> None:
    link = client()
    link.receive_data(answer("400 Bad Request", b"\x1b[2J\nERROR all is lost", Content_Length="22"))
    assert str(link.error).endswith(": \ufffd[2J ERROR all is lost")
    assert str(link.error).isprintable()


def test_a_router_is_told_what_the_request_said() -> None:
    link, _ = answered(
        request("GET /ws?x=1 HTTP/1.1", Cookie="a=1", cookie="b=2", X_Name="jos\xe9", Origin="https://router.example")
    )
    http = link.peer_details["http"]
    assert http["path"] == "/ws?x=1"
    assert http["headers"]["host"] == "router.example"
    assert http["headers"]["origin"] == "https://router.example"
    assert http["headers"]["cookie"] == "a=1, b=2"
    assert http["headers"]["x-name"].startswith("jos")
    assert all(JSON.encode(Call(1, {}, "com.example.see", [text])) for text in http["headers"].values())


def test_the_details_of_a_peer_may_be_a_dict_of_the_owner() -> None:
    details = {"type": "tcp"}
    link = websocket_server(ALL)
    link.peer_details = details
    link.receive_data(request())
    assert set(details) == {"type", "http"}
