"""Streams of octets as the pump wants them: sockets and memory. `_tls.py` lays TLS over a socket.

They differ from Trio's streams where it costs: `send_now` gives octets to the kernel without a task switch, and `receive_some` does not try before
it waits, because a peer that waits for our answer has sent nothing (measured: 31 us of CPU for a sequential call, 36 with a try before).
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Any, Final, Protocol, runtime_checkable

import trio
from trio.lowlevel import notify_closing, wait_readable, wait_writable

from .wire import TCP_KEEPALIVE

CHUNK: Final = 65536  # octets encrypted or sent at once
_FIRST_CHUNK: Final = 96 * 1024  # octets asked of the kernel; 64 KiB would cut payloads of 64 KiB in two
_LARGEST_CHUNK: Final = 1024 * 1024  # in the middle of something large: each time costs a pass of the scheduler
_MEMORY_LIMIT: Final = 1024 * 1024  # octets on their way in memory
CLOSED: Final = "this side closed the connection"


class AnyTransport(Protocol):
    """A connection, whatever it carries.

    Attributes:
        description: What it is, for people.
        details: What the router's transport information says of it.
    """

    description: str
    details: dict[str, Any]

    async def aclose(self) -> None:
        """Close in good order; the connection is released in any case."""
        ...

    def abort(self) -> None:
        """Close at once; tasks that wait here are woken with `trio.ClosedResourceError`."""
        ...


class ByteTransport(AnyTransport, Protocol):
    """A connection that carries octets.

    Attributes:
        wakes_tasks: Whether `send_now` wakes a task of this run, and so may only be called from one.
    """

    wakes_tasks: bool

    async def receive_some(self) -> bytes:
        """Wait for octets; empty at the end of the stream.

        Raises:
            trio.BrokenResourceError: The connection broke.
            trio.ClosedResourceError: This side aborted it.
        """
        ...

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Send what can be sent without waiting, perhaps nothing.

        Returns:
            How many octets were taken; what is sent next has to begin with the first one that was not.

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

    def end_sending(self) -> None:
        """Tell the peer that nothing follows what was sent, if the connection can say so; what the peer sends can still be received."""
        ...


class ReceivingInterrupted(Exception):
    """Somebody called `interrupt`: the transport is as it was."""


@runtime_checkable
class Interruptible(Protocol):
    """A transport from which different tasks can receive in turn."""

    def interrupt(self) -> None:
        """Make `receive_some` raise `ReceivingInterrupted`, if a task waits there."""
        ...


class SocketTransport:
    """A connected TCP or Unix socket.

    Args:
        sock: The socket; it belongs to the transport from here on.
        description: See `AnyTransport`.
        details: See `AnyTransport`.
        is_accepted: Whether the other side has connected to this one: then it speaks first.
    """

    wakes_tasks = False

    def __init__(
        self, sock: trio.socket.SocketType, description: str, details: dict[str, Any], *, is_accepted: bool = False
    ) -> None:
        self.description = description
        self.details = details
        self._socket = socket.socket(fileno=sock.detach())  # to send through Trio's own takes a checkpoint each time
        self._socket.setblocking(False)
        self._fileno = self._socket.fileno()
        self._receive = self._socket.recv
        self._send = self._socket.send
        self._chunk = _FIRST_CHUNK
        self._has_likely_received = is_accepted  # 98 in 100 have: one pass of the scheduler less for joining
        if self._socket.family in (socket.AF_INET, socket.AF_INET6):
            _tune(self._socket)

    async def receive_some(self) -> bytes:
        """Wait for octets."""
        while True:
            if self._fileno < 0:
                raise trio.ClosedResourceError(CLOSED)
            try:
                if not self._has_likely_received:
                    await wait_readable(self._fileno)
            except trio.ClosedResourceError:
                self._check_open()
                raise ReceivingInterrupted from None
            self._has_likely_received = False
            asked = self._chunk
            try:
                data = self._receive(asked)
            except BlockingIOError:
                continue  # the kernel took back what it had announced
            except OSError as error:
                raise self._failure(error) from error
            self._chunk = _FIRST_CHUNK if len(data) < asked else _LARGEST_CHUNK
            return data

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Give the kernel what it takes."""
        try:
            return self._send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._failure(error) from error

    def send_pieces(self, pieces: Sequence[bytes | bytearray | memoryview]) -> int:
        """Give the kernel what it takes."""
        try:
            return self._socket.sendmsg(pieces)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._failure(error) from error

    async def send_all(self, data: bytes) -> None:
        """Send everything."""
        view = memoryview(data)
        while view := view[self.send_now(view) :]:
            await self.wait_writable()

    async def wait_writable(self) -> None:
        """Wait until the kernel takes something.

        Raises:
            trio.ClosedResourceError: This side aborted the connection.
        """
        self._check_open()
        try:
            await wait_writable(self._fileno)
        except trio.ClosedResourceError:
            self._check_open()  # or it was `interrupt`, which concerns others

    def interrupt(self) -> None:
        """Wake the task that waits for octets; to Trio it looks as if the socket were about to be closed."""
        notify_closing(self._fileno)

    def is_stale(self) -> bool:
        """Whether the peer has closed the connection, or said something without being asked."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def end_sending(self) -> None:
        """Shut down the sending half."""
        with contextlib.suppress(OSError):  # it has broken: whoever receives learns of it
            self._socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        """Close the socket."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close the socket at once."""
        if self._fileno >= 0:
            notify_closing(self._fileno)
            self._fileno = -1
            self._socket.close()

    def _check_open(self) -> None:
        if self._fileno < 0:
            raise trio.ClosedResourceError(CLOSED)

    def _failure(self, error: OSError) -> Exception:
        self._check_open()
        return trio.BrokenResourceError(os_words(error))


def send_pieces(transport: ByteTransport, pieces: Sequence[bytes | bytearray | memoryview]) -> int:
    """Send what can be sent without waiting of octets in pieces, through a socket with one system call; returns and raises what `send_now` does."""
    if isinstance(transport, SocketTransport):
        return transport.send_pieces(pieces)
    total = 0
    for piece in pieces:
        sent = transport.send_now(piece)
        total += sent
        if sent < len(piece):
            break
    return total


def os_words(error: OSError) -> str:
    """Say what an error of the operating system means, without the number and the addresses that others put around it."""
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _tune(sock: socket.socket) -> None:
    """Small messages leave at once; a host that has silently gone is noticed within a minute, also where nobody pings."""
    with contextlib.suppress(OSError):  # some systems refuse when the peer has gone already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in TCP_KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


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

    wakes_tasks = True  # who reads at the other end

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self.description = "memory"
        self.details: dict[str, Any] = {"type": "memory"}
        self._incoming = incoming
        self._outgoing = outgoing
        self._is_closed = False

    async def receive_some(self) -> bytes:
        """Wait for octets."""
        pipe = self._incoming
        await trio.lowlevel.checkpoint_if_cancelled()
        while not (pipe.data or pipe.is_ended):
            await pipe.lot.park()
        if self._is_closed:
            raise trio.ClosedResourceError(CLOSED)
        data = bytes(pipe.data)
        pipe.data.clear()
        pipe.lot.unpark_all()
        return data

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Append what fits."""
        if self._is_closed:
            raise trio.ClosedResourceError(CLOSED)
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

    def end_sending(self) -> None:
        """End the outgoing half."""
        self._outgoing.end()

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
