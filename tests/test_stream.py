"""Streams of octets: what every kind promises to the pump."""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import AsyncGenerator

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from trowamp._stream import ByteTransport, SocketTransport, memory_pair, os_words

from .transports import KINDS, cancelled_at_every_step, no_files_left_open, open_transports, tcp_sockets

Pair = tuple[ByteTransport, ByteTransport]

LARGE = random.Random(1).randbytes(3_000_000)


@pytest.fixture(params=KINDS)
async def pair(request: pytest.FixtureRequest) -> AsyncGenerator[Pair, None]:
    async with open_transports(request.param) as transports:
        yield transports


async def receive_all(transport: ByteTransport, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        data = await transport.receive_some()
        assert data, "the connection ended"
        received += data
    return bytes(received)


def fill(transport: ByteTransport) -> int:
    """Send until the other side would have to read."""
    total = 0
    while sent := transport.send_now(bytes(65536)):
        total += sent
    return total


async def test_octets_arrive_in_order_both_ways(pair: Pair) -> None:
    near, far = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(near.send_all, LARGE)
        nursery.start_soon(far.send_all, LARGE[::-1])
        assert await receive_all(far, len(LARGE)) == LARGE
        assert await receive_all(near, len(LARGE)) == LARGE[::-1]


async def test_small_octets_are_sent_without_waiting(pair: Pair) -> None:
    near, far = pair
    assert near.send_now(b"hello") == 5
    assert await far.receive_some() == b"hello"


async def test_what_was_not_taken_is_sent_again_from_where_it_stopped(pair: Pair) -> None:
    near, far = pair
    dice = random.Random(2)
    queued, received = bytearray(LARGE), bytearray()
    while len(received) < len(LARGE):
        sent = near.send_now(queued[: dice.randrange(1, 400_000)] if dice.random() < 0.1 else queued)
        del queued[:sent]  # as the pump does; nothing may hold on to the buffer
        if not sent and dice.random() < 0.5:
            chunk = bytes(queued[:65536])
            del queued[: len(chunk)]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(near.send_all, chunk)
                await wait_all_tasks_blocked()
                received += await receive_all(far, min(len(LARGE) - len(received), 200_000))
        elif not sent:
            received += await far.receive_some()
    assert received == LARGE


async def test_sending_waits_for_the_reader(pair: Pair) -> None:
    near, far = pair
    filled = fill(near)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.send_all, bytes(filled))
            await wait_all_tasks_blocked()
            assert near.send_now(bytes(65536)) == 0
            scope.cancel()
    assert scope.cancelled_caught
    assert await far.receive_some()


async def test_the_end_comes_after_the_last_octet(pair: Pair) -> None:
    near, far = pair
    near.send_now(b"farewell")
    with assert_checkpoints():
        await near.aclose()
    assert await receive_all(far, 8) == b"farewell"
    assert await far.receive_some() == b""
    assert await far.receive_some() == b""


async def test_aborting_wakes_who_receives_and_who_sends(pair: Pair) -> None:
    near, _ = pair
    woken = []

    async def receive() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await near.receive_some()
        woken.append("receiver")

    async def send() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await near.send_all(LARGE * 3)
        woken.append("sender")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        near.abort()
    assert sorted(woken) == ["receiver", "sender"]


async def test_nothing_works_on_a_transport_that_this_side_has_closed(pair: Pair) -> None:
    near, far = pair
    far.send_now(b"unread")
    near.abort()
    near.abort()
    await near.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await near.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        near.send_now(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await near.send_all(b"x")


async def test_sending_to_a_peer_that_has_gone_breaks(pair: Pair) -> None:
    near, far = pair
    far.abort()
    queued = bytearray(100)
    with pytest.raises(trio.BrokenResourceError):  # TCP notices at the second attempt
        near.send_now(queued)
        await wait_all_tasks_blocked(0.01)
        near.send_now(queued)
    queued += b"x"  # nothing holds on to the buffer
    with pytest.raises(trio.BrokenResourceError):
        await near.send_all(b"x")


async def test_a_cancelled_receive_loses_nothing(pair: Pair) -> None:
    near, far = pair

    async def receive() -> None:
        await far.receive_some()

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            scope.cancel()
    near.send_now(b"still here")
    assert await far.receive_some() == b"still here"


async def test_receiving_is_a_checkpoint_when_nothing_is_there(pair: Pair) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await pair[0].receive_some()
    assert scope.cancelled_caught


@pytest.mark.parametrize("kind", KINDS)
async def test_cancelled_at_any_step_nothing_stays_open(kind: str) -> None:
    async def talk() -> None:
        async with open_transports(kind) as (near, far), trio.open_nursery() as nursery:
            nursery.start_soon(near.send_all, LARGE[:500_000])
            await receive_all(far, 500_000)
            await near.aclose()
            await far.receive_some()

    with no_files_left_open():
        assert await cancelled_at_every_step(talk) > 1


async def test_a_reset_connection_says_so() -> None:
    near, far = await tcp_sockets()
    far.send_now(b"unread by the other side")
    await wait_all_tasks_blocked(0.01)
    near.abort()  # octets that nobody has read: the kernel sends a reset
    with pytest.raises(trio.BrokenResourceError, match="^Connection reset by peer$"):
        await far.receive_some()
    far.abort()


async def test_tcp_sends_at_once_and_notices_a_host_that_has_gone() -> None:
    near, far = await tcp_sockets()
    sock = near._socket
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    idle, interval, count = (
        sock.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    )
    assert idle + interval * count <= 60
    near.abort()
    far.abort()


async def test_a_transport_takes_the_socket_over() -> None:
    with no_files_left_open():
        sock = trio.socket.socket()
        transport = SocketTransport(sock, "tcp", {})
        assert sock.fileno() == -1
        transport.abort()


async def test_a_connection_in_memory_says_what_it_is() -> None:
    near, far = memory_pair()
    assert near.description == far.description == "memory"
    assert near.details["type"] == "memory"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Error connecting to ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/run/r.sock"), "Permission denied"),
    ],
)
def test_an_error_of_the_system_is_told_in_its_own_words(error: OSError, words: str) -> None:
    assert os_words(error) == words


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
async def test_a_host_that_has_gone_is_noticed_within_a_minute_also_when_octets_are_on_their_way() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        stream = await trio.open_tcp_stream(*listener.socket.getsockname()[:2])
        transport = SocketTransport(stream.socket, "", {})
        options = {
            name: transport._socket.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        }
        transport.abort()
    assert options["TCP_KEEPIDLE"] + options["TCP_KEEPINTVL"] * options["TCP_KEEPCNT"] <= 60
    assert options["TCP_USER_TIMEOUT"] == 60_000
