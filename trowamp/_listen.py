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

from ._complaints import Complaints
from ._exceptions import ConnectError
from ._stream import ByteTransport, SocketTransport, os_words
from ._tls import TlsTransport
from ._url import RouterUrl, bracketed

Handler = Callable[[ByteTransport], Awaitable[None]]

_log = logging.getLogger("trowamp.listener")

_BACKLOG: Final = 1024
_PAUSE: Final = 0.1  # seconds; a shortage does not pass faster by asking more often
_PORT_ATTEMPTS: Final = 10  # a port that is free for one family may be taken for another
_FLEETING: Final = {  # the fault of one connection, which is gone already (Linux: accept(2))
    errno.ECONNABORTED,
    errno.EHOSTUNREACH,
    errno.EINTR,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EPERM,
    errno.EPROTO,
}


class Listener:
    """What accepts connections at one URL. Made by `open_listener`.

    Attributes:
        url: The URL with its real port.
    """

    def __init__(
        self,
        sockets: list[trio.socket.SocketType],
        url: RouterUrl,
        tls: ssl.SSLContext | None,
        identity: tuple[int, int] | None,
    ) -> None:
        self.url = url
        self._sockets = sockets
        self._tls = tls
        self._identity = identity  # of the Unix socket's file
        self._is_closed = False
        self._complaints = Complaints(_log)

    async def serve(self, handler: Handler) -> None:
        """Serve each connection in a task of its own; return when the listener has been closed and all connections have ended.

        A handler's exception is logged and ends its connection, nothing else.
        """
        async with trio.open_nursery() as nursery:
            for sock in self._sockets:
                nursery.start_soon(self._accept, sock, handler, nursery)

    async def aclose(self) -> None:
        """Accept no more connections; those that are open stay open."""
        if not self._is_closed:
            self._is_closed = True
            if self._identity is not None:
                _unlink_own(Path(str(self.url.path)), self._identity)
            for sock in self._sockets:
                sock.close()
        await trio.lowlevel.checkpoint()

    async def _accept(self, sock: trio.socket.SocketType, handler: Handler, nursery: trio.Nursery) -> None:
        while not self._is_closed:
            try:
                connection, address = await sock.accept()
            except trio.ClosedResourceError:
                return
            except OSError as error:
                if error.errno not in _FLEETING and not self._is_closed:
                    text = "cannot accept connections at %s: %s"
                    self._complaints.tell(logging.ERROR, text, self.url, os_words(error))
                    await trio.sleep(_PAUSE)
            else:
                nursery.start_soon(self._serve, self._transport(connection, address), handler)

    async def _serve(self, transport: ByteTransport, handler: Handler) -> None:
        try:
            await handler(transport)
        except Exception:  # noqa: BLE001  # one connection's fault must not end the listener
            _log.exception("serving %s failed", transport.description)
        finally:
            transport.abort()

    def _transport(self, connection: trio.socket.SocketType, address: Any) -> ByteTransport:
        if self.url.is_unix:
            details = {"type": "unix", "peer": "unix", "tls": False}
            return SocketTransport(connection, f"unix {self.url.path}", details, is_accepted=True)
        host, port = address[:2]
        peer = f"{bracketed(host)}:{port}"
        details = {"type": "tcp", "peer": peer, "tls": False}
        transport = SocketTransport(connection, f"tcp {peer}", details, is_accepted=True)
        return transport if self._tls is None else TlsTransport(transport, self._tls)


async def open_listener(url: RouterUrl, *, tls: ssl.SSLContext | None = None) -> Listener:
    """Listen at a URL.

    Args:
        url: Where; port 0 takes any free port, the same one for all addresses of the host.
        tls: The TLS configuration with the server's certificate, for `wss` and `rss`.

    Raises:
        ConnectError: The address is in use, or cannot be used.
        ValueError: TLS is missing, or is a client's.
    """
    if url.is_tls:
        _check_tls(url, tls)
    try:
        if url.path is not None:
            return await _open_unix(url, url.path)
        sockets = await _tcp_sockets(url.host, url.port)
    except OSError as error:
        raise ConnectError(f"cannot listen at {url}: {os_words(error)}") from error
    return Listener(sockets, url.with_port(sockets[0].getsockname()[1]), tls if url.is_tls else None, None)


def _check_tls(url: RouterUrl, tls: ssl.SSLContext | None) -> None:
    try:
        if tls is None:
            raise ValueError
        tls.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    except (ValueError, ssl.SSLError):  # otherwise every single connection would find out
        raise ValueError(f"{url} needs a server's TLS configuration, with its certificate") from None


async def _tcp_sockets(host: str, port: int) -> list[trio.socket.SocketType]:
    """Bind every address of the host, all with the same port."""
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    for _ in range(_PORT_ATTEMPTS - 1):
        try:
            return await _bind_all(addresses, port)
        except OSError as error:
            if port != 0 or error.errno != errno.EADDRINUSE:
                raise
    return await _bind_all(addresses, port)


async def _bind_all(addresses: list[tuple[Any, Any]], port: int) -> list[trio.socket.SocketType]:
    """Bind every address; those of a family that this machine does not have are left out."""
    failure: OSError | None = None
    with contextlib.ExitStack() as opened:
        sockets: list[trio.socket.SocketType] = []
        for family, address in addresses:
            try:
                sock = trio.socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                failure = error
                continue
            opened.callback(sock.close)
            try:
                await _bind(sock, (address[0], port, *address[2:]))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                sock.close()
                failure = error
            else:
                sockets.append(sock)
                port = sock.getsockname()[1]
        if not sockets and failure is not None:
            raise failure
        opened.pop_all()
    return sockets


async def _bind(sock: trio.socket.SocketType, address: Any) -> None:
    if sys.platform != "win32":  # there it means that others may take the port away
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    await sock.bind(address)
    sock.listen(_BACKLOG)


async def _open_unix(url: RouterUrl, path: str) -> Listener:
    await _remove_stale(path)
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        await sock.bind(path)
        sock.listen(_BACKLOG)
        return Listener([sock], url, None, _identity(Path(path)))
    except BaseException:
        sock.close()
        raise


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _unlink_own(path: Path, identity: tuple[int, int]) -> None:
    """Remove a listener's socket while it is still open, unless somebody else has removed it or put another one there."""
    with contextlib.suppress(OSError):
        if _identity(path) == identity:
            path.unlink()


async def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens at any more, left behind by a process that was killed."""
    place = trio.Path(path)
    try:
        mode = (await place.lstat()).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConnectError("there is a file of that name, and it is no socket")
    try:
        stream = await trio.open_unix_socket(path)
    except ConnectionRefusedError:
        await place.unlink()
    else:
        await stream.aclose()
        raise ConnectError("somebody listens there already")
