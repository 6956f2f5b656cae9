from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate

from trowamp import MessageTooLarge
from trowamp.wire._deflate import Deflate
from trowamp.wire._frames import BINARY, TEXT, FrameDecoder, FrameViolation, encode_frame

EMPTY_BLOCK = b"\x00\x00\xff\xff"


def pair(*, no_takeover: bool = False, window_bits: int = 12) -> tuple[Deflate, Deflate]:
    """Return both ends of a connection."""
    one = PerMessageDeflate(no_takeover, no_takeover, window_bits, window_bits)
    return Deflate(one), Deflate(one)


def compress(payload: bytes) -> bytes:
    """Compress a message independently of what is tested."""
    deflater = zlib.compressobj(wbits=-12)
    octets = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return octets[:-4]


@given(st.lists(st.binary(max_size=2000), max_size=5), st.booleans(), st.integers(9, 15))
def test_messages_arrive_as_they_were(bodies: list[bytes], no_takeover: bool, window_bits: int) -> None:
    sender, receiver = pair(no_takeover=no_takeover, window_bits=window_bits)
    for body in bodies:
        assert receiver.inflate(sender.deflate(body), is_last=True, used=0, max_size=len(body)) == body


def test_the_context_is_kept_unless_agreed_otherwise() -> None:
    body = bytes(range(256))
    keeping, forgetting = pair()[0], pair(no_takeover=True)[0]
    assert len(keeping.deflate(body)) > 4 * len(keeping.deflate(body))
    assert len(forgetting.deflate(body)) == len(forgetting.deflate(body))


@given(st.binary(max_size=500), st.integers(1, 20))
def test_fragments_are_inflated_one_by_one(body: bytes, size: int) -> None:
    octets = compress(body)
    receiver = pair()[1]
    fragments = [octets[start : start + size] for start in range(0, len(octets), size)]
    inflated = b""
    for index, fragment in enumerate(fragments):
        is_last = index == len(fragments) - 1
        inflated += receiver.inflate(fragment, is_last=is_last, used=len(inflated), max_size=500)
    assert inflated == body


@pytest.mark.parametrize("used", [0, 999, 1000, 2000])
def test_inflating_stops_at_the_limit(used: int) -> None:
    bomb = compress(bytes(2**26))
    receiver = pair()[1]
    tracemalloc.start()
    try:
        with pytest.raises(MessageTooLarge) as caught:
            receiver.inflate(bomb, is_last=True, used=used, max_size=1000)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert caught.value.limit == 1000


@pytest.mark.parametrize("size", [999, 1000, 1001])
def test_the_limit_is_exact(size: int) -> None:
    octets = compress(b"x" * size)
    if size <= 1000:
        assert pair()[1].inflate(octets, is_last=True, used=0, max_size=1000) == b"x" * size
    else:
        with pytest.raises(MessageTooLarge):
            pair()[1].inflate(octets, is_last=True, used=0, max_size=1000)


def test_a_final_block_is_legal_once() -> None:
    deflater = zlib.compressobj(wbits=-12)
    octets = deflater.compress(b"Hello") + deflater.flush(zlib.Z_FINISH)
    receiver = pair()[1]
    for _ in range(3):  # RFC 7692 §7.2.3.4
        assert receiver.inflate(octets + b"\0", is_last=True, used=0, max_size=100) == b"Hello"
    with pytest.raises(FrameViolation, match="many final blocks"):
        receiver.inflate(b"\x03\x00" * 1000, is_last=True, used=0, max_size=100)


@pytest.mark.parametrize("octets", [b"\xff\xff\xff\xff", b"\x06garbage"])
def test_octets_that_are_not_compressed_are_a_violation(octets: bytes) -> None:
    with pytest.raises(FrameViolation, match="cannot be decompressed"):
        pair()[1].inflate(octets, is_last=True, used=0, max_size=100)


@given(st.binary(max_size=200))
def test_garbage_is_a_violation_or_means_something_small(octets: bytes) -> None:
    try:
        inflated = pair()[1].inflate(octets, is_last=True, used=0, max_size=300)
    except (FrameViolation, MessageTooLarge):
        return
    assert len(inflated) <= 300


def test_compressed_and_plain_messages_may_alternate_in_one_stream() -> None:
    sender, receiver = pair()
    decoder = FrameDecoder(is_masked=False, deflate=receiver)
    text = "gr\u00fc\u00dfe".encode()
    stream = encode_frame(BINARY, sender.deflate(b"one"), is_compressed=True) + encode_frame(BINARY, b"two")
    stream += encode_frame(TEXT, sender.deflate(text), is_compressed=True)
    assert decoder.receive(stream, 1000) == [(BINARY, b"one"), (BINARY, b"two"), (TEXT, text)]
    octets = sender.deflate(b"three" * 20)
    stream = bytes((0x42, 3)) + octets[:3] + bytes((0x80, len(octets) - 3)) + octets[3:]
    assert decoder.receive(stream, 1000) == [(BINARY, b"three" * 20)]
    assert decoder.error is None
    assert decoder.receive(encode_frame(TEXT, sender.deflate(b"\xff"), is_compressed=True), 1000) == []
    assert "not UTF-8" in str(decoder.error)


@pytest.mark.parametrize("head", [0xC0, 0x40, 0xC8, 0xC9, 0xE2])
def test_only_the_first_frame_of_a_message_may_say_that_it_is_compressed(head: int) -> None:
    decoder = FrameDecoder(is_masked=False, deflate=pair()[1])
    decoder.receive(bytes((0x42, 0, head, 0)), 1000)
    assert "reserved bits" in str(decoder.error)
