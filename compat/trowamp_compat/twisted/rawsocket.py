"""WAMP over RawSocket on Twisted: for `reactor.connectTCP`, `reactor.listenTCP`, their kin, and endpoints."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import ClientFactory, ServerFactory

from ..rawsocket._wamp import RawSocketClientFactory, RawSocketServerFactory
from ._connection import TwistedConnection

__all__ = [
    "WampRawSocketClientFactory",
    "WampRawSocketClientProtocol",
    "WampRawSocketServerFactory",
    "WampRawSocketServerProtocol",
]


class WampRawSocketServerProtocol(TwistedConnection):
    """The server side of a connection."""

    is_server = True


class WampRawSocketClientProtocol(TwistedConnection):
    """The client side of a connection."""


class WampRawSocketServerFactory(RawSocketServerFactory, ServerFactory):
    """Makes the server side of connections."""

    noisy = False
    protocol: Any = WampRawSocketServerProtocol

    def buildProtocol(self, addr: Any) -> Any:  # noqa: ARG002
        """Make a connection."""
        return self._make_connection()


class WampRawSocketClientFactory(RawSocketClientFactory, ClientFactory):
    """Makes the client side of connections."""

    noisy = False
    protocol: Any = WampRawSocketClientProtocol

    def buildProtocol(self, addr: Any) -> Any:  # noqa: ARG002
        """Make a connection."""
        return self._make_connection()
