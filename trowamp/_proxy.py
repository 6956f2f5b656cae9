"""Connecting through a proxy: HTTP CONNECT (RFC 9110 §9.3.6), and SOCKS by way of `python-socks`."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import trio

from ._exceptions import ConnectError

_LONGEST_ANSWER: Final = 65536
_DEFAULT_PORTS: Final = {"http": 80, "socks5": 1080, "socks5h": 1080, "socks4": 1080}


async def open_through_proxy(proxy: str, host: str, port: int) -> trio.SocketStream:
    """Connect to a host through a proxy.

    Args:
        proxy: `http://[user:password@]host[:port]`, `socks5://…` or `socks4://…`.
        host: The host to reach; the proxy resolves its name.
        port: Its port.

    Raises:
        ConnectError: The proxy cannot be reached, refuses, or the library for SOCKS is not installed.
        ValueError: `proxy` is not a proxy's URL.
    """
    parts = urlsplit(proxy)
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    if default_port is None or not parts.hostname:
        raise ValueError("a proxy's URL is http://host:port, socks5://host:port or socks4://host:port")
    where = f"{parts.scheme}://{parts.hostname}:{parts.port or default_port}"  # without its password
    try:
        if parts.scheme == "http":
            return await _http_connect(parts, parts.port or default_port, host, port)
        return await _socks_connect(parts, parts.port or default_port, host, port)
    except (OSError, trio.BrokenResourceError) as error:
        raise ConnectError(f"through the proxy {where}: {getattr(error, 'strerror', None) or error}") from error


async def _http_connect(proxy: SplitResult, proxy_port: int, host: str, port: int) -> trio.SocketStream:
    assert proxy.hostname is not None
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.username is not None:
        user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}")
    stream = await trio.open_tcp_stream(proxy.hostname, proxy_port)
    try:
        await stream.send_all("\r\n".join([*lines, "", ""]).encode())
        _check(await _read_head(stream))
    except BaseException:
        stream.socket.close()
        raise
    return stream


async def _read_head(stream: trio.SocketStream) -> bytes:
    """Read the answer up to its empty line; nothing follows it before we have spoken."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some()
        if not data:
            raise ConnectError("it closed the connection instead of answering CONNECT")
        head += data
        if len(head) > _LONGEST_ANSWER:
            raise ConnectError("its answer to CONNECT does not end")
    return head


def _check(head: bytes) -> None:
    status_line = head.split(b"\r\n", 1)[0].decode("latin-1")
    version, _, status = status_line.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ConnectError(f"it does not speak HTTP: {status_line[:100]!r}")
    if not status.startswith("2"):
        raise ConnectError(f"it refuses the connection: {status[:100]}")


async def _socks_connect(proxy: SplitResult, proxy_port: int, host: str, port: int) -> trio.SocketStream:
    try:
        from python_socks import ProxyError, ProxyType  # noqa: PLC0415  # an extra
        from python_socks.async_.trio import Proxy  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConnectError('SOCKS needs a library: pip install "trowamp[proxy]"') from None
    assert proxy.hostname is not None
    client = Proxy(
        ProxyType.SOCKS4 if proxy.scheme == "socks4" else ProxyType.SOCKS5,
        proxy.hostname,
        proxy_port,
        unquote(proxy.username) if proxy.username else None,
        unquote(proxy.password) if proxy.password else None,
        rdns=True,
    )
    try:
        return trio.SocketStream(await client.connect(host, port))
    except ProxyError as error:
        raise ConnectError(f"it refuses the connection: {error}") from error
