"""Ten calls of Autobahn's that wait, over the connection that is harmed; says in lines of JSON how each of them ends.

python pending_autobahn.py URL DIRECT_URL
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import json
import sys
import time

from autobahn.asyncio.component import Component, run  # type: ignore[import-untyped,import-not-found,unused-ignore]

CALLS = 10
callee = Component(transports=[{"type": "websocket", "url": sys.argv[2]}], realm="realm1")
caller = Component(transports=[{"type": "websocket", "url": sys.argv[1]}], realm="realm1")
is_served = asyncio.Event()
tasks = []


def say(**words: object) -> None:
    print(json.dumps({**words, "at": time.monotonic()}), flush=True)


@callee.register("com.example.never")
async def never() -> None:
    await asyncio.sleep(3600)


@callee.register("com.example.large")
def large(size: int) -> str:
    return "x" * size


@callee.on_ready
def ready(session: object) -> None:
    is_served.set()


async def call(session: object, name: str, *args: object) -> None:
    try:
        await session.call(name, *args)  # type: ignore[attr-defined]
        how = "result"
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is told
        how = f"{type(error).__name__} {getattr(error, 'error', '')}".strip()
    say(ended=how)


@caller.on_join
async def joined(session: object, details: object) -> None:
    if tasks:
        return  # it has come back
    await is_served.wait()
    for number in range(CALLS):
        name, args = ("com.example.never", ()) if number else ("com.example.large", (800_000,))
        tasks.append(asyncio.ensure_future(call(session, name, *args)))
    await asyncio.sleep(0.5)
    say(pending=CALLS)


run([callee, caller], log_level="error")
