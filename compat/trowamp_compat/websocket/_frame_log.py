"""The frames in what goes over a connection, for those who want to see them."""

from __future__ import annotations

from typing import Final

from ..util import xor

__all__ = ["FrameHeader", "FrameLog"]

_MASK: Final = 4  # octets


class FrameHeader:
    """The beginning of a frame.

    Attributes:
        opcode: What the frame is.
        fin: Whether it ends its message.
        rsv: The three reserved bits as a number.
        length: Octets of its payload.
        mask: Its mask, or None.
    """

    __slots__ = ("fin", "length", "mask", "opcode", "rsv")

    def __init__(self, opcode: int, fin: bool, rsv: int, length: int, mask: bytes | None) -> None:
        self.opcode = opcode
        self.fin = fin
        self.rsv = rsv
        self.length = length
        self.mask = mask


class FrameLog:
    """Finds the frames in the octets of one direction; whether they are legal is none of its business."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._needed = 0  # octets that make it worth looking at them again

    def take(self, data: bytes) -> list[tuple[FrameHeader, bytes]]:
        """Take octets; return the frames that are complete, with their payloads unmasked."""
        self._pending += data
        if len(self._pending) < self._needed:
            return []
        octets, start, frames = bytes(self._pending), 0, []
        self._needed = 0
        while (found := _header_at(octets, start)) is not None:
            header, begin = found
            end = begin + header.length
            if end > len(octets):
                self._needed = end - start
                break
            payload, start = octets[begin:end], end
            frames.append((header, payload if header.mask is None else _unmasked(payload, header.mask)))
        del self._pending[:start]
        return frames


def _header_at(octets: bytes, start: int) -> tuple[FrameHeader, int] | None:
    """Return the header at a place, and where its payload begins; None if not all of it is there."""
    if len(octets) - start < 2:
        return None
    first, second = octets[start : start + 2]
    length, begin = second & 0x7F, start + 2
    if length >= 126:
        begin += 2 if length == 126 else 8
        length = int.from_bytes(octets[start + 2 : begin], "big")
    mask = octets[begin : begin + _MASK] if second & 0x80 else None
    begin += _MASK if second & 0x80 else 0
    if begin > len(octets):
        return None
    return FrameHeader(first & 0x0F, first & 0x80 != 0, first >> 4 & 0x07, length, mask), begin


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    return xor(payload, (mask * (len(payload) // _MASK + 1))[: len(payload)])
