"""Autobahn's Component on Twisted. Arguments: URL, serializer, scenario, number.

In the environment PACKAGE names another package with the same API.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .scenarios import SCENARIOS, Client

_PACKAGE = os.environ.get("PACKAGE", "autobahn")
_component = importlib.import_module(f"{_PACKAGE}.twisted.component")
_types = importlib.import_module(f"{_PACKAGE}.wamp.types")
_defer = importlib.import_module("twisted.internet.defer")
_task = importlib.import_module("twisted.internet.task")


def _gather(functions: Sequence[Callable[[], Awaitable[Any]]]) -> Any:
    return _defer.gatherResults([_defer.ensureDeferred(function()) for function in functions])


def _client(session: Any) -> Client:
    reactor = importlib.import_module("twisted.internet.reactor")
    acknowledge = _types.PublishOptions(acknowledge=True)
    return Client(
        call=session.call,
        publish=None,
        publish_nowait=session.publish,
        publish_acknowledged=lambda topic, value: session.publish(topic, value, options=acknowledge),
        subscribe=lambda topic: session.subscribe(lambda _value: None, topic),
        register=lambda procedure: session.register(lambda value: value, procedure),
        gather=_gather,
        breathe=lambda: _task.deferLater(reactor, 0, lambda: None),
        wait=_defer.Deferred,
    )


def main(url: str, serializer: str, scenario: str, n: int) -> None:
    """Run a scenario."""
    framing: dict[str, Any] = {"type": "websocket", "serializers": [serializer]}
    if url.startswith("rs"):
        framing = {"type": "rawsocket", "serializer": serializer}
    component = _component.Component(transports=[{"url": url, **framing}], realm="realm1")

    async def run(session: Any) -> None:
        try:
            await SCENARIOS[scenario](_client(session), n)
        except Exception:  # noqa: BLE001  # whatever it is, the process says so and ends
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
        os._exit(0)  # how long a component takes to stop is not measured

    component.on_join(lambda session, _details: _defer.ensureDeferred(run(session)))
    _component.run([component], log_level="error")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
