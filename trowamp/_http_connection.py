"""One HTTP connection to the router: its requests are answered one after the other, by whoever serves them.

A reader task takes what comes, so that the end of a connection is noticed while a request waits for its answer.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Final, NamedTuple

import trio
from trio.lowlevel import enable_ki_protection

from ._stream import CHUNK, ByteTransport
from .wire._http import HttpRequest, HttpResponse, HttpServer, plain

_AHEAD: Final = 65536  # octets of further requests that may wait while one is answered
_KEPT: Final = 60.0  # seconds that a connection is kept without a request that it is there for

_LATE: Final = plain(408, "the request did not come in time")


class HttpTimes(NamedTuple):
    """What a client may take.

    Attributes:
        request: Seconds for a request's head, for each 64 KiB of its body, and for taking as much of an answer.
        close: Seconds for the end of the connection.
    """

    request: float
    close: float


class HttpService:
    """Who answers.

    Args:
        body_limit: Returns how many octets a request's body may have; calls `HttpConnection.keep` if this is a request that connections are kept for.
        answer: Answers a request, with `HttpConnection.respond`.
    """

    def __init__(
        self,
        body_limit: Callable[[HttpConnection, HttpRequest], int],
        answer: Callable[[HttpConnection, HttpRequest, bytes], Awaitable[None]],
    ) -> None:
        self.body_limit = body_limit
        self.answer = answer


class HttpConnection:
    """A connection of one client.

    Args:
        transport: The connection.
        octets: What was received of it already.
        service: Who answers.
        times: What the client may take.
        since: When, on Trio's clock, the connection was accepted.

    Attributes:
        transport: The connection.
        is_gone: Whether the client sends nothing more.
    """

    def __init__(
        self, transport: ByteTransport, octets: bytes, service: HttpService, times: HttpTimes, *, since: float
    ) -> None:
        self.transport = transport
        self._server = HttpServer()
        self._server.receive_data(octets)
        self._service = service
        self._times = times
        self._changed = trio.lowlevel.ParkingLot()
        self._idle = trio.CancelScope()
        self._waiting = trio.CancelScope()  # replaced for each request that waits
        self.is_gone = False
        self._is_stopping = False
        self._proven_until = since + times.request  # when a stranger must have made a request that it is kept for
        self._kept_until = self._proven_until
        self._is_kept = False  # for the request that is being answered
        self._wants_more = False  # a request cannot go on without further octets
        self._is_parting = False  # what the client sends is not wanted any more

    @enable_ki_protection
    async def serve(self) -> bytes:
        """Answer requests until the connection ends.

        Returns:
            What was received of a request that asks for a WebSocket connection; empty if the connection is over.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, name="trowamp router HTTP reader")
            while await self._serve_one():
                pass
            if not self._server.has_upgrade:
                await self._part()
            nursery.cancel_scope.cancel()
        return self._server.pending if self._server.has_upgrade else b""

    def stop(self) -> None:
        """End the connection as soon as it has no request to answer."""
        self._is_stopping = True
        self._idle.cancel()

    async def respond(self, response: HttpResponse, *headers: tuple[str, str]) -> bool:
        """Send the answer; return whether the client's system has taken it."""
        date = ("Date", formatdate(usegmt=True))
        self._server.respond(response, [date, *headers], closes=self._is_stopping or self.is_gone)
        return await self._send()

    def keep(self) -> None:
        """The request is one that connections are kept for: this one may have further requests, for a while."""
        self._is_kept = True
        self._proven_until = math.inf

    @contextmanager
    def until_gone(self) -> Iterator[None]:
        """Leave the block when the client goes away, who then wants no answer any more."""
        with trio.CancelScope() as self._waiting:
            yield

    # ---- reading

    async def _read(self) -> None:
        server = self._server
        while not self.is_gone:
            try:
                data = await self.transport.receive_some()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if data and self._is_parting:
                continue
            if data:
                server.receive_data(data)
            else:
                server.receive_eof()
                self.is_gone = True
                self._waiting.cancel()
            self._changed.unpark_all()
            while not self._wants_more and not self._is_parting and len(server.pending) > _AHEAD and not self.is_gone:
                await self._changed.park()

    async def _more(self) -> None:
        """Wait for octets, or the end of them."""
        self._wants_more = True
        self._changed.unpark_all()  # the reader, which may have read enough for the time before
        try:
            await self._changed.park()
        finally:
            self._wants_more = False

    async def _serve_one(self) -> bool:
        """Answer the next request; return whether there may be another."""
        server = self._server
        self._is_kept = False
        head = await self._next_head()
        if not isinstance(head, HttpRequest):
            if head is not None:
                await self.respond(head)
            return False
        body = await self._next_body(head)
        if not isinstance(body, bytes):
            if body is not None:
                await self.respond(body)
            return False
        await self._service.answer(self, head, body)
        if self._is_kept:
            self._kept_until = trio.current_time() + _KEPT
        return not (server.must_close or self._is_stopping or self.is_gone)

    async def _next_head(self) -> HttpRequest | HttpResponse | None:
        """Wait for a request; None if there is none, or none for this object."""
        server = self._server
        self._idle = trio.CancelScope(deadline=self._kept_until)
        with self._idle:
            while server.is_idle and not (self.is_gone or self._is_stopping):
                await self._more()
        if server.is_idle or server.has_upgrade:
            return None
        with trio.move_on_at(min(trio.current_time() + self._times.request, self._proven_until)):
            while (head := server.head()) is None and not self.is_gone:
                await self._more()
            return head
        return _LATE

    async def _next_body(self, head: HttpRequest) -> bytes | HttpResponse | None:
        server, step = self._server, self._times.request
        limit = self._service.body_limit(self, head)
        began = trio.current_time()
        while (body := server.body(limit)) is None and not self.is_gone:
            await self._send()  # what asks the client to go on
            patience = began + step * (1 + server.body_octets // CHUNK)
            with trio.move_on_at(min(patience, self._proven_until)) as scope:
                await self._more()
            if scope.cancelled_caught:
                return _LATE
        return body

    # ---- writing

    async def _send(self) -> bool:
        octets = self._server.take()
        for start in range(0, len(octets), CHUNK):
            with trio.move_on_after(self._times.request) as scope:
                try:
                    await self.transport.send_all(octets[start : start + CHUNK])
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return False
            if scope.cancelled_caught:
                self.transport.abort()
                return False
        return True

    async def _part(self) -> None:
        """Close; what was said last would be lost if the connection were closed over octets that nobody has read."""
        self._is_parting = True
        self._changed.unpark_all()
        self.transport.end_sending()
        with trio.move_on_after(self._times.close):
            while self._server.must_close and not self.is_gone:
                await self._changed.park()
        await self.transport.aclose()
