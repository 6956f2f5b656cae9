"""WAMP messages over an open WebSocket connection: what follows the opening handshake, for both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from .._exceptions import MessageTooLarge, RemoteProtocolError
from ._closing import describe_close, parse_close, serialize_close
from ._deflate import Deflate
from ._frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    FrameDecoder,
    FrameMasker,
    FrameViolation,
    encode_frame,
    frame_header,
    mask_octets,
)
from ._link import Framing, Link
from ._pieces import LARGE, put_before

if TYPE_CHECKING:
    from ._pieces import Octets


class FrameEncoder(Protocol):
    """`encode_frame` on the router's side, a `FrameMasker`'s on the client's."""

    def __call__(self, opcode: int, payload: bytes, /, *, is_compressed: bool = False) -> bytes: ...


class WebSocketMessages(Framing):
    """The framing of an open connection.

    Args:
        is_binary: Whether the serializer's messages travel in binary frames.
        masker: Source of masks for the client's side, None for the router's.
        decoder: Reads the other side's frames.
        deflate: The negotiated compression, or None.
    """

    __slots__ = ("_decoder", "_deflate", "_encode_frame", "_is_closing", "_masker", "_opcode")

    words = "WebSocket connection"
    answers_pings = True

    def __init__(
        self, *, is_binary: bool, masker: FrameMasker | None, decoder: FrameDecoder, deflate: Deflate | None
    ) -> None:
        self._opcode = BINARY if is_binary else TEXT
        self._masker = masker
        self._encode_frame: FrameEncoder = encode_frame if masker is None else masker.encode_frame
        self._decoder = decoder
        self._deflate = deflate
        self._is_closing = False

    def receive(self, link: Link, data: bytes) -> None:
        decoder = self._decoder
        try:
            for opcode, payload in decoder.receive(data, link.max_size):
                if opcode == self._opcode:
                    link.deliver(payload)
                else:
                    _HANDLERS[opcode](self, link, payload)
        except FrameViolation as error:
            link.fail(error, error.code)
        except RemoteProtocolError as error:
            link.fail(error, PROTOCOL_ERROR)
        else:
            if decoder.error is not None:
                self._fail(link, decoder.error)

    def receive_eof(self, link: Link) -> None:
        if self._is_closing:
            link.ended("closed by this side")
        else:
            inside = " inside a message" if self._decoder.is_inside else ""
            link.ended(f"the peer ended the connection{inside} without a closing handshake")

    def frame(self, body: Octets) -> Octets:
        if self._deflate is not None:
            return self._encode_frame(self._opcode, self._deflate.deflate(bytes(body)), is_compressed=True)
        if isinstance(body, bytes) and len(body) < LARGE:
            return self._encode_frame(self._opcode, body)
        mask = None if self._masker is None else self._masker.next_mask()
        header = frame_header(self._opcode, len(body), is_last=True, is_compressed=False, mask=mask)
        return put_before(header, body if mask is None else mask_octets(bytes(body), mask))

    def ping(self, link: Link, payload: bytes) -> None:
        link.queue(self._encode_frame(PING, payload))

    def close(self, link: Link, code: int, reason: str) -> None:
        link.queue(self._encode_frame(CLOSE, serialize_close(code, reason)))
        self._is_closing = True

    def _fail(self, link: Link, error: FrameViolation | MessageTooLarge) -> None:
        link.fail(error, error.code if isinstance(error, FrameViolation) else TOO_BIG)

    def _mismatch(self, link: Link, _: bytes) -> None:
        kinds = {BINARY: "binary", TEXT: "text"}
        sent, expected = kinds[TEXT + BINARY - self._opcode], kinds[self._opcode]
        raise FrameViolation(f"{sent} frame, but {link.serializer.subprotocol} travels in {expected} frames")  # WS-B2

    def _pinged(self, link: Link, payload: bytes) -> None:
        if not self._is_closing:
            link.queue_pong(self._encode_frame(PONG, payload))

    def _ponged(self, link: Link, payload: bytes) -> None:
        link.pong_received(payload)

    def _closed(self, link: Link, payload: bytes) -> None:
        code, reason = parse_close(payload)
        if not self._is_closing:
            self._is_closing = True
            link.queue(self._encode_frame(CLOSE, payload[:2]))  # RFC 6455 §5.5.1: answer with the same code
        link.is_open = False
        link.ended(f"connection closed by the peer ({describe_close(code, reason)})")


_Handler = Callable[[WebSocketMessages, Link, bytes], None]
_HANDLERS: Final[dict[int, _Handler]] = {
    TEXT: WebSocketMessages._mismatch,
    BINARY: WebSocketMessages._mismatch,
    PING: WebSocketMessages._pinged,
    PONG: WebSocketMessages._ponged,
    CLOSE: WebSocketMessages._closed,
}
