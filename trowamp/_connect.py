"""Connecting to a router."""

from __future__ import annotations

import ssl

import trio

from ._exceptions import ConnectError
from ._stream import ByteTransport, SocketTransport
from ._url import RouterUrl


async def open_transport(url: RouterUrl, *, tls: ssl.SSLContext | None = None, proxy: str | None = None) -> ByteTransport:
    """Connect (provisional: TCP only)."""
    try:
        stream = await trio.open_tcp_stream(url.host, url.port)
    except OSError as error:
        raise ConnectError(f"cannot connect to {url.text}: {error}") from error
    return SocketTransport(stream.socket, f"tcp {url.authority}", {"type": "tcp"})
