"""Messages, pings and the closing handshake over an open WebSocket connection."""

from __future__ import annotations

import pytest
from websockets.frames import Close, CloseCode, Frame, Opcode

from trowamp import MessageTooLarge, RemoteProtocolError
from trowamp.messages import Abort, Call, Event
from trowamp.wire import Link, get_serializer, websocket_client, websocket_server

from .pairs import ALL, CBOR, JSON, URL, exchange, feed, fixed_octets, octets_of, open_pair, take

CALL = Call(7, {}, "com.example.add2", [2, 3])


def from_client(opcode: Opcode, payload: bytes, **flags: bool) -> bytes:
    return Frame(opcode, payload, **flags).serialize(mask=True)


def from_server(opcode: Opcode, payload: bytes, **flags: bool) -> bytes:
    return Frame(opcode, payload, **flags).serialize(mask=False)


def small_server(max_size: int, compression: bool = False) -> tuple[Link, Link]:
    """Return a client, and a router's link that accepts and sends no more than `max_size` octets."""
    offer = "deflate" if compression else None
    client = websocket_client(URL, [CBOR], random_octets=fixed_octets, compression=offer)  # type: ignore[arg-type]
    server = websocket_server(ALL, max_size=max_size, compression=offer)  # type: ignore[arg-type]
    exchange(client, server)
    return client, server


@pytest.mark.checklist("WS-B2")
@pytest.mark.parametrize(
    ("serializer", "opcode", "words"),
    [
        ("cbor", Opcode.TEXT, "text frame, but wamp.2.cbor travels in binary frames"),
        ("json", Opcode.BINARY, "binary frame, but wamp.2.json travels in text frames"),
    ],
)
def test_a_frame_of_the_wrong_type_is_a_violation(serializer: str, opcode: Opcode, words: str) -> None:
    client, server = open_pair("websocket", serializer)
    body = get_serializer(serializer).encode(CALL)
    client.send(CALL)
    server.receive_data(take(client) + from_client(opcode, body if opcode == Opcode.BINARY else b"text"))
    assert server.received() == [CALL]
    assert words in str(server.error)
    assert isinstance(server.error, RemoteProtocolError)
    assert server.close_code == 1002


@pytest.mark.checklist("WS-B2")
@pytest.mark.parametrize(
    ("serializer", "head"), [("json", 0x81), ("json.batched", 0x81), ("cbor", 0x82), ("msgpack.batched", 0x82)]
)
def test_json_travels_as_text_and_the_rest_as_binary(serializer: str, head: int) -> None:
    for link in open_pair("websocket", serializer):
        assert link.encode(CALL)[0] == head


@pytest.mark.checklist("WS-B3")
def test_after_a_violation_an_abort_goes_out_and_then_the_close_frame() -> None:
    client, server = open_pair("websocket", "cbor")
    server.receive_data(from_client(Opcode.BINARY, b"\xff"))
    assert server.is_closed
    assert server.is_open
    abort = Abort({}, "wamp.error.protocol_violation")
    server.send(abort)
    server.close()
    client.receive_data(take(server))
    assert client.received() == [abort]
    assert client.close_reason.startswith("connection closed by the peer (1002 protocol error: ")
    assert client.is_closed
    assert not client.is_open
    assert client.error is None


@pytest.mark.checklist("WS-B3")
@pytest.mark.parametrize(("code", "words"), [(1002, "1002 protocol error"), (1011, "1011 internal error")])
def test_a_bare_close_after_a_violation_is_told_in_words(code: int, words: str) -> None:
    client, _ = open_pair("websocket", "cbor")
    client.receive_data(from_server(Opcode.CLOSE, Close(code, "").serialize()))
    assert words in client.close_reason
    assert client.is_closed


def test_invalid_text_has_a_close_code_of_its_own() -> None:
    client, server = open_pair("websocket", "json")
    server.receive_data(from_client(Opcode.TEXT, b'[48,1,{},"\xff"]'))
    assert "not UTF-8" in str(server.error)
    server.close(1002, "protocol violation")
    client.receive_data(take(server))
    assert "1007 invalid data: protocol violation" in client.close_reason


def test_a_message_larger_than_the_limit_is_refused_at_the_sender() -> None:
    _, server = small_server(1000)
    with pytest.raises(MessageTooLarge) as caught:
        server.send(Event(1, 1, {}, [b"x" * 2000]))
    assert caught.value.limit == 1000
    assert not server.data_to_send()


@pytest.mark.parametrize("length", [101, 126, 65535, 65536, 2**62])
def test_an_oversized_frame_is_refused_at_its_header(length: int) -> None:
    client, server = small_server(100)
    server.receive_data(_header(0x82, length))
    assert isinstance(server.error, MessageTooLarge)
    assert (server.error.size, server.error.limit) == (length, 100)
    server.close()
    client.receive_data(take(server))
    assert "1009 message too big" in client.close_reason


def _header(head: int, length: int) -> bytes:
    if length < 126:
        return bytes((head, 0x80 | length))
    octets = 2 if length < 2**16 else 8
    return bytes((head, 0xFE if octets == 2 else 0xFF)) + length.to_bytes(octets, "big")


def test_the_fragments_of_a_message_share_its_limit() -> None:
    client, server = small_server(100)
    server.receive_data(
        from_client(Opcode.BINARY, b"x" * 60, fin=False) + from_client(Opcode.CONT, b"x" * 40, fin=False)
    )
    assert server.error is None
    server.receive_data(from_client(Opcode.CONT, b"", fin=False) * 5000)
    assert server.error is None
    server.receive_data(from_client(Opcode.CONT, b"x", fin=True)[:2])
    assert isinstance(server.error, MessageTooLarge)
    assert client.error is None


def test_a_compressed_message_must_not_outgrow_the_limit() -> None:
    client, server = small_server(10000, compression=True)
    client.send(Event(1, 1, {}, [bytes(9000)]))
    server.receive_data(take(client))
    assert len(server.received()) == 1
    client.send(Event(1, 1, {}, [bytes(2**23)]))
    octets = take(client)
    assert len(octets) < 10000
    server.receive_data(octets)
    assert server.received() == []
    assert isinstance(server.error, MessageTooLarge)
    assert server.error.limit == 10000
    assert server.close_code == 1009


def test_a_fragmented_message_is_joined_and_may_be_interrupted_by_pings() -> None:
    _, server = open_pair("websocket", "json")
    body = JSON.encode(Call(1, {}, "com.example.echo", ["gr\u00fc\u00dfe"]))
    server.receive_data(from_client(Opcode.TEXT, body[:-5], fin=False))
    server.receive_data(from_client(Opcode.PING, b"there?"))
    assert take(server) == from_server(Opcode.PONG, b"there?")
    for octet in octets_of(body[-5:]):
        server.receive_data(from_client(Opcode.CONT, octet, fin=False))
    assert server.received() == []
    server.receive_data(from_client(Opcode.CONT, b""))
    assert server.received() == [JSON.decode(body)]


@pytest.mark.parametrize("payload", [b"", b"x" * 125])
def test_a_ping_is_answered_with_the_same_payload(payload: bytes) -> None:
    client, server = open_pair("websocket", "cbor")
    server.receive_data(from_client(Opcode.PING, payload))
    assert take(server) == from_server(Opcode.PONG, payload)
    client.receive_data(from_server(Opcode.PING, payload))
    answer = take(client)
    assert answer[1] == 0x80 | len(payload)
    server.receive_data(answer)
    assert server.pongs == 0
    assert server.error is None


def test_a_pong_for_the_latest_ping_stands_for_the_earlier_ones() -> None:
    client, server = open_pair("websocket", "cbor")
    for _ in range(3):
        server.ping()
    pings = take(server)
    client.receive_data(pings[-10:])
    server.receive_data(take(client))
    assert server.pongs == 1
    client.receive_data(pings)
    server.receive_data(take(client))
    assert server.pongs == 1


def test_a_peer_that_pings_without_reading_is_cut_off() -> None:
    _, server = open_pair("websocket", "cbor")
    flood = from_client(Opcode.PING, b"x" * 125) * 500
    for _ in range(100):
        server.receive_data(flood)
    assert "without reading" in str(server.error)
    assert len(server.data_to_send()) < 2**19


@pytest.mark.parametrize(
    ("payload", "words", "echoed"),
    [
        (b"", "1005 no code", b""),
        (Close(CloseCode.GOING_AWAY, "restart").serialize(), "1001 going away: restart", b"\x03\xe9"),
        (Close(CloseCode.NORMAL_CLOSURE, "a\nb\x1b").serialize(), "closure: a\ufffdb\ufffd", b"\x03\xe8"),
        (Close(3500, "").serialize(), "(3500)", b"\x0d\xac"),
        (Close(4999, "\u2603").serialize(), "(4999: \u2603)", b"\x13\x87"),
    ],
)
def test_a_close_frame_is_answered_with_its_code(payload: bytes, words: str, echoed: bytes) -> None:
    _, server = open_pair("websocket", "cbor")
    server.receive_data(from_client(Opcode.BINARY, CBOR.encode(CALL)) + from_client(Opcode.CLOSE, payload) + b"junk")
    assert server.received() == [CALL]
    assert take(server) == from_server(Opcode.CLOSE, echoed)
    assert words in server.close_reason
    assert server.is_closed
    assert not server.is_open
    assert server.error is None
    server.close()
    server.receive_data(b"more junk")
    server.receive_eof()
    assert not take(server)
    assert words in server.close_reason


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x03", 1002),
        *((code.to_bytes(2, "big"), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_a_malformed_close_frame_is_a_violation(payload: bytes, code: int) -> None:
    client, server = open_pair("websocket", "cbor")
    server.receive_data(from_client(Opcode.CLOSE, payload))
    assert isinstance(server.error, RemoteProtocolError)
    server.close()
    client.receive_data(take(server))
    assert f"({code} " in client.close_reason


def test_closing_is_a_handshake() -> None:
    client, server = open_pair("websocket", "cbor")
    client.close(1001, "lunch")
    client.close(1000, "again")
    assert not client.is_open
    assert not client.is_closed
    server.send(CALL)
    server.receive_data(take(client))
    assert server.close_reason == "connection closed by the peer (1001 going away: lunch)"
    client.send(CALL)
    assert not client.data_to_send()
    client.receive_data(take(server))
    assert client.received() == [CALL]
    assert client.is_closed
    assert client.error is None
    assert client.close_reason == "lunch"


def test_after_our_close_frame_pings_are_not_answered() -> None:
    client, _ = open_pair("websocket", "cbor")
    client.close()
    take(client)
    client.receive_data(from_server(Opcode.PING, b""))
    assert not take(client)


@pytest.mark.parametrize("code", [0, 1004, 1005, 1006, 1015, 2999, 5000])
def test_a_code_that_must_not_be_sent_is_refused(code: int) -> None:
    client, _ = open_pair("websocket", "cbor")
    with pytest.raises(ValueError, match=str(code)):
        client.close(code)
    assert client.is_open


def test_a_long_reason_is_shortened_to_whole_characters() -> None:
    client, server = open_pair("websocket", "cbor")
    client.close(1000, "\u2603" * 100)
    server.receive_data(take(client))
    assert server.close_reason.endswith(": " + "\u2603" * 41 + ")")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (b"", "the peer ended the connection without a closing handshake"),
        (from_client(Opcode.BINARY, b"x", fin=False), "inside a message"),
        (from_client(Opcode.BINARY, b"xyz")[:-1], "inside a message"),
        (from_client(Opcode.BINARY, b"xyz")[:1], "inside a message"),
    ],
    ids=["nothing", "a fragment", "most of a frame", "one octet"],
)
def test_the_end_of_the_stream_is_told_in_words(before: bytes, words: str) -> None:
    _, server = open_pair("websocket", "cbor")
    server.receive_data(before)
    server.receive_eof()
    assert words in server.close_reason
    assert server.is_closed
    assert not server.is_open
    assert server.error is None


def test_the_end_of_the_stream_after_our_close_frame_is_the_end_we_wanted() -> None:
    _, server = open_pair("websocket", "cbor")
    server.close()
    server.receive_eof()
    assert server.is_closed
    assert server.close_reason == "closed by this side"


def test_routers_share_encoded_messages_and_clients_mask_each_of_theirs() -> None:
    (client, server), (other_client, other_server) = open_pair("websocket", "cbor"), open_pair("websocket", "cbor")
    json_client, json_server = open_pair("websocket", "json")
    assert server.wire_format is not None
    assert server.wire_format == other_server.wire_format
    assert server.wire_format != json_server.wire_format
    assert client.wire_format is other_client.wire_format is json_client.wire_format is None
    other_server.send_encoded(server.encode(CALL))
    other_client.receive_data(take(other_server))
    assert other_client.received() == [CALL]
    assert len({client.encode(CALL)[2:6] for _ in range(1000)}) > 100


def test_masks_never_run_out() -> None:
    client, server = open_pair("websocket", "cbor")
    for _ in range(1000):
        client.send(CALL)
    feed(server, [take(client)])
    assert server.received() == [CALL] * 1000
