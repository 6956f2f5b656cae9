"""Compression of messages by permessage-deflate (RFC 7692)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trowamp.wire.websocket import Compressor, Deflate, DeflateParameters

from .compress_base import (
    Parameter,
    PerMessageCompress,
    PerMessageCompressOffer,
    PerMessageCompressOfferAccept,
    PerMessageCompressResponse,
    PerMessageCompressResponseAccept,
    check_among,
)

__all__ = [
    "PerMessageDeflate",
    "PerMessageDeflateMixin",
    "PerMessageDeflateOffer",
    "PerMessageDeflateOfferAccept",
    "PerMessageDeflateResponse",
    "PerMessageDeflateResponseAccept",
]


class PerMessageDeflateMixin:
    """What there is to choose from.

    Attributes:
        WINDOW_SIZE_PERMISSIBLE_VALUES: Sizes of the window, as powers of two.
        MEM_LEVEL_PERMISSIBLE_VALUES: zlib's levels of memory.
    """

    EXTENSION_NAME: ClassVar = "permessage-deflate"
    WINDOW_SIZE_PERMISSIBLE_VALUES: ClassVar = [9, 10, 11, 12, 13, 14, 15]
    MEM_LEVEL_PERMISSIBLE_VALUES: ClassVar = [1, 2, 3, 4, 5, 6, 7, 8, 9]

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter("no_context_takeover", "no_context_takeover", is_implied=True),  # RFC 7692 §7.1.1.2
        Parameter(
            "max_window_bits",
            "window_bits",
            tuple(WINDOW_SIZE_PERMISSIBLE_VALUES),
            foreign=(8,),
            why="zlib cannot compress with a window of 2^8",
        ),
    )


@dataclass(eq=False, repr=False)
class PerMessageDeflateOffer(PerMessageDeflateMixin, PerMessageCompressOffer):
    """What a client offers.

    Attributes:
        accept_no_context_takeover: Whether the client can compress each of its messages by itself.
        accept_max_window_bits: Whether the client can use smaller windows for its messages.
        request_no_context_takeover: Whether the server must compress each of its messages by itself.
        request_max_window_bits: The largest window that the server may use, as a power of two; 0 for any.
    """

    accept_no_context_takeover: bool = True
    accept_max_window_bits: bool = True
    request_no_context_takeover: bool = False
    request_max_window_bits: int = 0


@dataclass(eq=False, repr=False)
class PerMessageDeflateOfferAccept(PerMessageDeflateMixin, PerMessageCompressOfferAccept):
    """What a server returns for an offer that it accepts.

    Attributes:
        offer: The offer.
        request_no_context_takeover: Whether the client must compress each of its messages by itself.
        request_max_window_bits: The largest window that the client may use, as a power of two; 0 for any.
        no_context_takeover: Whether the server compresses each of its messages by itself; None does what the offer asks for.
        window_bits: The size of the server's own window; None uses the largest that the offer allows.
        mem_level: zlib's level of memory; None uses 8.
        max_message_size: Octets that an inflated message may have; None sets no limit but the factory's.
    """

    OF: ClassVar = PerMessageDeflateOffer

    offer: PerMessageDeflateOffer
    request_no_context_takeover: bool = False
    request_max_window_bits: int = 0
    no_context_takeover: bool | None = None
    window_bits: int | None = None
    mem_level: int | None = None
    max_message_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_among("mem_level", self.mem_level, [None, *self.MEM_LEVEL_PERMISSIBLE_VALUES])


@dataclass(eq=False, repr=False)
class PerMessageDeflateResponse(PerMessageDeflateMixin, PerMessageCompressResponse):
    """What a server answers.

    Attributes:
        client_max_window_bits: The largest window that the client may use, as a power of two; 0 for any.
        client_no_context_takeover: Whether the client must compress each of its messages by itself.
        server_max_window_bits: The largest window that the server will use; 0 for any.
        server_no_context_takeover: Whether the server compresses each of its messages by itself.
    """

    client_max_window_bits: int
    client_no_context_takeover: bool
    server_max_window_bits: int
    server_no_context_takeover: bool


@dataclass(eq=False, repr=False)
class PerMessageDeflateResponseAccept(PerMessageDeflateMixin, PerMessageCompressResponseAccept):
    """What a client returns for a response that it accepts.

    Attributes:
        response: The response.
        no_context_takeover: Whether the client compresses each of its messages by itself; None does what the response asks for.
        window_bits: The size of the client's own window; None uses the largest that the response allows.
        mem_level: zlib's level of memory; None uses 8.
        max_message_size: Octets that an inflated message may have; None sets no limit but the factory's.
    """

    SHOWN: ClassVar = ("response", "no_context_takeover", "window_bits", "mem_level")
    OF: ClassVar = PerMessageDeflateResponse

    response: PerMessageDeflateResponse
    no_context_takeover: bool | None = None
    window_bits: int | None = None
    mem_level: int | None = None
    max_message_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_among("mem_level", self.mem_level, [None, *self.MEM_LEVEL_PERMISSIBLE_VALUES])


@dataclass(eq=False, repr=False)
class PerMessageDeflate(PerMessageDeflateMixin, PerMessageCompress):
    """What was agreed on, as `websocket_extensions_in_use` has it.

    Attributes:
        is_server: Whether it is the server that looks at it.
        server_no_context_takeover: Whether the server compresses each message by itself.
        client_no_context_takeover: Whether the client does.
        server_max_window_bits: The server's window, as a power of two.
        client_max_window_bits: The client's.
        mem_level: zlib's level of memory for what this side sends.
        max_message_size: Octets that an inflated message may have, or None.
    """

    SHOWN: ClassVar = (
        "is_server",
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
        "mem_level",
    )
    EXTRAS: ClassVar = ("mem_level", "max_message_size")

    is_server: bool
    server_no_context_takeover: bool
    client_no_context_takeover: bool
    server_max_window_bits: int
    client_max_window_bits: int
    mem_level: int | None = None
    max_message_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.mem_level = self.mem_level or 8

    def engine(self) -> Compressor:
        """Return what compresses and inflates."""
        server = (self.server_max_window_bits, self.server_no_context_takeover)
        client = (self.client_max_window_bits, self.client_no_context_takeover)
        own, peer = (server, client) if self.is_server else (client, server)
        negotiated = DeflateParameters(own[0], max(peer[0], 9), own[1], peer[1])  # zlib inflates 2^8 with 2^9
        return Deflate(negotiated, memory_level=self.mem_level or 8)
