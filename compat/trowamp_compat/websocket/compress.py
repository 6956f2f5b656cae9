"""Compression of messages by permessage-deflate (RFC 7692): how it is offered and agreed on.

A client has offers; its server looks at them and returns an accept, which is sent as the response; the client looks at that, and returns an accept of
its own. An accept can ask less of its own side than was agreed, never more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from trowamp.wire.websocket import Deflate, DeflateParameters

from ..wamp._described import Described

__all__ = [
    "PERMESSAGE_COMPRESSION_EXTENSION",
    "PerMessageCompress",
    "PerMessageCompressOffer",
    "PerMessageCompressOfferAccept",
    "PerMessageCompressResponse",
    "PerMessageCompressResponseAccept",
    "PerMessageDeflate",
    "PerMessageDeflateMixin",
    "PerMessageDeflateOffer",
    "PerMessageDeflateOfferAccept",
    "PerMessageDeflateResponse",
    "PerMessageDeflateResponseAccept",
]

_LARGEST_WINDOW: Final = 15

Parameters = Mapping[
    str, Sequence[Any]
]  # as a header has them: a list of values for each name; True for one without value


class PerMessageCompressOffer(Described):
    """Base of what clients offer."""


class PerMessageCompressOfferAccept(Described):
    """Base of what servers return for an offer that they accept."""


class PerMessageCompressResponse(Described):
    """Base of what servers answer."""


class PerMessageCompressResponseAccept(Described):
    """Base of what clients return for a response that they accept."""


class PerMessageCompress(Described):
    """Base of what was agreed on."""


class PerMessageDeflateMixin:
    """What there is to choose from.

    Attributes:
        WINDOW_SIZE_PERMISSIBLE_VALUES: Sizes of the window, as powers of two.
        MEM_LEVEL_PERMISSIBLE_VALUES: zlib's levels of memory.
    """

    EXTENSION_NAME = "permessage-deflate"
    WINDOW_SIZE_PERMISSIBLE_VALUES: ClassVar = [9, 10, 11, 12, 13, 14, 15]
    MEM_LEVEL_PERMISSIBLE_VALUES: ClassVar = [1, 2, 3, 4, 5, 6, 7, 8, 9]

    SHOWN: ClassVar[tuple[str, ...]] = ()

    def __json__(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in self.SHOWN}
        return {"extension": self.EXTENSION_NAME} | {
            name: value.__json__() if hasattr(value, "__json__") else value for name, value in shown.items()
        }


def _check_bool(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, bool):
            raise Exception(f"invalid type {type(value)} for {name}")


def _check_among(name: str, value: object, permissible: Sequence[object]) -> None:
    if isinstance(value, bool) or value not in permissible:
        raise Exception(f"invalid value {value} for {name} - permissible values {list(permissible)}")


def _read(params: Parameters, windows: Mapping[str, bool], flags: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of the extension.

    Args:
        params: As a header has them.
        windows: The parameters that are sizes of windows, and whether they may be without value.
        flags: The parameters that have no value.
    """
    found: dict[str, Any] = {}
    for name, values in params.items():
        if len(values) > 1:
            raise Exception(f"{name!r} of permessage-deflate is there more than once")
        value = values[0]
        if name in flags:
            if value is not True:
                raise Exception(f"{name!r} of permessage-deflate must not have a value")
            found[name] = True
        elif name in windows:
            found[name] = _window(name, value, may_be_bare=windows[name])
        else:
            raise Exception(f"{name!r} is no parameter of permessage-deflate")
    return found


def _window(name: str, value: Any, *, may_be_bare: bool) -> Any:
    if value is True and may_be_bare:
        return True
    if isinstance(value, str) and value in ("8", "9", "10", "11", "12", "13", "14", "15"):  # no leading zeros
        return int(value)
    raise Exception(f"illegal value {value!r} for {name!r} of permessage-deflate")


class PerMessageDeflateOffer(PerMessageDeflateMixin, PerMessageCompressOffer):
    """What a client offers.

    Attributes:
        accept_no_context_takeover: Whether the client can compress each of its messages by itself.
        accept_max_window_bits: Whether the client can use smaller windows for its messages.
        request_no_context_takeover: Whether the server must compress each of its messages by itself.
        request_max_window_bits: The largest window that the server may use, as a power of two; 0 for any.
    """

    SHOWN: ClassVar = (
        "accept_no_context_takeover",
        "accept_max_window_bits",
        "request_no_context_takeover",
        "request_max_window_bits",
    )

    def __init__(
        self,
        accept_no_context_takeover: bool = True,
        accept_max_window_bits: bool = True,
        request_no_context_takeover: bool = False,
        request_max_window_bits: int = 0,
    ) -> None:
        _check_bool(
            accept_no_context_takeover=accept_no_context_takeover,
            accept_max_window_bits=accept_max_window_bits,
            request_no_context_takeover=request_no_context_takeover,
        )
        _check_among("request_max_window_bits", request_max_window_bits, [0, *self.WINDOW_SIZE_PERMISSIBLE_VALUES])
        self.accept_no_context_takeover = accept_no_context_takeover
        self.accept_max_window_bits = accept_max_window_bits
        self.request_no_context_takeover = request_no_context_takeover
        self.request_max_window_bits = request_max_window_bits

    @classmethod
    def parse(cls, params: Parameters) -> PerMessageDeflateOffer:
        """Read what a client offers.

        Raises:
            Exception: The parameters are not those of permessage-deflate.
        """
        found = _read(
            params,
            {"client_max_window_bits": True, "server_max_window_bits": False},
            ["client_no_context_takeover", "server_no_context_takeover"],
        )
        if found.get("server_max_window_bits") == 8:
            raise Exception("zlib cannot compress with a window of 2^8")
        offer = cls(
            True,  # a client need not say so (RFC 7692 §7.1.1.2)
            "client_max_window_bits" in found,
            "server_no_context_takeover" in found,
        )
        offer.request_max_window_bits = found.get("server_max_window_bits", 0)
        return offer

    def get_extension_string(self) -> str:
        """Return it as the header has it."""
        parts = [self.EXTENSION_NAME]
        if self.accept_no_context_takeover:
            parts.append("client_no_context_takeover")
        if self.accept_max_window_bits:
            parts.append("client_max_window_bits")
        if self.request_no_context_takeover:
            parts.append("server_no_context_takeover")
        if self.request_max_window_bits:
            parts.append(f"server_max_window_bits={self.request_max_window_bits}")
        return "; ".join(parts)


def _check_own(
    no_context_takeover: bool | None, window_bits: int | None, mem_level: int | None, must_forget: bool, agreed: int
) -> None:
    """Check what a side sets for itself against what was agreed for it."""
    mixin = PerMessageDeflateMixin
    if no_context_takeover is not None:
        _check_bool(no_context_takeover=no_context_takeover)
        if must_forget and not no_context_takeover:
            raise Exception(f"invalid value {no_context_takeover} for no_context_takeover: the peer asked for it")
    if window_bits is not None:
        _check_among("window_bits", window_bits, mixin.WINDOW_SIZE_PERMISSIBLE_VALUES)
        if agreed and window_bits > agreed:
            raise Exception(f"invalid value {window_bits} for window_bits: the peer accepts {agreed} at most")
    if mem_level is not None:
        _check_among("mem_level", mem_level, mixin.MEM_LEVEL_PERMISSIBLE_VALUES)


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

    SHOWN: ClassVar = (
        "offer",
        "request_no_context_takeover",
        "request_max_window_bits",
        "no_context_takeover",
        "window_bits",
        "mem_level",
        "max_message_size",
    )

    def __init__(
        self,
        offer: PerMessageDeflateOffer,
        request_no_context_takeover: bool = False,
        request_max_window_bits: int = 0,
        no_context_takeover: bool | None = None,
        window_bits: int | None = None,
        mem_level: int | None = None,
        max_message_size: int | None = None,
    ) -> None:
        if not isinstance(offer, PerMessageDeflateOffer):
            raise Exception(f"invalid type {type(offer)} for offer")
        _check_bool(request_no_context_takeover=request_no_context_takeover)
        _check_among("request_max_window_bits", request_max_window_bits, [0, *self.WINDOW_SIZE_PERMISSIBLE_VALUES])
        if request_max_window_bits and not offer.accept_max_window_bits:
            raise Exception(f"invalid value {request_max_window_bits} for request_max_window_bits: not offered")
        if request_no_context_takeover and not offer.accept_no_context_takeover:
            raise Exception("invalid value True for request_no_context_takeover: not offered")
        _check_own(
            no_context_takeover,
            window_bits,
            mem_level,
            offer.request_no_context_takeover,
            offer.request_max_window_bits,
        )
        self.offer = offer
        self.request_no_context_takeover = request_no_context_takeover
        self.request_max_window_bits = request_max_window_bits
        self.no_context_takeover = no_context_takeover
        self.window_bits = window_bits
        self.mem_level = mem_level
        self.max_message_size = max_message_size

    def get_extension_string(self) -> str:
        """Return the response as the header has it."""
        parts = [self.EXTENSION_NAME]
        if self.offer.request_no_context_takeover:
            parts.append("server_no_context_takeover")
        if self.offer.request_max_window_bits:
            parts.append(f"server_max_window_bits={self.offer.request_max_window_bits}")
        if self.request_no_context_takeover:
            parts.append("client_no_context_takeover")
        if self.request_max_window_bits:
            parts.append(f"client_max_window_bits={self.request_max_window_bits}")
        return "; ".join(parts)


class PerMessageDeflateResponse(PerMessageDeflateMixin, PerMessageCompressResponse):
    """What a server answers.

    Attributes:
        client_max_window_bits: The largest window that the client may use, as a power of two; 0 for any.
        client_no_context_takeover: Whether the client must compress each of its messages by itself.
        server_max_window_bits: The largest window that the server will use; 0 for any.
        server_no_context_takeover: Whether the server compresses each of its messages by itself.
    """

    SHOWN: ClassVar = (
        "client_max_window_bits",
        "client_no_context_takeover",
        "server_max_window_bits",
        "server_no_context_takeover",
    )

    def __init__(
        self,
        client_max_window_bits: int,
        client_no_context_takeover: bool,
        server_max_window_bits: int,
        server_no_context_takeover: bool,
    ) -> None:
        self.client_max_window_bits = client_max_window_bits
        self.client_no_context_takeover = client_no_context_takeover
        self.server_max_window_bits = server_max_window_bits
        self.server_no_context_takeover = server_no_context_takeover

    @classmethod
    def parse(cls, params: Parameters) -> PerMessageDeflateResponse:
        """Read what a server answers.

        Raises:
            Exception: The parameters are not those of permessage-deflate.
        """
        found = _read(
            params,
            {"client_max_window_bits": False, "server_max_window_bits": False},
            ["client_no_context_takeover", "server_no_context_takeover"],
        )
        if found.get("client_max_window_bits") == 8:
            raise Exception("zlib cannot compress with a window of 2^8")
        return cls(
            found.get("client_max_window_bits", 0),
            "client_no_context_takeover" in found,
            found.get("server_max_window_bits", 0),
            "server_no_context_takeover" in found,
        )

    def answers(self, offer: PerMessageDeflateOffer) -> bool:
        """Tell whether it is a legal answer to an offer (RFC 7692 §7.1)."""
        if offer.request_no_context_takeover and not self.server_no_context_takeover:
            return False
        if offer.request_max_window_bits and not 0 < self.server_max_window_bits <= offer.request_max_window_bits:
            return False
        return bool(offer.accept_max_window_bits or not self.client_max_window_bits)


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

    def __init__(
        self,
        response: PerMessageDeflateResponse,
        no_context_takeover: bool | None = None,
        window_bits: int | None = None,
        mem_level: int | None = None,
        max_message_size: int | None = None,
    ) -> None:
        if not isinstance(response, PerMessageDeflateResponse):
            raise Exception(f"invalid type {type(response)} for response")
        _check_own(
            no_context_takeover,
            window_bits,
            mem_level,
            response.client_no_context_takeover,
            response.client_max_window_bits,
        )
        self.response = response
        self.no_context_takeover = no_context_takeover
        self.window_bits = window_bits
        self.mem_level = mem_level
        self.max_message_size = max_message_size


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

    def __init__(
        self,
        is_server: bool,
        server_no_context_takeover: bool,
        client_no_context_takeover: bool,
        server_max_window_bits: int,
        client_max_window_bits: int,
        mem_level: int | None = None,
        max_message_size: int | None = None,
    ) -> None:
        self.is_server = is_server
        self.server_no_context_takeover = server_no_context_takeover
        self.client_no_context_takeover = client_no_context_takeover
        self.server_max_window_bits = server_max_window_bits or _LARGEST_WINDOW
        self.client_max_window_bits = client_max_window_bits or _LARGEST_WINDOW
        self.mem_level = mem_level or 8
        self.max_message_size = max_message_size

    @classmethod
    def create_from_offer_accept(cls, is_server: bool, accept: PerMessageDeflateOfferAccept) -> PerMessageDeflate:
        """Return what a server's accept comes to."""
        offer = accept.offer
        return cls(
            is_server,
            offer.request_no_context_takeover if accept.no_context_takeover is None else accept.no_context_takeover,
            accept.request_no_context_takeover,
            accept.window_bits or offer.request_max_window_bits,
            accept.request_max_window_bits,
            accept.mem_level,
            accept.max_message_size,
        )

    @classmethod
    def create_from_response_accept(cls, is_server: bool, accept: PerMessageDeflateResponseAccept) -> PerMessageDeflate:
        """Return what a client's accept comes to."""
        response = accept.response
        forgets = accept.no_context_takeover
        return cls(
            is_server,
            response.server_no_context_takeover,
            response.client_no_context_takeover if forgets is None else forgets,
            response.server_max_window_bits,
            accept.window_bits or response.client_max_window_bits,
            accept.mem_level,
            accept.max_message_size,
        )

    def engine(self) -> Deflate:
        """Return what compresses and inflates."""
        server = (self.server_max_window_bits, self.server_no_context_takeover)
        client = (self.client_max_window_bits, self.client_no_context_takeover)
        own, peer = (server, client) if self.is_server else (client, server)
        negotiated = DeflateParameters(own[0], max(peer[0], 9), own[1], peer[1])  # zlib inflates 2^8 with 2^9
        return Deflate(negotiated, memory_level=self.mem_level)


PERMESSAGE_COMPRESSION_EXTENSION: Final[dict[str, dict[str, Any]]] = {
    PerMessageDeflateMixin.EXTENSION_NAME: {
        "Offer": PerMessageDeflateOffer,
        "OfferAccept": PerMessageDeflateOfferAccept,
        "Response": PerMessageDeflateResponse,
        "ResponseAccept": PerMessageDeflateResponseAccept,
        "PMCE": PerMessageDeflate,
    }
}
