"""What a scenario needs of a framework: the same coroutine runs on asyncio and on Twisted, and awaits futures or Deferreds.

Reactors are made, not installed: several kinds of them serve one process of tests, one after the other.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

import pytest
from trowamp_compat import asyncio as _asyncio_package  # noqa: F401
from trowamp_compat.asyncio import component as asyncio_component
from trowamp_compat.asyncio import rawsocket as asyncio_rawsocket
from trowamp_compat.asyncio import wamp as asyncio_wamp
from trowamp_compat.asyncio._connect import connect as asyncio_connect
from trowamp_compat.asyncio._face import AsyncioFace
from trowamp_compat.wamp._transports import TransportConfig
from trowamp_compat.wamp.types import ComponentConfig

from tests.driver import REALM, TIMEOUT, NotJoined

Scenario = Callable[..., Coroutine[Any, Any, Any]]


class Kit(Protocol):
    """A framework, running.

    Attributes:
        name: "asyncio" or "twisted".
        wamp: The framework's module of sessions.
        component: Its module of components.
        rawsocket: Its module of RawSocket.
        loop: What `Component.start` takes.
        face: Its face.
    """

    name: str
    wamp: Any
    component: Any
    rawsocket: Any
    loop: Any
    face: Any

    def connect(self, config: TransportConfig, make_session: Callable[[], Any]) -> Any:
        """Connect to a router."""
        ...


class AsyncioKit:
    """asyncio."""

    name = "asyncio"
    wamp: Any = asyncio_wamp
    component: Any = asyncio_component
    rawsocket: Any = asyncio_rawsocket

    def __init__(self) -> None:
        self.loop: Any = asyncio.get_running_loop()
        self.face: Any = AsyncioFace(self.loop)

    def connect(self, config: TransportConfig, make_session: Callable[[], Any]) -> Any:
        return asyncio_connect(config, make_session)


class TwistedKit:
    """Twisted, on a reactor."""

    name = "twisted"

    def __init__(self, reactor: Any) -> None:
        from trowamp_compat.twisted import component, rawsocket, wamp
        from trowamp_compat.twisted._face import TwistedFace

        self.wamp: Any = wamp
        self.component: Any = component
        self.rawsocket: Any = rawsocket
        self.loop = reactor
        self.face: Any = TwistedFace(reactor)

    def connect(self, config: TransportConfig, make_session: Callable[[], Any]) -> Any:
        from trowamp_compat.twisted._connect import connect

        return connect(self.loop, config, make_session)


def run_on_asyncio(scenario: Scenario, *args: Any, new_loop: Callable[[], Any] = asyncio.new_event_loop) -> Any:
    """Run a scenario on a loop of its own."""

    async def run() -> Any:
        async with asyncio.timeout(TIMEOUT):
            return await scenario(AsyncioKit(), *args)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(run())


def run_on_twisted(scenario: Scenario, *args: Any, kind: str = "epoll") -> Any:
    """Run a scenario on a reactor."""
    from twisted.internet.defer import ensureDeferred
    from twisted.python.failure import Failure

    reactor = _reactor(kind)
    outcome: list[Any] = []
    running = ensureDeferred(scenario(TwistedKit(reactor), *args))
    running.addBoth(outcome.append)
    if kind == "asyncio":  # an iteration of this one lasts as long as it may, unless its loop is stopped
        running.addBoth(lambda _: reactor._asyncioEventloop.stop())
    deadline = reactor.seconds() + TIMEOUT
    try:
        while not outcome:
            reactor.iterate(0.05)
            if reactor.seconds() > deadline:
                running.cancel()
                raise TimeoutError(f"the scenario took longer than {TIMEOUT:g} s")
    finally:
        for _ in range(3):
            reactor.iterate(0)
        if reactor.threadpool is not None:  # its threads, for looking up names, would keep the process of the tests
            reactor._stopThreadPool()
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]


@functools.cache
def _reactor(kind: str) -> Any:
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor
    from twisted.internet.epollreactor import EPollReactor
    from twisted.internet.selectreactor import SelectReactor

    made: Any
    if kind == "asyncio":
        made = AsyncioSelectorReactor(asyncio.new_event_loop())
    else:
        made = {"epoll": EPollReactor, "select": SelectReactor}[kind]()
    made.startRunning(installSignalHandlers=False)
    return made


def run_on_uvloop(scenario: Scenario, *args: Any) -> Any:
    """Run a scenario on uvloop."""
    uvloop = pytest.importorskip("uvloop")
    return run_on_asyncio(scenario, *args, new_loop=uvloop.new_event_loop)


def run_with_eager_tasks(scenario: Scenario, *args: Any) -> Any:
    """Run a scenario on a loop whose tasks begin to run when they are made."""
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks came with Python 3.12")
    return run_on_asyncio(scenario, *args, new_loop=_new_eager_loop)


def _new_eager_loop() -> Any:
    loop: Any = asyncio.new_event_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009  # for those whose Python has it not
    return loop


RUNNERS: dict[str, Callable[..., Any]] = {
    "asyncio": run_on_asyncio,
    "asyncio-eager": run_with_eager_tasks,
    "uvloop": run_on_uvloop,
    "twisted-epoll": run_on_twisted,
    "twisted-select": functools.partial(run_on_twisted, kind="select"),
    "twisted-asyncio": functools.partial(run_on_twisted, kind="asyncio"),
}
BOTH = {"asyncio": "asyncio", "asyncio-eager": "asyncio-eager", "twisted": "twisted-epoll"}

on_both = pytest.mark.parametrize("run", [RUNNERS[name] for name in BOTH.values()], ids=list(BOTH))
on_all = pytest.mark.parametrize("run", list(RUNNERS.values()), ids=list(RUNNERS))

Run = Callable[..., Any]


def transport(url: str, kind: str = "rawsocket", serializer: str = "msgpack") -> dict[str, Any]:
    """Return the configuration of a transport to a router that serves both framings on one port."""
    if kind == "rawsocket":
        return {"type": kind, "url": over_rawsocket(url), "serializer": serializer}
    return {"type": kind, "url": url, "serializers": [serializer]}


def over_rawsocket(url: str) -> str:
    """Return the RawSocket URL of a router that serves both framings on one port."""
    return url.replace("ws://", "rs://").removesuffix("/ws")


async def join(
    kit: Kit,
    config: dict[str, Any],
    make: Callable[[ComponentConfig], Any] | None = None,
    realm: str = REALM,
) -> Any:
    """Connect and join; return the session.

    Raises:
        NotJoined: The router said no.
    """
    ready = kit.face.create_future()

    reasons: list[Any] = []

    def disconnected(session: Any, was_clean: bool) -> None:
        kit.face.reject(ready, NotJoined(reasons[0]))

    def make_session() -> Any:
        session = (make or kit.wamp.ApplicationSession)(ComponentConfig(realm=realm))
        session.on("ready", lambda session: kit.face.resolve(ready, session))
        session.on("leave", lambda session, details: reasons.append(details.reason))
        session.on("disconnect", disconnected)
        return session

    await kit.connect(TransportConfig(config), make_session)
    session = await ready
    session.off("leave")
    session.off("disconnect")
    return session


async def until(kit: Kit, condition: Callable[[], Any]) -> Any:
    """Let the loop turn until something is true; return it."""
    while not (value := condition()):
        await turn(kit)
    return value


def turn(kit: Kit) -> Awaitable[None]:
    """Let the loop turn once."""
    future = kit.face.create_future()
    kit.face.call_later(0.001, kit.face.resolve, future, None)
    return future  # type: ignore[no-any-return]
