"""One side of an open WebSocket connection, for any application protocol on top of it (RFC 6455 §5 to §7), without I/O.

Links carry WAMP messages and nothing else. A channel hands out everything that frames can mean, and can send all of it: whole messages,
fragments, and frames whose payload comes piece by piece. Its owner decides: it answers pings and closing handshakes, keeps the time, moves octets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .._exceptions import LocalProtocolError, MessageTooLarge
from ._closing import parse_close, serialize_close
from ._deflate import Compressor
from ._frame_stream import FrameStream, FrameWriter
from ._frames import (
    BINARY,
    CLOSE,
    NO_LIMIT,
    PING,
    PONG,
    TEXT,
    TOO_BIG,
    Event,
    FrameDecoder,
    FrameMasker,
    FrameViolation,
    encode_frame,
)

_LONGEST_CONTROL: Final = 125


class Channel:
    """Octets to messages, pings and closing handshakes, and back.

    Args:
        is_server: Whether this is the server's side: frames from a client must be masked, those from a server must not be.
        random_octets: Source of masks, such as `secrets.token_bytes`; None sends without masks, which only servers may.
        deflate: The negotiated compression, or None.
        accepts_both: Take frames with and without a mask from the peer.
        checks_text: Whether text that is not UTF-8 is a violation.
        max_size: Octets accepted for one incoming message, fragments joined and inflated.
        max_frame_size: Octets accepted for the payload of one incoming data frame.
        is_streaming: Give messages as `MESSAGE_BEGIN`, `FRAME_BEGIN`, `FRAME_DATA`, `FRAME_END` and `MESSAGE_END`, instead of whole.

    Attributes:
        error: What the peer did wrong: a protocol error, or MessageTooLarge; None so far.
        error_code: The close code that tells it so.
        is_closing: Whether this side has sent its Close frame; nothing but that can be sent afterwards.
        is_ended: Whether nothing that the peer sends counts any more: it has sent its Close frame, or broken a rule.
    """

    __slots__ = (
        "_decoder",
        "_deflate",
        "_encode",
        "_is_compressed",
        "_opcode",
        "_outgoing",
        "_parts",
        "_writer",
        "error",
        "error_code",
        "is_closing",
        "is_ended",
        "max_size",
    )

    error: FrameViolation | MessageTooLarge | None

    def __init__(
        self,
        *,
        is_server: bool,
        random_octets: Callable[[int], bytes] | None = None,
        deflate: Compressor | None = None,
        accepts_both: bool = False,
        checks_text: bool = True,
        max_size: int = NO_LIMIT,
        max_frame_size: int = NO_LIMIT,
        is_streaming: bool = False,
    ) -> None:
        masker = None if random_octets is None else FrameMasker(random_octets)
        self._encode = encode_frame if masker is None else masker.encode_frame
        self._writer = FrameWriter(masker)
        self._deflate = deflate
        self._decoder = (FrameStream if is_streaming else FrameDecoder)(
            is_masked=is_server,
            deflate=deflate,
            accepts_both=accepts_both,
            checks_text=checks_text,
            max_frame_size=max_frame_size,
        )
        self._outgoing = bytearray()
        self._opcode = -1  # of the next frame of the message that is being sent in frames; -1 if there is none
        self._is_compressed = False  # whether that message is
        self._parts: bytearray | None = None  # of a frame that can be sent only when all of it is there
        self.max_size = max_size
        self.error = None
        self.error_code = 0
        self.is_closing = False
        self.is_ended = False

    # What the peer sends

    def receive_data(self, data: bytes) -> list[Event]:
        """Read octets.

        Args:
            data: Octets from the peer, in chunks of any size.

        Returns:
            What they mean, in order, up to the first violation, which is left in `error`: `(TEXT or BINARY, payload)`, or what `is_streaming` says;
            `(PING or PONG, payload)`; `(CLOSE, (code, reason))`, the last of all, with code 1005 if the peer gave none.
        """
        if self.is_ended:
            return []
        decoder = self._decoder
        events = decoder.receive(data, self.max_size)
        if decoder.error is not None:
            error = decoder.error
            self._fail(error, error.code if isinstance(error, FrameViolation) else TOO_BIG)
        elif events and events[-1][0] == CLOSE:
            self._end(events)
        return events

    def _end(self, events: list[Event]) -> None:
        try:
            events[-1] = (CLOSE, parse_close(events[-1][1]))
        except FrameViolation as error:
            del events[-1]
            self._fail(error, error.code)
        self.is_ended = True

    def _fail(self, error: FrameViolation | MessageTooLarge, code: int) -> None:
        self.error = error
        self.error_code = code
        self.is_ended = True

    @property
    def is_inside(self) -> bool:
        """Whether what the peer has sent so far ends inside a message."""
        return self._decoder.is_inside

    @property
    def fragments_received(self) -> int:
        """How many data frames did not end a message."""
        return self._decoder.fragments

    # Whole messages

    def send_message(self, payload: bytes, *, is_binary: bool, fragment_size: int = 0, compress: bool = True) -> int:
        """Queue a message.

        Args:
            payload: The message; UTF-8 if it is text.
            is_binary: Whether it is binary.
            fragment_size: Octets for one frame at most; 0 sends one frame.
            compress: Whether to compress it if compression was negotiated.

        Returns:
            How many frames that took.

        Raises:
            LocalProtocolError: The channel is closing, or inside another message.
        """
        self._check_free()
        opcode = BINARY if is_binary else TEXT
        is_compressed = compress and self._deflate is not None
        if is_compressed:
            payload = self._deflate.deflate(payload)  # type: ignore[union-attr]  # said two lines above
        if not 0 < fragment_size < len(payload):
            self._outgoing += self._encode(opcode, payload, is_compressed=is_compressed)
            return 1
        starts = range(0, len(payload), fragment_size)
        for start in starts:
            is_last = start + fragment_size >= len(payload)
            part = payload[start : start + fragment_size]
            self._outgoing += self._writer.frame(opcode, part, is_last=is_last, is_compressed=is_compressed)
            opcode, is_compressed = 0, False
        return len(starts)

    def send_prepared(self, octets: bytes) -> None:
        """Queue a message that `prepare` made, on a channel that sends without masks.

        Raises:
            LocalProtocolError: The channel is closing, or inside another message.
        """
        self._check_free()
        self._outgoing += octets

    # Messages in frames

    def begin_message(self, *, is_binary: bool, compress: bool = True) -> None:
        """Begin a message whose frames follow, with `send_frame` or `begin_frame`.

        Args:
            is_binary: Whether it is binary.
            compress: Whether to compress it if compression was negotiated. What begins with `begin_frame` is not: its length is told in advance.

        Raises:
            LocalProtocolError: The channel is closing, or inside another message.
        """
        self._check_free()
        self._opcode = BINARY if is_binary else TEXT
        self._is_compressed = compress and self._deflate is not None

    def send_frame(self, payload: bytes) -> None:
        """Queue a frame of the message in progress.

        Raises:
            LocalProtocolError: There is none, or a frame in progress, or the channel is closing.
        """
        self._check_between_frames()
        if self._is_compressed:
            payload = self._deflate.deflate_part(payload)  # type: ignore[union-attr]  # it is there if there is compression
        self._outgoing += self._writer.frame(
            self._opcode, payload, is_last=False, is_compressed=self._is_compressed and self._opcode != 0
        )
        self._opcode = 0

    def begin_frame(self, length: int) -> None:
        """Begin a frame of the message in progress, whose payload follows with `send_frame_data`.

        Args:
            length: Octets of its payload.

        Raises:
            LocalProtocolError: There is no message, or a frame in progress, or the channel is closing.
            ValueError: No frame has that length.
        """
        self._check_between_frames()
        if not 0 <= length < NO_LIMIT:
            raise ValueError(f"a frame cannot have {length} octets")
        if self._opcode and self._is_compressed:
            self._is_compressed = False
        if self._is_compressed:
            self._parts = bytearray()
            self._writer.rest = length
        else:
            self._outgoing += self._writer.begin(self._opcode, length, is_last=False, is_compressed=False)
            self._opcode = 0

    def send_frame_data(self, payload: bytes) -> int:
        """Queue a part of the frame in progress; what it has no room for is left out.

        Returns:
            How many octets the frame still needs; what was left out counts negative.

        Raises:
            LocalProtocolError: There is no frame in progress, or the channel is closing.
        """
        writer = self._writer
        if self.is_closing or not writer.rest:
            raise LocalProtocolError("there is no frame in progress")
        left_out = max(len(payload) - writer.rest, 0)
        taken = payload[: writer.rest]
        if self._parts is None:
            self._outgoing += writer.data(taken)
        else:
            self._parts += taken
            writer.rest -= len(taken)
            if not writer.rest:
                whole, self._parts = bytes(self._parts), None
                self.send_frame(whole)
        return -left_out if left_out else writer.rest

    def end_message(self) -> None:
        """Queue the end of the message in progress: a last, empty frame.

        Raises:
            LocalProtocolError: There is none, or a frame in progress, or the channel is closing.
        """
        self._check_between_frames()
        is_first = self._opcode != 0
        payload = self._deflate.deflate(b"") if self._is_compressed and self._deflate is not None else b""
        self._outgoing += self._writer.frame(
            self._opcode, payload, is_last=True, is_compressed=self._is_compressed and is_first
        )
        self._opcode = -1

    # Control frames

    def ping(self, payload: bytes = b"") -> None:
        """Queue a ping.

        Raises:
            ValueError: More than 125 octets.
            LocalProtocolError: The channel is closing, or inside a frame.
        """
        self._control(PING, payload)

    def pong(self, payload: bytes = b"") -> None:
        """Queue the answer to a ping, which must have its payload, or a pong that answers none.

        Raises:
            ValueError: More than 125 octets.
            LocalProtocolError: The channel is closing, or inside a frame.
        """
        self._control(PONG, payload)

    def close(self, code: int | None = None, reason: str = "") -> None:
        """Queue the Close frame of this side, unless it was sent before; nothing can be sent afterwards.

        A frame in progress stays incomplete: then no Close frame can be sent, and the peer learns of the end by that of the stream.

        Args:
            code: Close code; None sends none, and no reason.
            reason: Words for the peer, shortened to what fits.
        """
        if self.is_closing:
            return
        if self._parts is not None or not self._writer.rest:
            self._outgoing += self._encode(CLOSE, b"" if code is None else serialize_close(code, reason))
        self.is_closing = True

    def _control(self, opcode: int, payload: bytes) -> None:
        if len(payload) > _LONGEST_CONTROL:
            raise ValueError(f"a control frame cannot carry {len(payload)} octets, but {_LONGEST_CONTROL}")
        if self.is_closing or (self._writer.rest and self._parts is None):
            raise LocalProtocolError("the channel is closing, or inside a frame")
        self._outgoing += self._encode(opcode, payload)

    # Octets

    def data_to_send(self) -> bytearray:
        """Return the outgoing buffer itself; report what was written of its front with `data_sent`."""
        return self._outgoing

    def data_sent(self, count: int) -> None:
        """Drop `count` octets from the front of the outgoing buffer: they are on their way."""
        del self._outgoing[:count]

    def _check_free(self) -> None:
        if self.is_closing or self._opcode >= 0:
            raise LocalProtocolError("the channel is closing, or inside another message")

    def _check_between_frames(self) -> None:
        if self.is_closing or self._opcode < 0 or self._writer.rest:
            raise LocalProtocolError("the channel is closing, or there is no message in progress, or a frame")


def prepare(payload: bytes, *, is_binary: bool) -> bytes:
    """Return a message as a server sends it to any number of clients: in one frame, not masked, not compressed."""
    return encode_frame(BINARY if is_binary else TEXT, payload)
