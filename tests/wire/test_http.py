"""HTTP/1.1 as long-polling uses it, both sides, without I/O."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp import MessageTooLarge, RemoteProtocolError
from trowamp.wire._http import HttpClient, HttpRequest, HttpResponse, HttpServer, check_headers, plain
from trowamp.wire._http_head import LONGEST_HEAD

HEADERS = [("Host", "router.example")]


def requested(server: HttpServer) -> tuple[HttpRequest, bytes]:
    head = server.head()
    assert isinstance(head, HttpRequest)
    body = server.body(1000)
    assert isinstance(body, bytes)
    return head, body


def answered(server: HttpServer, response: HttpResponse, *, closes: bool = False) -> bytes:
    server.respond(response, closes=closes)
    return server.take()


def test_a_request_arrives_and_its_answer_goes_back() -> None:
    server, client = HttpServer(), HttpClient(HEADERS)
    for number in range(3):
        assert server.is_idle
        server.receive_data(client.request(f"/lp/x/send?x={number}", b"hello", "application/json"))
        head, body = requested(server)
        assert (head.method, head.path, body) == ("POST", "/lp/x/send", b"hello")
        assert head.headers == {"host": "router.example", "content-length": "5", "content-type": "application/json"}
        client.receive_data(answered(server, HttpResponse(200, b"world", "text/plain", [("X", "1")])))
        response = client.response(5)
        assert response is not None
        assert (response.status, response.body, response.content_type) == (200, b"world", "text/plain")
        assert dict(response.headers)["x"] == "1"
        assert client.is_reusable
        assert not server.must_close


def test_both_read_octet_by_octet() -> None:
    server, client = HttpServer(), HttpClient(HEADERS)
    octets = client.request("/lp/open", b"{}", "")
    for octet in octets[:-1]:
        server.receive_data(bytes([octet]))
        head = server.head() if server.body_octets == 0 and b"{" not in bytes([octet]) else None
        assert head is None or isinstance(head, HttpRequest)
    server.receive_data(octets[-1:])
    assert server.body(10) == b"{}"
    octets = answered(server, HttpResponse(200, b"hello"))
    for octet in octets[:-1]:
        client.receive_data(bytes([octet]))
        assert client.response(10) is None
    client.receive_data(octets[-1:])
    response = client.response(10)
    assert response is not None
    assert response.body == b"hello"


def test_requests_that_come_together_are_served_one_by_one() -> None:
    server = HttpServer()
    server.receive_data(b"".join(HttpClient(HEADERS).request(f"/{number}", b"x" * number, "") for number in range(3)))
    for number in range(3):
        head, body = requested(server)
        assert (head.path, body) == (f"/{number}", b"x" * number)
        assert server.head() is None or number == 3  # not before this one is answered
        assert answered(server, HttpResponse(204)).startswith(b"HTTP/1.1 204 No Content\r\n")
    assert server.is_idle


def test_an_answer_without_content_has_neither_body_nor_length() -> None:
    server = HttpServer()
    server.receive_data(HttpClient(HEADERS).request("/", b"", ""))
    requested(server)
    assert answered(server, HttpResponse(204, b"never sent")) == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_the_answer_to_head_has_no_body() -> None:
    server = HttpServer()
    server.receive_data(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    requested(server)
    assert answered(server, plain(404, "nothing")).endswith(b"Content-Length: 8\r\n\r\n")


def test_what_is_no_request_is_answered_in_words_also_after_head() -> None:
    server = HttpServer()
    server.receive_data(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
    requested(server)
    answered(server, plain(404, "nothing"))
    refusal = server.head()
    assert isinstance(refusal, HttpResponse)
    assert answered(server, refusal).endswith(refusal.body)


def test_chunks_are_joined() -> None:
    server = HttpServer()
    server.receive_data(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert requested(server)[1] == b"abcde"


@pytest.mark.parametrize("head", [b"Content-Length: 1001", b"Transfer-Encoding: chunked"])
def test_a_body_is_refused_as_soon_as_it_is_too_large(head: bytes) -> None:
    server = HttpServer()
    server.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n")
    assert isinstance(server.head(), HttpRequest)
    server.receive_data(b"3e9\r\n" * (b"chunked" in head) + b"x" * 1001)
    refusal = server.body(1000)
    assert isinstance(refusal, HttpResponse)
    assert refusal.status == 413
    assert b"Connection: close" in answered(server, refusal)
    assert server.must_close


def test_a_body_is_refused_before_it_comes_if_its_length_says_that_it_is_too_large() -> None:
    server = HttpServer()
    server.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
    assert isinstance(server.head(), HttpRequest)
    refusal = server.body(1000)
    assert isinstance(refusal, HttpResponse)
    assert refusal.status == 413
    assert answered(server, refusal).startswith(b"HTTP/1.1 413 ")  # and nobody is asked to continue
    assert server.must_close


@pytest.mark.parametrize(
    "request_head",
    [
        b"HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\ncontent-length: 0",
        b"HTTP/1.0\r\nTransfer-Encoding: chunked",
    ],
)
def test_a_request_that_could_be_read_in_two_ways_is_refused_and_the_connection_ends(request_head: bytes) -> None:
    """RFC 9112 §6.1: what a proxy takes for a body could be the next request here."""
    server = HttpServer()
    server.receive_data(b"POST / " + request_head + b"\r\n\r\n0\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\n\r\n")
    refusal = server.head()
    assert isinstance(refusal, HttpResponse)
    assert refusal.status == 400
    assert b"Connection: close" in answered(server, refusal)
    assert server.must_close


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"POST / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\n" + b"X" * (LONGEST_HEAD + 1), 431),
        (b"\x16\x03\x01\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_with_the_reason(octets: bytes, status: int) -> None:
    server = HttpServer()
    server.receive_data(octets)
    refusal = server.head()
    assert isinstance(refusal, HttpResponse)
    assert refusal.status == status
    assert answered(server, refusal).startswith(f"HTTP/1.1 {status} ".encode())
    assert server.must_close


def test_the_end_of_a_connection_within_a_request_is_no_request() -> None:
    server = HttpServer()
    server.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
    assert isinstance(server.head(), HttpRequest)
    server.receive_eof()
    assert isinstance(server.body(10), HttpResponse)
    idle = HttpServer()
    idle.receive_eof()
    assert idle.head() is None


def test_a_connection_can_be_ended_by_the_answer() -> None:
    server, client = HttpServer(), HttpClient(HEADERS)
    server.receive_data(client.request("/", b"", ""))
    requested(server)
    octets = answered(server, HttpResponse(200, b"x"), closes=True)
    assert b"Connection: close" in octets
    assert server.must_close
    client.receive_data(octets)
    assert client.response(10) is not None
    assert not client.is_reusable


@pytest.mark.parametrize("octets", [b"GET /ws HTTP/1.1\r\n", b"G"])
def test_a_get_is_left_to_others(octets: bytes) -> None:
    server = HttpServer()
    server.receive_data(octets)
    assert server.has_upgrade
    assert server.pending == octets


def test_every_origin_counts() -> None:
    server = HttpServer()
    server.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nOrigin: x\r\nOrigin: y\r\nA: 1\r\nA: 2\r\n\r\n")
    head, _ = requested(server)
    assert head.origins == ["x", "y"]
    assert head.headers["a"] == "1, 2"


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 999999 ?\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X" * (LONGEST_HEAD + 1),
        b"SSH-2.0",
        b"\x7f\xf1\0\0",
        b"HTTQ",
    ],
)
def test_what_is_no_response_is_refused(octets: bytes) -> None:
    client = HttpClient(HEADERS)
    client.request("/", b"", "")
    client.receive_data(octets)
    with pytest.raises(RemoteProtocolError, match="no HTTP response"):
        client.response(10)


@pytest.mark.parametrize("octets", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"])
def test_the_end_of_a_connection_within_a_response_is_told(octets: bytes) -> None:
    client = HttpClient(HEADERS)
    client.request("/", b"", "")
    if octets:
        client.receive_data(octets)
        assert client.response(10) is None
    client.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="ended the connection without an answer"):
        client.response(10)


def test_a_response_without_length_ends_with_the_connection() -> None:
    client = HttpClient(HEADERS)
    client.request("/", b"", "")
    client.receive_data(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nhello")
    assert client.response(10) is None
    client.receive_data(b"")
    response = client.response(10)
    assert response is not None
    assert response.body == b"hello"
    assert not client.is_reusable


@pytest.mark.parametrize(
    "head", [b"Content-Length: 11\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n"]
)
def test_a_response_that_is_too_large_is_refused_as_soon_as_that_is_known(head: bytes) -> None:
    client = HttpClient(HEADERS)
    client.request("/", b"", "")
    client.receive_data(b"HTTP/1.1 200 OK\r\n" + head)
    with pytest.raises(MessageTooLarge) as caught:
        client.response(10)
    assert (caught.value.size, caught.value.limit) == (11, 10)


@pytest.mark.parametrize(
    ("header", "seconds"), [("timeout=5", 5), ("max=3, Timeout=7", 7), ("timeout=x", None), ("", None), ("5", None)]
)
def test_a_server_may_say_how_long_it_keeps_the_connection(header: str, seconds: int | None) -> None:
    client = HttpClient(HEADERS)
    client.request("/", b"", "")
    client.receive_data(f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: {header}\r\n\r\n".encode())
    response = client.response(10)
    assert response is not None
    assert response.keep_for == seconds


def test_an_answer_in_words_can_stand_in_a_log() -> None:
    assert plain(404, "nothing\x1b[31m here\r\n").words == "404 Not Found: nothing\ufffd[31m here"
    assert HttpResponse(999, b"<html>", "text/html").words == "999"
    assert len(plain(400, "x" * 100_000).words) < 400


@pytest.mark.parametrize("name", ["Connection", "content-length", "Transfer-Encoding", "Content-Type", "a b", "Ä", ""])
def test_headers_that_cannot_be_carried_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the header"):
        check_headers([(name, "x")])
    check_headers([("Cookie", "a=b"), ("Authorization", "Bearer x"), ("Host", "other.example")])


@given(st.binary(max_size=300), st.booleans())
def test_no_octets_make_a_server_fail(octets: bytes, is_request: bool) -> None:
    server = HttpServer()
    server.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\n" * is_request + octets)
    head = server.head()
    if isinstance(head, HttpRequest):
        body = server.body(100)
        head = body if isinstance(body, HttpResponse) else None
    if isinstance(head, HttpResponse):
        server.respond(head)
    assert isinstance(server.take(), bytes)


@given(st.binary(max_size=300), st.booleans())
def test_no_octets_make_a_client_fail(octets: bytes, is_response: bool) -> None:
    client = HttpClient(HEADERS)
    client.request("/", b"", "")
    client.receive_data(b"HTTP/1.1 200 OK\r\n" * is_response + octets)
    response = None
    with suppress(RemoteProtocolError, MessageTooLarge):
        response = client.response(100)
    assert response is None or response.status >= 200
