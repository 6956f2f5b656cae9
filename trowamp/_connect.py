"""Connecting to a router: TCP with happy eyeballs, Unix sockets, proxies, TLS. Every failure says what was tried and why it failed."""

from __future__ import annotations

import errno
import os
import ssl
from typing import Final

import trio

from ._exceptions import ConnectError
from ._proxy import connect_words, open_through_proxy
from ._stream import SocketTransport
from ._tls import WITHOUT_TLS, TlsTransport
from ._url import RouterUrl

_REFUSED: Final = os.strerror(errno.ECONNREFUSED)


async def open_transport(
    url: RouterUrl, *, tls: ssl.SSLContext | None = None, proxy: str | None = None
) -> SocketTransport | TlsTransport:
    """Connect to a router.

    Args:
        url: Where it is.
        tls: The TLS configuration for `wss`, `rss` and `https`. Default: `default_tls()`.
        proxy: The URL of an HTTP or SOCKS proxy.

    Returns:
        The connection, TLS handshake included.

    Raises:
        ConnectError: There is none; the text says what was tried and why it failed.
        ValueError: `proxy` is not a proxy's URL, the URL has port 0 or a Unix socket behind a proxy, or `tls` is a server's.
    """
    if url.is_unix and proxy is not None:
        raise ValueError("a Unix socket cannot be reached through a proxy")
    if not url.is_unix and url.port == 0:
        raise ValueError(f"port 0 is for listening only: {url}")
    try:
        if url.is_tls and tls is None:
            tls = await trio.to_thread.run_sync(default_tls)  # reading the trust store takes tens of milliseconds
        stream = await _open_stream(url, proxy)
        details = {"type": "unix" if url.is_unix else "tcp", "tls": False}
        transport = SocketTransport(stream.socket, _description(url), details)
        return transport if tls is None or not url.is_tls else await _encrypted(transport, url, tls)
    except ConnectError as error:
        raise ConnectError(f"cannot connect to {url}: {error}") from error
    except OSError as error:
        words = connect_words(error)
        hint = " (is the router running?)" if words == _REFUSED else ""
        raise ConnectError(f"cannot connect to {url}: {words}{hint}") from error
    except trio.BrokenResourceError as error:
        hint = f"; if it has no TLS, its URL begins with {url.sibling_scheme}://" if str(error) in WITHOUT_TLS else ""
        raise ConnectError(f"cannot connect to {url}: {error}{hint}") from error


def default_tls() -> ssl.SSLContext:
    """Return the client's TLS configuration: the system's trust store, certificate and host name verified, TLS 1.2 or later."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _open_stream(url: RouterUrl, proxy: str | None) -> trio.SocketStream:
    if url.path is not None:
        return await trio.open_unix_socket(url.path)
    if proxy is not None:
        return await open_through_proxy(proxy, url.host, url.port)
    return await trio.open_tcp_stream(url.host, url.port)


async def _encrypted(transport: SocketTransport, url: RouterUrl, tls: ssl.SSLContext) -> TlsTransport:
    try:
        try:
            encrypted = TlsTransport(transport, tls, server_hostname=url.host.partition("%")[0])
        except ssl.SSLError:
            raise ValueError("tls= is the configuration of a server") from None
        await encrypted.handshake()
    except BaseException:
        transport.abort()
        raise
    return encrypted


def _description(url: RouterUrl) -> str:
    return f"unix {url.path}" if url.is_unix else f"tcp {url.authority}"
