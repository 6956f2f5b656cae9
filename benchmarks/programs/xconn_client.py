"""xconn on asyncio. Arguments: URL, serializer, scenario, number; in the environment UVLOOP=1."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .measure import report
from .process import resident_kib
from .scenarios import SCENARIOS, Client

_async_client = importlib.import_module("xconn.async_client")
_types = importlib.import_module("xconn.types")
_auth = importlib.import_module("wampproto.auth")
_serializers = importlib.import_module("wampproto.serializers")
_SERIALIZERS = {"json": "JSONSerializer", "msgpack": "MsgPackSerializer", "cbor": "CBORSerializer"}


async def _gather(functions: Sequence[Callable[[], Awaitable[Any]]]) -> None:
    await asyncio.gather(*[function() for function in functions])


async def _ignore(_event: Any) -> None:
    pass


async def _echo(invocation: Any) -> Any:
    return _types.Result(args=invocation.args)


def _client(session: Any) -> Client:
    acknowledge = {"acknowledge": True}
    return Client(
        call=lambda procedure, value: session.call(procedure, [value]),
        publish=lambda topic, value: session.publish(topic, [value]),
        publish_nowait=None,
        publish_acknowledged=lambda topic, value: session.publish(topic, [value], options=acknowledge),
        subscribe=lambda topic: session.subscribe(topic, _ignore),
        register=lambda procedure: session.register(procedure, _echo),
        gather=_gather,
        breathe=lambda: asyncio.sleep(0),
        wait=asyncio.Event().wait,
    )


async def _connect(url: str, serializer: str) -> Any:
    codec = getattr(_serializers, _SERIALIZERS[serializer])()
    return await _async_client.connect(url, "realm1", _auth.AnonymousAuthenticator(""), codec)


async def main(url: str, serializer: str, scenario: str, n: int) -> None:
    """Run a scenario, or hold `n` idle sessions."""
    if scenario == "idle":
        before = resident_kib([os.getpid()])
        sessions = [await _connect(url, serializer) for _ in range(n)]
        report("idle session", kib=(resident_kib([os.getpid()]) - before) / len(sessions))
    else:
        await SCENARIOS[scenario](_client(await _connect(url, serializer)), n)
    os._exit(0)  # how long a session takes to leave is not measured


if __name__ == "__main__":
    if os.environ.get("UVLOOP"):
        asyncio.set_event_loop_policy(importlib.import_module("uvloop").EventLoopPolicy())
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
