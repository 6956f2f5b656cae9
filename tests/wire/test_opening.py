"""Opening handshakes of any WebSocket connection, without a network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp.wire.websocket import (
    ClientOpening,
    HeadFinder,
    HttpError,
    OpeningRefused,
    PlainRequest,
    ServerOpening,
    UpgradeRequest,
    acceptance,
    refusal,
    serialize_head,
)

from .pairs import cuts

KEY = bytes(range(16))


def asked(**arguments: object) -> tuple[ClientOpening, UpgradeRequest]:
    """Return a client that has asked, and what the server understood."""
    client = ClientOpening(KEY, target="/", host="example.com", **arguments)  # type: ignore[arg-type]
    request = ServerOpening().receive_data(client.request)
    assert isinstance(request, UpgradeRequest)
    return client, request


@given(st.data())
def test_both_sides_understand_each_other(data: st.DataObject) -> None:
    client = ClientOpening(
        KEY,
        target="/path?query=1",
        host="example.com:9000",
        protocols=["a", "b"],
        extensions=["permessage-deflate; client_max_window_bits", "other; x=1"],
        origin="https://example.com",
        headers=[("X-One", "1"), ("X-One", "2")],
    )
    server = ServerOpening()
    found = [server.receive_data(piece) for piece in data.draw(cuts(client.request)) if piece]
    request = found[-1]
    assert isinstance(request, UpgradeRequest)
    assert not any(found[:-1])
    assert (request.target, request.host, request.version) == ("/path?query=1", "example.com:9000", 13)
    assert (request.protocols, request.origin) == (["a", "b"], "https://example.com")
    assert request.extensions == [("permessage-deflate", [("client_max_window_bits", None)]), ("other", [("x", "1")])]
    assert request.headers["x-one"] == "1, 2"
    octets = acceptance(request, protocol="b", extensions=["permessage-deflate"], headers=[("Server", "me")])
    answers = [client.receive_data(piece) for piece in data.draw(cuts(octets)) if piece]
    response = answers[-1]
    assert response is not None
    assert (response.protocol, response.extensions, response.headers["server"]) == (
        "b",
        [("permessage-deflate", [])],
        "me",
    )


def test_what_comes_behind_the_handshake_is_kept() -> None:
    client, request = asked()
    client.receive_data(acceptance(request) + b"frames")
    assert client.rest == b"frames"
    server = ServerOpening()
    server.receive_data(client.request + b"early")
    assert server.rest == b"early"


def test_a_request_that_asks_for_no_upgrade_is_told_apart() -> None:
    found = ServerOpening().receive_data(b"GET /page HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\r\n")
    assert found == PlainRequest("/page", {"host": "x", "x-a": "b"})


def test_lines_may_end_without_carriage_returns() -> None:
    found = ServerOpening().receive_data(b"GET /page HTTP/1.1\nHost: x\n\n")
    assert found == PlainRequest("/page", {"host": "x"})


@pytest.mark.parametrize(("versions", "named"), [((13,), "13"), ((8, 13), "13, 8")])
def test_other_versions_are_refused_by_naming_the_right_ones(versions: tuple[int, ...], named: str) -> None:
    client = ClientOpening(KEY, target="/", host="x", version=7)
    with pytest.raises(OpeningRefused) as caught:
        ServerOpening(versions).receive_data(client.request)
    assert (caught.value.status, caught.value.headers) == (426, {"Sec-WebSocket-Version": named})


def test_the_origin_has_another_name_in_old_versions() -> None:
    client = ClientOpening(KEY, target="/", host="x", version=8, origin="http://a")
    request = ServerOpening((8,)).receive_data(client.request)
    assert isinstance(request, UpgradeRequest)
    assert request.origin == "http://a"
    assert "origin" not in request.headers


def test_only_what_was_offered_can_be_accepted() -> None:
    _, request = asked(protocols=["a"])
    with pytest.raises(ValueError, match="did not offer"):
        acceptance(request, protocol="b")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"HTTP/1.1 101", b"HTTP/1.0 101"), "not HTTP/1.1"),
        ((b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 401 Unauthorized"), "Unauthorized"),
        ((b"Upgrade: websocket", b"Upgrade: h2c"), "Upgrade"),
        ((b"Connection: Upgrade", b"Connection: close"), "Connection"),
        ((b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: x"), "does not answer the key"),
        ((b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Accept: "), "not offered"),
        ((b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Extensions: ;\r\nSec-WebSocket-Accept: "), "invalid"),
        ((b"HTTP/1.1", b"\x00"), "not HTTP"),
        ((b"Upgrade: websocket", b"Upgrade websocket"), "malformed"),
    ],
)
def test_an_answer_that_is_none_is_refused(change: tuple[bytes, bytes], words: str) -> None:
    client, request = asked(protocols=["a"])
    with pytest.raises(OpeningRefused, match=words):
        client.receive_data(
            acceptance(request, protocol="a" if b"Protocol" not in change[1] else None).replace(*change)
        )


def test_who_refuses_says_so_in_http() -> None:
    client, _ = asked()
    with pytest.raises(OpeningRefused) as caught:
        client.receive_data(refusal(503, "Too Many", body="grüß", headers=[("Retry-After", "3")]))
    assert (caught.value.status, caught.value.reason) == (503, "Too Many")
    assert caught.value.headers["retry-after"] == "3"
    assert caught.value.headers["content-length"] == "6"


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("GET / HTTP/1.1\r\nX: y", []),
        ("GET /", [("X Y", "1")]),
        ("GET /", [("X", "1\r\nY: 2")]),
        ("GET /", [("X", "\0")]),
        ("GET /", [("", "1")]),
    ],
)
def test_nothing_can_be_smuggled_into_a_head(line: str, fields: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="HTTP forbids|no name"):
        serialize_head(line, fields)


@pytest.mark.parametrize("target", ["", "/a b", "/#x", "/a\r\nX: y"])
def test_a_target_that_cannot_be_requested_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="cannot be requested"):
        ClientOpening(KEY, target=target, host="x")


def test_a_head_has_an_end() -> None:
    finder = HeadFinder()
    with pytest.raises(HttpError) as caught:
        for _ in range(100):
            assert finder.feed(b"GET / HTTP/1.1\r\n" + b"X: " + bytes(1000).replace(b"\0", b"x") + b"\r\n") is None
    assert caught.value.status == 431


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_waited_for(octets: bytes) -> None:
    opening = ServerOpening()
    found, status = None, 400
    try:
        found = opening.receive_data(b"GET / HTTP/1.1\r\n" + octets + b"\r\n\r\n")
    except OpeningRefused as refused:
        status = refused.status
    assert found is None or found.target == "/"
    assert 400 <= status < 600
