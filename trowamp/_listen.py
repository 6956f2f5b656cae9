"""Listening: TCP and Unix sockets, real ports, and an accept loop that outlives whatever the kernel is short of."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import ssl
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import trio

from ._exceptions import ConnectError
from ._stream import ByteTransport, SocketTransport, TlsTransport
from ._url import RouterUrl

Handler = Callable[[ByteTransport], Awaitable[None]]

_log = logging.getLogger("trowamp.listener")

_BACKLOG: Final = 1024
_SHORTAGES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
_PAUSE: Final = 0.1  # seconds; a shortage does not pass faster by asking more often


class Listener:
    """What accepts connections at one URL. Made by `open_listener`.

    Attributes:
        url: The URL with its real port.
    """

    def __init__(self, sockets: list[trio.socket.SocketType], url: RouterUrl, tls: ssl.SSLContext | None) -> None:
        self.url = url
        self._sockets = sockets
        self._tls = tls
        self._inode = Path(url.path).stat().st_ino if url.path is not None else 0

    async def serve(self, handler: Handler) -> None:
        """Serve each connection in a task of its own; return when the listener has been closed and all connections have ended.

        A handler's exception is logged and ends its connection, nothing else.
        """
        async with trio.open_nursery() as nursery:
            for sock in self._sockets:
                nursery.start_soon(self._accept, sock, handler, nursery)

    async def aclose(self) -> None:
        """Accept no more connections; those that are open stay open."""
        for sock in self._sockets:
            sock.close()
        if self.url.path is not None:
            _unlink_own(Path(self.url.path), self._inode)
        await trio.lowlevel.checkpoint()

    async def _accept(self, sock: trio.socket.SocketType, handler: Handler, nursery: trio.Nursery) -> None:
        while True:
            try:
                connection, address = await sock.accept()
            except trio.ClosedResourceError:
                return
            except OSError as error:
                if sock.fileno() < 0:
                    return  # closed between two calls
                if error.errno in _SHORTAGES:
                    _log.error("cannot accept connections at %s: %s", self.url.text, error.strerror)
                    await trio.sleep(_PAUSE)
                continue  # anything else is the connection's fault, which is gone already
            nursery.start_soon(self._handle, self._transport(connection, address), handler)

    async def _handle(self, transport: ByteTransport, handler: Handler) -> None:
        try:
            await handler(transport)
        except Exception:  # noqa: BLE001  # one connection's fault must not end the listener
            _log.exception("serving %s failed", transport.description)
        finally:
            transport.abort()

    def _transport(self, connection: trio.socket.SocketType, address: Any) -> ByteTransport:
        if self.url.is_unix:
            details = {"type": "unix", "peer": "unix", "tls": False}
            return SocketTransport(connection, f"unix {self.url.path}", details)
        host, port = address[:2]
        peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        details = {"type": "tcp", "peer": peer, "tls": False}
        if self._tls is None:
            return SocketTransport(connection, f"tcp {peer}", details)
        return TlsTransport(trio.SocketStream(connection), self._tls, f"tcp {peer} (TLS)", details)


async def open_listener(url: RouterUrl, *, tls: ssl.SSLContext | None = None) -> Listener:
    """Listen at a URL.

    Args:
        url: Where; port 0 takes any free port, the same one for all addresses of the host.
        tls: The TLS configuration with the server's certificate, for `wss` and `rss`.

    Raises:
        ConnectError: The address is in use, or cannot be used.
        ValueError: TLS is missing.
    """
    if url.is_tls and tls is None:
        raise ValueError(f"{url.text} needs a TLS configuration with the server's certificate")
    try:
        if url.path is not None:
            return Listener([await _unix_socket(url.path)], url, None)
        sockets = await _tcp_sockets(url.host, url.port)
    except OSError as error:
        raise ConnectError(f"cannot listen at {url.text}: {error.strerror or error}") from error
    return Listener(sockets, url.with_port(sockets[0].getsockname()[1]), tls if url.is_tls else None)


async def _tcp_sockets(host: str, port: int) -> list[trio.socket.SocketType]:
    """Bind every address of the host; those of a family that this machine does not have are left out."""
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[trio.socket.SocketType] = []
    failure: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        if sockets and port == 0:
            address = (address[0], sockets[0].getsockname()[1], *address[2:])  # noqa: PLW2901  # the same port for all
        try:
            sock = trio.socket.socket(family, kind, protocol)
        except OSError as error:
            failure = error
            continue
        try:
            if sys.platform != "win32":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            await sock.bind(address)
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            if error.errno != errno.EADDRNOTAVAIL:
                for other in sockets:
                    other.close()
                raise
            failure = error
        else:
            sockets.append(sock)
    if not sockets:
        raise failure or OSError(f"no address of {host!r} can be used")
    return sockets


async def _unix_socket(path: str) -> trio.socket.SocketType:
    await _remove_stale(path)
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        await sock.bind(path)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _unlink_own(path: Path, inode: int) -> None:
    """Remove a listener's socket, unless somebody else has removed it or put another one there."""
    with contextlib.suppress(OSError):
        if path.stat().st_ino == inode:
            path.unlink()


async def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens at any more, left behind by a process that was killed."""
    place = trio.Path(path)
    try:
        mode = (await place.lstat()).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "there is a file of that name, and it is no socket")
    try:
        stream = await trio.open_unix_socket(path)
    except ConnectionRefusedError:
        await place.unlink()
    else:
        await stream.aclose()
        raise OSError(errno.EADDRINUSE, "somebody listens there already")
