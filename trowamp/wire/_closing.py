"""WebSocket close codes, the payload of Close frames (RFC 6455 §7.4), and ends of connections in words."""

from __future__ import annotations

from struct import Struct
from typing import Final

from ._frames import INVALID_DATA, FrameViolation

_CODE: Final = Struct(">H")
_LONGEST_REASON: Final = 123  # octets
_LONGEST_QUOTE: Final = 300  # characters of what a peer said that are worth showing
_NO_CODE: Final = 1005  # never on the wire: stands for an empty Close frame

_WORDS: Final = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no code",
    1007: "invalid data",
    1008: "policy violation",
    1009: "message too big",
    1010: "missing extension",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
}


def is_sendable(code: int) -> bool:
    """Whether a Close frame may hold the code."""
    return (code in _WORDS and code != _NO_CODE) or 3000 <= code < 5000


def serialize_close(code: int, reason: str) -> bytes:
    """Return the payload of a Close frame with a sendable code, `reason` shortened to what fits."""
    octets = reason.encode(errors="replace")[:_LONGEST_REASON]
    return _CODE.pack(code) + octets.decode(errors="ignore").encode()


def parse_close(payload: bytes) -> tuple[int, str]:
    """Return code and reason of a Close frame; the code is 1005 if it has none.

    Raises:
        FrameViolation: An illegal code, half a code, or a reason that is not UTF-8.
    """
    if not payload:
        return _NO_CODE, ""
    if len(payload) == 1:
        raise FrameViolation("Close frame with half a code")
    code: int = _CODE.unpack_from(payload)[0]
    if not is_sendable(code):
        raise FrameViolation(f"Close frame with the illegal code {code}")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameViolation("Close frame with a reason that is not UTF-8", INVALID_DATA) from None


def describe_close(code: int, reason: str) -> str:
    """Return a close code in words, for example `1001 going away: restart at noon`."""
    words = _WORDS.get(code)
    text = f"{code} {words}" if words else str(code)
    return f"{text}: {readable(reason)}" if reason else text


def readable(text: str) -> str:
    """Return what a peer said so that it can stand in a log: no control characters, and not too much of it."""
    shown = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    return shown if shown.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in shown)
