from __future__ import annotations

import pytest

from trowamp import ConnectError, MessageTooLarge, RemoteProtocolError
from trowamp.messages import Call, Event, Goodbye, Message
from trowamp.wire import Link, get_serializer, rawsocket_client, rawsocket_server

from .pairs import ALL, CBOR, JSON, MSGPACK, exchange, feed, octets_of, open_pair, take

CALL = Call(7, {}, "com.example.add2", [2, 3])
BODY = CBOR.encode(CALL)
FRAME = len(BODY).to_bytes(4, "big") + BODY
PING, PONG = 1 << 24, 2 << 24


def prefix(flags_and_length: int) -> bytes:
    return flags_and_length.to_bytes(4, "big")


def opened_server(max_size: int = 2**24 - 1) -> Link:
    link = rawsocket_server(ALL, max_size=max_size)
    link.receive_data(b"\x7f\xf3\0\0")
    assert link.is_open
    take(link)
    return link


@pytest.mark.checklist("RS-C1")
@pytest.mark.parametrize(
    ("serializer", "max_size", "expected"),
    [
        ("json", 2**24 - 1, "7ff10000"),
        ("msgpack", 2**24, "7ff20000"),
        ("cbor", 2**23, "7fe30000"),
        ("cbor", 512, "7f030000"),
        ("cbor", 513, "7f130000"),
        ("cbor", 1, "7f030000"),
        ("cbor", 2**30, "7ff30000"),
    ],
)
def test_a_client_begins_with_its_serializer_and_limit(serializer: str, max_size: int, expected: str) -> None:
    assert take(rawsocket_client(get_serializer(serializer), max_size=max_size)).hex() == expected


@pytest.mark.checklist("RS-R3")
@pytest.mark.parametrize(
    ("request_octets", "max_size", "reply", "serializer", "max_send_size"),
    [
        ("7ff10000", 2**24 - 1, "7ff10000", "json", 2**24 - 1),
        ("7f020000", 2**10, "7f120000", "msgpack", 512),
        ("7fe30000", 2**9, "7f030000", "cbor", 2**23),
    ],
)
def test_a_router_echoes_the_serializer_and_tells_its_own_limit(
    request_octets: str, max_size: int, reply: str, serializer: str, max_send_size: int
) -> None:
    link = rawsocket_server(ALL, max_size=max_size)
    link.receive_data(bytes.fromhex(request_octets))
    assert link.is_open
    assert take(link).hex() == reply
    assert link.serializer.name == serializer
    assert link.max_send_size == max_send_size


@pytest.mark.checklist("RS-R2")
@pytest.mark.parametrize(
    ("request_octets", "reply", "words"),
    [
        ("7ff00000", "7f100000", "serializer 0 is not supported"),
        ("7ff40000", "7f100000", "serializer 4 is not supported"),
        ("7fff0000", "7f100000", "serializer 15 is not supported"),
        ("7ff30100", "7f300000", "reserved octets"),
        ("7ff30001", "7f300000", "reserved octets"),
    ],
)
def test_a_router_refuses_with_the_error_code_of_the_specification(request_octets: str, reply: str, words: str) -> None:
    link = rawsocket_server(ALL)
    link.receive_data(bytes.fromhex(request_octets))
    assert take(link).hex() == reply
    assert link.is_closed
    assert not link.is_open
    assert isinstance(link.error, ConnectError)
    assert words in str(link.error)


@pytest.mark.checklist("RS-R2")
def test_a_router_at_capacity_refuses_everybody() -> None:
    link = rawsocket_server(ALL, at_capacity=True)
    link.receive_data(b"\x7f\xf3\0\0")
    assert take(link).hex() == "7f400000"
    assert "too many connections" in link.close_reason


@pytest.mark.checklist("RS-R1")
@pytest.mark.parametrize("first", [b"G", b"\0", b"\x16", b"\xff"])
def test_a_router_hangs_up_on_another_magic_octet_at_once(first: bytes) -> None:
    link = rawsocket_server(ALL)
    link.receive_data(first)
    assert isinstance(link.error, RemoteProtocolError)
    assert link.is_closed
    assert not take(link)


@pytest.mark.checklist("RS-C1")
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("7f100000", "does not support the serializer"),
        ("7f200000", "maximum message length"),
        ("7f300000", "reserved bits"),
        ("7f400000", "too many connections"),
        ("7f000000", "error code 0"),
        ("7ff00000", "error code 15"),
        ("7ff10000", "serializer 1, but 3 was requested"),
        ("7ff30100", "reserved octets"),
        ("7ff30001", "reserved octets"),
        ("48", "does not speak RawSocket"),
    ],
)
def test_a_client_says_why_the_handshake_failed(reply: str, words: str) -> None:
    link = rawsocket_client(CBOR)
    link.receive_data(bytes.fromhex(reply))
    assert isinstance(link.error, ConnectError)
    assert words in str(link.error)
    assert words in link.close_reason
    assert link.is_closed
    assert not link.is_open


@pytest.mark.checklist("RS-B6")
@pytest.mark.parametrize("received", [b"", b"\x7f", b"\x7f\xf3\0"])
def test_a_router_that_hangs_up_during_the_handshake_has_refused(received: bytes) -> None:
    link = rawsocket_client(CBOR)
    link.receive_data(received)
    link.receive_eof()
    assert isinstance(link.error, ConnectError)
    assert "unsupported serializer, or refused" in str(link.error)


def test_a_client_that_hangs_up_during_the_handshake_is_named() -> None:
    link = rawsocket_server(ALL)
    link.receive_data(b"\x7f")
    link.receive_eof()
    assert str(link.error) == "the connection ended during the RawSocket handshake"


@pytest.mark.checklist("RS-B4")
def test_handshake_and_frames_may_come_octet_by_octet_or_all_at_once() -> None:
    stream = b"\x7f\xf3\0\0" + FRAME + prefix(PING | 3) + b"abc" + FRAME + prefix(PONG) + FRAME
    at_once, piecemeal = rawsocket_server(ALL), rawsocket_server(ALL)
    at_once.receive_data(stream)
    feed(piecemeal, octets_of(stream))
    for link in (at_once, piecemeal):
        assert link.received() == [CALL, CALL, CALL]
        assert take(link) == b"\x7f\xf3\0\0" + prefix(PONG | 3) + b"abc"
        assert link.error is None
        assert link.received_octets == len(stream)


@pytest.mark.checklist("RS-B4")
def test_frames_may_come_with_the_reply() -> None:
    link = rawsocket_client(CBOR)
    link.receive_data(b"\x7f\xf3\0\0" + FRAME + FRAME[:5])
    assert link.received() == [CALL]
    link.receive_data(FRAME[5:])
    assert link.received() == [CALL]


@pytest.mark.checklist("RS-B5")
def test_batched_serializers_do_not_exist() -> None:
    with pytest.raises(ValueError, match=r"cannot carry wamp\.2\.json\.batched"):
        rawsocket_client(get_serializer("json.batched"))


@pytest.mark.checklist("RS-B1")
def test_a_message_larger_than_the_peer_accepts_is_refused_at_the_sender() -> None:
    link = rawsocket_server(ALL)
    link.receive_data(b"\x7f\x02\0\0")
    take(link)
    message = Event(1, 1, {}, [b"x" * 600])
    with pytest.raises(MessageTooLarge) as caught:
        link.send(message)
    assert caught.value.limit == 512
    assert caught.value.size == len(MSGPACK.encode(message))
    assert not link.data_to_send()
    link.send(CALL)
    assert take(link)


@pytest.mark.checklist("RS-B1")
def test_an_oversized_frame_is_refused_at_its_prefix() -> None:
    link = opened_server(max_size=1000)
    link.receive_data(FRAME + prefix(1024))
    assert link.error is None
    link = opened_server(max_size=1000)
    link.receive_data(FRAME + prefix(1025))
    assert link.received() == [CALL]
    assert isinstance(link.error, MessageTooLarge)
    assert (link.error.size, link.error.limit) == (1025, 1024)
    assert link.is_closed


@pytest.mark.checklist("RS-B1")
def test_the_owner_may_set_a_lower_limit_for_a_while() -> None:
    link = rawsocket_server(ALL)
    link.max_size = 100
    link.receive_data(b"\x7f\xf3\0\0")
    assert link.max_size == 100
    link.receive_data(prefix(100))
    assert link.error is None
    link = rawsocket_server(ALL)
    link.max_size = 100
    link.receive_data(b"\x7f\xf3\0\0" + prefix(101))
    assert isinstance(link.error, MessageTooLarge)


@pytest.mark.checklist("RS-B6")
def test_a_frame_of_exactly_16_mib_is_understood_but_never_sent() -> None:
    link = opened_server()
    message = Event(1, 1, {}, [b"x" * (2**24 - 20)])
    padding = 2**24 - len(CBOR.encode(message))
    message = Event(1, 1, {}, [b"x" * (2**24 - 20 + padding)])
    body = CBOR.encode(message)
    assert len(body) == 2**24
    with pytest.raises(MessageTooLarge):
        link.encode(message)
    link.receive_data(b"\x08\0\0\0" + body + FRAME)
    assert link.received() == [message, CALL]


@pytest.mark.checklist("RS-B2")
@pytest.mark.parametrize("payload", [b"", b"x", b"\0" * 8, b"long" * 10000])
def test_a_ping_is_answered_by_one_pong_with_the_same_payload(payload: bytes) -> None:
    link = opened_server()
    link.receive_data(prefix(PING | len(payload)) + payload)
    assert take(link) == prefix(PONG | len(payload)) + payload


@pytest.mark.checklist("RS-B2")
def test_a_ping_of_exactly_16_mib_is_answered() -> None:
    link = opened_server()
    payload = bytes(2**24)
    link.receive_data(b"\x09\0\0\0" + payload)
    assert take(link) == b"\x0a\0\0\0" + payload


@pytest.mark.checklist("RS-B3")
@pytest.mark.parametrize("payload", [b"", b"whatever", b"\0\0\0\0\0\0\0\x01", b"\0\0\0\0\0\0\0\x63", b"x" * 70000])
def test_an_unsolicited_pong_is_ignored(payload: bytes) -> None:
    link = opened_server()
    link.receive_data(prefix(PONG | len(payload)) + payload + FRAME)
    assert link.pongs == 0
    assert link.received() == [CALL]


def test_each_ping_counts_one_pong() -> None:
    client, server = open_pair("rawsocket", "cbor")
    client.ping()
    client.ping()
    exchange(client, server)
    assert client.pongs == 2
    server.ping()
    answer = take(server).replace(prefix(PING | 8), prefix(PONG | 8))
    server.receive_data(answer * 3)
    assert server.pongs == 1


@pytest.mark.checklist("RS-B3")
@pytest.mark.parametrize("kind", [3, 4, 5, 6, 7])
def test_a_reserved_type_ends_the_connection(kind: int) -> None:
    link = opened_server()
    link.receive_data(FRAME + prefix(kind << 24 | 1) + b"x" + FRAME)
    assert link.received() == [CALL]
    assert f"reserved type {kind}" in str(link.error)


@pytest.mark.checklist("RS-B3")
@pytest.mark.parametrize("word", [0x10000001, 0x80000001, 0xF1000000, 0x08000001, 0x09000001, 0x7FF30000])
def test_reserved_bits_end_the_connection(word: int) -> None:
    link = opened_server()
    link.receive_data(prefix(word))
    assert isinstance(link.error, RemoteProtocolError)
    assert link.is_closed


def test_after_a_violation_an_abort_can_still_be_sent() -> None:
    link = opened_server()
    link.receive_data(FRAME + b"\0\0\0\1\xff" + FRAME)
    assert link.received() == [CALL]
    assert isinstance(link.error, RemoteProtocolError)
    assert link.is_open
    link.receive_data(FRAME)
    assert link.received() == []
    link.send(Goodbye({}, "wamp.close.normal"))
    assert take(link)
    link.close()
    assert not link.is_open
    link.send(Goodbye({}, "wamp.close.normal"))
    assert not take(link)


@pytest.mark.parametrize(("rest", "words"), [(b"", "the peer ended the connection"), (FRAME[:9], "inside a message")])
def test_the_end_of_the_stream_is_told_in_words(rest: bytes, words: str) -> None:
    link = opened_server()
    link.receive_data(FRAME + rest)
    link.receive_eof()
    assert link.received() == [CALL]
    assert link.is_closed
    assert not link.is_open
    assert link.error is None
    assert words in link.close_reason


def test_a_peer_that_pings_without_reading_is_cut_off() -> None:
    link = opened_server()
    flood = (prefix(PING | 1000) + b"x" * 1000) * 100
    for _ in range(100):
        link.receive_data(flood)
    assert "without reading" in str(link.error)
    assert len(link.data_to_send()) < 2**19
    link = opened_server()
    for _ in range(100):
        link.receive_data(flood)
        take(link)
    assert link.error is None


def test_two_connections_share_encoded_messages_only_if_their_limits_are_equal() -> None:
    links = [opened_server(), opened_server(), rawsocket_server(ALL), rawsocket_server(ALL)]
    links[2].receive_data(b"\x7f\xe3\0\0")
    links[3].receive_data(b"\x7f\xf1\0\0")
    assert links[0].wire_format is not None
    assert links[0].wire_format == links[1].wire_format
    assert len({link.wire_format for link in links}) == 3
    messages: list[Message] = [CALL]
    links[1].send_encoded(links[0].encode(CALL))
    receiver = opened_server()
    receiver.receive_data(take(links[1]))
    assert receiver.received() == messages
    assert links[3].encode(CALL)[4:] == JSON.encode(CALL)
