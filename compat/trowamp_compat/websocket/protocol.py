"""The protocols and factories that asyncio and Twisted share; their own are in `trowamp_compat.asyncio.websocket` and its twin."""

from __future__ import annotations

from ..exception import Disconnected, PayloadExceededError
from ..wamp.types import TransportDetails
from ._client import WebSocketClientProtocol
from ._connection import PreparedMessage, WebSocketProtocol
from ._factory import WebSocketClientFactory, WebSocketFactory, WebSocketServerFactory
from ._frame_log import FrameHeader
from ._server import WebSocketServerProtocol
from ._statistics import Timings, TrafficStats
from .types import ConnectingRequest, ConnectionDeny, ConnectionRequest, ConnectionResponse
from .util import create_url, parse_url

__all__ = [
    "ConnectingRequest",
    "ConnectionDeny",
    "ConnectionRequest",
    "ConnectionResponse",
    "Disconnected",
    "FrameHeader",
    "PayloadExceededError",
    "PreparedMessage",
    "Timings",
    "TrafficStats",
    "TransportDetails",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketFactory",
    "WebSocketProtocol",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "create_url",
    "parse_url",
]
