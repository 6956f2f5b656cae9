"""What every client does, whatever its library: the libraries are behind one small interface, so that nobody gets an easier task.

A program for a library (`trowamp_client` and so on) makes a `Client` and runs one of `SCENARIOS` with it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .measure import Measure, report
from .payloads import KINDS, SIZES

IN_FLIGHT = 50
_WARM_UP = 200
ECHO, TOPIC, SERVED = "bench.echo", "bench.topic", "bench.served"

Send = Callable[[str, Any], Awaitable[Any]]


@dataclass
class Client:
    """A joined session of some library.

    Attributes:
        call: Call a procedure with one argument.
        publish: Publish one argument and wait for what the library makes one wait for; None if it cannot be waited for.
        publish_nowait: Publish one argument without waiting; None if there is no such thing.
        publish_acknowledged: Publish one argument and wait for the router's word.
        subscribe: Subscribe a handler that does nothing.
        register: Register a procedure that returns its argument, the way that the library's users would write it.
        gather: Run coroutines side by side.
        breathe: Let the loop do what is waiting.
        wait: Wait for ever.
    """

    call: Send
    publish: Send | None
    publish_nowait: Callable[[str, Any], object] | None
    publish_acknowledged: Send
    subscribe: Callable[[str], Awaitable[Any]]
    register: Callable[[str], Awaitable[Any]]
    gather: Callable[[Sequence[Callable[[], Awaitable[Any]]]], Awaitable[Any]]
    breathe: Callable[[], Awaitable[Any]]
    wait: Callable[[], Awaitable[Any]]


async def operations(client: Client, n: int) -> None:
    """Call, publish, hear and serve, `n` times each, with the stub router at the other end."""

    async def calls(count: int = n // IN_FLIGHT) -> None:
        for number in range(count):
            await client.call(ECHO, number)

    await calls(_WARM_UP)
    with Measure("call, one by one", n):
        await calls(n)
    with Measure(f"call, {IN_FLIGHT} in flight", n // IN_FLIGHT * IN_FLIGHT):
        await client.gather([calls] * IN_FLIGHT)
    await _publishing(client, n)
    await client.subscribe(TOPIC)
    with Measure("event received", n):
        await client.call("bench.events", n)
    await client.register(SERVED)
    with Measure("invocation served", n):
        await client.call("bench.serve", n)


async def _publishing(client: Client, n: int) -> None:
    if client.publish is not None:
        with Measure("publish", n):
            for number in range(n):
                await client.publish(TOPIC, number)
            await client.publish_acknowledged(TOPIC, 0)
    if client.publish_nowait is not None:
        with Measure("publish_nowait", n):
            for number in range(n):
                client.publish_nowait(TOPIC, number)
                if not number % 100:
                    await client.breathe()
            await client.publish_acknowledged(TOPIC, 0)


async def _large_payloads(client: Client, n: int, kind: str) -> None:
    """Call with large arguments that come back; `n` MiB of each size."""
    for name, size in SIZES.items():
        payload, count = KINDS[kind](size), max(1, n * 2**20 // size)
        await client.call(ECHO, payload)
        with Measure(f"call with {name}, {kind}", count, size=size):
            for _ in range(count):
                await client.call(ECHO, payload)


async def callee(client: Client, _n: int) -> None:
    """Serve a procedure until killed."""
    await client.register(ECHO)
    report("ready")
    await client.wait()


async def latency(client: Client, n: int) -> None:
    """Time each of `n` calls to a callee in another process."""
    for number in range(_WARM_UP):
        await client.call(ECHO, number)
    times = []
    for number in range(n):
        start = time.perf_counter_ns()
        await client.call(ECHO, number)
        times.append(time.perf_counter_ns() - start)
    times.sort()
    report("call through three processes", p50_us=times[n // 2] / 1000, p99_us=times[n * 99 // 100] / 1000)


Scenario = Callable[[Client, int], Coroutine[Any, Any, None]]
SCENARIOS: dict[str, Scenario] = {
    "operations": operations,
    **{kind: partial(_large_payloads, kind=kind) for kind in KINDS},
    "callee": callee,
    "latency": latency,
}
