"""The pump between a transport and a link: who sends what when, who waits, and how silence and failure are noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from trowamp._byte_pump import BytePump
from trowamp._pump import HIGH_WATER
from trowamp._stream import memory_pair
from trowamp.messages import Event
from trowamp.wire import Link, get_serializer, rawsocket_client, rawsocket_server

JSON = get_serializer("json")


class Narrow:
    """A transport that takes as much as a test lets it, and shows what it was given.

    Attributes:
        room: How many octets `send_now` takes in all.
        sent: What it was given.
        sends: How many octets each sending took.
        may_send: What `send_all` waits for, after half of its octets.
        failure: What sending raises.
    """

    wakes_tasks = False

    def __init__(self) -> None:
        self.description = "narrow"
        self.details: dict[str, Any] = {}
        self.room = 10**9
        self.sent = bytearray()
        self.sends: list[int] = []
        self.may_send = trio.Event()
        self.failure: Exception | None = None
        self.is_aborted = False
        self._send, self._receive = trio.open_memory_channel[bytes](100)

    def feed(self, octets: bytes) -> None:
        """Let octets be received."""
        self._send.send_nowait(octets)

    async def receive_some(self) -> bytes:
        data = await self._receive.receive()
        if self.is_aborted:
            raise trio.ClosedResourceError("this side closed the connection")
        return data

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        if self.failure is not None:
            raise self.failure
        taken = min(self.room, len(data))
        self.room -= taken
        self.sent += data[:taken]
        self.sends.append(taken)
        return taken

    async def send_all(self, data: bytes) -> None:
        half = len(data) // 2
        self.sent += data[:half]
        await self.may_send.wait()
        if self.failure is not None:
            raise self.failure
        self.sent += data[half:]
        self.sends.append(len(data))

    def end_sending(self) -> None:
        raise AssertionError("not the pump's business")

    async def aclose(self) -> None:
        raise AssertionError("not the pump's business")

    def abort(self) -> None:
        self.is_aborted = True
        self._send.close()


def open_links() -> tuple[Link, Link]:
    """Return both ends of an open connection: client, router."""
    near, far = rawsocket_client(JSON), rawsocket_server([JSON])
    for source, sink in ((near, far), (far, near)):
        octets = bytes(source.data_to_send())
        sink.receive_data(octets)
        source.data_sent(len(octets))
    assert near.is_open
    assert far.is_open
    return near, far


def event(number: int, size: int = 0) -> Event:
    return Event(1, number, {}, ["x" * size], None)


def queue(pump: BytePump, *numbers: int, size: int = 0) -> None:
    for number in numbers:
        pump.link.send(event(number, size))


def arrived(transport: Narrow, link: Link) -> list[int]:
    """Return the events that the other side understands from what was sent."""
    link.receive_data(bytes(transport.sent))
    transport.sent.clear()
    assert link.error is None
    return [message.publication_id for message in link.received() if isinstance(message, Event)]


@pytest.fixture
def transport() -> Narrow:
    return Narrow()


@pytest.fixture
def links() -> tuple[Link, Link]:
    return open_links()


@pytest.fixture
async def pump(transport: Narrow, links: tuple[Link, Link]) -> BytePump:
    return BytePump(transport, links[0])


@pytest.fixture
def far(links: tuple[Link, Link]) -> Link:
    return links[1]


# ---- writing


async def test_a_flush_sends_everything_at_once_and_needs_no_writer(
    pump: BytePump, transport: Narrow, far: Link
) -> None:
    queue(pump, 1, 2, 3)
    pump.flush()
    assert len(transport.sends) == 1
    assert arrived(transport, far) == [1, 2, 3]
    pump.flush()
    assert len(transport.sends) == 1


async def test_what_the_kernel_does_not_take_is_the_writer_s(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery
) -> None:
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    transport.may_send.set()
    for room in (0, 1, 5, 50):
        transport.room = room
        queue(pump, 1, 2, 3)
        pump.flush()
        assert len(transport.sent) == room
        await wait_all_tasks_blocked()
        assert arrived(transport, far) == [1, 2, 3]
        assert not pump.link.data_to_send()


async def test_messages_of_many_tasks_leave_together(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery
) -> None:
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()

    async def send(number: int) -> None:
        queue(pump, number)
        pump.flush_soon()

    async with trio.open_nursery() as senders:
        for number in range(1, 51):
            senders.start_soon(send, number)
    await wait_all_tasks_blocked()
    assert sorted(arrived(transport, far)) == list(range(1, 51))
    assert len(transport.sends) <= 2


async def test_nobody_overtakes_a_chunk_that_is_half_written(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery
) -> None:
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    transport.room = 0
    queue(pump, 1, size=1000)
    pump.flush()
    await wait_all_tasks_blocked()
    transport.room = 10**9  # now there would be room
    queue(pump, 2)
    pump.flush()
    pump.flush_soon()
    await wait_all_tasks_blocked()
    assert len(transport.sent) < 1000
    transport.may_send.set()
    await wait_all_tasks_blocked()
    assert arrived(transport, far) == [1, 2]


async def test_large_queues_leave_in_chunks(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery
) -> None:
    transport.room = 0
    transport.may_send.set()
    queue(pump, *range(1, 101), size=10_000)
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    assert arrived(transport, far) == list(range(1, 101))
    assert max(transport.sends) <= 65536


async def test_producers_wait_above_the_high_water_mark_and_no_longer(
    pump: BytePump, transport: Narrow, nursery: trio.Nursery
) -> None:
    transport.room = 0
    await pump.wait_writable()
    queue(pump, 1, size=HIGH_WATER)
    assert pump.is_above_high_water
    released = trio.Event()

    async def produce() -> None:
        await pump.wait_writable()
        released.set()

    nursery.start_soon(produce)
    await wait_all_tasks_blocked()
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    assert not pump.is_above_high_water  # a chunk of it is in the writer's hands
    assert not released.is_set()
    transport.may_send.set()
    await released.wait()


async def test_draining_waits_for_what_the_writer_holds(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery
) -> None:
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    await pump.drain()
    transport.room = 0
    queue(pump, 1)
    async with trio.open_nursery() as drainers:

        async def release() -> None:
            await wait_all_tasks_blocked()
            assert not arrived(transport, far)
            transport.may_send.set()

        drainers.start_soon(release)
        with assert_checkpoints():
            await pump.drain()
    assert arrived(transport, far) == [1]


async def test_what_is_queued_during_a_handshake_is_sent_by_the_task_itself(
    pump: BytePump, transport: Narrow, far: Link
) -> None:
    transport.may_send.set()
    queue(pump, 1, 2)
    await pump.send_queued()
    assert arrived(transport, far) == [1, 2]
    assert not pump.link.data_to_send()
    transport.failure = trio.BrokenResourceError("Connection reset by peer")
    queue(pump, 3)
    await pump.send_queued()
    assert pump.broken == "the connection broke: Connection reset by peer"


@pytest.mark.parametrize("way", [BytePump.flush, BytePump.flush_soon])
async def test_a_failure_to_send_is_noted_and_releases_everybody(
    way: Callable[[BytePump], None], pump: BytePump, transport: Narrow, nursery: trio.Nursery
) -> None:
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    transport.failure = trio.BrokenResourceError("Broken pipe")
    queue(pump, 1, size=HIGH_WATER)
    async with trio.open_nursery() as waiting:
        waiting.start_soon(pump.wait_writable)
        await wait_all_tasks_blocked()
        way(pump)
    assert pump.broken == "the connection broke: Broken pipe"
    await pump.drain()
    await pump.wait_writable()
    transport.failure = None
    pump.flush()
    assert not transport.sent
    nursery.cancel_scope.cancel()


async def test_a_failure_in_the_middle_of_a_chunk_is_noted(
    pump: BytePump, transport: Narrow, nursery: trio.Nursery
) -> None:
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    transport.room = 0
    queue(pump, 1, size=1000)
    async with trio.open_nursery() as waiting:
        waiting.start_soon(pump.drain)
        await wait_all_tasks_blocked()
        transport.failure = trio.BrokenResourceError("Connection reset by peer")
        transport.may_send.set()
    assert pump.broken == "the connection broke: Connection reset by peer"
    nursery.cancel_scope.cancel()


async def test_a_peer_that_takes_nothing_more_is_heard_out_before_the_end(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    nursery.start_soon(pump.write)
    await wait_all_tasks_blocked()
    transport.failure = trio.BrokenResourceError("Broken pipe")
    queue(pump, 1)
    pump.flush()
    far.send(event(2))
    transport.feed(bytes(far.data_to_send()))
    assert await pump.receive() == [event(2)]
    assert not transport.is_aborted
    await trio.sleep(10)
    assert transport.is_aborted


# ---- receiving


async def test_messages_are_received_as_they_are_completed(pump: BytePump, transport: Narrow, far: Link) -> None:
    far.send(event(1))
    far.send(event(2))
    octets = bytes(far.data_to_send())
    for part in (octets[:10], octets[10:-1], octets[-1:]):
        transport.feed(part)
    assert [list(await pump.receive()) for _ in range(3)] == [[], [event(1)], [event(2)]]


async def test_the_end_of_the_stream_is_no_failure(pump: BytePump, transport: Narrow) -> None:
    transport.feed(b"")
    assert await pump.receive() == []
    assert pump.has_ended
    assert pump.link.is_closed
    assert pump.broken is None


async def test_a_broken_connection_says_how() -> None:
    near, _ = memory_pair()
    pump = BytePump(near, open_links()[0])
    near.abort()
    assert await pump.receive() == []
    assert pump.broken == "the connection broke: this side closed the connection"
    assert pump.link.is_closed


# ---- silence


class Silence:
    """Runs a pump's keep-alive and shows what comes of it."""

    def __init__(self, pump: BytePump) -> None:
        self.pump = pump
        self.words = ""
        self.ended_at = 0.0

    async def run(self, interval: float, timeout: float) -> None:
        self.words = await self.pump.keep_alive(interval, timeout)
        self.ended_at = trio.current_time()


async def read(pump: BytePump) -> None:
    while not pump.link.is_closed:
        await pump.receive()


def octets_of(link: Link) -> bytes:
    octets = bytes(link.data_to_send())
    link.data_sent(len(octets))
    return octets


async def test_a_silent_peer_is_found_in_time(pump: BytePump, autojump_clock: MockClock) -> None:
    start = trio.current_time()
    assert await pump.keep_alive(20, 5) == "no answer to a ping within 5 s"
    assert trio.current_time() - start == pytest.approx(25)


async def test_a_peer_that_answers_is_kept(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    silence = Silence(pump)
    nursery.start_soon(silence.run, 20, 5)
    nursery.start_soon(read, pump)
    for answered in range(10):
        await trio.sleep(21)
        assert arrived(transport, far) == []  # a ping
        transport.feed(octets_of(far))
        await wait_all_tasks_blocked()
        assert pump.link.pongs == answered + 1
    last = trio.current_time()
    await trio.sleep(100)
    assert silence.words == "no answer to a ping within 5 s"
    assert silence.ended_at - last <= 25
    nursery.cancel_scope.cancel()


async def test_any_octet_counts_as_life_and_saves_the_ping(
    pump: BytePump, transport: Narrow, far: Link, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    silence = Silence(pump)
    nursery.start_soon(silence.run, 20, 5)
    nursery.start_soon(read, pump)
    far.send(event(1, 100))
    octets = octets_of(far)
    for octet in octets[:50]:
        await trio.sleep(19)
        transport.feed(bytes([octet]))
    assert not transport.sent
    assert not silence.words
    nursery.cancel_scope.cancel()


async def test_a_peer_that_takes_a_large_message_is_kept_although_it_cannot_answer_yet(
    pump: BytePump, transport: Narrow, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    transport.room = 0
    pump.link.send(event(1, 100_000))
    silence = Silence(pump)
    nursery.start_soon(silence.run, 20, 5)
    for _ in range(20):
        await trio.sleep(4)
        transport.room = 1000
        pump.flush()
        assert not silence.words
    last = trio.current_time()
    await trio.sleep(100)
    assert silence.words == "no answer to a ping within 5 s"
    assert silence.ended_at - last <= 10
    nursery.cancel_scope.cancel()
