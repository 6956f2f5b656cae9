"""Peers that try to use a router up, as a process of their own, so that what others notice of it is the router's doing.

    python -m tests.faults.attackers NAME PORT

It says "ready", attacks the router at that port of this host when it is told to go on, and says in JSON which goals it measured.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import trio

from tests.serve_tools import Peer, open_socket, open_socket_peer, rawsocket, websocket
from trowamp import open_session
from trowamp.messages import Abort, Call, Goodbye, Subscribe, Subscribed

from .goals import SCALE, Relation, scaled

HANDSHAKE: Final = 3.0  # seconds that a connection may take to join
LATE: Final = 1.0  # seconds after which it has to be closed
BUSY: Final = 3.0  # times longer, on a machine that does other things as well
LIMIT: Final = 10_000  # subscriptions of a session
DRIP: Final = 0.5  # seconds
CROWD: Final = 2_000  # connections that are there at a time
GREEDY: Final = 200  # connections beside them, that announce what is too large
LARGE: Final = 2**24 - 1  # octets that a message is said to have
_UPGRADE: Final = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
_JSON: Final = b"[" + bytes(1000).replace(b"\0", b" ")
_HALF: Final = (  # what a connection says at once, and what octet by octet: nothing of it is wrong, and it never ends
    (b"", b""),
    (b"\x7f", b"\xf1\0\0\0\0\xff\xff" + _JSON),
    (b"\x7f\xf1\0\0\0\0\xff\xff", _JSON),
    (_UPGRADE[:60], _UPGRADE[60:]),
    (_UPGRADE + b"\x81\xfe\xff\xff" + bytes(4), _JSON),
)
_LARGE: Final = (  # the beginning of a message that nobody may send who has not joined
    (b"\x7f\xf1\0\0\0" + LARGE.to_bytes(3), b""),
    (_UPGRADE + b"\x81\xff" + LARGE.to_bytes(8) + bytes(4), b""),
)

Figure = tuple[str, float, Relation, float]  # what was measured, how much that was, and its bound


class Target:
    """The router that is attacked."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, scheme: str) -> str:
        """Return its URL."""
        return f"{scheme}://127.0.0.1:{self._port}" + ("/ws" if scheme == "ws" else "")


class Crowd:
    """Connections that begin and do not go on, but for an octet now and then.

    Args:
        count: How many.
        says: What they say in turn: at once, and octet by octet.
    """

    def __init__(self, count: int, says: Sequence[tuple[bytes, bytes]]) -> None:
        self.count = count
        self.present = self.most = self.closed = self.told = 0
        self.slowest = 0.0
        self._says = says

    async def gather(self, url: str) -> None:
        """Have all of them come, and wait until all have gone."""
        async with trio.open_nursery() as nursery:
            for number in range(self.count):
                nursery.start_soon(self._hang, url, number)

    async def _hang(self, url: str, number: int) -> None:
        await trio.sleep(number * HANDSHAKE / 2 / self.count)  # all are there for as long as it took them to come
        async with await open_socket(url) as stream, trio.open_nursery() as nursery:
            began = trio.current_time()
            self.present += 1
            self.most = max(self.most, self.present)
            at_once, drops = self._says[number % len(self._says)]
            await stream.send_all(at_once)
            nursery.start_soon(self._drip, stream, drops)
            heard = b""
            with suppress(trio.BrokenResourceError):
                async for piece in stream:
                    heard += piece
            self.told += b"exceeds the limit" in heard
            self.present -= 1
            self.closed += 1
            self.slowest = max(self.slowest, trio.current_time() - began)
            nursery.cancel_scope.cancel()

    async def _drip(self, stream: trio.SocketStream, drops: bytes) -> None:
        with suppress(trio.BrokenResourceError):
            for drop in drops:
                await trio.sleep(DRIP)
                await stream.send_all(bytes((drop,)))


async def crowd(target: Target) -> list[Figure]:
    """Connect and do not join, and connect to announce what is too large; in the long form, one crowd comes after the other."""
    crowds = [(Crowd(CROWD, _HALF), Crowd(GREEDY, _LARGE)) for _ in range(max(1, round(SCALE)))]
    for them in crowds:
        async with trio.open_nursery() as nursery:
            for each in them:
                nursery.start_soon(each.gather, target.url("ws"))
    slow, large = zip(*crowds, strict=True)
    return [
        ("connections that do not join, all closed", sum(each.closed for each in slow), "==", CROWD * len(slow)),
        ("connections that do not join, at a time", min(each.most for each in slow), ">=", CROWD / 4),
        (
            "slowest end of a connection that does not join, in seconds",
            max(each.slowest for each in slow),
            "<=",
            (HANDSHAKE + LATE) * BUSY,
        ),
        (
            "connections that announce 16 MiB before they join, all told that it is too much",
            sum(each.told for each in large),
            "==",
            GREEDY * len(large),
        ),
    ]


async def bomb(target: Target) -> list[Figure]:
    """Send messages of 200 KiB that inflate to 200 MiB; they are refused by their size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(b"0" * 2**20) for _ in range(200)) + packer.flush(zlib.Z_SYNC_FLUSH)
    frame = b"\xc1\xff" + (len(packed) - 4).to_bytes(8) + bytes(4) + packed[:-4]
    refused = 0
    for _ in range(3):
        async with await open_socket(target.url("ws")) as stream:
            await stream.send_all(_UPGRADE)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += await stream.receive_some()
            assert b"permessage-deflate" in answer
            with suppress(trio.BrokenResourceError):
                await stream.send_all(frame)
            heard = b""
            with trio.move_on_after(5), suppress(trio.BrokenResourceError):
                while piece := await stream.receive_some():
                    heard += piece
            refused += b"\x03\xf1" in heard  # 1009, "message too big"
    return [("bombs refused by their size", refused, "==", 3)]


async def flood(target: Target) -> list[Figure]:
    """Send tens of thousands of pings."""
    async with open_socket_peer(target.url("ws"), websocket) as peer:
        await peer.join()
        for _ in range(20):
            for _ in range(1000):
                peer.link.ping()
            await peer.pump.send_queued()
            await peer.pump.receive()
    return []


async def subscribe(target: Target) -> list[Figure]:
    """Ask for a million subscriptions, of which a session may have ten thousand."""
    count, batch = scaled(1_000_000) // 500 * 500, 500
    async with open_socket_peer(target.url("rs")) as peer:
        await peer.join()
        for first in range(0, LIMIT, batch):
            peer.send(*(Subscribe(number + 1, {}, f"com.example.t{number}") for number in range(first, first + batch)))
            for _ in range(batch):
                await peer.expect(Subscribed)
        more = b"".join(
            peer.link.encode(Subscribe(number + 1, {}, f"com.example.u{number}")) for number in range(batch)
        )
        refused = answered = 0
        for _ in range((count - LIMIT) // batch):
            await peer.transport.send_all(more)
            answered += batch
            while refused < answered:
                refused += (await peer.transport.receive_some()).count(b"wamp.error.not_authorized")
    return [("subscriptions beyond the limit, refused", refused, "==", count - LIMIT)]


async def fragment(target: Target) -> list[Figure]:
    """Send a hundred thousand fragments of an octet each, of what is no message in the end."""
    refused = 0
    for _ in range(3):
        async with open_socket_peer(target.url("ws"), websocket) as peer:
            await peer.join()
            await peer.transport.send_all(b"\x01\x81\0\0\0\0[")
            for _ in range(scaled(50)):
                await peer.transport.send_all(b"\0\x81\0\0\0\0 " * 2_000)
                await trio.sleep(0.01)
            await peer.transport.send_all(b"\x80\x81\0\0\0\0]")
            refused += (await peer.expect(Abort)).reason == "wamp.error.protocol_violation"
    return [("messages of a hundred thousand fragments, refused", refused, "==", 3)]


async def never_read(target: Target) -> list[Figure]:
    """Ask for much and read nothing of it."""
    told = 0

    async def ask(peer: Peer) -> str:
        for first in range(1, 2000, 100):
            peer.send(*(Call(number, {}, "com.example.large") for number in range(first, first + 100)))
            await trio.sleep(0.01)
        while True:  # at last it reads, and learns why it was dropped
            message = await peer.next_message()
            if isinstance(message, Goodbye | Abort):
                return message.reason

    async with open_session(target.url("rs"), realm="realm1") as callee:
        payload = "x" * 50_000
        await callee.register("com.example.large", lambda: payload)
        for _ in range(2):
            async with open_socket_peer(target.url("rs"), rawsocket) as peer:
                await peer.join()
                told += await ask(peer) == "wamp.close.killed"
    return [("peers that read nothing, told why they were dropped", told, "==", 2)]


ATTACKS: Final[dict[str, Callable[[Target], Awaitable[list[Figure]]]]] = {
    "crowd": crowd,
    "bomb": bomb,
    "flood": flood,
    "subscribe": subscribe,
    "fragment": fragment,
    "never_read": never_read,
}


async def main(name: str, port: int) -> None:
    """Attack when told to, for no longer than somebody is there who has asked for it."""
    async with trio.lowlevel.FdStream(os.dup(0)) as orders, trio.open_nursery() as nursery:

        async def end_when_alone() -> None:
            await orders.receive_some()
            nursery.cancel_scope.cancel()

        print("ready", flush=True)  # noqa: T201
        await orders.receive_some()
        nursery.start_soon(end_when_alone)
        print(json.dumps(await ATTACKS[name](Target(port))))  # noqa: T201
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    trio.run(main, sys.argv[1], int(sys.argv[2]))
