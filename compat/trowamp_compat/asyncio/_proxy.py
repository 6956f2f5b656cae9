"""Through an HTTP proxy, with CONNECT."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from ..wamp._transports import Endpoint

_MAX_ANSWER = 16384  # octets


async def connect_through(
    proxy: tuple[str, int],
    endpoint: Endpoint,
    connection: Any,
    context: ssl.SSLContext | None,
    hostname: str | None,
) -> None:
    """Connect to an endpoint by way of a proxy, with TLS to the endpoint if there is a context.

    Args:
        proxy: Host and port of the proxy.
        endpoint: Where to.
        connection: The protocol that gets the transport.
        context: The TLS configuration, or None.
        hostname: What the certificate has to name.

    Raises:
        OSError: The proxy refuses, or cannot be reached.
    """
    loop = asyncio.get_running_loop()
    answer = _Answer()
    transport, _ = await loop.create_connection(lambda: answer, *proxy)
    try:
        transport.write(f"CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n\r\n".encode())
        status = await answer.status
        if status.split(" ")[1:2] != ["200"]:
            raise ConnectionRefusedError(f"the proxy {proxy[0]}:{proxy[1]} answered {status!r}")
    except BaseException:
        transport.abort()
        raise
    transport.set_protocol(connection)
    if context is None:
        connection.connection_made(transport)
    else:
        secured = await loop.start_tls(transport, connection, context, server_hostname=hostname)
        connection.connection_made(secured)


class _Answer(asyncio.Protocol):
    """Waits for the proxy's answer; what comes after it is the router's, which says nothing before it is asked."""

    def __init__(self) -> None:
        self.status: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._octets = b""

    def data_received(self, data: bytes) -> None:
        self._octets += data
        is_whole = b"\r\n\r\n" in self._octets or len(self._octets) > _MAX_ANSWER
        if is_whole and not self.status.done():
            self.status.set_result(self._octets.partition(b"\r\n")[0].decode(errors="replace"))

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self.status.done():
            self.status.set_exception(exc or ConnectionResetError("the proxy ended the connection"))
