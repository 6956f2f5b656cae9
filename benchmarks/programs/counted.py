"""Work whose instructions are counted, in one process without sockets. Arguments: what (see `WORK`), serializer, number."""

from __future__ import annotations

import os
import sys

import trio

import trowamp
from trowamp.messages import Call, Result
from trowamp.wire import get_serializer

from .scenarios import ECHO, TOPIC


async def calls(_serializer: str, n: int) -> None:
    """Call a procedure of another session through a router, everything in memory."""
    async with (
        trowamp.open_router(realms=["realm1"]) as router,
        router.open_session(realm="realm1") as callee,
        router.open_session(realm="realm1") as caller,
    ):
        await callee.register(ECHO, lambda value: value)
        for number in range(n):
            await caller.call(ECHO, number)


async def events(_serializer: str, n: int) -> None:
    """Publish to one subscriber, everything in memory."""
    async with (
        trowamp.open_router(realms=["realm1"]) as router,
        router.open_session(realm="realm1") as subscriber,
        router.open_session(realm="realm1") as publisher,
    ):
        await subscriber.subscribe(TOPIC, lambda _value: None)
        publish = publisher.with_options(acknowledge=True).publish
        for number in range(n):
            await publish(TOPIC, number)


async def codecs(serializer: str, n: int) -> None:
    """Make and read a CALL and a RESULT."""
    codec = get_serializer(serializer)
    call, result = Call(1, {}, ECHO, [1], None), Result(1, {}, [1], None)
    for _ in range(n):
        codec.decode(codec.encode(call))
        codec.decode(codec.encode(result))


WORK = {"call": calls, "event": events, "codecs": codecs}

if __name__ == "__main__":
    _what, _serializer, _n = sys.argv[1:]
    trio.run(WORK[_what], _serializer, int(_n))
    sys.stdout.flush()
    os._exit(0)  # taking the interpreter down costs instructions that are not ours
