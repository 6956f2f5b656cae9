"""Octets to WAMP messages and back, without I/O: serializers, framings, links.

link = websocket_client("ws://127.0.0.1:8080/ws", [get_serializer("cbor")], random_octets=secrets.token_bytes)
...                                          # write link.data_to_send(), then link.data_sent(count)
link.receive_data(data)                      # whatever was read
for message in link.received(): ...
"""

from __future__ import annotations

from ._keepalive import TCP_KEEPALIVE
from ._link import DEFAULT_MAX_SIZE, Link
from ._longpoll import LongPollLink, long_poll
from ._rawsocket import rawsocket_client, rawsocket_server
from ._universal import universal_server
from ._websocket_client import websocket_client
from ._websocket_handshake import Compression
from ._websocket_server import websocket_server
from ._whole import WholeMessages, whole_messages
from .serializers import (
    BY_RAWSOCKET_ID,
    BY_SUBPROTOCOL,
    DEFAULT_OFFER,
    SERIALIZERS,
    Serializer,
    get_serializer,
)

__all__ = [
    "BY_RAWSOCKET_ID",
    "BY_SUBPROTOCOL",
    "DEFAULT_MAX_SIZE",
    "DEFAULT_OFFER",
    "SERIALIZERS",
    "TCP_KEEPALIVE",
    "Compression",
    "Link",
    "LongPollLink",
    "Serializer",
    "WholeMessages",
    "get_serializer",
    "long_poll",
    "rawsocket_client",
    "rawsocket_server",
    "universal_server",
    "websocket_client",
    "websocket_server",
    "whole_messages",
]
