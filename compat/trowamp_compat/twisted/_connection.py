"""A connection on Twisted: a `Protocol` around a link."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from ..wamp._connection import Connection, keep_alive
from ..wamp.types import TransportDetails
from ._face import TwistedFace
from ._wire import TwistedWire, unsent, write_now


@implementer(IPushProducer)
class TwistedConnection(Connection, Protocol):
    """Carries WAMP over a transport of Twisted; its factory makes the link and the session."""

    transport: Any = None
    factory: Any = None

    # ---- Protocol

    def connectionMade(self) -> None:
        """Begin the transport handshake."""
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)
        beneath = getattr(self.transport, "transport", self.transport)  # TLS stands between
        get_socket = getattr(beneath, "getHandle", None)
        if get_socket is not None:
            keep_alive(get_socket())
        self.transport.registerProducer(self, True)
        self._connected(TwistedFace(getattr(self.factory, "reactor", None)), self.factory._make_link())

    dataReceived = Connection._received

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        error = reason.value
        self._lost(None if isinstance(error, ConnectionDone) else error)

    # ---- IPushProducer

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._paused()

    def resumeProducing(self) -> None:
        """The transport's buffer has room again."""
        self._resumed()

    def stopProducing(self) -> None:
        """The connection is gone."""

    # ---- what the connection needs

    def flush_soon(self) -> None:
        """Write what is queued: Twisted itself gathers what is written in one turn of the loop."""
        if not (self._is_receiving or self._is_paused):
            self._write_queued(self.transport.write)

    def _write(self, data: bytes) -> None:
        write_now(self.transport, data)

    def _backlog(self) -> int:
        return unsent(self.transport)

    def _close_transport(self) -> None:
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _abort_transport(self) -> None:
        self.transport.abortConnection()

    def _pause_reading(self) -> None:
        self.transport.pauseProducing()

    def _resume_reading(self) -> None:
        self.transport.resumeProducing()

    def _describe(self) -> TransportDetails:
        wire = TwistedWire(self.transport)
        return wire.describe(is_server=self.is_server, channel_id=wire.channel_ids(is_server=self.is_server))

    def _make_handler(self) -> Any:
        return self.factory._make_session()
