"""A connection on asyncio: an `asyncio.Protocol` around a link."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

from ..wamp._addresses import address_words
from ..wamp._connection import Connection, keep_alive
from ..wamp.types import TransportDetails
from ._face import AsyncioFace


class AsyncioConnection(Connection, asyncio.Protocol):
    """Carries WAMP over a transport of asyncio. Subclasses make the link and the session."""

    transport: Any = None
    factory: Any = None

    def _make_link(self) -> Any:
        raise NotImplementedError

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the transport handshake."""
        self.transport = transport
        keep_alive(transport.get_extra_info("socket"))
        self._connected(AsyncioFace(asyncio.get_running_loop()), self._make_link())

    def data_received(self, data: bytes) -> None:
        """Take octets."""
        self._received(data)

    def eof_received(self) -> None:
        """The peer sends nothing more; the transport closes itself."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone."""
        self._lost(exc)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self._paused()

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self._resumed()

    # ---- what the connection needs

    def _write(self, data: bytes) -> None:
        self.transport.write(data)

    def _close_transport(self) -> None:
        self.transport.close()

    def _abort_transport(self) -> None:
        self.transport.abort()

    def _pause_reading(self) -> None:
        self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self.transport.resume_reading()

    def _describe(self) -> TransportDetails:
        look_up = self.transport.get_extra_info
        socket = look_up("socket")
        return TransportDetails(
            own=address_words(look_up("sockname")),
            peer=address_words(look_up("peername")),
            is_secure=look_up("ssl_object") is not None,
            own_pid=os.getpid(),
            own_tid=threading.get_native_id(),
            own_fd=socket.fileno() if socket is not None else None,
        )
