"""Moves the messages of one link over one connection: reading, writing, keep-alive. Client and router use the same pumps.

Each kind of transport has a pump of its own, for what can be moved differs: octets in `_byte_pump.py`, elsewhere whole messages. What many tasks
queue in one pass of the scheduler leaves before the run sleeps. No user task ever owns half a message: cancelling one cannot tear the stream.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import trio
from trio.lowlevel import Abort, enable_ki_protection, reschedule, wait_task_rescheduled

from ._before_sleep import before_sleep
from ._stream import AnyTransport
from .messages import Message
from .wire import Link

CHUNK = 65536  # octets that do not wait for others to come
_LAST_WORDS = 1.0  # seconds in which a peer that takes nothing more is still listened to
HIGH_WATER = 1024 * 1024  # octets queued before producers have to wait


class Pump(ABC):
    """What sessions and the router need of a connection.

    Args:
        transport: Where messages go and come from.
        link: Makes them, and is made of them what is sent.

    Attributes:
        queued: The link's octets that are to be sent.
        last_received: When, on Trio's clock, something was received.
        has_ended: Whether the peer sends nothing more.
        broken: Why writing or reading failed, in words.
        refused: In words, that the peer refused what was sent, where a transport can say so; empty if it did not.
    """

    def __init__(self, transport: AnyTransport, link: Link) -> None:
        self.transport = transport
        self.link = link
        self.queued = link.outgoing
        self.last_received = trio.current_time()
        self.has_ended = False
        self.broken: str | None = None
        self.refused = ""
        self._is_writing = False  # what was queued is in somebody's hands: nobody may overtake it
        self._is_flush_asked = False
        self._before_sleep = before_sleep()
        self._producers = trio.lowlevel.ParkingLot()
        self._are_producers_dismissed = False
        self._ping_position = 0  # where in all that was ever queued the last ping ends
        self._sent_then = 0  # what had been sent when somebody asked last

    @abstractmethod
    async def receive(self) -> list[Message]:
        """Wait for something and return the messages it completes; look at `link.is_closed` and `link.error` afterwards."""

    @abstractmethod
    def flush(self) -> None:
        """Send what is queued as soon as that is possible."""

    def flush_soon(self) -> None:
        """Send what is queued before the run sleeps, together with what others queue until then."""
        if len(self.queued) >= CHUNK or self.queued.behind:
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

    async def drain(self) -> None:
        """Wait until everything queued has been sent, or the connection has broken; no checkpoint if it has been."""
        self.flush()
        while (self.queued or self._is_writing) and not self.broken:
            await self._producers.park()

    def end_sending(self) -> None:  # noqa: B027 - not every transport can
        """Tell the peer that nothing follows what was sent, where a transport can say so and still receive."""

    @abstractmethod
    async def linger(self) -> None:
        """Wait until the peer has what was sent last, where closing the transport would be too early."""

    @abstractmethod
    async def write(self) -> None:
        """The writer task: runs until it is cancelled or the connection has broken."""

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

    def _flush_before_sleep(self) -> Callable[[], object] | None:
        """Return what a task has to do then; to be overridden where it need not be a task."""
        self._is_flush_asked = False
        return self.flush

    def _break(self, reason: str) -> None:
        """Nothing can be sent any more. What the peer sent before, perhaps why it closed, can still be read."""
        if not self.broken:
            self.broken = reason
            self._producers.unpark_all()


class WritingPump(Pump):
    """A pump whose writer sends what is queued."""

    def __init__(self, transport: AnyTransport, link: Link) -> None:
        super().__init__(transport, link)
        self._writer: trio.lowlevel.Task | None = None  # the writer task while it is parked

    def flush(self) -> None:
        """Have the writer send."""
        self._wake_writer()

    @enable_ki_protection
    async def write(self) -> None:
        """Run until cancelled, or the connection breaks; then what the peer said before can still be read for a moment."""
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

    @abstractmethod
    async def _write_some(self) -> None:
        """Send some of what is queued.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: It cannot be sent.
        """

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

    def _break(self, reason: str) -> None:
        super()._break(reason)
        self._wake_writer()  # which sees to the end
