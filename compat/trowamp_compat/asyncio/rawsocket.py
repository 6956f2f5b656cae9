"""WAMP over RawSocket on asyncio: for `loop.create_connection`, `loop.create_server` and their kin for Unix sockets."""

from __future__ import annotations

from typing import Any

from ..rawsocket._wamp import RawSocketClientFactory, RawSocketServerFactory
from ._connection import AsyncioConnection

__all__ = [
    "WampRawSocketClientFactory",
    "WampRawSocketClientProtocol",
    "WampRawSocketServerFactory",
    "WampRawSocketServerProtocol",
]


class WampRawSocketServerProtocol(AsyncioConnection):
    """The server side of a connection."""

    is_server = True


class WampRawSocketClientProtocol(AsyncioConnection):
    """The client side of a connection."""


class WampRawSocketServerFactory(RawSocketServerFactory):
    """Makes the server side of connections."""

    protocol: Any = WampRawSocketServerProtocol

    def __call__(self) -> Any:
        """Make a connection."""
        return self._make_connection()


class WampRawSocketClientFactory(RawSocketClientFactory):
    """Makes the client side of connections."""

    protocol: Any = WampRawSocketClientProtocol

    def __call__(self) -> Any:
        """Make a connection."""
        return self._make_connection()
