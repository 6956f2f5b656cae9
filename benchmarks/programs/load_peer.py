"""The cheapest WAMP client that can put load on a router: MessagePack over RawSocket or WebSocket, no checks, no sessions' state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from .packed import LARGE, pack, unpack

Message = list[Any]
_ROLES: dict[str, Any] = {"roles": {role: {"features": {}} for role in ("caller", "callee", "publisher", "subscriber")}}
_HELLO, _WELCOME, _ABORT, _ERROR = 1, 2, 3, 8
_REPLIES = (17, 33, 65)  # PUBLISHED, SUBSCRIBED, REGISTERED


def _cut(buffer: bytearray, start: int, end: int) -> bytes:
    if end - start < LARGE:
        return bytes(buffer[start:end])
    with memoryview(buffer) as octets:  # one copy, where a slice of the buffer would be another
        return bytes(octets[start:end])


class Framing(Protocol):
    """Messages' bodies to octets and back."""

    opening: bytes

    def opened(self, buffer: bytearray) -> bool:
        """Take the other end's answer to the opening out of the buffer, once it is there."""

    def frame(self, body: bytes) -> bytes:
        """Return the octets of a body."""

    def bodies(self, buffer: bytearray) -> list[bytes]:
        """Take whole bodies out of the buffer."""


class RawSocketFraming:
    """RawSocket."""

    opening = b"\x7f\xf2\0\0"

    def opened(self, buffer: bytearray) -> bool:
        """Take four octets."""
        if len(buffer) < 4:
            return False
        del buffer[:4]
        return True

    def frame(self, body: bytes) -> bytes:
        """Put the length in front."""
        return len(body).to_bytes(4, "big") + body

    def bodies(self, buffer: bytearray) -> list[bytes]:
        """Cut by length."""
        found, start = [], 0
        while len(buffer) - start >= 4:
            end = start + 4 + int.from_bytes(buffer[start + 1 : start + 4], "big")
            if len(buffer) < end:
                break
            found.append(_cut(buffer, start + 4, end))
            start = end
        del buffer[:start]
        return found


class WebSocketFraming:
    """WebSocket. The masking key is zero, which is legal and makes masking free."""

    opening = (
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: wamp.2.msgpack\r\n\r\n"
    )

    def opened(self, buffer: bytearray) -> bool:
        """Take the response's head."""
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if b" 101 " not in buffer[:20]:
            raise ConnectionError(bytes(buffer[:end]).decode("latin-1"))
        del buffer[: end + 4]
        return True

    def frame(self, body: bytes) -> bytes:
        """Return one binary frame."""
        size = len(body)
        if size < 126:
            return bytes([0x82, 0x80 | size]) + bytes(4) + body
        return b"\x82\xfe" + size.to_bytes(2, "big") + bytes(4) + body

    def bodies(self, buffer: bytearray) -> list[bytes]:
        """Cut by length; frames here are below 64 KiB."""
        found, start = [], 0
        while len(buffer) - start >= 4:
            size, head = buffer[start + 1], 2
            if size == 126:
                size, head = int.from_bytes(buffer[start + 2 : start + 4], "big"), 4
            if len(buffer) - start < head + size:
                break
            found.append(_cut(buffer, start + head, start + head + size))
            start += head + size
        del buffer[:start]
        return found


FRAMINGS: dict[str, Callable[[], Framing]] = {"rs": RawSocketFraming, "ws": WebSocketFraming}


class Peer(asyncio.Protocol):
    """One session.

    Attributes:
        on: What to do with messages of a code.
        joined: Done once WELCOME has come.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._buffer = bytearray()
        self._is_open = False
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.on: dict[int, Callable[[Message], object]] = dict.fromkeys(_REPLIES, self._replied)
        self.on[_WELCOME] = lambda message: self.joined.set_result(message[1])
        self.on[_ABORT] = self.on[_ERROR] = self._refused
        self.joined: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own
        self._transport.write(self._framing.opening)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let nobody wait."""
        for future in (self.joined, *self._waiting.values()):
            if not future.done():
                future.set_exception(exc or ConnectionError("the router closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Hand out messages."""
        self._buffer += data
        if not self._is_open:
            self._is_open = self._framing.opened(self._buffer)
            if not self._is_open:
                return
            self.send([_HELLO, "realm1", _ROLES])
        for body in self._framing.bodies(self._buffer):
            message = unpack(body)
            self.on[message[0]](message)

    def send(self, *messages: Message) -> None:
        """Send messages at once."""
        frame = self._framing.frame
        self._transport.write(b"".join([frame(pack(message)) for message in messages]))

    def request(self, message: Message) -> asyncio.Future[Any]:
        """Send a request that is acknowledged."""
        self._waiting[message[1]] = future = asyncio.get_running_loop().create_future()
        self.send(message)
        return future

    def close(self) -> None:
        """Go without a word."""
        self._transport.abort()

    def _replied(self, message: Message) -> None:
        self._waiting.pop(message[1]).set_result(message[2])

    def _refused(self, message: Message) -> None:
        self._transport.abort()
        raise ConnectionError(f"the router says {message}")


async def join(port: int, framing: str = "rs") -> Peer:
    """Open a session."""
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(lambda: Peer(FRAMINGS[framing]()), "127.0.0.1", port)
    await peer.joined
    return peer
