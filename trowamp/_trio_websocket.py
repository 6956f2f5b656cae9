"""Sessions over a WebSocket connection that trio-websocket has opened, client or server side.

Such a connection delimits and carries messages itself, so its pump moves whole bodies where other pumps move octets; pings and the closing handshake
are trio-websocket's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from ._pump import WritingPump
from ._stream import CLOSED
from .messages import Message
from .wire import BY_SUBPROTOCOL, WholeMessages, whole_messages
from .wire._closing import describe_close


class WebSocketTransport:
    """The connection itself; it carries whole messages."""

    def __init__(self, connection: WebSocketConnection) -> None:
        remote = connection.remote
        peer = str(remote) if isinstance(remote, str) else f"{remote.address}:{remote.port}"
        self.description = f"trio-websocket {peer}"
        headers = {
            name.decode().lower(): value.decode(errors="replace") for name, value in connection.handshake_headers
        }
        http = {"path": connection.path, "headers": headers}
        self.details: dict[str, Any] = {"type": "websocket", "peer": peer, "http": http}
        self._connection = connection
        self._waiting: set[trio.CancelScope] = set()
        self._is_closed = False

    async def receive_message(self) -> bytes | str:
        """Wait for a whole message.

        Raises:
            trio.BrokenResourceError: The connection was closed; the text says why.
            trio.ClosedResourceError: This side aborted it.
        """
        with self._until_abort():
            return await self._connection.get_message()
        raise trio.ClosedResourceError(CLOSED)

    async def send_message(self, message: bytes | str) -> None:
        """Send a whole message.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: As with `receive_message`.
        """
        with self._until_abort():
            await self._connection.send_message(message)
            return
        raise trio.ClosedResourceError(CLOSED)

    async def aclose(self) -> None:
        """Do the closing handshake."""
        self.abort()
        try:
            await self._connection.aclose()
        finally:  # a client's does not release the socket if the router was the first to close
            await self._connection._close_stream()

    def abort(self) -> None:
        """Stop reading and writing; whoever opened the connection releases it."""
        self._is_closed = True
        for scope in self._waiting:
            scope.cancel()

    @contextmanager
    def _until_abort(self) -> Iterator[None]:
        """Leave the block when this side aborts the connection; say why when the other side has closed it."""
        with trio.CancelScope() as scope:
            if self._is_closed:
                scope.cancel()
            self._waiting.add(scope)
            try:
                yield
            except ConnectionClosed as error:
                raise trio.BrokenResourceError(_words(error)) from None
            finally:
                self._waiting.remove(scope)


class BodyPump(WritingPump):
    """Moves whole message bodies over a WebSocket connection."""

    transport: WebSocketTransport
    link: WholeMessages

    def __init__(self, transport: WebSocketTransport, link: WholeMessages) -> None:
        super().__init__(transport, link)

    async def receive(self) -> list[Message]:
        """Wait for a message."""
        try:
            body = await self.transport.receive_message()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._break(str(error))
            self.link.receive_eof()
        else:
            self.last_received = trio.current_time()
            self.link.receive_data(body)
        return self.link.received()

    async def linger(self) -> None:
        """Wait for nothing: closing the connection does the closing handshake."""
        await trio.lowlevel.checkpoint()

    async def _write_some(self) -> None:
        is_text = not self.link.serializer.is_binary
        self._is_writing = True
        try:
            for body in self.link.bodies_to_send():
                await self.transport.send_message(body.decode() if is_text else body)
        finally:
            self._is_writing = False
        if not self.is_above_high_water:
            self._producers.unpark_all()


def attach(connection: WebSocketConnection, *, max_size: int) -> BodyPump:
    """Make the pump of an open connection.

    Args:
        connection: It must have negotiated `wamp.2.json`, `wamp.2.msgpack` or `wamp.2.cbor`.
        max_size: The largest message to accept, in octets; the connection has a limit of its own.

    Raises:
        ValueError: It has negotiated something else.
    """
    serializer = BY_SUBPROTOCOL.get(connection.subprotocol or "")
    if serializer is None:
        raise ValueError(
            f"the connection negotiated the subprotocol {connection.subprotocol!r}, not one of WAMP's: open it with "
            f"subprotocols=[{', '.join(repr(name) for name in BY_SUBPROTOCOL if 'batched' not in name)}]"
        )
    return BodyPump(WebSocketTransport(connection), whole_messages(serializer, max_size=max_size))


def _words(error: ConnectionClosed) -> str:
    reason = error.reason
    if reason is None:
        return "the WebSocket connection was closed"
    return f"the WebSocket connection was closed ({describe_close(reason.code, reason.reason or '')})"
