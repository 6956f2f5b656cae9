"""Moves octets between one transport and one link: reading, writing, keep-alive. Client and router use the same pump.

Costs decide its shape (a task switch is dearer than a message): octets that a batch of messages produced leave in one `flush`, straight from the
task that produced them if the kernel takes them at once; what many tasks queue in one pass of the scheduler leaves before the run sleeps. What the
kernel does not take is left to the writer task. No user task ever owns half a frame: cancelling one cannot tear the stream.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from trio.lowlevel import Abort, enable_ki_protection, reschedule, wait_task_rescheduled

from ._before_sleep import before_sleep
from ._stream import ByteTransport, send_pieces
from .messages import Message
from .wire import Link

_CHUNK = 65536
_LAST_WORDS = 1.0  # seconds in which a peer that takes nothing more is still listened to
HIGH_WATER = 1024 * 1024  # octets queued before producers have to wait


class Pump:
    """Moves octets for one connection.

    Args:
        transport: Where octets go and come from.
        link: Turns octets into messages and back.

    Attributes:
        queued: The link's octets that are to be sent.
        last_received: When, on Trio's clock, something was received.
        has_ended: Whether the peer sends nothing more.
        broken: Why writing or reading failed, in words.
        refused: In words, that the peer refused what was sent, where a transport can say so; empty if it did not.
    """

    def __init__(self, transport: ByteTransport, link: Link) -> None:
        self.transport = transport
        self.link = link
        self.queued = link.outgoing
        self.last_received = trio.current_time()
        self.has_ended = False
        self.broken: str | None = None
        self.refused = ""
        self._writer: trio.lowlevel.Task | None = None  # the writer task while it is parked
        self._is_writing = False  # octets are in the writer's hands: nobody may overtake it
        self._is_flush_asked = False
        self._before_sleep = before_sleep()
        self._producers = trio.lowlevel.ParkingLot()
        self._are_producers_dismissed = False
        self._ping_position = 0  # where in all that was ever queued the last ping ends
        self._sent_then = 0  # what had been sent when somebody asked last

    async def receive(self) -> list[Message]:
        """Wait for octets and return the messages they complete; look at `link.is_closed` and `link.error` afterwards."""
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

    def flush_soon(self) -> None:
        """Hand queued octets to the kernel before the run sleeps, together with what others queue until then."""
        if len(self.queued) >= _CHUNK or self.queued.behind:
            self.flush()
        elif not self._is_flush_asked:
            self._is_flush_asked = True
            self._before_sleep.ask(self._flush_before_sleep)

    @property
    def is_above_high_water(self) -> bool:
        """Whether producers should wait."""
        return self.link.queued_octets - self.link.sent_octets > HIGH_WATER

    async def wait_writable(self) -> None:
        """Wait until queued octets are below the high-water mark, or there is nothing to be waited for; no checkpoint if they are."""
        while self.is_above_high_water and not (self.broken or self._are_producers_dismissed):
            await self._producers.park()

    def dismiss_producers(self) -> None:
        """Nobody is to wait for room any more: the session is over, and those who wait shall learn of it."""
        self._are_producers_dismissed = True
        self._producers.unpark_all()

    async def send_queued(self) -> None:
        """Send everything queued from this task: for handshakes, while no writer runs."""
        queued = bytes(self.link.data_to_send())
        self.link.data_sent(len(queued))
        try:
            if queued:
                await self.transport.send_all(queued)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._break(f"the connection broke: {error}")

    async def drain(self) -> None:
        """Wait until everything queued has been handed to the kernel, or the connection has broken; no checkpoint if it has been."""
        self.flush()
        while (self.queued or self._is_writing) and not self.broken:
            await self._producers.park()

    async def linger(self) -> None:
        """Read and forget until the peer has closed: what was sent last would be lost if a socket were closed over octets that nobody has read."""
        link = self.link
        while not (self.broken or self.has_ended):
            if link.is_closed and link.error is None:  # the transport's own closing handshake is done
                return
            await self.receive()

    @enable_ki_protection
    async def write(self) -> None:
        """The writer task: runs until it is cancelled or the connection breaks; then what the peer said before can still be read for a moment."""
        while not self.broken:
            if not self.queued:
                self._producers.unpark_all()
                await self._wait_for_work()
            try:
                await self._write_some()
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self._break(f"the connection broke: {error}")
        await trio.sleep(_LAST_WORDS)
        self.transport.abort()

    def ping(self) -> None:
        """Send a ping."""
        self.link.ping()
        self.flush()
        self._ping_position = self.link.queued_octets
        self._sent_then = self.link.sent_octets

    def is_ping_on_its_way(self) -> bool:
        """Tell whether the last ping still waited behind a large message when this was asked last, and the peer has taken of it since.

        A peer that takes what is before the ping lives, although it cannot have answered yet.
        """
        sent_then, self._sent_then = self._sent_then, self.link.sent_octets
        return sent_then < min(self._ping_position, self._sent_then)

    async def keep_alive(self, interval: float, timeout: float) -> str:
        """Ping whenever nothing was received for `interval` seconds; any octet counts as life.

        Returns:
            In words, that the peer is gone: nothing came within `timeout` seconds after a ping.
        """
        while True:
            await trio.sleep_until(self.last_received + interval)
            if trio.current_time() < self.last_received + interval:
                continue
            silent_since = self.last_received
            deadline = trio.current_time() + timeout
            self.ping()
            while self.last_received == silent_since:
                if trio.current_time() >= deadline:
                    if not self.is_ping_on_its_way():
                        return f"no answer to a ping within {timeout:g} s"
                    deadline = trio.current_time() + timeout
                # never longer than the interval: an answer that has come starts the next one
                await trio.sleep_until(min(deadline, trio.current_time() + interval))

    def _flush_before_sleep(self) -> Callable[[], None] | None:
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

    def _wake_writer(self) -> None:
        task = self._writer
        if task is not None:
            self._writer = None
            reschedule(task)

    async def _wait_for_work(self) -> None:
        self._writer = trio.lowlevel.current_task()

        def abort(_: object) -> Abort:
            self._writer = None
            return Abort.SUCCEEDED

        await wait_task_rescheduled(abort)

    async def _write_some(self) -> None:
        buffer = self.queued
        self._send_now()
        if not buffer:
            return
        buffer.fill()
        chunk = bytes(buffer[:_CHUNK])
        self.link.data_sent(len(chunk))  # from here on nobody can know whether the peer has it
        self._is_writing = True
        try:
            await self.transport.send_all(chunk)
        finally:
            self._is_writing = False
        if not self.is_above_high_water:
            self._producers.unpark_all()

    def _break(self, reason: str) -> None:
        """Nothing can be sent any more. What the peer sent before, perhaps why it closed, can still be read."""
        if not self.broken:
            self.broken = reason
            self._producers.unpark_all()
            self._wake_writer()  # which sees to the end
