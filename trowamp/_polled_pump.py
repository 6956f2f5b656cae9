"""The router's side of one long-poll transport: messages wait here for requests that fetch them, and requests bring others.

The HTTP connections that carry the requests come and go; this is what stays. One reader task (`RouterConnection`) takes what `post` has left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio

from ._pump import Pump
from ._stream import CLOSED
from .messages import Message
from .wire import LongPollLink


class PolledTransport:
    """A long-poll transport; requests carry its messages.

    Args:
        opener: The connection that has opened it, for people.
        details: What the router's transport information says of it.
    """

    def __init__(self, opener: str, details: dict[str, Any]) -> None:
        self.description = f"long-poll from {opener}"
        self.details = details
        self.is_aborted = False
        self.changed = trio.lowlevel.ParkingLot()  # everybody who waits for anything about it

    async def aclose(self) -> None:
        """Close."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close at once."""
        self.is_aborted = True
        self.changed.unpark_all()


class PolledPump(Pump):
    """Moves whole bodies between a session and the requests of its client.

    Args:
        transport: The transport.
        link: Its link.
        idle_timeout: Seconds without any request after which the client counts as gone (LP-R2).
    """

    transport: PolledTransport
    link: LongPollLink

    def __init__(self, transport: PolledTransport, link: LongPollLink, *, idle_timeout: float) -> None:
        super().__init__(transport, link)
        self._changed = transport.changed
        self._idle_timeout = idle_timeout
        self._posting = trio.StrictFIFOLock()
        self._has_posted = False  # messages wait for the reader
        self._polls = 0  # requests for messages so far; only the newest waits
        self._requests = 0  # that are being answered
        self._deliveries = 0  # that are on their way

    # ---- what requests do

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to be fetched, and never will be (LP-R6)."""
        return self.has_ended or not (self.link.has_bodies or self.link.is_open)

    @property
    def body_limit(self) -> int:
        """Octets that what a request brings may have."""
        return self.link.max_body

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is being answered: the client is there."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            self.last_received = trio.current_time()
            self._changed.unpark_all()

    async def poll(self, timeout: float) -> bytes:
        """Wait for messages (LP-R1), for a time.

        Returns:
            A body; empty if there was no message, another request took the place of this one (LP-R3), or the transport has ended.
        """
        self._polls += 1
        mine = self._polls
        self._changed.unpark_all()
        link = self.link
        with trio.move_on_after(timeout):
            while mine == self._polls and link.is_open and not link.has_bodies:
                await self._changed.park()
        return link.take_body() if mine == self._polls else b""

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """What was fetched is on its way: whoever waits until everything is sent waits for that, too."""
        self._deliveries += 1
        self._is_writing = True
        try:
            yield
        finally:
            self._deliveries -= 1
            self._is_writing = self._deliveries > 0
            self._producers.unpark_all()

    async def post(self, body: bytes) -> str:
        """Take the body of a request, as soon as the session has taken what came before.

        Returns:
            In words, what is wrong with it; empty if nothing is.
        """
        async with self._posting:
            while self._has_posted and not self.link.is_closed:
                await self._changed.park()
            if self.link.is_closed:
                return "the transport has ended"
            self.link.receive_data(body)
            self._has_posted = True
            self._changed.unpark_all()
            return str(self.link.error or "")

    def hang_up(self, reason: str) -> None:
        """The client is gone, or says that it goes: what waits for it is not waited for."""
        self._break(reason)
        self.has_ended = True
        self.link.receive_eof()
        self._changed.unpark_all()

    # ---- what the session does

    async def receive(self) -> list[Message]:
        """Wait for messages."""
        await trio.lowlevel.checkpoint()
        link = self.link
        while not (self._has_posted or link.is_closed):
            if self.transport.is_aborted:
                self.hang_up(CLOSED)
                break
            deadline = self.last_received + self._idle_timeout
            if not self._requests and trio.current_time() >= deadline:
                self.hang_up(f"no request came within {self._idle_timeout:g} s")
                break
            with trio.move_on_at(trio.current_time() + self._idle_timeout if self._requests else deadline):
                await self._changed.park()
        self._has_posted = False
        self._changed.unpark_all()
        return link.received()

    def flush(self) -> None:
        """Let a request that waits take what was queued."""
        self._changed.unpark_all()

    async def write(self) -> None:
        """Nothing is written here: messages are fetched."""
        await trio.sleep_forever()

    async def linger(self) -> None:
        """Wait until the client has closed the transport, or has been told that it is over: AutobahnJS waits for its `close` to be answered."""
        await trio.lowlevel.checkpoint()
        while not (self.has_ended or self.transport.is_aborted):
            await self._changed.park()
