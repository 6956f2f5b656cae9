"""Puts load on a router and reports what it bears and what it costs it. Arguments: port, process id, what (see `LOADS`), transport, number."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .load_peer import Message, Peer, join
from .loop import run
from .measure import report
from .packed import packed
from .payloads import KINDS, SIZES
from .process import MeasureProcess, family, resident_kib
from .scenarios import ECHO, IN_FLIGHT, TOPIC

_CROWDS = (1, 10, 100, 1000)
_JOINING = 20
_SMALL = "sixteen letters."


@dataclass
class Target:
    """The router, and how much to do.

    Attributes:
        port: Where it listens.
        pids: Its processes.
        framing: "rs" or "ws".
        n: How many operations.
    """

    port: int
    pids: list[int]
    framing: str
    n: int

    def measure(self, metric: str, operations: int, *, size: int = 0) -> MeasureProcess:
        """Return a block's measure that counts the router's processor time."""
        return MeasureProcess(metric, operations, self.pids, size=size)

    async def join(self) -> Peer:
        """Open a session."""
        return await join(self.port, self.framing)

    async def crowd(self, size: int) -> list[Peer]:
        """Open sessions, a hundred at a time at most."""
        peers: list[Peer] = []
        while len(peers) < size:
            peers += await asyncio.gather(*[self.join() for _ in range(min(100, size - len(peers)))])
        return peers


class Callers:
    """Sessions that keep a number of calls in flight together until all are answered."""

    def __init__(self, peers: list[Peer], arguments: object) -> None:
        self._peers = peers
        self._arguments = arguments
        self._requests = dict.fromkeys(peers, 0)

    async def run(self, total: int, in_flight: int) -> None:
        """Make `total` calls, `in_flight` of them at a time."""
        in_flight = min(in_flight, total)
        self._to_start, self._to_come = total - in_flight, total
        self._done = asyncio.get_running_loop().create_future()
        for peer in self._peers:
            peer.on[50] = self._again(peer)
        for number in range(in_flight):
            self._call(self._peers[number % len(self._peers)])
        if (await self._done)[3] != self._arguments:
            raise ValueError("something else came back")

    def _call(self, peer: Peer) -> None:
        self._requests[peer] = request = self._requests[peer] + 1
        peer.send([48, request, {}, ECHO, self._arguments])

    def _again(self, peer: Peer) -> Callable[[Message], None]:
        def answered(result: Message) -> None:
            self._to_come -= 1
            if self._to_start:
                self._to_start -= 1
                self._call(peer)
            elif not self._to_come:
                self._done.set_result(result)

        return answered


async def _callee(target: Target) -> Peer:
    peer = await target.join()
    peer.on[68] = lambda invocation: peer.send([70, invocation[1], {}, invocation[4]])
    await peer.request([64, 1, {}, ECHO])
    return peer


async def calls(target: Target) -> None:
    """One caller, one callee."""
    await _callee(target)
    callers = Callers([await target.join()], [_SMALL])
    await callers.run(200, IN_FLIGHT)
    with target.measure(f"call, {IN_FLIGHT} in flight", target.n):
        await callers.run(target.n, IN_FLIGHT)


async def _publish(target: Target, subscribers: list[Peer], publications: int) -> None:
    """Publish, and wait until all events have come. Every hundredth publication is acknowledged, so that nobody is far ahead."""
    missing, done = publications * len(subscribers), asyncio.get_running_loop().create_future()

    def heard(_event: Message) -> None:
        nonlocal missing
        missing -= 1
        if not missing:
            done.set_result(None)

    for subscriber in subscribers:
        subscriber.on[36] = heard
    publisher = await target.join()
    for number in range(1, publications + 1):
        if number % 100:
            publisher.send([16, number, {}, TOPIC, [_SMALL]])
        else:
            await publisher.request([16, number, {"acknowledge": True}, TOPIC, [_SMALL]])
    await done


async def _subscribers(target: Target, size: int) -> list[Peer]:
    peers = await target.crowd(size)
    await asyncio.gather(*[peer.request([32, 1, {}, TOPIC]) for peer in peers])
    return peers


async def fan_out(target: Target) -> None:
    """One publisher, fifty subscribers."""
    subscribers = await _subscribers(target, 50)
    publications = max(1, target.n // 10)
    with target.measure("event delivered, fan-out to 50", publications * 50):
        await _publish(target, subscribers, publications)


async def joins(target: Target) -> None:
    """Sessions that some tasks open at the same time: one task alone would measure how long router and load wait for each other."""
    each = max(1, target.n // 10 // _JOINING)

    async def open_some() -> list[Peer]:
        return [await target.join() for _ in range(each)]

    with target.measure("join", each * _JOINING):
        opened = await asyncio.gather(*[open_some() for _ in range(_JOINING)])
    for peers in opened:
        for peer in peers:
            peer.close()


async def idle(target: Target) -> None:
    """Memory of sessions that do nothing."""
    await target.crowd(20)  # what the first sessions need once is not counted
    before = resident_kib(target.pids)
    peers = await target.crowd(target.n)
    report("idle session", kib=(resident_kib(target.pids) - before) / len(peers))


async def large_payloads(target: Target) -> None:
    """Calls with large arguments that come back; `n` MiB of each kind and size, four calls in flight."""
    await _callee(target)
    caller = await target.join()
    for kind, make in KINDS.items():
        for name, size in SIZES.items():
            callers, count = Callers([caller], packed([make(size)])), max(1, target.n * 2**20 // size)
            with target.measure(f"call with {name}, {kind}", count, size=size):
                await callers.run(count, 4)


async def growth(target: Target) -> None:
    """Calls of ever more callers, events to ever more subscribers."""
    await _callee(target)
    for crowd in _CROWDS:
        callers = Callers(await target.crowd(crowd), [_SMALL])
        with target.measure(f"call, sessions: {crowd}", target.n):
            await callers.run(target.n, max(IN_FLIGHT, crowd))
    subscribers: list[Peer] = []
    for crowd in _CROWDS:
        subscribers += await _subscribers(target, crowd - len(subscribers))
        publications = max(1, 5 * target.n // crowd)
        with target.measure(f"event delivered, fan-out to {crowd}", publications * crowd):
            await _publish(target, subscribers, publications)


LOADS: dict[str, Callable[[Target], Awaitable[None]]] = {
    "calls": calls,
    "fan-out": fan_out,
    "joins": joins,
    "idle": idle,
    "payloads": large_payloads,
    "growth": growth,
}


if __name__ == "__main__":
    _port, _pid, _what, _framing, _n = sys.argv[1:]

    async def _main() -> None:
        await LOADS[_what](Target(int(_port), family(int(_pid)), _framing, int(_n)))

    run(_main())
