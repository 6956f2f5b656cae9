"""Connecting through a proxy: HTTP CONNECT (RFC 9110 §9.3.6), and SOCKS by way of `python-socks`."""

from __future__ import annotations

import base64
import math
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import trio

from ._exceptions import ConnectError
from ._failures import leaves
from ._stream import os_words
from ._url import bracketed
from .wire._closing import readable

_LONGEST_ANSWER: Final = 65536  # octets
_DEFAULT_PORTS: Final = {"http": 80, "socks5": 1080, "socks5h": 1080, "socks4": 1080}


class _Proxy(NamedTuple):
    scheme: str
    host: str
    port: int
    user: str | None
    password: str

    def __str__(self) -> str:
        return f"{self.scheme}://{bracketed(self.host)}:{self.port}"  # without its password


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
    way = _parse(proxy)
    try:
        if way.scheme == "http":
            return await _http_connect(way, host, port)
        return await _socks_connect(way, host, port)
    except trio.BrokenResourceError as error:
        raise ConnectError(f"through the proxy {way}: it broke the connection") from error
    except OSError as error:
        raise ConnectError(f"through the proxy {way}: {connect_words(error)}") from error


def connect_words(error: OSError) -> str:
    """Say why connecting failed, each reason once if there were several addresses."""
    causes = leaves(error.__cause__) if isinstance(error.__cause__, BaseExceptionGroup) else [error]
    return "; ".join(dict.fromkeys(os_words(cause) for cause in causes if isinstance(cause, OSError)))


def _parse(proxy: str) -> _Proxy:
    try:
        parts = urlsplit(proxy)
        default_port = _DEFAULT_PORTS[parts.scheme]
        host, port = parts.hostname, parts.port or default_port
        if not host or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError
    except (ValueError, KeyError):
        raise ValueError("a proxy's URL is http://host:port, socks5://host:port or socks4://host:port") from None
    user = None if parts.username is None else unquote(parts.username)
    return _Proxy(parts.scheme, host, port, user, unquote(parts.password or ""))


async def _http_connect(proxy: _Proxy, host: str, port: int) -> trio.SocketStream:
    authority = f"{bracketed(host)}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.user is not None:
        credentials = base64.b64encode(f"{proxy.user}:{proxy.password}".encode())
        lines.append(f"Proxy-Authorization: Basic {credentials.decode()}")
    stream = await trio.open_tcp_stream(proxy.host, proxy.port)
    try:
        await stream.send_all("\r\n".join([*lines, "", ""]).encode())
        _check(await _read_head(stream))
    except BaseException:
        stream.socket.close()
        raise
    return stream


async def _read_head(stream: trio.SocketStream) -> bytes:
    """Read the answer up to its empty line."""
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
    status_line = readable(head.split(b"\r\n", 1)[0].decode("latin-1"))
    version, _, status = status_line.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ConnectError(f"it does not speak HTTP: {status_line!r}")
    if status.startswith("407"):
        raise ConnectError(f"it wants other credentials, as in http://user:password@host: {status}")
    if not status.startswith("2"):
        raise ConnectError(f"it refuses the connection: {status}")
    if not head.endswith(b"\r\n\r\n"):  # neither a TLS nor a WAMP peer speaks first
        raise ConnectError("it sends data although nobody has spoken yet")


async def _socks_connect(proxy: _Proxy, host: str, port: int) -> trio.SocketStream:
    try:
        from python_socks import ProxyError, ProxyType  # noqa: PLC0415  # an extra
        from python_socks.async_.trio import Proxy  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConnectError('SOCKS needs a library: pip install "trowamp[proxy]"') from None
    kind = ProxyType.SOCKS4 if proxy.scheme == "socks4" else ProxyType.SOCKS5
    client = Proxy(kind, proxy.host, proxy.port, proxy.user, proxy.password, rdns=True)
    try:
        return trio.SocketStream(await client.connect(host, port, timeout=math.inf))  # the caller has a deadline
    except ProxyError as error:
        raise ConnectError(f"it refuses the connection: {readable(str(error))}") from error
    except ValueError:  # it has the password in it
        raise ConnectError("SOCKS carries ASCII only, 255 characters of host, user and password each") from None
