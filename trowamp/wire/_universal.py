"""One port for every framing: the first octet tells RawSocket from WebSocket (RS-R1), and both from the requests of long-polling."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from ._link import DEFAULT_MAX_SIZE, Framing, Link
from ._rawsocket import MAGIC, RawSocketServerHandshake
from ._websocket_handshake import Compression, check_compression
from ._websocket_server import WebSocketServerHandshake

if TYPE_CHECKING:
    from .serializers import Serializer


def universal_server(
    serializers: Iterable[Serializer],
    *,
    max_size: int = DEFAULT_MAX_SIZE,
    max_send_size: int | None = None,
    compression: Compression = None,
    origins: Sequence[str | re.Pattern[str]] | None = None,
    at_capacity: bool = False,
    has_long_poll: bool = False,
) -> Link:
    """Make the router side of a connection that may turn out to be RawSocket or WebSocket.

    Args:
        serializers: What a client may choose from.
        max_size: As for `rawsocket_server` and `websocket_server`.
        max_send_size: As for `websocket_server`; RawSocket clients tell.
        compression: As for `websocket_server`.
        origins: As for `websocket_server`.
        at_capacity: Refuse the client, whoever it is, because there are too many connections.
        has_long_poll: Leave HTTP requests that cannot begin a WebSocket connection, because they are no GET, to the owner: see `Link.unread`.

    Raises:
        ValueError: `compression` is unknown.
    """
    choice = list(serializers)
    check_compression(compression)
    framing = _FirstOctet(
        lambda: RawSocketServerHandshake(choice, max_size, at_capacity),
        lambda: WebSocketServerHandshake(choice, compression, origins, at_capacity),
        _ELSEWHERE if has_long_poll else b"",
    )
    return Link(framing, max_size=max_size, max_send_size=max_send_size)


# what the methods of HTTP begin with, without GET, which may ask for a WebSocket connection
_ELSEWHERE: Final = b"CDHLOPTU"


class _FirstOctet(Framing):
    __slots__ = ("_elsewhere", "_rawsocket", "_websocket")

    words = "transport handshake"

    def __init__(self, rawsocket: Callable[[], Framing], websocket: Callable[[], Framing], elsewhere: bytes) -> None:
        self._rawsocket = rawsocket
        self._websocket = websocket
        self._elsewhere = elsewhere

    def receive(self, link: Link, data: bytes) -> None:
        if data[0] in self._elsewhere:
            link.leave(data, "plain HTTP")
            return
        link.become(self._rawsocket() if data[0] == MAGIC else self._websocket())
        link.pass_on(data)
