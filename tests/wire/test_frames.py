"""The frame codec against the one of `websockets`, which knows nothing of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from trowamp import MessageTooLarge
from trowamp.wire._frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameDecoder,
    FrameMasker,
    FrameViolation,
    encode_frame,
)

from .pairs import cuts, fixed_octets, octets_of

LIMIT = 2**20
MASK = b"\x11\x22\x33\x44"


class Raw(NamedTuple):
    """A frame as it stands on the wire, legal or not."""

    head: int
    payload: bytes
    is_masked: bool = True
    length_octets: int = 0  # beyond the second octet; 0 is for up to 125

    def __bytes__(self) -> bytes:
        length = len(self.payload)
        mask_bit = 0x80 if self.is_masked else 0
        code = {0: length, 2: 126, 8: 127}[self.length_octets]
        extended = length.to_bytes(self.length_octets, "big") if self.length_octets else b""
        mask = MASK if self.is_masked else b"\0\0\0\0"
        masked = bytes(octet ^ mask[index % 4] for index, octet in enumerate(self.payload))
        return bytes((self.head, mask_bit | code)) + extended + (mask if self.is_masked else b"") + masked


def decode(
    pieces: Iterable[bytes], *, is_masked: bool = True, limit: int = LIMIT
) -> tuple[list[tuple[int, bytes]], FrameDecoder]:
    decoder = FrameDecoder(is_masked=is_masked)
    payloads: list[tuple[int, bytes]] = []
    for piece in pieces:
        payloads += decoder.receive(piece, limit)
        if decoder.error or (payloads and payloads[-1][0] == CLOSE):
            break
    return payloads, decoder


def oracle(stream: bytes, *, is_masked: bool = True) -> tuple[list[tuple[int, bytes]], Exception | None]:
    """Return what `websockets` makes of a stream, fragments joined."""
    protocol = Protocol(Side.SERVER if is_masked else Side.CLIENT, state=State.OPEN, max_size=LIMIT)
    protocol.receive_data(stream)
    payloads: list[tuple[int, bytes]] = []
    opcode, joined = 0, b""
    for frame in protocol.events_received():
        assert isinstance(frame, Frame)
        data = bytes(frame.data)
        if frame.opcode.value >= 8:
            payloads.append((frame.opcode.value, data))
            continue
        opcode, joined = frame.opcode.value or opcode, joined + data
        if frame.fin:
            payloads.append((opcode, joined))
            opcode, joined = 0, b""
    return payloads, protocol.parser_exc


@st.composite
def raw_frames(draw: st.DrawFn, *, is_masked: bool = True) -> Raw:
    """Draw a frame that is mostly legal by itself."""
    head = draw(
        st.sampled_from([0x81, 0x82, 0x82, 0x01, 0x02, 0x00, 0x00, 0x80, 0x89, 0x8A, 0x88]) | st.integers(0, 255)
    )
    payload = draw(st.binary(max_size=140) | st.text(max_size=20).map(str.encode) | st.just(b"\x03\xe8") | st.just(b""))
    shortest = 0 if len(payload) < 126 else 2
    length_octets = draw(st.sampled_from([shortest] * 9 + [octets for octets in (2, 8) if octets > shortest]))
    return Raw(head, payload, is_masked if draw(st.integers(0, 19)) else not is_masked, length_octets)


@given(st.data(), st.booleans())
def test_what_is_accepted_is_what_websockets_reads(data: st.DataObject, is_masked: bool) -> None:
    frames = data.draw(st.lists(raw_frames(is_masked=is_masked), max_size=12))
    stream = b"".join(map(bytes, frames))
    payloads, decoder = decode(data.draw(cuts(stream)), is_masked=is_masked)
    expected, error = oracle(stream, is_masked=is_masked)
    if decoder.error is None:
        # A Close frame inside a fragmented message: refused there, answered here.
        assert error is None or payloads[-1][0] == CLOSE
        assert payloads == expected or (payloads[-1][0] == CLOSE and payloads[:-1] == expected)
    else:
        assert payloads == expected[: len(payloads)]
        stricter = ("not UTF-8", "shortest form", "longer than 125")
        assert error is not None or any(words in str(decoder.error) for words in stricter)


@given(st.data())
def test_pieces_of_a_stream_mean_what_the_whole_means(data: st.DataObject) -> None:
    stream = b"".join(map(bytes, data.draw(st.lists(raw_frames(), max_size=8)))) + data.draw(st.binary(max_size=8))
    whole, whole_decoder = decode([stream])
    piecewise, piece_decoder = decode(data.draw(cuts(stream)))
    single, single_decoder = decode(octets_of(stream))
    assert whole == piecewise == single
    assert str(whole_decoder.error) == str(piece_decoder.error) == str(single_decoder.error)


@given(st.sampled_from([TEXT, BINARY, PING, PONG]), st.binary(max_size=300) | st.integers(65530, 65540).map(bytes))
def test_what_is_encoded_is_what_websockets_reads(opcode: int, payload: bytes) -> None:
    if opcode in (PING, PONG):
        payload = payload[:125]
    masker = FrameMasker(fixed_octets)
    assert oracle(masker.encode_frame(opcode, payload)) == ([(opcode, payload)], None)
    assert oracle(encode_frame(opcode, payload), is_masked=False) == ([(opcode, payload)], None)
    assert encode_frame(opcode, payload) == Frame(Opcode(opcode), payload).serialize(mask=False)


@pytest.mark.parametrize(
    ("frames", "words", "code"),
    [
        ([Raw(0x82, b"", is_masked=False)], "without a mask", 1002),
        ([Raw(0x92, b"")], "reserved bits", 1002),
        ([Raw(0xA2, b"")], "reserved bits", 1002),
        ([Raw(0xC2, b"")], "reserved bits", 1002),
        ([Raw(0xC9, b"")], "reserved bits", 1002),
        *(([Raw(0x80 | opcode, b"")], f"reserved opcode {opcode}", 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        ([Raw(0x80, b"")], "continuation of no message", 1002),
        ([Raw(0x00, b"")], "continuation of no message", 1002),
        ([Raw(0x02, b""), Raw(0x82, b"")], "new message inside", 1002),
        ([Raw(0x02, b""), Raw(0x80, b""), Raw(0x80, b"")], "continuation of no message", 1002),
        ([Raw(0x09, b"")], "fragmented control frame", 1002),
        ([Raw(0x08, b"")], "fragmented control frame", 1002),
        ([Raw(0x89, b"x" * 126, length_octets=2)], "control frame longer than 125", 1002),
        ([Raw(0x88, b"", length_octets=8)], "control frame longer than 125", 1002),
        ([Raw(0x82, b"x" * 125, length_octets=2)], "shortest form", 1002),
        ([Raw(0x82, b"x" * 65535, length_octets=8)], "shortest form", 1002),
        ([Raw(0x81, b"\xff")], "not UTF-8", 1007),
        ([Raw(0x81, b"\xed\xa0\x80")], "not UTF-8", 1007),
        ([Raw(0x81, b"\xe2\x98")], "not UTF-8", 1007),
        ([Raw(0x01, b"\xe2"), Raw(0x00, b"\x98"), Raw(0x80, b"")], "not UTF-8", 1007),
        ([Raw(0x01, b"ok"), Raw(0x00, b"\xff")], "not UTF-8", 1007),
    ],
)  # fmt: skip
def test_what_rfc_6455_forbids_is_refused(frames: list[Raw], words: str, code: int) -> None:
    stream = b"".join(map(bytes, frames))
    payloads, decoder = decode([bytes(Raw(0x82, b"before")) + stream + bytes(Raw(0x82, b"after"))])
    assert payloads[0] == (BINARY, b"before")
    assert (BINARY, b"after") not in payloads
    assert isinstance(decoder.error, FrameViolation)
    assert words in str(decoder.error)
    assert decoder.error.code == code


def test_a_client_refuses_masked_frames() -> None:
    _, decoder = decode([bytes(Raw(0x82, b""))], is_masked=False)
    assert "frame with a mask" in str(decoder.error)


def test_a_length_that_would_be_negative_is_refused() -> None:
    _, decoder = decode([b"\x82\xff\x80" + bytes(7)])
    assert "negative" in str(decoder.error)


def test_text_may_be_cut_within_a_character() -> None:
    text = "\u2603\U0001f600".encode()
    frames = [Raw(0x01, text[:1]), *(Raw(0x00, octet) for octet in octets_of(text[1:])), Raw(0x80, b"")]
    payloads, decoder = decode([b"".join(map(bytes, frames)), bytes(Raw(0x81, text))])
    assert payloads == [(TEXT, text), (TEXT, text)]
    assert decoder.error is None


def test_nothing_after_a_close_frame_is_read() -> None:
    payloads, decoder = decode([bytes(Raw(0x88, b"")) + b"\xff\xff\xff" * 10])
    assert payloads == [(CLOSE, b"")]
    assert decoder.error is None


@pytest.mark.parametrize(
    ("stream", "is_inside"),
    [
        (b"", False),
        (b"\x82", True),
        (bytes(Raw(0x82, b"x"))[:-1], True),
        (bytes(Raw(0x82, b"x")), False),
        (bytes(Raw(0x02, b"x")), True),
        (bytes(Raw(0x02, b"x")) + bytes(Raw(0x80, b"x")), False),
    ],
)
def test_the_decoder_knows_whether_it_is_inside_a_message(stream: bytes, is_inside: bool) -> None:
    assert decode([stream])[1].is_inside is is_inside


@given(st.integers(0, 400), st.lists(st.integers(0, 150), min_size=1, max_size=6))
def test_the_limit_holds_for_a_message_and_not_for_control_frames(limit: int, sizes: list[int]) -> None:
    frames = [
        Raw(0x02 if not index else 0x00, b"x" * size, True, 2 if size > 125 else 0) for index, size in enumerate(sizes)
    ]
    ping = bytes(Raw(0x89, b"p" * 125))
    payloads, decoder = decode(
        [ping + b"".join(bytes(frame) + ping for frame in frames) + bytes(Raw(0x80, b""))], limit=limit
    )
    assert payloads[0] == (PING, b"p" * 125)
    if sum(sizes) <= limit:
        assert decoder.error is None
        assert payloads[-1] == (BINARY, b"x" * sum(sizes))
    else:
        assert isinstance(decoder.error, MessageTooLarge)
        assert decoder.error.limit == limit < decoder.error.size


def test_a_message_in_very_many_fragments_costs_its_size_only() -> None:
    decoder = FrameDecoder(is_masked=True)
    assert decoder.receive(bytes(Raw(0x02, b"")), LIMIT) == []
    for _ in range(20):
        assert decoder.receive(bytes(Raw(0x00, b"x")) * 1000, LIMIT) == []
    assert decoder.receive(bytes(Raw(0x80, b"")), LIMIT) == [(BINARY, b"x" * 20000)]
