"""A TCP proxy that does to connections what networks do: it delays, slices, throttles, corrupts, cuts, resets, freezes.

What happens to a connection is a `Plan`. `random_plan` draws one from a seed, and the seed is in its name: whoever sees a failure can repeat it.
"""

from __future__ import annotations

import math
import random
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec
import trio

Cut = Literal["fin", "half", "rst", "stall"]
CUTS: Final[tuple[Cut, ...]] = ("fin", "rst", "stall")
_RECORD_HEAD: Final = 5  # octets: type, version, size
_RESET: Final = struct.pack("ii", 1, 0)
_BROKEN: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to the octets of one direction.

    Attributes:
        delay: The longest time, in seconds, that a piece waits.
        slices: Octets of the largest piece that is passed on at once; 0: as they come.
        rate: Octets in a second.
        cut_at: After how many octets the connection is cut; None: never.
        cut_record: After how many records of TLS it is cut; None: never.
        cut: How: closed in both directions, in this one only, reset, or never passing anything again.
        corrupt: The part of the octets that is changed.
    """

    delay: float = 0.0
    slices: int = 0
    rate: float = math.inf
    cut_at: int | None = None
    cut_record: int | None = None
    cut: Cut = "fin"
    corrupt: float = 0.0


class Plan(msgspec.Struct, frozen=True):
    """What happens to one connection: to what its client says, to what its server says, and the seed of all that is drawn."""

    up: Way = Way()
    down: Way = Way()
    seed: int = 0


HARMLESS: Final = Plan()


def random_plan(seed: int) -> Plan:
    """Draw a bad connection."""
    chance = random.Random(seed)

    def way() -> Way:
        return Way(
            delay=chance.choice((0.0, 0.0, 0.002, 0.02, 0.2)),
            slices=chance.choice((0, 0, 1, 7, 100, 1400)),
            rate=chance.choice((math.inf, math.inf, 262_144.0, 32_768.0)),
            cut_at=chance.choice((None, chance.randrange(2000), chance.randrange(50_000))),
            cut=chance.choice(CUTS),
        )

    return Plan(way(), way(), seed)


class FaultProxy:
    """Passes connections on to one server. Made by `open_proxy`.

    Args:
        target: Host and port of the server.
        plan_for: Says what happens to the n-th connection, counted from 0.

    Attributes:
        port: Where it listens, at 127.0.0.1.
        accepted: How many connections it has seen.
        passed: How many octets it has passed on: up, down.
    """

    def __init__(self, target: tuple[str, int], plan_for: Callable[[int], Plan]) -> None:
        self.target = target
        self.plan_for = plan_for
        self.port = 0
        self.accepted = 0
        self.passed = [0, 0]
        self._live: set[trio.CancelScope] = set()
        self._flowing = trio.Event()
        self._flowing.set()

    def url(self, scheme: str, path: str = "") -> str:
        """Return the URL by which a client reaches the server through it."""
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._live)

    def freeze(self) -> None:
        """Pass nothing on: the cable is unplugged."""
        self._flowing = trio.Event()

    def thaw(self) -> None:
        """Pass on again what was held."""
        self._flowing.set()

    def reset_all(self) -> None:
        """Reset every connection."""
        for scope in list(self._live):
            scope.cancel()

    async def serve(self, listener: trio.SocketListener, nursery: trio.Nursery) -> None:
        """Accept connections for ever."""
        while True:
            client = await listener.accept()
            number, self.accepted = self.accepted, self.accepted + 1
            nursery.start_soon(self._serve, client, self.plan_for(number))

    async def _serve(self, client: trio.SocketStream, plan: Plan) -> None:
        streams = [client]
        connection = _Connection(self, plan)
        try:
            server = await trio.open_tcp_stream(*self.target)
            streams.append(server)
            with connection.scope:
                self._live.add(connection.scope)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(connection.carry, client, server, 0, plan.up)
                    nursery.start_soon(connection.carry, server, client, 1, plan.down)
        except OSError:
            connection.scope.cancel()
        finally:
            self._live.discard(connection.scope)
            for stream in streams:
                if connection.scope.cancel_called:
                    _reset_when_closed(stream)
                stream.socket.close()

    async def flowing(self) -> None:
        """Wait while the proxy is frozen."""
        await self._flowing.wait()


class _Records:
    """Finds the end of the n-th record in a stream of TLS."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._pending = b""
        self._end = 0

    def end(self, more: bytes) -> int | None:
        """Return after how many octets it ends, as soon as that is known."""
        self._pending += more
        while self._left and len(self._pending) >= _RECORD_HEAD:
            size = _RECORD_HEAD + int.from_bytes(self._pending[3:_RECORD_HEAD])
            if len(self._pending) < size:
                break
            self._pending = self._pending[size:]
            self._end += size
            self._left -= 1
        return None if self._left else self._end


class _Connection:
    """One connection that is passed on."""

    def __init__(self, proxy: FaultProxy, plan: Plan) -> None:
        self.scope = trio.CancelScope()  # cancelled: both sides are reset
        self._proxy = proxy
        self._chance = random.Random(plan.seed)
        self._is_silent = False

    async def carry(self, source: trio.SocketStream, sink: trio.SocketStream, direction: int, way: Way) -> None:
        """Carry one direction until it ends."""
        seen = 0
        cut_at = way.cut_at
        records = None if way.cut_record is None else _Records(way.cut_record)
        with suppress(*_BROKEN, OSError):
            async for chunk in source:
                if records is not None:
                    cut_at = records.end(bytes(chunk))
                for piece in _pieces(bytes(chunk), way.slices):
                    if cut_at is not None and seen + len(piece) >= cut_at:
                        await self._send(sink, piece[: cut_at - seen], direction)
                        await self._cut(way.cut, source, sink)
                        return
                    seen += len(piece)
                    await self._hold(way, len(piece))
                    await self._send(sink, _corrupted(piece, way.corrupt, self._chance), direction)
            sink.socket.shutdown(socket.SHUT_WR)
            return
        self.scope.cancel()  # one side broke: the other shall learn of it

    async def _hold(self, way: Way, size: int) -> None:
        if way.delay or way.rate < math.inf:
            await trio.sleep(self._chance.random() * way.delay + size / way.rate)
        await self._proxy.flowing()
        if self._is_silent:  # the other direction was cut by silence, and so is this one
            await trio.sleep_forever()

    async def _send(self, sink: trio.SocketStream, piece: bytes, direction: int) -> None:
        if piece:
            await sink.send_all(piece)
            self._proxy.passed[direction] += len(piece)

    async def _cut(self, cut: Cut, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        if cut == "rst":
            self.scope.cancel()
        elif cut == "stall":
            self._is_silent = True
            await trio.sleep_forever()
        else:
            for stream in (sink, source) if cut == "fin" else (sink,):
                with suppress(OSError):
                    stream.socket.shutdown(socket.SHUT_WR)


def _pieces(chunk: bytes, size: int) -> list[bytes]:
    return [chunk[start : start + size] for start in range(0, len(chunk), size)] if size else [chunk]


def _corrupted(piece: bytes, part: float, chance: random.Random) -> bytes:
    if not part:
        return piece
    return bytes(octet ^ 1 << chance.randrange(8) if chance.random() < part else octet for octet in piece)


def _reset_when_closed(stream: trio.SocketStream) -> None:
    with suppress(OSError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


@asynccontextmanager
async def open_proxy(
    url: str, plan_for: Callable[[int], Plan] = lambda _: HARMLESS
) -> AsyncGenerator[FaultProxy, None]:
    """Run a proxy before the server at a URL; what it still holds is reset at the end of the block."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = FaultProxy((parts.hostname, parts.port), plan_for)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy.port = listener.socket.getsockname()[1]
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(proxy.serve, listener, nursery)
        yield proxy
        nursery.cancel_scope.cancel()
