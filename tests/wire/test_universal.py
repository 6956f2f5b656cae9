from __future__ import annotations

import pytest

from trowamp import ConnectError, RemoteProtocolError
from trowamp.messages import Call
from trowamp.wire import universal_server

from .pairs import ALL, CBOR, COMBINATIONS, feed, octets_of, open_pair, take

CALL = Call(7, {}, "com.example.add2", [2, 3])


@pytest.mark.checklist("RS-R1")
@pytest.mark.parametrize(
    ("framing", "serializer"), [combination for combination in COMBINATIONS if combination[0].startswith("universal")]
)
def test_the_first_octet_decides(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    server.send(CALL)
    client.receive_data(take(server))
    assert client.received() == [CALL]


def test_what_is_neither_is_refused_at_once() -> None:
    link = universal_server(ALL)
    link.receive_data(b"")
    assert link.error is None
    link.receive_data(b"\x16\x03\x01\x02")
    assert isinstance(link.error, RemoteProtocolError)
    assert "0x16, as TLS does" in str(link.error)


def test_a_web_browser_gets_an_answer() -> None:
    link = universal_server(ALL)
    feed(link, octets_of(b"GET / HTTP/1.1\r\nHost: router.example\r\n\r\n"))
    assert take(link).startswith(b"HTTP/1.1 426 ")


@pytest.mark.parametrize(
    ("first", "reply"),
    [(b"\x7f\xf3\0\0", b"\x7f\x40\0\0"), (b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", b"HTTP/1.1 503 ")],
)
def test_at_capacity_both_are_refused(first: bytes, reply: bytes) -> None:
    link = universal_server([CBOR], at_capacity=True)
    link.receive_data(first)
    assert take(link).startswith(reply)
    assert isinstance(link.error, ConnectError)


def test_the_options_of_both_reach_them() -> None:
    link = universal_server(ALL, max_size=512)
    link.receive_data(b"\x7f\xf3\0\0")
    assert take(link) == b"\x7f\x03\0\0"
    link = universal_server(ALL, origins=["https://example.com"])
    link.receive_data(b"GET / HTTP/1.1\r\nOrigin: https://example.org\r\nUpgrade: websocket\r\n\r\n")
    assert take(link).startswith(b"HTTP/1.1 403 ")
    with pytest.raises(ValueError, match="unknown compression"):
        universal_server(ALL, compression="brotli")  # type: ignore[arg-type]


def test_a_peer_that_says_nothing_is_named() -> None:
    link = universal_server(ALL)
    link.receive_eof()
    assert str(link.error) == "the connection ended during the transport handshake"
    assert link.is_closed
