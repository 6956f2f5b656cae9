"""Ten calls that wait, over the connection that is harmed; says in lines of JSON how each of them ends.

python pending_autobahn.py URL DIRECT_URL, with PACKAGE (autobahn or trowamp_compat) and FRAMEWORK (asyncio or twisted) in the environment.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

PACKAGE, FRAMEWORK = os.environ["PACKAGE"], os.environ["FRAMEWORK"]
CALLS = 10
OUTPUT = sys.stdout  # Twisted's log takes its place

module = importlib.import_module(f"{PACKAGE}.{FRAMEWORK}.component")
callee = module.Component(transports=[{"type": "websocket", "url": sys.argv[2]}], realm="realm1")
caller = module.Component(transports=[{"type": "websocket", "url": sys.argv[1]}], realm="realm1")
served: list[object] = []
pending: list[object] = []


def say(**words: object) -> None:
    print(json.dumps({**words, "at": time.monotonic()}), file=OUTPUT, flush=True)


def later(seconds: float, function: Callable[..., object], *args: object) -> None:
    if FRAMEWORK == "asyncio":
        import asyncio

        asyncio.get_running_loop().call_later(seconds, function, *args)
    else:
        from twisted.internet import reactor

        clock: Any = reactor
        clock.callLater(seconds, function, *args)


@callee.register("com.example.never")  # type: ignore[untyped-decorator]
def never() -> object:
    if FRAMEWORK == "asyncio":
        import asyncio

        return asyncio.get_running_loop().create_future()
    from twisted.internet.defer import Deferred

    return Deferred()


@callee.register("com.example.large")  # type: ignore[untyped-decorator]
def large(size: int) -> str:
    return "x" * size


def call(session: Any, name: str, *args: object) -> None:
    future = session.call(name, *args)
    pending.append(future)
    if FRAMEWORK == "asyncio":
        future.add_done_callback(lambda future: ended(None if future.cancelled() else future.exception()))
    else:
        future.addCallbacks(lambda _: ended(None), lambda failure: ended(failure.value))


def ended(error: BaseException | None) -> None:
    say(ended="result" if error is None else f"{type(error).__name__} {getattr(error, 'error', '')}".strip())


def begin(session: Any) -> None:
    if not served:
        later(0.05, begin, session)
        return
    for number in range(CALLS):
        name, args = ("com.example.never", ()) if number else ("com.example.large", (800_000,))
        call(session, name, *args)
    later(0.5, lambda: say(pending=CALLS))


callee.on("ready", served.append)
caller.on("join", lambda session, details: None if pending else begin(session))  # it may have come back
module.run([callee, caller], log_level="error")
