"""WebSocket for asyncio and Twisted: what both share."""

from __future__ import annotations

from .types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    ConnectionResponse,
    IncomingMessage,
    Message,
    OutgoingMessage,
    Ping,
)

__all__ = [
    "ConnectingRequest",
    "ConnectionAccept",
    "ConnectionDeny",
    "ConnectionRequest",
    "ConnectionResponse",
    "IncomingMessage",
    "Message",
    "OutgoingMessage",
    "Ping",
]
