"""What the methods of compression have in common that can only be told to forget what was before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .compress_base import (
    Parameter,
    PerMessageCompress,
    PerMessageCompressOffer,
    PerMessageCompressOfferAccept,
    PerMessageCompressResponse,
    PerMessageCompressResponseAccept,
)


class TakeoverMixin:
    """There is nothing to choose from but that."""

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (Parameter("no_context_takeover", "no_context_takeover"),)


@dataclass(eq=False, repr=False)
class TakeoverOffer(TakeoverMixin, PerMessageCompressOffer):
    """What a client offers.

    Attributes:
        accept_no_context_takeover: Whether the client can compress each of its messages by itself.
        request_no_context_takeover: Whether the server must compress each of its messages by itself.
    """

    accept_no_context_takeover: bool = True
    request_no_context_takeover: bool = False


@dataclass(eq=False, repr=False)
class TakeoverOfferAccept(TakeoverMixin, PerMessageCompressOfferAccept):
    """What a server returns for an offer that it accepts.

    Attributes:
        offer: The offer.
        request_no_context_takeover: Whether the client must compress each of its messages by itself.
        no_context_takeover: Whether the server compresses each of its messages by itself; None does what the offer asks for.
    """

    offer: Any
    request_no_context_takeover: bool = False
    no_context_takeover: bool | None = None


@dataclass(eq=False, repr=False)
class TakeoverResponse(TakeoverMixin, PerMessageCompressResponse):
    """What a server answers.

    Attributes:
        client_no_context_takeover: Whether the client must compress each of its messages by itself.
        server_no_context_takeover: Whether the server compresses each of its messages by itself.
    """

    client_no_context_takeover: bool
    server_no_context_takeover: bool


@dataclass(eq=False, repr=False)
class TakeoverResponseAccept(TakeoverMixin, PerMessageCompressResponseAccept):
    """What a client returns for a response that it accepts.

    Attributes:
        response: The response.
        no_context_takeover: Whether the client compresses each of its messages by itself; None does what the response asks for.
    """

    response: Any
    no_context_takeover: bool | None = None


@dataclass(eq=False, repr=False)
class TakeoverAgreed(TakeoverMixin, PerMessageCompress):
    """What was agreed on, as `websocket_extensions_in_use` has it.

    Attributes:
        is_server: Whether it is the server that looks at it.
        server_no_context_takeover: Whether the server compresses each message by itself.
        client_no_context_takeover: Whether the client does.
    """

    is_server: bool
    server_no_context_takeover: bool
    client_no_context_takeover: bool
