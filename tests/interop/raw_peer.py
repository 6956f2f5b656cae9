"""A client without a mind of its own, for what our session would never send, and for messages as the peer wrote them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio

from tests.serve_tools import Peer
from trowamp._connect import open_transport
from trowamp._join import open_link
from trowamp._url import RouterUrl, parse_url
from trowamp.messages import Hello, Message, Publish, Published, Welcome
from trowamp.protocol._features import CLIENT_ROLES
from trowamp.wire import Link, get_serializer, rawsocket_client, websocket_client

_BARRIER = 2**40


@asynccontextmanager
async def connected(url: str, serializer: str = "json") -> AsyncGenerator[Peer, None]:
    """Open a connection on which nothing has been said yet."""
    target = parse_url(url)
    transport = await open_transport(target)
    try:
        peer = Peer(transport, _link(target, serializer))
        await open_link(peer.pump, url)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.pump.write)
            yield peer
            nursery.cancel_scope.cancel()
    finally:
        transport.abort()


@asynccontextmanager
async def joined(url: str, realm: str, serializer: str = "json") -> AsyncGenerator[Peer, None]:
    """Open a connection and join a realm with every feature that our client announces."""
    async with connected(url, serializer) as peer:
        peer.send(Hello(realm, {"roles": CLIENT_ROLES}))
        await peer.expect(Welcome)
        yield peer


async def everything_for(peer: Peer) -> list[Message]:
    """Return what the router has sent up to now: what comes before the answer to a request made now."""
    peer.send(Publish(_BARRIER, {"acknowledge": True}, "com.example.barrier"))
    received: list[Message] = []
    while True:
        message = await peer.next_message()
        if isinstance(message, Published) and message.request_id == _BARRIER:
            return received
        received.append(message)


def _link(url: RouterUrl, name: str) -> Link:
    serializer: Any = get_serializer(name)
    if url.framing == "rawsocket":
        return rawsocket_client(serializer)
    return websocket_client(url.websocket_url, [serializer], random_octets=secrets.token_bytes)
