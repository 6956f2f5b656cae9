"""WebSocket frames piece by piece, for those who want to know where one begins and ends, or cannot wait for a whole message."""

from __future__ import annotations

from typing import Any, Final

from ._frames import BINARY, CLOSE, PING, PONG, TEXT, Event, FrameDecoder, FrameMasker, frame_header, mask_octets

MESSAGE_BEGIN: Final = 0x11
FRAME_BEGIN: Final = 0x12
FRAME_DATA: Final = 0x13
FRAME_END: Final = 0x14
MESSAGE_END: Final = 0x15

_FIN: Final = 0x80
_COMPRESSED: Final = 0x40


class FrameStream(FrameDecoder):
    """Like its base, but a message comes as `MESSAGE_BEGIN` (TEXT or BINARY), its frames and `MESSAGE_END`.

    A frame comes as `FRAME_BEGIN` (its length on the wire), any number of `FRAME_DATA` (octets, inflated) and `FRAME_END`. Nothing of it is kept.
    """

    __slots__ = ()

    def _frame(self, head: int, payload: bytes, max_size: int, payloads: list[Event]) -> None:
        self._begin_frame(head, len(payload), payloads)
        self._continue(head, payload, max_size, payloads)

    def _begin_frame(self, head: int, length: int, payloads: list[Event]) -> None:
        if head & 0x0F:
            self._begin_message(head)
            payloads.append((MESSAGE_BEGIN, self._opcode))
        payloads.append((FRAME_BEGIN, length))

    def _continue(self, head: int, payload: bytes, max_size: int, payloads: list[Event]) -> None:
        payload = self._checked(payload, head & _FIN != 0, max_size)
        self._size += len(payload)
        if payload:
            payloads.append((FRAME_DATA, payload))
        if self._rest:
            return
        payloads.append((FRAME_END, None))
        if head & _FIN:
            payloads.append((MESSAGE_END, None))
            self._end_message()
        else:
            self.fragments += 1


_CONTROL: Final = {_FIN | opcode: FrameStream._control for opcode in (CLOSE, PING, PONG)}
_BETWEEN: Final[dict[int, Any]] = {
    fin | opcode: FrameStream._frame for fin in (0, _FIN) for opcode in (TEXT, BINARY)
} | _CONTROL
_BETWEEN_COMPRESSED: Final[dict[int, Any]] = {
    head | _COMPRESSED: handler for head, handler in _BETWEEN.items() if head & 0x08 == 0
} | _BETWEEN
_INSIDE: Final[dict[int, Any]] = {0: FrameStream._frame, _FIN: FrameStream._frame} | _CONTROL
FrameStream._tables = (_BETWEEN, _BETWEEN_COMPRESSED, _INSIDE)


class FrameWriter:
    """Makes the frames of fragmented messages, whole or piece by piece.

    Args:
        masker: Source of masks for a side that masks, None for one that does not.
    """

    __slots__ = ("_mask", "_masker", "rest")

    def __init__(self, masker: FrameMasker | None) -> None:
        self._masker = masker
        self._mask = b""
        self.rest = 0  # octets that the frame in progress still needs

    def frame(self, opcode: int, payload: bytes, *, is_last: bool, is_compressed: bool) -> bytes:
        """Return a whole frame."""
        return self.begin(opcode, len(payload), is_last=is_last, is_compressed=is_compressed) + self.data(payload)

    def begin(self, opcode: int, length: int, *, is_last: bool, is_compressed: bool) -> bytes:
        """Return the beginning of a frame; `length` octets of `data` have to follow."""
        self.rest = length
        mask = None if self._masker is None else self._masker.next_mask()
        self._mask = mask or b""
        return frame_header(opcode, length, is_last=is_last, is_compressed=is_compressed, mask=mask)

    def data(self, payload: bytes) -> bytes:
        """Return a part of the frame in progress as it travels."""
        self.rest -= len(payload)
        mask = self._mask
        if not mask:
            return payload
        turn = len(payload) & 3
        self._mask = mask[turn:] + mask[:turn]
        return mask_octets(payload, mask)
