"""Autobahn's Component on asyncio. Arguments: URL, serializer, scenario, number.

In the environment UVLOOP=1 chooses uvloop, and PACKAGE names another package with the same API.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .measure import report
from .process import resident_kib
from .scenarios import SCENARIOS, Client

_PACKAGE = os.environ.get("PACKAGE", "autobahn")
_component = importlib.import_module(f"{_PACKAGE}.asyncio.component")
_types = importlib.import_module(f"{_PACKAGE}.wamp.types")


async def _gather(functions: Sequence[Callable[[], Awaitable[Any]]]) -> None:
    await asyncio.gather(*[function() for function in functions])


def _client(session: Any) -> Client:
    acknowledge = _types.PublishOptions(acknowledge=True)
    return Client(
        call=session.call,
        publish=None,
        publish_nowait=session.publish,
        publish_acknowledged=lambda topic, value: session.publish(topic, value, options=acknowledge),
        subscribe=lambda topic: session.subscribe(lambda _value: None, topic),
        register=lambda procedure: session.register(lambda value: value, procedure),
        gather=_gather,
        breathe=lambda: asyncio.sleep(0),
        wait=asyncio.Event().wait,
    )


def _leave(code: int = 0) -> None:
    """End at once: how long a component takes to stop is not measured."""
    sys.stderr.flush()
    os._exit(code)


def _new_component(url: str, serializer: str) -> Any:
    framing: dict[str, Any] = {"type": "websocket", "serializers": [serializer]}
    if url.startswith("rs"):
        framing = {"type": "rawsocket", "serializer": serializer}
    return _component.Component(transports=[{"url": url, **framing}], realm="realm1")


def main(url: str, serializer: str, scenario: str, n: int) -> None:
    """Run a scenario, or hold `n` idle sessions."""
    before, joined = resident_kib([os.getpid()]), 0

    async def on_join(session: Any, _details: Any) -> None:
        nonlocal joined
        joined += 1
        if scenario == "idle":
            if joined == n:
                report("idle session", kib=(resident_kib([os.getpid()]) - before) / n)
                _leave()
            return
        try:
            await SCENARIOS[scenario](_client(session), n)
        except Exception:  # noqa: BLE001  # whatever it is, the process says so and ends
            traceback.print_exc()
            _leave(1)
        _leave()

    components = [_new_component(url, serializer) for _ in range(n if scenario == "idle" else 1)]
    for component in components:
        component.on_join(on_join)
    _component.run(components, log_level="error")


if __name__ == "__main__":
    if os.environ.get("UVLOOP"):
        asyncio.set_event_loop_policy(importlib.import_module("uvloop").EventLoopPolicy())
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
