"""WebSocket frames after the opening handshake (RFC 6455 §5), without I/O.

`FrameDecoder` turns octets into complete messages and control frames; `encode_frame` and `FrameMasker` go the other way. Fragments are joined as
they arrive, so a message in a million fragments costs no more memory than the message; compressed messages are inflated within the same limit.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .._exceptions import MessageTooLarge, RemoteProtocolError

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled wheel for this platform
    from websockets.utils import apply_mask

if TYPE_CHECKING:
    from ._deflate import Compressor

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

PROTOCOL_ERROR: Final = 1002
INVALID_DATA: Final = 1007
TOO_BIG: Final = 1009

NO_LIMIT: Final = 2**63  # no frame can be longer

_FIN: Final = 0x80
_COMPRESSED: Final = 0x40  # RSV1 (RFC 7692)
_MASKED: Final = 0x80
_LONGEST_CONTROL: Final = 125
_MASKS_PER_DRAW: Final = 256

_MEDIUM: Final = Struct(">BBH")
_LONG: Final = Struct(">BBQ")
_U16: Final = Struct(">H")
_U64: Final = Struct(">Q")

mask_octets: Final = apply_mask  # both ways

_Utf8Decoder = getincrementaldecoder("utf-8")

Event = tuple[int, Any]  # what arrived, and the payload; other values only from the decoders that say so


class FrameViolation(RemoteProtocolError):
    """The peer broke RFC 6455, or sent text that is not UTF-8.

    Attributes:
        code: The close code that tells it so.
    """

    def __init__(self, text: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(text)
        self.code = code


class FrameDecoder:
    """Reads the frames of one direction of one connection.

    Args:
        is_masked: Whether frames must be masked: True for what a server receives, False for what a client receives. The other way is a violation.
        deflate: The negotiated compression, or None.
        accepts_both: Take frames with and without a mask, whatever `is_masked` says.
        checks_text: Whether text that is not UTF-8 is a violation.
        max_frame_size: Octets accepted for the payload of one data frame, as it travels.

    Attributes:
        error: What the peer did wrong; nothing is read after that.
        fragments: How many data frames did not end a message.
    """

    __slots__ = (
        "_accepts_both",
        "_checks_text",
        "_compressed",
        "_deflate",
        "_fragments",
        "_is_last",
        "_legal",
        "_mask",
        "_mask_bit",
        "_max_frame_size",
        "_needed",
        "_opcode",
        "_pending",
        "_rest",
        "_short_header",
        "_size",
        "_text",
        "error",
        "fragments",
    )

    _tables: ClassVar[tuple[_Legal, _Legal, _Legal]]  # between messages, the same with compression, inside a message

    error: FrameViolation | MessageTooLarge | None

    def __init__(
        self,
        *,
        is_masked: bool,
        deflate: Compressor | None = None,
        accepts_both: bool = False,
        checks_text: bool = True,
        max_frame_size: int = NO_LIMIT,
    ) -> None:
        self._mask_bit = _MASKED if is_masked else 0
        self._short_header = 6 if is_masked else 2
        self._deflate = deflate
        self._accepts_both = accepts_both
        self._checks_text = checks_text
        self._max_frame_size = max_frame_size
        self._legal = self._between_messages()
        self._pending = bytearray()  # the beginning of a frame: an incomplete header, or control frame
        self._needed = 0  # octets that make it worth looking at `_pending` again
        self._rest = 0  # octets that are still to come of a data frame in progress
        self._mask = b""  # for them
        self._is_last = 0  # FIN if that frame ends its message
        self._fragments = bytearray()  # of the message in progress
        self._size = 0  # its octets so far
        self._opcode = self._compressed = 0  # its kind
        self._text = _Utf8Decoder()
        self.error = None
        self.fragments = 0

    @property
    def is_inside(self) -> bool:
        """Whether the octets received so far end inside a message."""
        return bool(self._pending) or self._legal is self._tables[2]

    def receive(self, data: bytes, max_size: int) -> list[Event]:
        """Read octets.

        Args:
            data: Octets from the peer.
            max_size: Octets accepted for one message, fragments joined and inflated. What is longer is refused before it is buffered.

        Returns:
            `(opcode, payload)` of every complete message (TEXT, BINARY) and control frame (CLOSE, PING, PONG) in order, up to the first violation,
            which is left in `error`, or the first CLOSE.
        """
        pending = self._pending
        if pending:
            pending += data
            if len(pending) < self._needed:
                return []
            data = bytes(pending)
            pending.clear()
        payloads: list[Event] = []
        try:
            if self._rest:
                data = self._resume(data, max_size, payloads)
            self._read_frames(data, max_size, payloads)
        except (FrameViolation, MessageTooLarge) as error:
            self.error = error
        return payloads

    def _read_frames(self, data: bytes, max_size: int, payloads: list[Event]) -> None:
        offset, end, mask_bit = 0, len(data), self._mask_bit
        limit = self._max_frame_size
        if limit > max_size:  # noqa: PLR1730 - calling min() for every chunk costs more than the rest of this function's beginning
            limit = max_size
        needed = 2
        while end - offset >= 2:
            head = data[offset]
            handler = self._legal.get(head)
            if handler is None:
                raise FrameViolation(_why_illegal(head, self._deflate))
            length = data[offset + 1] ^ mask_bit
            start = offset + self._short_header
            if length > _LONGEST_CONTROL:
                extra = self._length_octets(head, length)
                if not extra:
                    mask_bit = self._mask_bit
                    continue
                needed = 2 + extra
                if end - offset < needed:
                    break
                length = _long_length(data, offset + 2, extra)
                start += extra
            if length + self._size > limit and head & 0x08 == 0:
                self._check_size(length, max_size)
            stop = start + length
            if stop > end:
                needed = self._partial(data[offset:], start - offset, length, max_size, payloads)
                if not needed:
                    return
                break
            payload = data[start:stop]
            if mask_bit:
                payload = apply_mask(payload, data[start - 4 : start])
            handler(self, head, payload, max_size, payloads)
            if head == _FIN | CLOSE:
                return
            offset = stop
            needed = 2
        if offset < end:
            self._pending = bytearray(data[offset:])
            self._needed = needed

    def _length_octets(self, head: int, length: int) -> int:
        """Return how many octets the length takes beyond the second one; 0 if frames come masked from here on, or no longer."""
        if length & 0x80:
            if not self._accepts_both:
                raise FrameViolation("frame with a mask" if self._mask_bit == 0 else "frame without a mask")  # §5.1
            self._mask_bit ^= _MASKED
            self._short_header = 6 if self._mask_bit else 2
            return 0
        if head & 0x08:
            raise FrameViolation("control frame longer than 125 octets")  # §5.5
        return 2 if length == 126 else 8

    def _check_size(self, length: int, max_size: int) -> None:
        if length > self._max_frame_size:
            raise MessageTooLarge(length, self._max_frame_size)
        if length + self._size > max_size:
            raise MessageTooLarge(length + self._size, max_size)

    def _partial(self, data: bytes, header: int, length: int, max_size: int, payloads: list[Event]) -> int:
        """Begin a data frame of which only a part is here, as what is wrong with that part shall be found now (§8.1).

        Returns:
            How many octets of the frame have to be there to make it worth another look; 0 if all that is here has been read.
        """
        if data[0] & 0x08:
            return header + length
        if len(data) <= header:
            return header + min(length, 1)
        self._rest = length
        self._is_last = data[0] & _FIN
        self._mask = data[header - 4 : header] if self._mask_bit else b""
        self._begin_frame(data[0], length, payloads)
        self._resume(data[header:], max_size, payloads)
        return 0

    def _resume(self, data: bytes, max_size: int, payloads: list[Event]) -> bytes:
        """Go on with a data frame of which a part was here; return what comes after it."""
        payload = data[: self._rest]
        self._rest -= len(payload)
        mask = self._mask
        if mask:
            turn = len(payload) & 3
            self._mask = mask[turn:] + mask[:turn]
            payload = apply_mask(payload, mask)
        self._continue(0 if self._rest else self._is_last, payload, max_size, payloads)
        return data[len(payload) :]

    def _whole(self, head: int, payload: bytes, max_size: int, payloads: list[Event]) -> None:
        if head & _COMPRESSED:
            payload = self._inflate(payload, True, max_size)
        opcode = head & 0x0F
        if opcode == TEXT and not payload.isascii() and self._checks_text:
            _check_utf8(_Utf8Decoder().decode, payload, True)
        payloads.append((opcode, payload))

    def _first(self, head: int, payload: bytes, max_size: int, payloads: list[Event]) -> None:
        self._begin_message(head)
        self._continue(head, payload, max_size, payloads)

    def _begin_message(self, head: int) -> None:
        self._opcode = head & 0x0F
        self._compressed = head & _COMPRESSED
        self._legal = self._tables[2]

    def _begin_frame(self, head: int, _: int, __: list[Event]) -> None:
        if head & 0x0F:
            self._begin_message(head)

    def _continue(self, head: int, payload: bytes, max_size: int, payloads: list[Event]) -> None:
        payload = self._checked(payload, head & _FIN != 0, max_size)
        self._fragments += payload
        self._size += len(payload)
        if head & _FIN:
            payloads.append((self._opcode, bytes(self._fragments)))
            self._fragments = bytearray()
            self._end_message()
        elif not self._rest:
            self.fragments += 1

    def _end_message(self) -> None:
        self._size = 0
        self._legal = self._between_messages()

    def _control(self, head: int, payload: bytes, _: int, payloads: list[Event]) -> None:
        payloads.append((head & 0x0F, payload))

    def _checked(self, payload: bytes, is_last: bool, max_size: int) -> bytes:
        """Return a part of the message in progress as it was before it was compressed."""
        if self._compressed:
            payload = self._inflate(payload, is_last, max_size)
        if self._opcode == TEXT and self._checks_text:
            _check_utf8(self._text.decode, payload, is_last)
        return payload

    def _inflate(self, payload: bytes, is_last: bool, max_size: int) -> bytes:
        assert self._deflate is not None
        return self._deflate.inflate(payload, is_last=is_last, used=self._size, max_size=max_size)

    def _between_messages(self) -> _Legal:
        return self._tables[0 if self._deflate is None else 1]


_Handler = Callable[[FrameDecoder, int, bytes, int, list[Event]], None]
_Legal = dict[int, _Handler]

# First octets that are legal, by state; the handler reads the payload. Everything else is a violation (RFC 6455 §5.2, §5.4).
_CONTROL: Final[_Legal] = {
    _FIN | CLOSE: FrameDecoder._control,
    _FIN | PING: FrameDecoder._control,
    _FIN | PONG: FrameDecoder._control,
}
_BETWEEN: Final[_Legal] = {
    _FIN | TEXT: FrameDecoder._whole,
    _FIN | BINARY: FrameDecoder._whole,
    TEXT: FrameDecoder._first,
    BINARY: FrameDecoder._first,
    **_CONTROL,
}
_BETWEEN_COMPRESSED: Final[_Legal] = {
    _FIN | _COMPRESSED | TEXT: FrameDecoder._whole,
    _FIN | _COMPRESSED | BINARY: FrameDecoder._whole,
    _COMPRESSED | TEXT: FrameDecoder._first,
    _COMPRESSED | BINARY: FrameDecoder._first,
    **_BETWEEN,
}
_INSIDE: Final[_Legal] = {0: FrameDecoder._continue, _FIN: FrameDecoder._continue, **_CONTROL}
FrameDecoder._tables = (_BETWEEN, _BETWEEN_COMPRESSED, _INSIDE)


def _why_illegal(head: int, deflate: Compressor | None) -> str:
    opcode = head & 0x0F
    if head & 0x70 and not (deflate and head & 0x70 == _COMPRESSED and opcode in (TEXT, BINARY)):
        return "frame with reserved bits"
    if opcode in (CLOSE, PING, PONG):
        return "fragmented control frame"
    if opcode == 0:
        return "continuation of no message"
    if opcode in (TEXT, BINARY):
        return "new message inside a fragmented one"
    return f"frame with the reserved opcode {opcode}"


def _long_length(data: bytes, offset: int, octets: int) -> int:
    length: int = (_U16 if octets == 2 else _U64).unpack_from(data, offset)[0]
    if length < (126 if octets == 2 else 2**16) or length >= 2**63:
        raise FrameViolation("frame length not in its shortest form, or negative")  # §5.2
    return length


def _check_utf8(decode: Callable[[bytes, bool], str], payload: bytes, is_last: bool) -> None:
    try:
        decode(payload, is_last)
    except UnicodeDecodeError:
        raise FrameViolation("text that is not UTF-8", INVALID_DATA) from None  # §8.1


def encode_frame(opcode: int, payload: bytes, *, is_compressed: bool = False) -> bytes:
    """Return an unmasked frame, as a server sends it, that holds a whole message or is a control frame."""
    return _header(_FIN | opcode | (_COMPRESSED if is_compressed else 0), 0, len(payload)) + payload


class FrameMasker:
    """Makes masked frames, as a client sends them.

    Args:
        random_octets: Source of masks; must not be predictable for whoever chooses the payload (RFC 6455 §10.3).
    """

    __slots__ = ("_masks", "_position", "_random_octets")

    def __init__(self, random_octets: Callable[[int], bytes]) -> None:
        self._random_octets = random_octets
        self._masks = b""
        self._position = 0

    def encode_frame(self, opcode: int, payload: bytes, *, is_compressed: bool = False) -> bytes:
        """Return a masked frame that holds a whole message or is a control frame."""
        position = self._position
        mask = self._masks[position : position + 4]
        self._position = position + 4
        if not mask:
            mask = self._draw()
        head = _FIN | opcode | (_COMPRESSED if is_compressed else 0)
        return _header(head, _MASKED, len(payload)) + mask + apply_mask(payload, mask)

    def next_mask(self) -> bytes:
        """Return a mask that was not used before."""
        mask = self._masks[self._position : self._position + 4]
        self._position += 4
        return mask or self._draw()

    def _draw(self) -> bytes:
        self._masks = self._random_octets(4 * _MASKS_PER_DRAW)
        self._position = 4
        return self._masks[:4]


def frame_header(opcode: int, length: int, *, is_last: bool, is_compressed: bool, mask: bytes | None) -> bytes:
    """Return the beginning of any frame, up to its payload; `mask` is None if the payload is not masked."""
    head = opcode | (_FIN if is_last else 0) | (_COMPRESSED if is_compressed else 0)
    return _header(head, 0, length) if mask is None else _header(head, _MASKED, length) + mask


def _header(head: int, mask_bit: int, length: int) -> bytes:
    if length < 126:
        return bytes((head, mask_bit | length))
    if length < 2**16:
        return _MEDIUM.pack(head, mask_bit | 126, length)
    return _LONG.pack(head, mask_bit | 127, length)
