"""Connecting to a router: TCP with happy eyeballs, Unix sockets, proxies, TLS. Every failure says what was tried and why it failed."""

from __future__ import annotations

import os
import socket
import ssl

import trio

from ._exceptions import ConnectError
from ._failures import leaves
from ._proxy import open_through_proxy
from ._stream import ByteTransport, SocketTransport, TlsTransport
from ._url import RouterUrl


async def open_transport(
    url: RouterUrl, *, tls: ssl.SSLContext | None = None, proxy: str | None = None
) -> ByteTransport:
    """Connect to a router.

    Args:
        url: Where it is.
        tls: The TLS configuration for `wss` and `rss`. Default: `default_tls()`.
        proxy: The URL of an HTTP or SOCKS proxy.

    Returns:
        The connection, TLS handshake included.

    Raises:
        ConnectError: There is none.
        ValueError: `proxy` is not a proxy's URL, or the URL has port 0 or a Unix socket behind a proxy.
    """
    stream = await _open_stream(url, proxy)
    details = {"type": "unix" if url.is_unix else "tcp", "tls": False}
    description = f"unix {url.path}" if url.is_unix else f"tcp {url.authority}"
    if not url.is_tls:
        return SocketTransport(stream.socket, description, details)
    transport = TlsTransport(stream, tls or default_tls(), f"{description} (TLS)", details, server_hostname=url.host)
    try:
        await transport.handshake()
    except trio.BrokenResourceError as error:
        transport.abort()
        raise ConnectError(f"cannot connect to {url.text}: {tls_words(error)}") from error
    except BaseException:
        transport.abort()
        raise
    return transport


def default_tls() -> ssl.SSLContext:
    """Return the client's TLS configuration: the system's trust store, certificate and host name verified, TLS 1.2 or later."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_words(error: BaseException) -> str:
    """Say why a TLS handshake failed."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"the TLS handshake failed: {cause.reason or cause}"
    return "the connection broke during the TLS handshake"


async def _open_stream(url: RouterUrl, proxy: str | None) -> trio.SocketStream:
    if url.is_unix and proxy is not None:
        raise ValueError("a Unix socket cannot be reached through a proxy")
    if not url.is_unix and url.port == 0:
        raise ValueError(f"port 0 is for listening only: {url.text}")
    try:
        if url.path is not None:
            return await trio.open_unix_socket(url.path)
        if proxy is not None:
            return await open_through_proxy(proxy, url.host, url.port)
        return await trio.open_tcp_stream(url.host, url.port)
    except ConnectError as error:
        raise ConnectError(f"cannot connect to {url.text}: {error}") from error
    except (OSError, RuntimeError) as error:  # a path too long for a Unix socket is a RuntimeError of Trio
        raise ConnectError(f"cannot connect to {url.text}: {_words(error)}") from error


def _words(error: BaseException) -> str:
    """Say why connecting failed, each reason once if there were several addresses."""
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(_words(leaf) for leaf in leaves(cause)))
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)  # without the addresses and numbers that others put around it
    return getattr(error, "strerror", None) or str(error)
