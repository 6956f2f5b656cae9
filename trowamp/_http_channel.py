"""HTTP requests to one server, one after the other, on a connection that is kept for the next one."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import trio

from ._stream import CLOSED, SocketTransport
from ._tls import TlsTransport
from .wire._http import Headers, HttpClient, HttpResponse

Connection = SocketTransport | TlsTransport

# Seconds without a request after which a connection is not used again, unless the server names fewer: a request on a connection that the server
# closes at the same time is lost, and must not be repeated, for nobody knows whether it was heard.
_KEPT: Final = 15.0


class HttpChannel:
    """A way to a server.

    Args:
        connect: Opens a connection to it.
        headers: What every request carries.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], headers: Headers) -> None:
        self._connect = connect
        self._headers = headers
        self._connection: Connection | None = None
        self._http = HttpClient(headers)
        self._kept_until = -math.inf
        self._is_aborted = False
        self.is_busy = False

    async def request(
        self, target: str, body: bytes, content_type: str, *, limit: int, timeout: float = math.inf
    ) -> HttpResponse:
        """Send a POST request and wait for the answer. A request that is cancelled, or fails, takes its connection with it.

        Args:
            target: What is asked for.
            body: What is sent.
            content_type: What that is; empty for nothing.
            limit: Octets that the answer may have.
            timeout: Seconds to wait for the answer after the request has been sent.

        Raises:
            ConnectError: There is no connection.
            trio.BrokenResourceError: It broke, or there was no answer in time.
            trio.ClosedResourceError: This side has closed it.
            RemoteProtocolError: The answer is no HTTP.
            MessageTooLarge: It has more octets than `limit`.
        """
        self.is_busy = True
        try:
            connection = await self._usable_connection()
            response = await self._exchange(connection, self._http.request(target, body, content_type), limit, timeout)
        except BaseException:
            self._drop()
            raise
        finally:
            self.is_busy = False
        kept = _KEPT if response.keep_for is None else min(_KEPT, response.keep_for - 1)
        self._kept_until = trio.current_time() + kept
        return response

    def abort(self) -> None:
        """Close the connection at once; a request that waits is woken with `trio.ClosedResourceError`, and there will be no other."""
        self._is_aborted = True
        if self._connection is not None:
            self._connection.abort()

    async def _usable_connection(self) -> Connection:
        connection = self._connection
        if connection is not None:
            is_kept = self._http.is_reusable and trio.current_time() < self._kept_until
            if is_kept and not connection.is_stale():
                return connection
            self._drop()
        self._check_open()
        self._connection = connection = await self._connect()
        self._http = HttpClient(self._headers)
        self._check_open()
        return connection

    async def _exchange(self, connection: Connection, octets: bytes, limit: int, timeout: float) -> HttpResponse:
        http = self._http
        with suppress(trio.BrokenResourceError):  # perhaps the server has refused it before it heard all, and said so
            await connection.send_all(octets)
        with trio.move_on_after(timeout):
            while (response := http.response(limit)) is None:
                http.receive_data(await connection.receive_some())
            return response
        raise trio.BrokenResourceError(f"the router did not answer a request within {timeout:g} s")

    def _check_open(self) -> None:
        if self._is_aborted:
            raise trio.ClosedResourceError(CLOSED)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            self._connection = None
