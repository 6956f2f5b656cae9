"""A crowd of clients that send whatever looks like long-polling, in any order, and go away at any time: nothing fails, nothing is left."""

from __future__ import annotations

import json
import random
from contextlib import suppress

import pytest
import trio

from tests.http_tools import GOODBYE, HELLO, REALM, Http, Polled, open_http, open_polled, opening
from trowamp import Router, open_router

METHODS = ("POST",) * 6 + ("OPTIONS", "PUT", "HEAD", "GET", "DELETE", "CONNECT", "PATCH", "P\0ST", "LOCK")
PATHS = ("/lp/open", "/open", "/", "*", "http://x/open", "/%00/send", "/lp/é/send")
OPERATIONS = ("receive", "send", "close")
BODIES = (
    b"",
    b"{}",
    opening(),
    json.dumps(HELLO).encode(),
    json.dumps(GOODBYE).encode(),
    b'[32,1,{},"a.b"]',
    b'[16,1,{},"a.b",["x"]]',
    b'[3,{},"a.b"]',
    b"\xff\0",
    b"x" * 70_000,
)
HEADERS = (
    b"Host: a",
    b"Origin: http://a",
    b"Origin: \xff",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Transfer-Encoding: chunked",
    b"Content-Type: application/cbor",
    b"Upgrade: websocket",
    b"X: \xe9",
)


def request(dice: random.Random, transports: list[str]) -> bytes:
    """Make up a request, perhaps to a transport that there is."""
    name = dice.choice([*transports, "x"])
    path = dice.choice([*PATHS, *(f"/lp/{name}/{operation}" for operation in OPERATIONS * 2)])
    body = dice.choice(BODIES)
    headers = dice.sample(HEADERS, dice.randint(0, 3))
    headers += [b"Host: q"] * (dice.random() < 0.9)
    headers.append(b"Content-Length: %d" % dice.choice([len(body)] * 9 + [5]))
    line = f"{dice.choice(METHODS)} {path} HTTP/{dice.choice(['1.1'] * 9 + ['1.0'])}\r\n"
    octets = bytearray(line.encode() + b"\r\n".join(headers) + b"\r\n\r\n" + body)
    if dice.random() < 0.1:
        for _ in range(3):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
    return bytes(octets)


async def misbehave(dice: random.Random, router: Router) -> None:
    async with open_http(router) as http:
        with trio.move_on_after(dice.random() * 20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read, http)
                for _ in range(dice.randint(1, 8)):
                    with suppress(trio.BrokenResourceError):
                        await http.send(request(dice, list(router._shell._long_polls._pumps)))
                    await trio.sleep(dice.choice([0, 0, 0, 0.1, 3]))
                if dice.random() < 0.5:
                    http.transport.end_sending()


async def read(http: Http) -> None:
    with suppress(trio.ClosedResourceError):
        await http.rest()


async def check_it_serves(polled: Polled, number: int) -> None:
    assert (await polled.send(32, number, {}, f"com.example.topic{number}")).status == 204
    assert (await polled.receive())[:2] == [33, number]


@pytest.mark.parametrize("seed", range(3))
async def test_a_crowd_that_does_anything_leaves_nothing_behind(
    seed: int, autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(seed)
    async with open_router([REALM], origins=["*"], idle_timeout=10_000) as router:
        async with open_polled(router) as polled:
            await polled.join()
            mine = router._shell._long_polls._pumps.pop(polled.name)  # nobody else is to find it
            for number in range(1, 9):
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(misbehave, dice, router)
                router._shell._long_polls._pumps[polled.name] = mine
                await check_it_serves(polled, number)
                del router._shell._long_polls._pumps[polled.name]
        for pump in (mine, *router._shell._long_polls._pumps.values()):
            pump.hang_up("the crowd has gone")
        await trio.sleep(100)
        assert router.connections == 0
        assert router.statistics().sessions == 0
        assert router._shell._long_polls._pumps == {}
        assert router._shell._long_polls._connections == set()
    assert [record for record in caplog.records if record.exc_info] == []
