"""Bodies made to hurt the reader. All are refused as violations, none costs more than its size, nothing else than the violation comes out."""

from __future__ import annotations

import tracemalloc

import pytest

from trowamp._exceptions import RemoteProtocolError
from trowamp.wire.serializers import SERIALIZERS

MIB = 2**20
DEPTH = 500_000

# The payload is the only argument of a RESULT, [50, 1, {}, [payload]].
HEADS = {"json": b"[50,1,{},[", "msgpack": b"\x94\x32\x01\x80\x91", "cbor": b"\x84\x18\x32\x01\xa0\x81"}
TAILS = {"json": b"]]", "msgpack": b"", "cbor": b""}


def twice(number: int) -> bytes:
    """Return a shared list that refers twice to an earlier shared value."""
    return b"\xd8\x1c\x82" + 2 * (b"\xd8\x1d\x18" + bytes((24 + number,)))


JSON: dict[str, bytes] = {
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "-Infinity": b"-Infinity",
    "number out of range": b"1e400",
    "integer too great": b"18446744073709551616",
    "integer too small": b"-9223372036854775809",
    "integer of 5000 digits": b"1" * 5000,
    "integer of a million digits": b"1" * MIB,
    "lone high surrogate": b'"\\ud800"',
    "lone low surrogate": b'"\\udc00 "',
    "two high surrogates": b'"\\ud800\\ud800"',
    "lone surrogate in a key": b'{"\\udfff":1}',
    "surrogate in UTF-8": b'"\xed\xa0\x80"',
    "invalid UTF-8": b'"\xff"',
    "overlong UTF-8": b'"\xc0\x80"',
    "raw control character": b'"\x01"',
    "single quotes": b"'a'",
    "trailing comma": b"1,",
    "comment": b"1/**/",
    "leading zero": b"01",
    "integer key": b"{1:2}",
    "nesting 65 deep": b"[" * 65 + b"]" * 65,
    "depth bomb": b"[" * DEPTH + b"]" * DEPTH,
    "open depth bomb": b"[" * DEPTH,
    "object depth bomb": b'{"a":' * DEPTH,
    "unfinished string": b'"abc',
}

MSGPACK: dict[str, bytes] = {
    "NaN": b"\xcb\x7f\xf8" + bytes(6),
    "NaN of 32 bits": b"\xca\x7f\xc0\0\0",
    "infinity": b"\xcb\x7f\xf0" + bytes(6),
    "surrogate in UTF-8": b"\xa3\xed\xa0\x80",
    "invalid UTF-8": b"\xa1\xff",
    "invalid UTF-8 in a key": b"\x81\xa1\xff\x01",
    "nesting 400 deep": b"\x91" * 400 + b"\x90",
    "undefined as a key": b"\x81\xd4\x00\x00\x01",
    "extension type": b"\xd4\x05\x00",
    "empty extension": b"\xc7\x00\x05",
    "timestamp of 32 bits": b"\xd6\xff" + bytes(4),
    "timestamp of 64 bits": b"\xd7\xff" + bytes(8),
    "timestamp of 96 bits": b"\xc7\x0c\xff" + bytes(12),
    "timestamp out of range": b"\xc7\x0c\xff" + b"\x7f" * 12,
    "malformed timestamp": b"\xd5\xff\x00\x00",
    "never used octet": b"\xc1",
    "integer key": b"\x81\x01\x01",
    "null key": b"\x81\xc0\x01",
    "octets as key": b"\x81\xc4\x01a\x01",
    "list as key": b"\x81\x90\x01",
    "deep list as key": b"\x81" + b"\x91" * 500 + b"\x01\x01",
    "map as key": b"\x81\x80\x01",
    "number as key": b"\x81\xcb" + bytes(8) + b"\x01",
    "timestamp as key": b"\x81\xd6\xff" + bytes(5),
    "nesting 65 deep": b"\x91" * 64 + b"\x90",
    "nesting of maps": b"\x81\xa1a" * 64 + b"\x80",
    "depth bomb": b"\x91" * DEPTH + b"\xc0",
    "depth bomb of maps": b"\x81\xa1a" * DEPTH + b"\xc0",
    "giant list": b"\xdd\xff\xff\xff\xff",
    "giant lists in each other": b"\xdd\x00\xff\xff\xff" * 60,
    "giant map": b"\xdf\xff\xff\xff\xff",
    "giant string": b"\xdb\xff\xff\xff\xff",
    "giant octets": b"\xc6\xff\xff\xff\xff",
    "giant extension": b"\xc9\xff\xff\xff\xff\x05",
}

CBOR: dict[str, bytes] = {
    "NaN of 16 bits": b"\xf9\x7e\x00",
    "NaN": b"\xfb\x7f\xf8" + bytes(6),
    "infinity of 32 bits": b"\xfa\x7f\x80\0\0",
    "integer too small": b"\x3b" + b"\xff" * 8,
    "integer smaller than -2**63": b"\x3b\x80" + bytes(7),
    "surrogate in UTF-8": b"\x63\xed\xa0\x80",
    "invalid UTF-8": b"\x61\xff",
    "invalid UTF-8 over two chunks": b"\x7f\x61\xc3\x61\xa9\xff",
    "undefined as a key": b"\xa1\xf7\x01",
    "simple value": b"\xf0",
    "simple value of two octets": b"\xf8\xff",
    "malformed simple value": b"\xf8\x14",
    "reserved": b"\x1c",
    "break": b"\xff",
    "break in a list": b"\x82\x01\xff",
    "break as a value": b"\xbf\x61a\xff",
    "date and time": b"\xc0\x74" + b"2013-03-21T20:04:00Z",
    "timestamp": b"\xc1\x1a\x51\x4b\x67\xb0",
    "big number": b"\xc2\x49\x01" + bytes(8),
    "big number of text": b"\xc2\x61a",
    "big number of a big number": b"\xc2\xc2\x41\x05",
    "integer of nine octets": b"\xc2\x49" + bytes(9),
    "negative integer smaller than -2**63": b"\xc3\x48\x80" + bytes(7),
    "octets of text": b"\xd8\x40\x61a",
    "octets of a list": b"\xd8\x40\x81\x01",
    "array of larger numbers": b"\xd8\x45\x42\x01\x00",
    "big number of a megabyte": b"\xc2\x5a\x00\x10\x00\x00" + b"\xff" * MIB,
    "negative big number": b"\xc3\x49\x01" + bytes(8),
    "decimal with a giant exponent": b"\xc4\x82\x1a\x3b\x9a\xc9\xff\x01",
    "bigfloat with a giant exponent": b"\xc5\x82\x1a\x3b\x9a\xc9\xff\x01",
    "string reference": b"\xd9\x01\x00\x82\x63aaa\xd8\x19\x00",
    "shared value": b"\xd8\x1c\x80",
    "cycle by a shared reference": b"\xd8\x1c\x81\xd8\x1d\x00",
    "exponential tree of shared references": b"\x98\x20\xd8\x1c\x80" + b"".join(map(twice, range(31))),
    "fraction": b"\xd8\x1e\x82\x01\x00",
    "regular expression": b"\xd8\x23\x69(a+)+$aaa",
    "MIME message": b"\xd8\x24\x61a",
    "UUID": b"\xd8\x25\x50" + bytes(16),
    "IPv4 address": b"\xd8\x34\x44" + bytes(4),
    "set": b"\xd9\x01\x02\x81\x01",
    "date": b"\xd8\x64\x01",
    "complex number": b"\xd9\xa7\xf8\x82\xf9\0\0\xf9\0\0",
    "self-described": b"\xd9\xd9\xf7\x01",
    "embedded CBOR": b"\xd8\x18\x41\x01",
    "unknown tag": b"\xda\xff\xff\xff\xff\x01",
    "tag in a key": b"\xa1\xc1\x01\x01",
    "integer key": b"\xa1\x01\x01",
    "octets as key": b"\xa1\x41a\x01",
    "list as key": b"\xa1\x80\x01",
    "null key": b"\xa1\xf6\x01",
    "nesting 65 deep": b"\x81" * 64 + b"\x80",
    "nesting of indefinite lists": b"\x9f" * 65 + b"\xff" * 65,
    "nesting of maps": b"\xa1\x61a" * 64 + b"\xa0",
    "depth bomb": b"\x81" * DEPTH + b"\xf6",
    "depth bomb of indefinite lists": b"\x9f" * DEPTH,
    "depth bomb of maps": b"\xa1\x61a" * DEPTH + b"\xf6",
    "depth bomb of tags": b"\xc1" * DEPTH,
    "depth bomb of big numbers": b"\xc2" * DEPTH,
    "depth bomb of octets": b"\xd8\x40" * DEPTH,
    "strings in each other": b"\x7f" * 1000,
    "octets in a string": b"\x7f\x41a\xff",
    "giant list": b"\x9b" + b"\xff" * 8,
    "giant lists in each other": b"\x9b\x00\x00\x00\x01" + bytes(4),
    "giant map": b"\xbb" + b"\xff" * 8,
    "giant string": b"\x7b\x7f" + b"\xff" * 7,
    "string beyond the address space": b"\x7b" + b"\xff" * 8,
    "giant octets": b"\x5b\x00\x00\x00\x0f" + bytes(4),
    "giant chunk": b"\x5f\x5b\x00\x00\x00\x0f" + bytes(4) + b"\xff",
}  # fmt: skip

CASES = [
    pytest.param(name, HEADS[name] + payload + TAILS[name], id=f"{name}: {label}")
    for name, table in (("json", JSON), ("msgpack", MSGPACK), ("cbor", CBOR))
    for label, payload in table.items()
]


@pytest.mark.parametrize(("name", "body"), CASES)
@pytest.mark.checklist("SER-B1", "SER-B5", "SER-B7")
def test_a_hostile_body_is_a_violation_and_cheap(name: str, body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RemoteProtocolError) as caught:
            SERIALIZERS[name].decode(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 300
    assert peak < MIB + 10 * len(body)


@pytest.mark.parametrize("name", ["json", "msgpack", "cbor"])
@pytest.mark.parametrize("extra", [b"\x01", b"1", b"\xff", b"\xc1", b"\x80", b"]", b"\0", b"x" * 10_000])
@pytest.mark.checklist("SER-B5")
def test_octets_after_the_message_are_a_violation(name: str, extra: bytes) -> None:
    payload = {"json": b"1", "msgpack": b"\x01", "cbor": b"\x01"}[name]
    body = HEADS[name] + payload + TAILS[name]
    SERIALIZERS[name].decode(body)
    with pytest.raises(RemoteProtocolError):
        SERIALIZERS[name].decode(body + extra)


@pytest.mark.parametrize("name", ["json", "msgpack", "cbor"])
def test_every_truncation_is_a_violation(name: str) -> None:
    payload = {
        "json": b'{"a":[1.5,"x"]}',
        "msgpack": b"\x81\xa1a\x92\xcb" + bytes(8) + b"\xa1x",
        "cbor": b"\xa1\x61a\x82\xfb" + bytes(8) + b"\x61x",
    }
    body = HEADS[name] + payload[name] + TAILS[name]
    SERIALIZERS[name].decode(body)
    for length in range(len(body)):
        with pytest.raises(RemoteProtocolError):
            SERIALIZERS[name].decode(body[:length])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_json_is_utf_8_without_a_byte_order_mark(encoding: str) -> None:
    with pytest.raises(RemoteProtocolError, match="not JSON"):
        SERIALIZERS["json"].decode("[35,1]".encode(encoding))


def test_the_text_says_what_was_wrong_and_where() -> None:
    for name, payload, text in (
        ("cbor", b"\xc1\x01", "not CBOR: tag 1 is not allowed"),
        ("cbor", b"\x82\xf7\xf0", "message[3][0][1]: a value of type CBORSimpleValue has no form that every serializer carries"),
        ("msgpack", b"\x81\x01\x01", "message[3][0]: a key is of type int; keys must be strings"),
        ("json", b"18446744073709551616", "message[3][0]: the integer is not in the range from -2**63 to 2**64 - 1"),
        ("json", b"[" * 65 + b"]" * 65, "message: values are nested more than 64 deep"),
    ):  # fmt: skip
        with pytest.raises(RemoteProtocolError) as caught:
            SERIALIZERS[name].decode(HEADS[name] + payload + TAILS[name])
        assert str(caught.value) == text
