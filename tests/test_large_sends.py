"""Large messages leave in pieces, through every kind of transport, whatever it takes at once and whoever is cancelled meanwhile."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trowamp._byte_pump import BytePump
from trowamp._stream import ByteTransport, send_pieces
from trowamp.messages import Event
from trowamp.wire import Link
from trowamp.wire._pieces import LARGE, Outgoing, put_before

from .test_pump import Narrow, open_links
from .transports import KINDS, open_transports

SIZES = (1_500_000, 10, LARGE, 10, 10, 400_000, 3_000_000, 0)


@pytest.fixture(params=KINDS)
async def pair(request: pytest.FixtureRequest) -> AsyncGenerator[tuple[ByteTransport, ByteTransport], None]:
    async with open_transports(request.param) as transports:
        yield transports


def queue(link: Link) -> list[int]:
    for number, size in enumerate(SIZES, 1):
        link.send(Event(1, number, {}, ["x" * size]))
    return list(range(1, len(SIZES) + 1))


def arrived(link: Link) -> list[int]:
    return [message.publication_id for message in link.received() if isinstance(message, Event)]


async def test_pieces_arrive_as_if_they_were_one(pair: tuple[ByteTransport, ByteTransport]) -> None:
    near, far = pair
    dice, outgoing, received = random.Random(3), Outgoing(), bytearray()
    sizes = [*SIZES, *(dice.choice((7, LARGE, 300_000)) for _ in range(100))]
    expected = b"".join(b"head" + bytes([number]) * size for number, size in enumerate(sizes))
    for number, size in enumerate(sizes):
        outgoing.queue(put_before(b"head", bytes([number]) * size))
    while len(received) < len(expected):
        sent = send_pieces(near, outgoing.pieces()) if outgoing else 0
        outgoing.drop(sent)  # nothing holds on to the buffer
        if not sent:
            received += await far.receive_some()
    assert received == expected


async def test_the_writer_sends_what_is_left_of_large_messages(pair: tuple[ByteTransport, ByteTransport]) -> None:
    (near, far), (link, other) = pair, open_links()
    pump, came = BytePump(near, link), list[int]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.write)
        numbers = queue(link)
        pump.flush()
        while len(came) < len(numbers):
            other.receive_data(await far.receive_some())
            came += arrived(other)
        await pump.drain()
        nursery.cancel_scope.cancel()
    assert came == numbers
    assert other.error is None
    assert link.queued_octets == link.sent_octets


@pytest.mark.parametrize("room", [0, 1, 100, 65_536, 1_500_010, 1_500_100, 4_000_000])
async def test_a_writer_that_is_cancelled_leaves_what_it_has_not_taken(room: int) -> None:
    (link, other), transport = open_links(), Narrow()
    pump = BytePump(transport, link)
    queue(link)
    octets = bytes(link.data_to_send())
    link.data_sent(len(octets))
    numbers = queue(link)  # the same once more, in pieces
    before = link.sent_octets
    transport.room = room
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.write)
            await wait_all_tasks_blocked()
            scope.cancel()
    taken = link.sent_octets - before
    assert bytes(transport.sent[:room]) == octets[:room]
    assert bytes(link.data_to_send()) == octets[taken:]
    assert 0 < taken - room <= 65536  # the chunk in its hands
    other.receive_data(octets[:taken] + bytes(link.data_to_send()))
    assert arrived(other) == numbers


async def test_a_large_message_does_not_wait_for_the_end_of_the_pass() -> None:
    (link, other), transport = open_links(), Narrow()
    pump = BytePump(transport, link)
    numbers = queue(link)
    pump.flush_soon()
    other.receive_data(bytes(transport.sent))
    assert arrived(other) == numbers
