"""Channels: everything that WebSocket frames can mean, and all of it sent."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp import LocalProtocolError, MessageTooLarge
from trowamp.wire.websocket import (
    BINARY,
    CLOSE,
    FRAME_BEGIN,
    FRAME_DATA,
    FRAME_END,
    MESSAGE_BEGIN,
    MESSAGE_END,
    PING,
    PONG,
    TEXT,
    Channel,
    Deflate,
    DeflateParameters,
    Event,
    prepare,
)

from .pairs import cuts, fixed_octets

Sending = list[tuple[str, Any]]


def channel_pair(*, is_compressed: bool = False, **options: Any) -> tuple[Channel, Channel]:
    """Return a client's channel and a server's; the options are the server's."""
    engines = [Deflate(DeflateParameters(12, 12)) if is_compressed else None for _ in range(2)]
    return (
        Channel(is_server=False, random_octets=fixed_octets, deflate=engines[0]),
        Channel(is_server=True, deflate=engines[1], **options),
    )


def octets_from(channel: Channel) -> bytes:
    octets = bytes(channel.data_to_send())
    channel.data_sent(len(octets))
    assert channel.data_to_send() == b""
    return octets


messages = st.one_of(
    st.tuples(st.just(BINARY), st.binary(max_size=300)), st.tuples(st.just(TEXT), st.text(max_size=100).map(str.encode))
)


@given(st.data(), st.booleans(), st.booleans())
def test_messages_arrive_however_they_are_sent_and_cut(
    data: st.DataObject, is_compressed: bool, is_streaming: bool
) -> None:
    sent = data.draw(st.lists(messages, max_size=4))
    client, server = channel_pair(is_compressed=is_compressed, is_streaming=is_streaming)
    for opcode, payload in sent:
        how = data.draw(st.sampled_from(["whole", "fragments", "frames", "pieces"]))
        if how in ("whole", "fragments"):
            size = data.draw(st.integers(1, 50)) if how == "fragments" else 0
            client.send_message(
                payload, is_binary=opcode == BINARY, fragment_size=size, compress=data.draw(st.booleans())
            )
            continue
        client.begin_message(is_binary=opcode == BINARY)
        for part in data.draw(cuts(payload)):
            if how == "frames":
                client.send_frame(part)
            elif part:
                client.begin_frame(len(part))
                assert client.send_frame_data(part[:1]) == len(part) - 1
                if part[1:]:
                    assert client.send_frame_data(part[1:]) == 0
        client.end_message()
    events: list[Event] = []
    for piece in data.draw(cuts(octets_from(client))):
        events += server.receive_data(piece)
    assert server.error is None
    assert (joined(events) if is_streaming else events) == sent


def joined(events: list[Event]) -> list[Event]:
    """Put together what came in pieces, and check that it came in order."""
    found: list[Event] = []
    opcode, payload, frame = 0, b"", -1
    for kind, value in events:
        if kind == MESSAGE_BEGIN:
            assert opcode == 0
            opcode, payload = value, b""
        elif kind == FRAME_BEGIN:
            assert opcode
            assert frame == -1
            frame = value
        elif kind == FRAME_DATA:
            assert frame >= 0
            payload += value
        elif kind == FRAME_END:
            frame = -1
        else:
            assert kind == MESSAGE_END
            found.append((opcode, payload))
            opcode = 0
    return found


def test_pieces_come_as_soon_as_they_are_there() -> None:
    client, server = channel_pair(is_streaming=True)
    client.send_message(b"abcd", is_binary=False)
    octets = octets_from(client)
    assert server.receive_data(octets[:6]) == []
    assert server.receive_data(octets[6:7]) == [(MESSAGE_BEGIN, TEXT), (FRAME_BEGIN, 4), (FRAME_DATA, b"a")]
    assert server.is_inside
    assert server.receive_data(octets[7:]) == [(FRAME_DATA, b"bcd"), (FRAME_END, None), (MESSAGE_END, None)]
    assert not server.is_inside


def test_a_streamed_message_may_be_longer_than_any_memory() -> None:
    client, server = channel_pair(is_streaming=True)
    client.begin_message(is_binary=True)
    client.begin_frame(2**62)
    for _ in range(3):
        client.send_frame_data(bytes(1000))
        events = server.receive_data(octets_from(client))
        assert events[-1] == (FRAME_DATA, bytes(1000))
    assert server.error is None


@pytest.mark.parametrize("is_streaming", [False, True])
def test_text_is_checked_before_its_frame_is_complete(is_streaming: bool) -> None:
    client, server = channel_pair(is_streaming=is_streaming)
    client.begin_message(is_binary=False)
    client.begin_frame(100)
    client.send_frame_data(b"\xce\xba\xe1")
    server.receive_data(octets_from(client))
    assert server.error is None
    client.send_frame_data(b"\xff")
    server.receive_data(octets_from(client))
    assert server.error_code == 1007
    assert server.is_ended
    assert server.receive_data(b"\x89\x80\0\0\0\0") == []


def test_text_need_not_be_checked() -> None:
    client, server = channel_pair(checks_text=False)
    client.send_message(b"\xff", is_binary=False)
    client.send_message(b"\xff\xff", is_binary=False, fragment_size=1)
    assert server.receive_data(octets_from(client)) == [(TEXT, b"\xff"), (TEXT, b"\xff\xff")]


@pytest.mark.parametrize(
    ("options", "limit"),
    [({"max_size": 10}, 10), ({"max_frame_size": 5}, 10), ({"max_size": 10, "is_streaming": True}, 10)],
)
def test_what_is_too_large_is_a_violation(options: dict[str, Any], limit: int) -> None:
    client, server = channel_pair(**options)
    client.send_message(bytes(limit), is_binary=True, fragment_size=5)
    server.receive_data(octets_from(client))
    assert server.error is None
    client.send_message(bytes(limit + 1), is_binary=True, fragment_size=6)
    server.receive_data(octets_from(client))
    assert isinstance(server.error, MessageTooLarge)
    assert server.error_code == 1009


@pytest.mark.parametrize("is_streaming", [False, True])
def test_inflating_is_bounded(is_streaming: bool) -> None:
    client, server = channel_pair(is_compressed=True, max_size=1000, is_streaming=is_streaming)
    client.send_message(bytes(10**6), is_binary=True)
    server.receive_data(octets_from(client))
    assert isinstance(server.error, MessageTooLarge)


def test_what_the_peer_says_after_its_close_frame_does_not_count() -> None:
    client, server = channel_pair()
    client.close(3000, "enough")
    octets = octets_from(client)
    assert server.receive_data(octets + octets) == [(CLOSE, (3000, "enough"))]
    assert server.is_ended
    assert server.receive_data(octets) == []
    server.close(1000)
    assert client.receive_data(octets_from(server)) == [(CLOSE, (1000, ""))]


@pytest.mark.parametrize(("code", "expected"), [(None, (1005, "")), (1000, (1000, "")), (4999, (4999, ""))])
def test_a_close_frame_may_have_no_code(code: int | None, expected: tuple[int, str]) -> None:
    client, server = channel_pair()
    client.close(code)
    assert server.receive_data(octets_from(client)) == [(CLOSE, expected)]


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xee", b"\x03\xe8\xff"])
def test_an_illegal_close_frame_is_a_violation(payload: bytes) -> None:
    server = Channel(is_server=True)
    head = bytes((0x88, 0x80 | len(payload), 0, 0, 0, 0))
    assert server.receive_data(head + payload) == []
    assert server.error is not None


def test_pings_may_come_between_fragments() -> None:
    client, server = channel_pair()
    client.begin_message(is_binary=True)
    client.send_frame(b"one")
    client.ping(b"?")
    client.pong(b"!")
    client.send_frame(b"two")
    client.end_message()
    assert server.receive_data(octets_from(client)) == [(PING, b"?"), (PONG, b"!"), (BINARY, b"onetwo")]
    assert server.fragments_received == 2


@pytest.mark.parametrize("accepts_both", [False, True])
@pytest.mark.parametrize("is_server", [False, True])
def test_masks_have_to_be_there_or_not_unless_that_does_not_matter(is_server: bool, accepts_both: bool) -> None:
    masked, bare = Channel(is_server=False, random_octets=fixed_octets), Channel(is_server=True)
    for sender in (masked, bare):
        sender.send_message(b"text", is_binary=False)
        sender.send_message(bytes(200), is_binary=True)
    masked_octets, bare_octets = octets_from(masked), octets_from(bare)
    wrong, right = (bare_octets, masked_octets) if is_server else (masked_octets, bare_octets)
    receiver = Channel(is_server=is_server, accepts_both=accepts_both)
    expected = [(TEXT, b"text"), (BINARY, bytes(200))]
    assert receiver.receive_data(right) == expected
    found = receiver.receive_data(wrong + right)
    assert found == (expected * 2 if accepts_both else [])
    assert (receiver.error is None) is accepts_both


def test_prepared_messages_are_octets() -> None:
    client, server = channel_pair(is_compressed=True)
    server.send_prepared(prepare(b"for all", is_binary=True) + prepare(b"text", is_binary=False))
    assert client.receive_data(octets_from(server)) == [(BINARY, b"for all"), (TEXT, b"text")]


@pytest.mark.parametrize("is_compressed", [False, True])
def test_what_is_out_of_turn_is_refused_and_sends_nothing(is_compressed: bool) -> None:
    client, server = channel_pair(is_compressed=is_compressed)
    refused: list[Any] = [
        client.end_message,
        lambda: client.send_frame(b""),
        lambda: client.begin_frame(1),
        lambda: client.send_frame_data(b""),
    ]
    for call in refused:
        with pytest.raises(LocalProtocolError):
            call()
    client.begin_message(is_binary=True)
    with pytest.raises(LocalProtocolError):
        client.begin_message(is_binary=True)
    with pytest.raises(LocalProtocolError):
        client.send_message(b"", is_binary=True)
    with pytest.raises(ValueError, match="126 octets"):
        client.ping(bytes(126))
    client.end_message()
    client.close(1000)
    for call in (*refused, client.ping, client.pong, lambda: client.send_message(b"", is_binary=True)):
        with pytest.raises(LocalProtocolError):
            call()
    client.close(3000)
    assert server.receive_data(octets_from(client)) == [(BINARY, b""), (CLOSE, (1000, ""))]


def test_no_close_frame_is_put_into_the_midst_of_another() -> None:
    client, _ = channel_pair()
    client.begin_message(is_binary=True)
    client.begin_frame(10)
    client.send_frame_data(b"12345")
    octets_from(client)
    with pytest.raises(LocalProtocolError):
        client.ping()
    client.close(1000)
    assert client.is_closing
    assert octets_from(client) == b""


def test_too_much_for_a_frame_is_left_out() -> None:
    client, server = channel_pair()
    client.begin_message(is_binary=True)
    client.begin_frame(3)
    assert client.send_frame_data(b"12345") == -2
    client.end_message()
    assert server.receive_data(octets_from(client)) == [(BINARY, b"123")]
    client.begin_message(is_binary=True)
    with pytest.raises(ValueError, match="cannot have"):
        client.begin_frame(2**63)


def test_the_memory_level_of_compression_is_a_choice() -> None:
    small = Deflate(DeflateParameters(9, 9), memory_level=1)
    octets = small.deflate_part(b"one") + small.deflate(b"two")
    assert zlib.decompressobj(wbits=-9).decompress(octets + b"\0\0\xff\xff") == b"onetwo"
