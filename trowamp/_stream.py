"""Streams of octets as the pump wants them: sockets, TLS, memory."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable
from typing import Any, Protocol, TypeVar

import trio

T = TypeVar("T")

_CHUNK = 65536
_MEMORY_LIMIT = 1024 * 1024  # octets on their way in memory


class ByteTransport(Protocol):
    """A connection that carries octets.

    Attributes:
        description: What it is, for people.
        details: What the router's transport information says of it.
    """

    description: str
    details: dict[str, Any]

    async def handshake(self) -> None:
        """Do what has to be done before octets can flow (TLS).

        Raises:
            trio.BrokenResourceError: It failed.
        """
        ...

    async def receive_some(self) -> bytes:
        """Wait for octets; empty at the end of the stream.

        Raises:
            trio.BrokenResourceError: The connection broke.
            trio.ClosedResourceError: This side aborted it.
        """
        ...

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Send what can be sent without waiting, perhaps nothing; return how many octets.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: As with `receive_some`.
        """
        ...

    async def send_all(self, data: bytes) -> None:
        """Send everything; only one task at a time.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: As with `receive_some`.
        """
        ...

    async def aclose(self) -> None:
        """Close in good order; the connection is released in any case."""
        ...

    def abort(self) -> None:
        """Close at once; tasks that wait here are woken with `trio.ClosedResourceError`."""
        ...


class SocketTransport:
    """A TCP or Unix socket."""

    def __init__(self, sock: trio.socket.SocketType, description: str, details: dict[str, Any]) -> None:
        self.description = description
        self.details = details
        self._socket = sock
        self._is_closed = False
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._raw: socket.socket = sock._sock  # type: ignore[attr-defined]  # the one way to send without a checkpoint

    async def handshake(self) -> None:
        """Nothing to be done."""

    async def receive_some(self) -> bytes:
        """Wait for octets."""
        try:
            return await self._socket.recv(_CHUNK)
        except OSError as error:
            raise self._broken(error) from error

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Give the kernel what it takes."""
        try:
            return self._raw.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise self._broken(error) from error

    async def send_all(self, data: bytes) -> None:
        """Send everything."""
        view = memoryview(data)
        try:
            while view:
                view = view[await self._socket.send(view) :]
        except OSError as error:
            raise self._broken(error) from error

    async def aclose(self) -> None:
        """Close the socket."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close the socket at once."""
        self._is_closed = True
        self._socket.close()

    def _broken(self, error: OSError) -> trio.BrokenResourceError | trio.ClosedResourceError:
        if self._is_closed:
            return trio.ClosedResourceError("this side closed the connection")
        return trio.BrokenResourceError(str(error))


class TlsTransport:
    """TLS over any stream.

    Nothing can be sent without waiting: what goes over the network is decided by the TLS engine, under a lock of its own.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        context: ssl.SSLContext,
        description: str,
        details: dict[str, Any],
        *,
        server_hostname: str | None = None,
    ) -> None:
        self.description = description
        self.details = {**details, "tls": True}
        self._inner = stream
        self._stream = trio.SSLStream(
            stream,
            context,
            server_hostname=server_hostname,
            server_side=server_hostname is None,
            https_compatible=True,  # a peer that does not say close_notify must not keep us waiting
        )
        self._is_closed = False

    async def handshake(self) -> None:
        """Do the TLS handshake."""
        await self._stream.do_handshake()

    async def receive_some(self) -> bytes:
        """Wait for octets."""
        return bytes(await self._guarded(self._stream.receive_some(_CHUNK)))

    def send_now(self, data: bytes | bytearray | memoryview) -> int:  # noqa: ARG002  # the writer sends it
        """Send nothing."""
        return 0

    async def send_all(self, data: bytes) -> None:
        """Send everything."""
        await self._guarded(self._stream.send_all(data))

    async def aclose(self) -> None:
        """Say close_notify and close."""
        try:
            await self._stream.aclose()
        except trio.BrokenResourceError:
            return  # the peer was faster, or the handshake never ended: it is closed all the same
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the socket below at once."""
        self._is_closed = True
        inner = self._inner
        while isinstance(inner, trio.SSLStream):
            inner = inner.transport_stream
        assert isinstance(inner, trio.SocketStream)
        inner.socket.close()

    async def _guarded(self, operation: Awaitable[T]) -> T:
        try:
            return await operation
        except trio.BrokenResourceError:
            if self._is_closed:
                raise trio.ClosedResourceError("this side closed the connection") from None
            raise


class _Pipe:
    """One direction of a connection in memory."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_ended = False
        self.lot = trio.lowlevel.ParkingLot()

    def end(self) -> None:
        self.is_ended = True
        self.lot.unpark_all()


class MemoryTransport:
    """One end of a connection inside this process."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self.description = "memory"
        self.details: dict[str, Any] = {"type": "memory"}
        self._incoming = incoming
        self._outgoing = outgoing
        self._is_closed = False

    async def handshake(self) -> None:
        """Nothing to be done."""

    async def receive_some(self) -> bytes:
        """Wait for octets."""
        pipe = self._incoming
        await trio.lowlevel.checkpoint_if_cancelled()
        while not pipe.data:
            if self._is_closed:
                raise trio.ClosedResourceError("this side closed the connection")
            if pipe.is_ended:
                return b""
            await pipe.lot.park()
        data = bytes(pipe.data)
        pipe.data.clear()
        pipe.lot.unpark_all()
        return data

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Append what fits."""
        if self._is_closed:
            raise trio.ClosedResourceError("this side closed the connection")
        pipe = self._outgoing
        if pipe.is_ended:
            raise trio.BrokenResourceError("the other side closed the connection")
        room = _MEMORY_LIMIT - len(pipe.data)
        if room <= 0:
            return 0
        part = data[:room]
        pipe.data += part
        pipe.lot.unpark_all()
        return len(part)

    async def send_all(self, data: bytes) -> None:
        """Append everything."""
        await trio.lowlevel.checkpoint_if_cancelled()
        view = memoryview(data)
        while view:
            sent = self.send_now(view)
            view = view[sent:]
            if not sent:
                await self._outgoing.lot.park()

    async def aclose(self) -> None:
        """Close."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close at once."""
        self._is_closed = True
        self._outgoing.end()
        self._incoming.end()


def memory_pair() -> tuple[MemoryTransport, MemoryTransport]:
    """Make a connection inside this process; return its two ends."""
    there, back = _Pipe(), _Pipe()
    return MemoryTransport(back, there), MemoryTransport(there, back)
