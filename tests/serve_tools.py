"""What tests of the router's shell need: peers that say what they are told to, in memory or through a socket, and read only when asked."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import trio

from trowamp import Router
from trowamp._byte_pump import BytePump
from trowamp._connect import open_transport
from trowamp._join import open_link
from trowamp._stream import ByteTransport, memory_pair
from trowamp._url import parse_url
from trowamp.messages import Hello, Message, Subscribe, Subscribed, Welcome
from trowamp.wire import Link, get_serializer, rawsocket_client, websocket_client

M = TypeVar("M", bound=Message)

REALM = "realm1"
ROLES: dict[str, Any] = {"publisher": {}, "subscriber": {}, "caller": {}, "callee": {}}


def rawsocket(serializer: str = "json") -> Link:
    return rawsocket_client(get_serializer(serializer))


def websocket(serializer: str = "json") -> Link:
    return websocket_client("ws://localhost/", [get_serializer(serializer)], random_octets=secrets.token_bytes)


class Peer:
    """A client without a mind of its own."""

    def __init__(self, transport: ByteTransport, link: Link) -> None:
        self.transport = transport
        self.pump = BytePump(transport, link)
        self.link = link
        self._messages: list[Message] = []

    def send(self, *messages: Message) -> None:
        for message in messages:
            self.link.send(message)
        self.pump.flush()

    async def expect(self, kind: type[M]) -> M:
        """Read the next message, which is of this kind."""
        message = await self.next_message()
        assert isinstance(message, kind), message
        return message

    async def next_message(self) -> Message:
        """Read the next message."""
        while not self._messages:
            assert not self.link.is_closed, f"expected a message, but: {self.link.close_reason}"
            self._messages += await self.pump.receive()
            self.pump.flush()
        return self._messages.pop(0)

    async def join(self) -> int:
        """Join; return the id of the session."""
        self.send(Hello(REALM, {"roles": ROLES}))
        return (await self.expect(Welcome)).session_id

    async def subscribe(self, topic: str) -> None:
        self.send(Subscribe(1, {}, topic))
        await self.expect(Subscribed)

    async def is_cut_off(self) -> str:
        """Wait for the end of the connection; return what the link says of it."""
        while not self.link.is_closed:
            await self.pump.receive()
        return self.link.close_reason

    async def answer_pings(self) -> None:
        """Read and flush for ever."""
        while not self.link.is_closed:
            await self.pump.receive()
            self.pump.flush()


@asynccontextmanager
async def open_peer(router: Router, make_link: Callable[[], Link] = rawsocket) -> AsyncGenerator[Peer, None]:
    """Connect in memory, without the transport's handshake."""
    near, far = memory_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(router._shell.serve_transport, far)
        yield Peer(near, make_link())
        near.abort()


@asynccontextmanager
async def open_joined_peer(router: Router, make_link: Callable[[], Link] = rawsocket) -> AsyncGenerator[Peer, None]:
    """Connect in memory and join."""
    async with open_peer(router, make_link) as peer:
        await open_link(peer.pump, "the router")
        await peer.join()
        yield peer


@asynccontextmanager
async def open_socket_peer(url: str, make_link: Callable[[], Link] = rawsocket) -> AsyncGenerator[Peer, None]:
    """Connect through a socket, without joining."""
    peer = Peer(await open_transport(parse_url(url)), make_link())
    try:
        await open_link(peer.pump, url)
        yield peer
    finally:
        peer.transport.abort()


async def open_socket(url: str) -> trio.SocketStream:
    """Connect to the port of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return await trio.open_tcp_stream(parts.hostname, parts.port)


async def exchange(url: str, octets: bytes) -> bytes:
    """Send octets to a port and return everything that comes back until the router closes the connection."""
    async with await open_socket(url) as stream:
        await stream.send_all(octets)
        return b"".join([bytes(chunk) async for chunk in stream])
