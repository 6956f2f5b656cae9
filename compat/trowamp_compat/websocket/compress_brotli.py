"""Compression of messages by permessage-brotli: each message is compressed by itself; needs the package `brotli`, 1.2 or later."""

from __future__ import annotations

from typing import Any, ClassVar

import brotli  # type: ignore[import-untyped]

from trowamp import MessageTooLarge
from trowamp.wire.websocket import Compressor, FrameViolation

from ._takeover import TakeoverAgreed, TakeoverOffer, TakeoverOfferAccept, TakeoverResponse, TakeoverResponseAccept

__all__ = [
    "PerMessageBrotli",
    "PerMessageBrotliMixin",
    "PerMessageBrotliOffer",
    "PerMessageBrotliOfferAccept",
    "PerMessageBrotliResponse",
    "PerMessageBrotliResponseAccept",
]

if not hasattr(brotli.Decompressor, "can_accept_more_data"):
    raise ImportError("this brotli cannot bound what it decompresses: 1.2 can")


class PerMessageBrotliMixin:
    """The name in headers."""

    EXTENSION_NAME: ClassVar = "permessage-brotli"


class PerMessageBrotliOffer(PerMessageBrotliMixin, TakeoverOffer):
    """What a client offers."""


class PerMessageBrotliOfferAccept(PerMessageBrotliMixin, TakeoverOfferAccept):
    """What a server returns for an offer that it accepts."""

    OF: ClassVar = PerMessageBrotliOffer


class PerMessageBrotliResponse(PerMessageBrotliMixin, TakeoverResponse):
    """What a server answers."""


class PerMessageBrotliResponseAccept(PerMessageBrotliMixin, TakeoverResponseAccept):
    """What a client returns for a response that it accepts."""

    OF: ClassVar = PerMessageBrotliResponse


class PerMessageBrotli(PerMessageBrotliMixin, TakeoverAgreed):
    """What was agreed on, as `websocket_extensions_in_use` has it."""

    def engine(self) -> Compressor:
        """Return what compresses and inflates; nothing is taken over in any case, as each message is a stream of its own."""
        return _Brotli()


class _Brotli:
    def __init__(self) -> None:
        self._compressor: Any = None
        self._decompressor: Any = None

    def deflate(self, body: bytes) -> bytes:
        octets = self.deflate_part(body)
        compressor, self._compressor = self._compressor, None
        return octets + bytes(compressor.finish())

    def deflate_part(self, part: bytes) -> bytes:
        if self._compressor is None:
            self._compressor = brotli.Compressor()
        return bytes(self._compressor.process(part))

    def inflate(self, payload: bytes, *, is_last: bool, used: int, max_size: int) -> bytes:
        decompressor = self._decompressor = self._decompressor or brotli.Decompressor()
        room = max(max_size - used, 0) + 1  # one more shows that it is too large
        try:
            inflated = bytearray(decompressor.process(payload, output_buffer_limit=room) if payload else b"")
            while len(inflated) < room and not decompressor.can_accept_more_data():
                inflated += decompressor.process(b"", output_buffer_limit=room - len(inflated))
        except brotli.error:
            raise FrameViolation("message that cannot be decompressed") from None
        if len(inflated) >= room:
            raise MessageTooLarge(used + len(inflated), max_size)
        if is_last:
            if not decompressor.is_finished():
                raise FrameViolation("message that is not one whole stream of Brotli")
            self._decompressor = None
        return bytes(inflated)
