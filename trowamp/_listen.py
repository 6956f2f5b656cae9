"""Listening for connections (provisional: TCP only)."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import trio

from ._stream import ByteTransport, SocketTransport
from ._url import RouterUrl


class Listener:
    def __init__(self, listeners: list[trio.SocketListener], url: RouterUrl) -> None:
        self.listeners, self.url = listeners, url

    async def serve(self, handler: Callable[[ByteTransport], Awaitable[None]]) -> None:
        async def handle(stream: trio.SocketStream) -> None:
            await handler(SocketTransport(stream.socket, "tcp", {"type": "tcp"}))

        try:
            await trio.serve_listeners(handle, self.listeners)
        except* trio.ClosedResourceError:
            pass

    async def aclose(self) -> None:
        for l in self.listeners:
            await l.aclose()


async def open_listener(url: RouterUrl, *, tls: ssl.SSLContext | None = None) -> Listener:
    ls = await trio.open_tcp_listeners(url.port, host=url.host)
    return Listener(ls, url.with_port(ls[0].socket.getsockname()[1]))
