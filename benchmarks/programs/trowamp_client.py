"""trowamp. Arguments: URL, serializer, scenario, number."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio

import trowamp

from .measure import report
from .process import resident_kib
from .scenarios import SCENARIOS, Client


async def _gather(functions: Sequence[Callable[[], Awaitable[Any]]]) -> None:
    async with trio.open_nursery() as nursery:
        for function in functions:
            nursery.start_soon(function)


def _client(session: trowamp.Session) -> Client:
    def echo(value: Any) -> Any:
        return value

    return Client(
        call=session.call,
        publish=session.publish,
        publish_nowait=session.publish_nowait,
        publish_acknowledged=session.with_options(acknowledge=True).publish,
        subscribe=lambda topic: session.subscribe(topic, lambda _value: None),
        register=lambda procedure: session.register(procedure, echo),
        gather=_gather,
        breathe=lambda: session.publish("bench.breath"),  # it waits while the connection is congested
        wait=trio.sleep_forever,
    )


async def _one(url: str, serializer: str, scenario: str, n: int) -> None:
    async with trowamp.open_session(url, realm="realm1", serializers=[serializer]) as session:
        await SCENARIOS[scenario](_client(session), n)


async def _idle(url: str, serializer: str, n: int) -> None:
    """Hold `n` sessions that do nothing."""
    before = resident_kib([os.getpid()])

    async def hold(task_status: trio.TaskStatus[None]) -> None:
        async with trowamp.open_session(url, realm="realm1", serializers=[serializer]):
            task_status.started()
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(n):
            await nursery.start(hold)
        report("idle session", kib=(resident_kib([os.getpid()]) - before) / n)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    _url, _serializer, _scenario, _n = sys.argv[1:]
    if _scenario == "idle":
        trio.run(_idle, _url, _serializer, int(_n))
    else:
        trio.run(_one, _url, _serializer, _scenario, int(_n))
