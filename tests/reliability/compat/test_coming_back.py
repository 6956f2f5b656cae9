"""R2, R4 on asyncio and Twisted: whatever a router is doing when it dies, a component is back after the delay. Clocks jump; all is exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import pytest
from trowamp_compat.twisted._proxy import ProxyEndpoint
from trowamp_compat.wamp.router import Router

from tests.compat.test_component_failures import Noted
from trowamp import RouterAuth
from trowamp.messages import Challenge, Goodbye, Message, Registered, Welcome
from trowamp.wire import Link, get_serializer, rawsocket_server, websocket_server

from .memory import KERNEL, Framework, World, _Endpoint, on_frameworks, run_in_memory

DELAY = 1.5  # seconds before an attempt, without jitter
WELCOME = Welcome(1, {"roles": {"broker": {}, "dealer": {}}})
PROXY = {"host": "proxy", "port": 3128}

How = Literal["closed", "reset", "frozen"]
HOWS: tuple[How, ...] = ("closed", "reset", "frozen")


class Phase(msgspec.Struct, frozen=True):
    """When a router dies.

    Attributes:
        name: What it is doing.
        says: Its answers to what it hears, message by message; then it dies. None: it hears nothing that far.
        frozen: Seconds after which a router that is frozen is given up: over RawSocket, over WebSocket. None: with the connection, which the
            kernel keeps.
        octets: What of a handshake it says before, over each.
    """

    name: str
    says: Sequence[Message] | None
    frozen: tuple[float | None, float | None]
    octets: tuple[bytes, bytes] = (b"", b"")


PHASES = (
    Phase("accepting", None, (5, 5)),
    Phase("answering a handshake", None, (5, 5), (b"\x7f", b"HTTP/1.1 1")),
    Phase("hearing HELLO", (), (15, 15)),
    Phase("hearing AUTHENTICATE", (Challenge("ticket", {}),), (15, 15)),
    Phase("registering", (WELCOME,), (None, 20)),
    Phase("serving a call", (WELCOME, Registered(1, 1)), (None, 20)),
    Phase("saying GOODBYE", (WELCOME, Registered(1, 1), Goodbye({}, "wamp.close.system_shutdown")), (0, 1)),
)
BY_NAME = {phase.name: phase for phase in PHASES}


class Dying:
    """The router's end of a connection: a protocol of both frameworks."""

    def __init__(self, phase: Phase, how: How, framing: str) -> None:
        json = [get_serializer("json")]
        self.end: Any = None
        self._is_deaf = phase.says is None
        self._octets = phase.octets[framing == "ws"]
        self._how = how
        self._link: Link = rawsocket_server(json) if framing == "rs" else websocket_server(json)
        self._answers: Iterator[Message] = iter(phase.says or ())

    def connection_made(self, end: Any) -> None:
        self.end = end
        if self._is_deaf:
            if self._octets:
                end.write(self._octets)
            self._die()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._link.receive_data(data)
        for _ in self._link.received():
            answer = next(self._answers, None)
            if answer is None:
                self._die()
                return
            self._link.send(answer)
        octets = bytes(self._link.data_to_send())
        self._link.data_sent(len(octets))
        self.end.write(octets)

    def eof_received(self) -> None:
        """The client has closed."""

    def connection_lost(self, exc: Any) -> None:
        """The connection is gone."""

    def _die(self) -> None:
        if self._how == "frozen":
            self.end.mute()
        else:
            self.end.cut("fin" if self._how == "closed" else "rst")

    makeConnection, dataReceived, connectionLost = connection_made, data_received, connection_lost  # noqa: N815


def component_of(world: World, framing: str, phase: Phase) -> tuple[Any, Any]:
    """Make a component that registers something when it has joined, and calls it when it is ready; return it, and a future of when that worked."""
    transport = world.transport(framing, retry_delay_jitter=0, max_retries=2)
    works = world.kit.face.create_future()
    authentication = {"ticket": {"ticket": "secret", "authid": "joe"}} if "AUTHENTICATE" in phase.name else None
    make = world.kit.component.Component
    component = make(transports=transport, realm="realm1", authentication=authentication)
    component.log = Silent()
    component.register("com.example.p")(lambda: "answer")

    @component.on_ready  # type: ignore[untyped-decorator]
    async def call(session: Any) -> None:
        session.log = component.log
        assert await session.call("com.example.p") == "answer"
        world.kit.face.resolve(works, world.now())

    return component, works


class Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


async def die_once(world: World, framing: str, phase: Phase, how: How) -> tuple[float, float]:
    """Have a router die; return how long after the attempt the next one came, and how long after that everything worked again."""
    if "AUTHENTICATE" in phase.name:
        world.router = Router(
            ["realm1"], auth=RouterAuth(principals={"joe": {"role": "anonymous", "ticket": "secret"}})
        )
    world.serve_router(framing)
    serve, world.network.serve = world.network.serve, lambda: Dying(phase, how, framing)
    component, works = component_of(world, framing, phase)
    done = component.start(world.kit.loop)
    await world.turn()
    assert len(world.network.attempts) == 1
    world.network.serve = serve
    worked = await works
    await component.stop()
    await done
    await world.rest(KERNEL)
    assert (world.network.connections, world.timers()) == (0, 0)
    first, second = world.network.attempts
    return second - first, worked - second


def cases() -> list[Any]:
    """Return every phase over every framing, and every way to die that ends."""
    return [
        pytest.param(framing, phase.name, how, id=f"{framing}-{phase.name}-{how}")
        for index, framing in enumerate(("rs", "ws"))
        for phase in PHASES
        for how in HOWS
        if how != "frozen" or phase.frozen[index] is not None
    ]


@on_frameworks
@pytest.mark.parametrize(("framing", "name", "how"), cases())
def test_a_router_that_dies_is_tried_again_after_the_delay(
    framework: Framework, framing: str, name: str, how: How
) -> None:
    phase = BY_NAME[name]
    late = (phase.frozen[framing == "ws"] or 0) if how == "frozen" else 0
    next_attempt, back = run_in_memory(framework, die_once, framing, phase, how)
    assert next_attempt == pytest.approx(late + DELAY, abs=0.1)
    assert back <= 0.1


async def stop_while_frozen(world: World, framing: str, phase: Phase) -> float:
    """Stop a component whose router is frozen; return how long that takes."""
    world.network.serve = lambda: Dying(phase, "frozen", framing)
    component, _ = component_of(world, framing, phase)
    done = component.start(world.kit.loop)
    await world.rest(0.5)
    began = world.now()
    await component.stop()
    await done
    took = world.now() - began
    await world.rest(KERNEL)
    assert (len(world.network.attempts), world.network.connections, world.timers()) == (1, 0, 0)
    return took


@on_frameworks
@pytest.mark.parametrize("framing", ["rs", "ws"])
@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_component_is_stopped_whatever_its_router_is_frozen_in(framework: Framework, framing: str, name: str) -> None:
    assert (
        run_in_memory(framework, stop_while_frozen, framing, BY_NAME[name]) <= 6.1
    )  # GOODBYE, and the closing handshake


def through_a_proxy(world: World) -> dict[str, Any]:
    """Return the configuration of a transport that leads through a proxy."""
    if world.framework == "asyncio":
        return world.transport("ws", retry_delay_jitter=0, proxy={"host": "proxy", "port": 3128})
    config = world.transport(
        "ws", retry_delay_jitter=0
    )  # an endpoint of Twisted's takes the place of all that is configured
    config["endpoint"] = ProxyEndpoint(world.kit.loop, _Endpoint(world.network), "router:80", 10)
    return config


@on_frameworks
def test_a_proxy_that_does_not_answer_is_asked_again_and_left_when_the_component_stops(framework: Framework) -> None:
    async def scenario(world: World) -> float:
        world.network.serve = lambda: Dying(BY_NAME["accepting"], "frozen", "ws")
        component = world.kit.component.Component(transports=through_a_proxy(world))
        component.log = Silent()
        done = component.start(world.kit.loop)
        await world.rest(12)
        first, second = world.network.attempts
        await component.stop()
        await done
        await world.rest(KERNEL)
        assert (len(world.network.attempts), world.network.connections, world.timers()) == (2, 0, 0)
        return second - first

    assert run_in_memory(framework, scenario) == pytest.approx(10 + DELAY, abs=0.1)


@on_frameworks
def test_what_a_router_interrupts_by_its_goodbye_is_no_failure_of_the_program(framework: Framework) -> None:
    async def scenario(world: World) -> list[str]:
        world.network.serve = lambda: Dying(BY_NAME["saying GOODBYE"], "closed", "rs")
        component, _ = component_of(world, "rs", BY_NAME["saying GOODBYE"])
        component.log = Noted()
        done = component.start(world.kit.loop)
        await world.rest(1)
        await component.stop()
        await done
        lines: list[str] = component.log.lines
        return lines

    (line,) = run_in_memory(framework, scenario)
    assert line.startswith("wamp.close.system_shutdown; trying rs://")
