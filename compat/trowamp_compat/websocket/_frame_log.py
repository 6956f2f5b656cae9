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
        self._pending = b""

    def take(self, data: bytes) -> list[tuple[FrameHeader, bytes]]:
        """Take octets; return the frames that are complete, with their payloads unmasked."""
        octets, start, frames = self._pending + data, 0, []
        while (found := _frame_at(octets, start)) is not None:
            header, begin = found
            start = begin + header.length
            payload = octets[begin:start]
            frames.append((header, payload if header.mask is None else _unmasked(payload, header.mask)))
        self._pending = octets[start:]
        return frames


def _frame_at(octets: bytes, start: int) -> tuple[FrameHeader, int] | None:
    """Return the header at a place and where its payload begins; None if the frame is not complete."""
    if len(octets) - start < 2:
        return None
    first, second = octets[start : start + 2]
    length, begin = second & 0x7F, start + 2
    if length >= 126:
        begin += 2 if length == 126 else 8
        length = int.from_bytes(octets[start + 2 : begin], "big")
    mask = None
    if second & 0x80:
        mask = octets[begin : begin + _MASK]
        begin += _MASK
    if begin + length > len(octets):
        return None
    return FrameHeader(first & 0x0F, first & 0x80 != 0, first >> 4 & 0x07, length, mask), begin


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    return xor(payload, (mask * (len(payload) // _MASK + 1))[: len(payload)])
