"""A connection on asyncio: an `asyncio.Protocol` around a link."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from ..wamp._connection import Connection, keep_alive
from ..wamp.types import TransportDetails
from ._face import AsyncioFace
from ._wire import AsyncioWire, read_in_smaller_parts


class AsyncioConnection(Connection, asyncio.Protocol):
    """Carries WAMP over a transport of asyncio; its factory makes the link and the session."""

    transport: Any = None
    factory: Any = None
    _cut: ssl.SSLError | None = None  # a TLS stream that ended without having been closed

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the transport handshake."""
        self.transport = transport
        self._write = self.transport.write
        read_in_smaller_parts(transport)
        keep_alive(transport.get_extra_info("socket"))
        self._connected(AsyncioFace(asyncio.get_running_loop()), self.factory._make_link())

    data_received = Connection._received

    def eof_received(self) -> None:
        """The peer sends nothing more; the transport closes itself."""
        tls = self.transport.get_extra_info("ssl_object")
        if tls is None or self.transport.is_closing():
            return
        try:
            tls.read(1)  # nothing, if TLS was closed as it should be
        except ssl.SSLError:
            self._cut = ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the TLS stream was cut")

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone."""
        self._lost(exc or self._cut)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self._paused()

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self._resumed()

    # ---- what the connection needs

    def _backlog(self) -> int:
        return self.transport.get_write_buffer_size()  # type: ignore[no-any-return]

    def _close_transport(self) -> None:
        self.transport.close()

    def _abort_transport(self) -> None:
        self.transport.abort()

    def _pause_reading(self) -> None:
        self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self.transport.resume_reading()

    def _describe(self) -> TransportDetails:
        wire = AsyncioWire(self.transport)
        return wire.describe(is_server=self.is_server, channel_id=wire.channel_ids(is_server=self.is_server))

    def _make_handler(self) -> Any:
        return self.factory._make_session()
