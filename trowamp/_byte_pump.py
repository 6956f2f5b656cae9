"""Moves octets between a transport and a link.

Costs decide its shape (a task switch is dearer than a message): octets that a batch of messages produced leave in one `flush`, straight from the
task that produced them if the kernel takes them at once. What the kernel does not take is left to the writer task.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from ._pump import CHUNK, WritingPump
from ._stream import ByteTransport, send_pieces
from .messages import Message
from .wire import Link


class BytePump(WritingPump):
    """Moves octets for one connection.

    Args:
        transport: Where octets go and come from.
        link: Turns octets into messages and back.
    """

    transport: ByteTransport

    def __init__(self, transport: ByteTransport, link: Link) -> None:
        super().__init__(transport, link)

    async def receive(self) -> list[Message]:
        """Wait for octets and return the messages they complete."""
        try:
            data = await self.transport.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._break(f"the connection broke: {error}")
            self.transport.abort()
            data = b""
        self.last_received = trio.current_time()
        if data:
            self.link.receive_data(data)
        else:
            self.has_ended = True
            self.link.receive_eof()
        return self.link.received()

    def flush(self) -> None:
        """Hand queued octets to the kernel now, as far as it takes them; the rest is the writer's."""
        buffer = self.queued
        if not buffer or self._is_writing or self.broken:
            return
        try:
            self._send_now()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._break(f"the connection broke: {error}")
            return
        if buffer:
            self._wake_writer()

    async def send_queued(self) -> None:
        """Send everything queued from this task: for handshakes, while no writer runs."""
        queued = bytes(self.link.data_to_send())
        self.link.data_sent(len(queued))
        try:
            if queued:
                await self.transport.send_all(queued)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._break(f"the connection broke: {error}")

    def end_sending(self) -> None:
        """Shut down the sending half, if the transport has halves."""
        self.transport.end_sending()

    async def linger(self) -> None:
        """Read and forget until the peer has closed: what was sent last would be lost if a socket were closed over octets that nobody has read."""
        link = self.link
        while not (self.broken or self.has_ended):
            if link.is_closed and link.error is None:  # the transport's own closing handshake is done
                return
            await self.receive()

    def _flush_before_sleep(self) -> Callable[[], object] | None:
        """Send; return what is left to be done by a task.

        That is all of it where sending wakes tasks. It is the writer's if octets are left, somebody waits for them to leave, or the connection
        broke.
        """
        self._is_flush_asked = False
        if self.transport.wakes_tasks:
            return self.flush
        buffer = self.queued
        if not buffer or self._is_writing or self.broken:
            return None
        try:
            self._send_now()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return self._wake_writer  # it meets the same error
        return self._wake_writer if buffer or self._producers else None

    def _send_now(self) -> None:
        """Give the transport what is queued, as far as it takes it."""
        buffer = self.queued
        sent = send_pieces(self.transport, buffer.pieces()) if buffer.behind else self.transport.send_now(buffer)
        if sent:
            self.link.data_sent(sent)

    async def _write_some(self) -> None:
        buffer = self.queued
        self._send_now()
        if not buffer:
            return
        buffer.fill()
        chunk = bytes(buffer[:CHUNK])
        self.link.data_sent(len(chunk))  # from here on nobody can know whether the peer has it
        self._is_writing = True
        try:
            await self.transport.send_all(chunk)
        finally:
            self._is_writing = False
        if not self.is_above_high_water:
            self._producers.unpark_all()
