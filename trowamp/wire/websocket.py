"""WebSocket as such (RFC 6455, RFC 7692), without I/O: for those who speak something else than WAMP through it.

opening = ServerOpening()
request = opening.receive_data(data)         # until it is there
channel = Channel(is_server=True)            # after acceptance(request) has been sent
for kind, value in channel.receive_data(opening.rest): ...
"""

from __future__ import annotations

from typing import NamedTuple

from ._channel import Channel, prepare
from ._closing import is_sendable
from ._deflate import Compressor, Deflate
from ._frame_stream import FRAME_BEGIN, FRAME_DATA, FRAME_END, MESSAGE_BEGIN, MESSAGE_END
from ._frames import BINARY, CLOSE, NO_LIMIT, PING, PONG, TEXT, Event, FrameViolation
from ._http_head import HeadFinder, HttpError, parse_head, serialize_head
from ._opening import (
    ClientOpening,
    Extension,
    OpeningRefused,
    PlainRequest,
    ServerOpening,
    UpgradeRequest,
    UpgradeResponse,
    acceptance,
    refusal,
)

__all__ = [
    "BINARY",
    "CLOSE",
    "FRAME_BEGIN",
    "FRAME_DATA",
    "FRAME_END",
    "MESSAGE_BEGIN",
    "MESSAGE_END",
    "NO_LIMIT",
    "PING",
    "PONG",
    "TEXT",
    "Channel",
    "ClientOpening",
    "Compressor",
    "Deflate",
    "DeflateParameters",
    "Event",
    "Extension",
    "FrameViolation",
    "HeadFinder",
    "HttpError",
    "OpeningRefused",
    "PlainRequest",
    "ServerOpening",
    "UpgradeRequest",
    "UpgradeResponse",
    "acceptance",
    "is_sendable",
    "parse_head",
    "prepare",
    "refusal",
    "serialize_head",
]


class DeflateParameters(NamedTuple):
    """What permessage-deflate was negotiated to be (RFC 7692 §7.1): what `Deflate` needs.

    Attributes:
        local_max_window_bits: Size of the window for what this side sends, as a power of two: 9 to 15.
        remote_max_window_bits: The same for what it receives.
        local_no_context_takeover: Whether this side compresses each message by itself.
        remote_no_context_takeover: Whether the peer does.
    """

    local_max_window_bits: int = 15
    remote_max_window_bits: int = 15
    local_no_context_takeover: bool = False
    remote_no_context_takeover: bool = False
