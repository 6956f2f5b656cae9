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


class _WampRawSocketProtocol(TwistedConnection):
    def _make_link(self) -> Any:
        return self.factory._make_link()

    def _make_handler(self) -> Any:
        return self.factory._make_session()


class WampRawSocketServerProtocol(_WampRawSocketProtocol):
    """The server side of a connection."""


class WampRawSocketClientProtocol(_WampRawSocketProtocol):
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
