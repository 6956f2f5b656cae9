"""A transport of Twisted, as the parts that are shared with asyncio use it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.tcp import Connection

from ..wamp._addresses import address_words
from ..wamp._channel_ids import channel_ids
from ..wamp.types import TransportDetails


class TwistedWire:
    """Acts on a transport.

    Args:
        transport: The transport.
    """

    __slots__ = ("_is_paused", "transport")

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self._is_paused = False

    def write(self, data: bytes) -> None:
        """Send octets, as soon as the peer takes them."""
        self.transport.write(data)

    def write_now(self, data: bytes) -> None:
        """Send octets without waiting for the reactor's next turn."""
        write_now(self.transport, data)

    def finish(self) -> None:
        """Tell the peer that nothing more comes; where that cannot be said, end the connection."""
        if ISSLTransport.providedBy(self.transport) or not hasattr(self.transport, "loseWriteConnection"):
            self.close()
            return
        self._stop_watching()
        self.transport.loseWriteConnection()

    def close(self) -> None:
        """End the connection when all that was written is sent."""
        self._stop_watching()
        self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection now."""
        self.transport.abortConnection()

    def pause_reading(self) -> None:
        """Take nothing from the peer."""
        self._is_paused = True
        self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Take what the peer sends again."""
        self._is_paused = False
        self.transport.resumeProducing()

    def set_no_delay(self, enabled: bool) -> None:
        """Say whether small messages are sent at once; not every transport has such an option."""
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(enabled)

    def describe(self, **more: Any) -> TransportDetails:
        """Return what is known of the connection, and more."""
        return TransportDetails(
            own=address_of(self.transport.getHost()),
            peer=address_of(self.transport.getPeer()),
            is_secure=ISSLTransport.providedBy(self.transport),
            own_pid=os.getpid(),
            own_tid=threading.get_native_id(),
            **more,
        )

    def channel_ids(self, *, is_server: bool) -> dict[str, bytes]:
        """Return the ids of the TLS channel, if there is one."""
        if not ISSLTransport.providedBy(self.transport):
            return {}
        tls = self.transport.getHandle()
        return channel_ids(tls.get_peer_finished() if is_server else tls.get_finished())

    def start_tls(self, protocol: Any, started: Callable[[], None], failed: Callable[[BaseException], None]) -> None:  # noqa: ARG002  # it fails later, as the connection
        """Put TLS on the connection, as a client, then go on; what fails ends the connection."""
        self.transport.startTLS(protocol.factory.client_tls())
        started()

    def _stop_watching(self) -> None:
        """Let the transport end: one that is told to wait for a producer would not, and one that does not read would not see the peer's end."""
        self.transport.unregisterProducer()
        if self._is_paused:
            self.resume_reading()


def write_now(transport: Any, data: bytes) -> None:
    """Give octets to the system, as far as it takes them and nothing stands before them; leave the rest to the transport.

    A transport itself only keeps what is written. To have it sent takes another turn of the reactor, and system calls by which that learns that
    there is something to be sent, and that there is no more: as much as all the rest of a call.
    """
    if isinstance(transport, Connection) and not transport.TLS and transport.connected and not unsent(transport):
        sent = transport.writeSomeData(data)
        if type(sent) is int:  # otherwise the connection is gone, which the reactor tells everybody in its turn
            data = data[sent:]
    if data:
        transport.write(data)


def unsent(transport: Any) -> int:
    """Return how many octets a transport keeps that the system has not taken yet."""
    beneath = getattr(transport, "transport", transport)  # TLS stands between
    return len(beneath.dataBuffer) - beneath.offset + beneath._tempDataLen  # type: ignore[no-any-return]


def address_of(address: Any) -> str:
    """Return one of Twisted's addresses in words."""
    host = getattr(address, "host", None)
    if host is None:
        return address_words(getattr(address, "name", None))
    return address_words((host, address.port) if ":" not in host else (host, address.port, 0, 0))
