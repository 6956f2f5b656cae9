"""TLS over a socket that does not take everything at once: what is reported as sent, and that nothing is lost or sent twice."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from trowamp._stream import ByteTransport, SocketTransport
from trowamp._tls import TlsTransport

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


@pytest.fixture(scope="module")
def contexts() -> Contexts:
    authority = trustme.CA()
    client = ssl.create_default_context()
    authority.configure_trust(client)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("router.example").configure_cert(server)
    return client, server


class Narrow(SocketTransport):
    """A socket that takes as many octets at once as `room` says."""

    room: Callable[[], int] = staticmethod(lambda: 10**6)

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        room = self.room()
        return super().send_now(data[:room]) if room else 0


@asynccontextmanager
async def connected(contexts: Contexts) -> AsyncGenerator[tuple[TlsTransport, TlsTransport, Narrow], None]:
    """Yield both ends after their handshake, and the socket below the client's."""
    near, far = (
        Narrow(trio.socket.from_stdlib_socket(sock), "unix", {"type": "unix", "tls": False})
        for sock in socket.socketpair()
    )
    try:
        client = TlsTransport(near, contexts[0], server_hostname="router.example")
        server = TlsTransport(far, contexts[1])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.handshake)
            nursery.start_soon(server.handshake)
        yield client, server, near
    finally:
        near.abort()
        far.abort()


async def receive_exactly(transport: ByteTransport, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await transport.receive_some()
    return data


async def receive_for_now(transport: ByteTransport) -> bytes:
    """Return everything that has come, without waiting for more."""
    data = b""
    async with trio.open_nursery() as nursery:

        async def receive() -> None:
            nonlocal data
            while True:
                data += await transport.receive_some()

        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return data


async def send_in_chunks(transport: ByteTransport, data: bytes, size: int) -> None:
    """Offer everything, drop what was taken, and wait for a chunk of the rest: as the pump does, with chunks of any size."""
    queue = bytearray(data)
    while queue:
        del queue[: transport.send_now(queue)]
        if queue:
            chunk = bytes(queue[:size])
            del queue[:size]
            await transport.send_all(chunk)


@settings(max_examples=40, deadline=None)
@given(
    rooms=st.lists(st.sampled_from([0, 1, 5, 100, 20_000, 10**6]), min_size=1),
    size=st.sampled_from([1, 2, 300, 40_000]),
    chunk=st.sampled_from([5_000, 65_536]),
    seed=st.integers(0, 99),
)
def test_nothing_is_lost_and_nothing_sent_twice(
    contexts: Contexts, rooms: list[int], size: int, chunk: int, seed: int
) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(size)

    async def main() -> None:
        async with connected(contexts) as (client, server, socket_below):
            socket_below.room = lambda: chance.choice([*rooms, 10_000])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_in_chunks, client, data, chunk)
                assert await receive_exactly(server, size) == data

    trio.run(main)


async def test_what_the_peer_can_decrypt_was_reported_as_sent(contexts: Contexts) -> None:
    rooms = [40_000]  # and nothing after that

    async with connected(contexts) as (client, server, socket_below):
        socket_below.room = lambda: rooms.pop() if rooms else 0
        taken = client.send_now(bytes(65_536))
        assert 32_768 <= len(await receive_for_now(server)) <= taken < 65_536


async def test_the_last_octet_is_claimed_only_when_everything_is_on_its_way(contexts: Contexts) -> None:
    async with connected(contexts) as (client, server, socket_below):
        socket_below.room = lambda: 3
        assert client.send_now(b"four") == 3
        assert client.send_now(b"r") == 0
        socket_below.room = lambda: 10**6
        assert client.send_now(b"r and more") == 10
        assert await receive_exactly(server, 13) == b"four and more"
