"""Both frameworks without a network and without waiting: connections in memory, and clocks that jump to whatever is next.

A scenario is a coroutine that takes a `World`; it runs on asyncio and on Twisted. A connection can be cut after any octet. Who waits for what can
never come is found at once: when nothing is due any more, `Stuck` is raised.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal

import msgspec
import pytest
from trowamp_compat.wamp.router import Router
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from tests.compat.kit import AsyncioKit, Kit, TwistedKit, turn
from tests.compat.websocket.pairs import End as Transport

Framework = Literal["asyncio", "twisted"]
Scenario = Callable[..., Coroutine[Any, Any, Any]]
FRAMEWORKS: Final[tuple[Framework, ...]] = ("asyncio", "twisted")
KERNEL: Final = 60.0  # seconds after which the kernel gives a silent connection up, as it is told to

on_frameworks = pytest.mark.parametrize("framework", FRAMEWORKS)


class Stuck(AssertionError):
    """Somebody waits, and nothing is due."""


class Cut(msgspec.Struct, frozen=True):
    """How a connection ends: closed, reset, or silent, after so many octets from the client, or to it."""

    how: Literal["fin", "rst", "stall"] = "fin"
    up: int | None = None
    down: int | None = None


class End(Transport):
    """One end of a connection in memory. The kernel is thought to take all that is written, unless a test says otherwise.

    Attributes:
        dataBuffer, offset: What it has not taken, as in a transport of Twisted's.
    """

    offset = _tempDataLen = 0  # noqa: N815

    def __init__(self, network: Network, limit: int | None, cut: Cut) -> None:
        super().__init__()
        self.passed = 0
        self.dataBuffer = bytearray()
        self._network = network
        self._limit = limit
        self._cut = cut
        self._peer: End | None = None
        self._held = bytearray()
        self._is_cut = False

    def get_write_buffer_size(self) -> int:
        return len(self.dataBuffer)

    def join(self, peer: End) -> None:
        """Connect it with the other end."""
        self._peer = peer

    def write(self, data: bytes) -> None:
        self.sent += data
        if self._is_cut or self.ends or self._peer is None:
            return
        if self._limit is not None and self.passed + len(data) >= self._limit:
            data = data[: self._limit - self.passed]
            self._pass_on(data)
            self.cut(self._cut.how)
        else:
            self._pass_on(data)

    def cut(self, how: Literal["fin", "rst", "stall"]) -> None:
        """Cut the connection now."""
        assert self._peer is not None
        for end in (self, self._peer):
            if not end._is_cut:
                end._is_cut = True
                if how == "stall":
                    self._network.later(KERNEL, end.lose, True)
                else:
                    self._network.later(0, end.lose, how == "rst")

    def mute(self) -> None:
        """Let nothing more out."""
        self._is_cut = True

    def write_eof(self) -> None:
        if not (self.half_ends or self._is_cut) and self._peer is not None:
            self.half_ends = True
            self._network.later(0, self._peer.take_end)

    def close(self) -> None:
        if not self.ends:
            self.ends = True
            self._network.later(0, self.lose, False)
            if self._peer is not None and not self._is_cut:
                self._network.later(0, self._peer.take_end)

    def abort(self) -> None:
        if not self.is_lost:
            self.ends = True
            self._network.later(0, self.lose, False)
            if self._peer is not None and not self._is_cut:
                self._network.later(0, self._peer.lose, True)

    def resume_reading(self) -> None:
        self.is_reading = True
        data, self._held = bytes(self._held), bytearray()
        if data:
            self._network.later(0, self.take, data)

    loseConnection = close  # noqa: N815
    loseWriteConnection = write_eof  # noqa: N815
    abortConnection = abort  # noqa: N815
    resumeProducing = resume_reading  # noqa: N815

    # ---- what arrives

    def take(self, data: bytes) -> None:
        """Octets have come."""
        if not self.is_reading:
            self._held += data
        elif not self.is_lost:
            self._network.face.received(self.protocol, data)

    def take_end(self) -> None:
        """The other side sends nothing more: both frameworks close then."""
        if not self.is_lost:
            self._network.face.ended(self.protocol)
            self.close()

    def lose(self, is_broken: bool) -> None:
        """The connection is gone."""
        if not self.is_lost:
            self.is_lost = self.ends = True
            self._network.connections -= 1
            self._network.face.lost(self.protocol, is_broken)

    def _pass_on(self, data: bytes) -> None:
        assert self._peer is not None
        self.passed += len(data)
        if data:
            self._network.later(0, self._peer.take, data)


class AsyncioFace:
    """How protocols of asyncio are told of things."""

    def made(self, protocol: Any, end: End) -> None:
        protocol.connection_made(end)

    def received(self, protocol: Any, data: bytes) -> None:
        protocol.data_received(data)

    def ended(self, protocol: Any) -> None:
        protocol.eof_received()

    def lost(self, protocol: Any, is_broken: bool) -> None:
        protocol.connection_lost(ConnectionResetError("Connection reset by peer") if is_broken else None)


class TwistedFace:
    """How protocols of Twisted are told of things."""

    def made(self, protocol: Any, end: End) -> None:
        protocol.makeConnection(end)

    def received(self, protocol: Any, data: bytes) -> None:
        protocol.dataReceived(data)

    def ended(self, protocol: Any) -> None:
        """They learn of it when the connection is lost."""

    def lost(self, protocol: Any, is_broken: bool) -> None:
        protocol.connectionLost(Failure(ConnectionLost() if is_broken else ConnectionDone()))  # type: ignore[no-untyped-call]


class Network:
    """Connects clients with whatever `serve` makes.

    Attributes:
        serve: Makes the server's protocol.
        plan: How the next connection is to be cut.
        is_down: Whether connections are refused.
        attempts: When somebody tried to connect.
        connections: How many ends there are.
        last: The ends of the last connection: client, server.
        clients: The clients' ends of all connections.
    """

    def __init__(self, face: Any, later: Callable[..., Any], now: Callable[[], float]) -> None:
        self.face = face
        self.later = later
        self.serve: Callable[[], Any] = lambda: None
        self.plan = Cut()
        self.is_down = False
        self.attempts: list[float] = []
        self.connections = 0
        self.last: tuple[End, End]
        self.clients: list[End] = []
        self._now = now

    def attempt(self) -> bool:
        """Note an attempt; tell whether it succeeds."""
        self.attempts.append(self._now())
        return not self.is_down

    def attach(self, protocol: Any) -> End:
        """Give a protocol a connection with nobody at its other end."""
        return self._made(End(self, None, Cut()), protocol)

    def open(self, client: Any) -> End:
        """Connect a client."""
        plan, self.plan = self.plan, Cut()
        near, far = End(self, plan.up, plan), End(self, plan.down, plan)
        near.join(far)
        far.join(near)
        self.last = (near, far)
        self.clients = [*(end for end in self.clients if not end.is_lost), near]
        self._made(near, client)
        self._made(far, self.serve())
        return near

    def _made(self, end: End, protocol: Any) -> End:
        self.connections += 1
        end.protocol = protocol
        self.face.made(protocol, end)
        return end


class _JumpingSelector(selectors.DefaultSelector):
    loop: JumpingLoop

    def select(self, timeout: float | None = None) -> Any:
        """Find what is ready, and never wait."""
        found = super().select(0)
        if not found:
            if timeout is None:
                raise Stuck
            self.loop.now += max(timeout, 0)
        return found


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop of asyncio whose clock jumps, and whose connections are in memory."""

    network: Network

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    async def create_connection(self, protocol_factory: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        """Connect to the network."""
        await asyncio.sleep(0)
        if not self.network.attempt():
            raise ConnectionRefusedError("nobody is there")
        client = protocol_factory()
        return self.network.open(client), client

    def due(self) -> int:
        """Return how many timers there are."""
        return sum(not handle.cancelled() for handle in self._scheduled)  # type: ignore[attr-defined]


class JumpingClock(Clock):
    """A clock of Twisted that jumps."""

    def step(self) -> None:
        """Do what is due next."""
        if not self.calls:
            raise Stuck
        call: Any = self.calls.pop(0)
        self.rightNow = max(self.rightNow, call.getTime())
        call.called = 1
        call.func(*call.args, **call.kw)

    def due(self) -> int:
        """Return how many timers there are."""
        return len(self.calls)


class _Endpoint:
    """An endpoint of Twisted's that leads into a network in memory."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def connect(self, factory: Any) -> Deferred[Any]:
        connected: Deferred[Any] = Deferred()

        def connect() -> None:
            if connected.called:
                return
            if not self._network.attempt():
                connected.errback(Failure(Refused()))  # type: ignore[no-untyped-call]
                return
            client = factory.buildProtocol(None)
            self._network.open(client)
            connected.callback(client)

        self._network.later(0, connect)
        return connected


class World:
    """A framework, a network, and a router behind it.

    Attributes:
        framework: Its name.
        kit: The framework.
        network: The network.
        router: The router.
        complaints: What nobody has caught, in words: failures of futures, callbacks, protocols.
    """

    def __init__(self, framework: Framework, kit: Kit, network: Network) -> None:
        self.framework = framework
        self.kit = kit
        self.network = network
        self.router = Router(["realm1"])
        self.complaints: list[str] = []
        self.serve_router("rs")

    def serve_router(self, framing: str) -> None:
        """Have connections lead to the router, with one of the framings."""
        self.network.serve = self.made_by(self.server_factory(framing, self.router))

    def server_factory(self, framing: str, handler: Any) -> Any:
        """Return a factory of servers that hand their connections to a handler."""
        if framing == "rs":
            return self.kit.rawsocket.WampRawSocketServerFactory(handler)
        return self.websocket.WampWebSocketServerFactory(handler)

    @property
    def websocket(self) -> Any:
        """The framework's module of WebSocket."""
        if self.framework == "asyncio":
            from trowamp_compat.asyncio import websocket
        else:
            from trowamp_compat.twisted import websocket  # type: ignore[no-redef]
        return websocket

    def made_by(self, factory: Any) -> Callable[[], Any]:
        """Return what makes the protocols of a factory."""
        if self.framework == "asyncio":
            factory.loop = self.kit.loop
            return factory  # type: ignore[no-any-return]
        factory.reactor = self.kit.loop
        return lambda: factory.buildProtocol(None)

    def transport(self, framing: str = "rs", serializer: str = "json", **more: Any) -> dict[str, Any]:
        """Return the configuration of a transport that leads into the network."""
        config: dict[str, Any] = {"type": {"rs": "rawsocket", "ws": "websocket"}[framing], **more}
        config["url"] = "ws://localhost/ws" if framing == "ws" else "rs://localhost:8080"
        config.update({"serializer": serializer} if framing == "rs" else {"serializers": [serializer]})
        if self.framework == "twisted":
            config["endpoint"] = _Endpoint(self.network)
        return config

    def now(self) -> float:
        """Return the time."""
        return self.kit.face.now()  # type: ignore[no-any-return]

    async def rest(self, seconds: float) -> None:
        """Let time pass."""
        future = self.kit.face.create_future()
        self.kit.face.call_later(seconds, self.kit.face.resolve, future)
        await future

    async def turn(self) -> None:
        """Let the loop turn, and a millisecond pass."""
        await turn(self.kit)

    def after_steps(self, count: int, function: Callable[[], Any]) -> None:
        """Call a function when the loop has turned so often, and no time has passed."""
        if count:
            self.kit.face.call_soon(self.after_steps, count - 1, function)
        else:
            function()

    def timers(self) -> int:
        """Return how many timers there are."""
        return self.kit.loop.due()  # type: ignore[no-any-return]

    def tasks(self) -> int:
        """Return how many tasks of asyncio there are; on Twisted there is no such thing."""
        return len(asyncio.all_tasks(self.kit.loop)) if self.framework == "asyncio" else 0


class _Complaints(logging.Handler):
    """Notes errors that carry an exception, whoever logs them."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.name == "asyncio":
            self._found.append(f"{record.getMessage()} {record.exc_info}")

    def __call__(self, event: Any) -> None:
        if "log_failure" in event:
            self._found.append(str(event["log_failure"]))


def run_in_memory(framework: Framework, scenario: Scenario, *args: Any) -> Any:
    """Run a scenario in a world of its own; what nobody caught is an error.

    Raises:
        Stuck: It waits for something that will never come.
    """
    complaints: list[str] = []
    notes: Any = _Complaints(complaints)
    logging.getLogger().addHandler(notes)
    globalLogPublisher.addObserver(notes)
    try:
        result = {"asyncio": _run_on_asyncio, "twisted": _run_on_twisted}[framework](scenario, args, complaints)
    finally:
        globalLogPublisher.removeObserver(notes)
        logging.getLogger().removeHandler(notes)
    assert complaints == [], complaints
    return result


def _run_on_asyncio(scenario: Scenario, args: tuple[Any, ...], complaints: list[str]) -> Any:
    loop = JumpingLoop()
    loop.network = Network(AsyncioFace(), _in_order(loop.call_soon, loop.call_later), loop.time)

    async def run() -> Any:
        loop.set_exception_handler(lambda _, context: complaints.append(repr(context)))
        world = World("asyncio", AsyncioKit(), loop.network)
        world.complaints = complaints
        return await scenario(world, *args)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(run())


def _run_on_twisted(scenario: Scenario, args: tuple[Any, ...], complaints: list[str]) -> Any:
    clock = JumpingClock()
    network = Network(TwistedFace(), clock.callLater, clock.seconds)
    world = World("twisted", TwistedKit(clock), network)
    world.complaints = complaints
    outcome: list[Any] = []
    ensureDeferred(scenario(world, *args)).addBoth(outcome.append)
    while not outcome:
        clock.step()
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]


def _in_order(soon: Callable[..., Any], later: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls later, and without a delay in the order in which it was asked to."""
    return lambda delay, function, *args: later(delay, function, *args) if delay else soon(function, *args)
