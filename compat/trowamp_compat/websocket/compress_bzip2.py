"""Compression of messages by permessage-bzip2: each message is compressed by itself."""

from __future__ import annotations

import bz2
from dataclasses import dataclass
from typing import ClassVar

from trowamp import MessageTooLarge
from trowamp.wire.websocket import Compressor, FrameViolation

from .compress_base import (
    Parameter,
    PerMessageCompress,
    PerMessageCompressOffer,
    PerMessageCompressOfferAccept,
    PerMessageCompressResponse,
    PerMessageCompressResponseAccept,
)

__all__ = [
    "PerMessageBzip2",
    "PerMessageBzip2Mixin",
    "PerMessageBzip2Offer",
    "PerMessageBzip2OfferAccept",
    "PerMessageBzip2Response",
    "PerMessageBzip2ResponseAccept",
]


class PerMessageBzip2Mixin:
    """What there is to choose from.

    Attributes:
        COMPRESS_LEVEL_PERMISSIBLE_VALUES: Sizes of a block, in units of 100 kB.
    """

    EXTENSION_NAME: ClassVar = "permessage-bzip2"
    COMPRESS_LEVEL_PERMISSIBLE_VALUES: ClassVar = [1, 2, 3, 4, 5, 6, 7, 8, 9]

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter("max_compress_level", "compress_level", tuple(COMPRESS_LEVEL_PERMISSIBLE_VALUES)),
    )


@dataclass(eq=False, repr=False)
class PerMessageBzip2Offer(PerMessageBzip2Mixin, PerMessageCompressOffer):
    """What a client offers.

    Attributes:
        accept_max_compress_level: Whether the client can use lower levels for its messages.
        request_max_compress_level: The highest level that the server may use; 0 for any.
    """

    accept_max_compress_level: bool = True
    request_max_compress_level: int = 0


@dataclass(eq=False, repr=False)
class PerMessageBzip2OfferAccept(PerMessageBzip2Mixin, PerMessageCompressOfferAccept):
    """What a server returns for an offer that it accepts.

    Attributes:
        offer: The offer.
        request_max_compress_level: The highest level that the client may use; 0 for any.
        compress_level: The server's own level; None uses the highest that the offer allows.
    """

    OF: ClassVar = PerMessageBzip2Offer

    offer: PerMessageBzip2Offer
    request_max_compress_level: int = 0
    compress_level: int | None = None


@dataclass(eq=False, repr=False)
class PerMessageBzip2Response(PerMessageBzip2Mixin, PerMessageCompressResponse):
    """What a server answers.

    Attributes:
        client_max_compress_level: The highest level that the client may use; 0 for any.
        server_max_compress_level: The highest level that the server will use; 0 for any.
    """

    client_max_compress_level: int
    server_max_compress_level: int


@dataclass(eq=False, repr=False)
class PerMessageBzip2ResponseAccept(PerMessageBzip2Mixin, PerMessageCompressResponseAccept):
    """What a client returns for a response that it accepts.

    Attributes:
        response: The response.
        compress_level: The client's own level; None uses the highest that the response allows.
    """

    OF: ClassVar = PerMessageBzip2Response

    response: PerMessageBzip2Response
    compress_level: int | None = None


@dataclass(eq=False, repr=False)
class PerMessageBzip2(PerMessageBzip2Mixin, PerMessageCompress):
    """What was agreed on, as `websocket_extensions_in_use` has it.

    Attributes:
        is_server: Whether it is the server that looks at it.
        server_max_compress_level: The server's level.
        client_max_compress_level: The client's.
    """

    is_server: bool
    server_max_compress_level: int
    client_max_compress_level: int

    def engine(self) -> Compressor:
        """Return what compresses and inflates."""
        return _Bzip2(self.server_max_compress_level if self.is_server else self.client_max_compress_level)


class _Bzip2:
    def __init__(self, level: int) -> None:
        self._level = level
        self._compressor: bz2.BZ2Compressor | None = None
        self._decompressor: bz2.BZ2Decompressor | None = None

    def deflate(self, body: bytes) -> bytes:
        octets = self.deflate_part(body)
        assert self._compressor is not None
        compressor, self._compressor = self._compressor, None
        return octets + compressor.flush()

    def deflate_part(self, part: bytes) -> bytes:
        if self._compressor is None:
            self._compressor = bz2.BZ2Compressor(self._level)
        return self._compressor.compress(part)

    def inflate(self, payload: bytes, *, is_last: bool, used: int, max_size: int) -> bytes:
        decompressor = self._decompressor = self._decompressor or bz2.BZ2Decompressor()
        room = max(max_size - used, 0) + 1  # one more shows that it is too large
        try:
            inflated = decompressor.decompress(payload, room) if payload else b""
        except (OSError, EOFError):
            raise FrameViolation("message that cannot be decompressed") from None
        if len(inflated) >= room:
            raise MessageTooLarge(used + len(inflated), max_size)
        if decompressor.unused_data or (is_last and not decompressor.eof):
            raise FrameViolation("message that is not one whole stream of bzip2")
        if is_last:
            self._decompressor = None
        return inflated
