"""Compression of messages by permessage-snappy, in Snappy's framing format; needs the package `python-snappy`."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import snappy  # type: ignore[import-untyped]

from trowamp import MessageTooLarge
from trowamp.wire.websocket import Compressor, FrameViolation

from ._takeover import TakeoverAgreed, TakeoverOffer, TakeoverOfferAccept, TakeoverResponse, TakeoverResponseAccept

__all__ = [
    "PerMessageSnappy",
    "PerMessageSnappyMixin",
    "PerMessageSnappyOffer",
    "PerMessageSnappyOfferAccept",
    "PerMessageSnappyResponse",
    "PerMessageSnappyResponseAccept",
]

_HEADER: Final = 4  # octets: the kind of a chunk, and its length
_CHECKSUM: Final = 4  # octets
_COMPRESSED: Final = 0x00
_PLAIN: Final = 0x01
_MOST_INFLATED: Final = 2**16  # octets in a chunk
_LONGEST: Final = _CHECKSUM + 32 + _MOST_INFLATED + _MOST_INFLATED // 6  # octets that a chunk may take


class PerMessageSnappyMixin:
    """The name in headers."""

    EXTENSION_NAME: ClassVar = "permessage-snappy"


class PerMessageSnappyOffer(PerMessageSnappyMixin, TakeoverOffer):
    """What a client offers."""


class PerMessageSnappyOfferAccept(PerMessageSnappyMixin, TakeoverOfferAccept):
    """What a server returns for an offer that it accepts."""

    OF: ClassVar = PerMessageSnappyOffer


class PerMessageSnappyResponse(PerMessageSnappyMixin, TakeoverResponse):
    """What a server answers."""


class PerMessageSnappyResponseAccept(PerMessageSnappyMixin, TakeoverResponseAccept):
    """What a client returns for a response that it accepts."""

    OF: ClassVar = PerMessageSnappyResponse


class PerMessageSnappy(PerMessageSnappyMixin, TakeoverAgreed):
    """What was agreed on, as `websocket_extensions_in_use` has it."""

    def engine(self) -> Compressor:
        """Return what compresses and inflates."""
        forgets = (self.server_no_context_takeover, self.client_no_context_takeover)
        own, peer = forgets if self.is_server else forgets[::-1]
        return _Snappy(forgets_sent=own, forgets_received=peer)


class _Snappy:
    """Both directions of one connection. Chunks are handed to Snappy one by one, when it is known how large they become."""

    def __init__(self, *, forgets_sent: bool, forgets_received: bool) -> None:
        self._forgets_sent = forgets_sent
        self._forgets_received = forgets_received
        self._compressor: Any = snappy.StreamCompressor()
        self._decompressor: Any = snappy.StreamDecompressor()
        self._pending = b""  # of a chunk that is not complete

    def deflate(self, body: bytes) -> bytes:
        octets = self.deflate_part(body)
        if self._forgets_sent:
            self._compressor = snappy.StreamCompressor()
        return octets

    def deflate_part(self, part: bytes) -> bytes:
        return bytes(self._compressor.compress(part)) if part else b""

    def inflate(self, payload: bytes, *, is_last: bool, used: int, max_size: int) -> bytes:
        pending, start, inflated = self._pending + payload, 0, bytearray()
        while len(pending) - start >= _HEADER:
            end = start + _HEADER + int.from_bytes(pending[start + 1 : start + _HEADER], "little")
            if end - start > _HEADER + _LONGEST:
                raise FrameViolation("chunk of Snappy that is too long")
            if end > len(pending):
                break
            chunk = pending[start:end]
            size = used + len(inflated) + _inflated_size(chunk)
            if size > max_size:
                raise MessageTooLarge(size, max_size)
            inflated += self._decompress(chunk)
            start = end
        self._pending = pending[start:]
        if is_last:
            self._end()
        return bytes(inflated)

    def _decompress(self, chunk: bytes) -> bytes:
        try:
            return bytes(self._decompressor.decompress(chunk))
        except Exception:  # noqa: BLE001  # each of the libraries beneath has errors of its own
            raise FrameViolation("message that cannot be decompressed") from None

    def _end(self) -> None:
        if self._pending:
            raise FrameViolation("message that ends inside a chunk of Snappy")
        if self._forgets_received:
            self._decompressor = snappy.StreamDecompressor()


def _inflated_size(chunk: bytes) -> int:
    """Return how many octets a chunk becomes, as far as it says so; Snappy itself finds out whether that is true."""
    if chunk[0] == _PLAIN:
        return max(len(chunk) - _HEADER - _CHECKSUM, 0)
    if chunk[0] != _COMPRESSED:
        return 0
    size = 0
    for shift, octet in enumerate(chunk[_HEADER + _CHECKSUM : _HEADER + _CHECKSUM + 5]):
        size |= (octet & 0x7F) << 7 * shift
        if octet < 0x80:
            break
    if size > _MOST_INFLATED:
        raise FrameViolation("chunk of Snappy that is too large")
    return size
