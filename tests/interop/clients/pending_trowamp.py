"""The same with trowamp: `python pending_trowamp.py URL DIRECT_URL`."""

# ruff: noqa: T201

from __future__ import annotations

import json
import sys
import time

import trio

import trowamp

CALLS = 10


def say(**words: object) -> None:
    print(json.dumps({**words, "at": time.monotonic()}), flush=True)


async def never() -> None:
    await trio.sleep(3600)


async def call(session: trowamp.Session, name: str, *args: object) -> None:
    try:
        await session.call(name, *args)
        how = "result"
    except trowamp.SessionLost as error:
        how = f"SessionLost, maybe_executed={error.maybe_executed}"
    except trowamp.WampError as error:
        how = type(error).__name__
    say(ended=how)


async def serve(url: str, task_status: trio.TaskStatus[None]) -> None:
    try:
        async with trowamp.open_session(url, realm="realm1") as session:
            await session.register("com.example.never", never)
            await session.register("com.example.large", lambda size: "x" * size)
            task_status.started()
            await trio.sleep_forever()
    except trowamp.SessionLost:
        return


async def main(url: str, direct: str) -> None:
    async with trio.open_nursery() as nursery:

        async def served(task_status: trio.TaskStatus[None]) -> None:
            await serve(direct, task_status)

        await nursery.start(served)
        try:
            async with trowamp.open_session(url, realm="realm1") as session, trio.open_nursery() as calls:
                calls.start_soon(call, session, "com.example.large", 800_000)
                for _ in range(CALLS - 1):
                    calls.start_soon(call, session, "com.example.never")
                await trio.sleep(0.5)
                say(pending=CALLS)
        except trowamp.SessionLost:
            return


trio.run(main, *sys.argv[1:])
