"""Servers and clients of both frameworks, joined in memory, with a clock that the test moves.

A `World` has one framework. Its `connect` makes both ends of a connection and lets them shake hands; `run` carries octets until nobody has more to
say, and `advance` lets time pass. Nothing of it is a socket, a thread or a wait.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

FRAMEWORKS = ("asyncio", "twisted")


class End:
    """One end of a connection: a transport of both frameworks."""

    def __init__(self) -> None:
        self.written = bytearray()  # and not yet carried
        self.sent = bytearray()  # all of it
        self.protocol: Any = None
        self.producer: Any = None
        self.ends = False  # when everything is carried
        self.half_ends = False
        self.is_lost = False
        self.is_reading = True
        self.no_delay: bool | None = None

    # asyncio

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 2), "sockname": ("127.0.0.1", 1)}.get(name, default)

    def write(self, data: bytes) -> None:
        self.written += data
        self.sent += data

    def is_closing(self) -> bool:
        return self.ends

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_ends = True

    def close(self) -> None:
        self.ends = True

    def abort(self) -> None:
        self.written.clear()
        self.ends = True

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    # Twisted

    def getHost(self) -> Any:
        from twisted.internet.address import IPv4Address

        return IPv4Address("TCP", "127.0.0.1", 1)

    def getPeer(self) -> Any:
        from twisted.internet.address import IPv4Address

        return IPv4Address("TCP", "127.0.0.1", 2)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    loseConnection = close
    loseWriteConnection = write_eof
    abortConnection = abort
    pauseProducing = pause_reading
    resumeProducing = resume_reading


class World(ABC):
    """A framework without a network."""

    name: str
    module: Any  # its websocket module

    def connect(
        self,
        server: dict[str, Any] | None = None,
        client: dict[str, Any] | None = None,
        *,
        server_options: dict[str, Any] | None = None,
        client_options: dict[str, Any] | None = None,
        url: str = "ws://localhost:9000/",
        server_arguments: dict[str, Any] | None = None,
        client_arguments: dict[str, Any] | None = None,
    ) -> tuple[Any, Any]:
        """Make a connection; return both protocols, which note in `log` what they are told.

        Args:
            server: Methods of the server's protocol.
            client: Methods of the client's protocol.
            server_options: Protocol options of the server.
            client_options: Protocol options of the client.
            url: The client's URL.
            server_arguments: Arguments of the server's factory.
            client_arguments: Arguments of the client's factory.
        """
        server_factory = self.module.WebSocketServerFactory(**server_arguments or {})
        server_factory.protocol = noting(self.module.WebSocketServerProtocol, server)
        server_factory.setProtocolOptions(**server_options or {})
        client_factory = self.module.WebSocketClientFactory(url, **client_arguments or {})
        client_factory.protocol = noting(self.module.WebSocketClientProtocol, client)
        client_factory.setProtocolOptions(**client_options or {})
        return self.join(server_factory, client_factory)

    def join(self, server_factory: Any, client_factory: Any) -> tuple[Any, Any]:
        """Connect what two factories make."""
        ends = (self.attach(server_factory), self.attach(client_factory))
        self.pairs.append(ends)
        self.run()
        return ends[0].protocol, ends[1].protocol

    @abstractmethod
    def attach(self, factory: Any) -> End:
        """Give what a factory makes a transport, with nobody at its other end unless the test plays it."""

    def __init__(self) -> None:
        self.pairs: list[tuple[End, End]] = []
        self.errors: list[BaseException] = []  # that nobody has handled

    def run(self) -> None:
        """Carry octets until nobody has more to say."""
        self.settle()
        while any(self._carry(source, sink) for a, b in self.pairs for source, sink in ((a, b), (b, a))):
            self.settle()

    def feed(self, end: End, data: bytes) -> None:
        """Let octets arrive."""
        if not end.is_lost:
            self._data(end.protocol, data)
        self.settle()

    def lose(self, end: End) -> None:
        """End a connection."""
        if not end.is_lost:
            end.is_lost = True
            self._lost(end.protocol)
        self.settle()

    @abstractmethod
    def close(self) -> None:
        """End it."""

    @abstractmethod
    def settle(self) -> None:
        """Let the loop do what is due."""

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Let time pass, in steps."""

    @abstractmethod
    def succeed(self, value: Any) -> Any:
        """Return a future that is to be resolved with `resolve`."""

    @abstractmethod
    def result(self, future: Any) -> Any:
        """Return the result of a future that is done."""

    def _carry(self, source: End, sink: End) -> bool:
        if source.written and sink.is_reading:
            data = bytes(source.written)
            source.written.clear()
            if not sink.is_lost:
                self._data(sink.protocol, data)
            return True
        if source.ends and not source.is_lost and not source.written:
            self.lose(source)
            sink.ends = True
            return True
        if source.half_ends and not source.written and not sink.ends:
            sink.ends = True  # who reads the end of the stream ends it, too
            return True
        return False

    @abstractmethod
    def _data(self, protocol: Any, data: bytes) -> None:
        """Tell a protocol, as its framework does."""

    @abstractmethod
    def _lost(self, protocol: Any) -> None:
        """Tell a protocol, as its framework does."""


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop whose time the test moves."""

    now = 1000.0

    def time(self) -> float:
        return self.now


class AsyncioWorld(World):
    name = "asyncio"

    def __init__(self) -> None:
        super().__init__()
        from trowamp_compat.asyncio import websocket

        self.module = websocket
        self.loop = Clockwork()
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context["exception"]))

    def close(self) -> None:
        self.loop.close()

    def attach(self, factory: Any) -> End:
        end = End()
        factory.loop = self.loop
        end.protocol = factory()
        end.protocol.connection_made(end)
        return end

    def settle(self) -> None:
        self.loop.run_until_complete(_turns())

    def advance(self, seconds: float) -> None:
        for _ in range(20):
            self.loop.now += seconds / 20
            self.run()

    def succeed(self, value: Any) -> Any:
        future = self.loop.create_future()
        self.loop.call_later(1, future.set_result, value)
        return future

    def result(self, future: Any) -> Any:
        assert future.done()
        return future.result()

    def _data(self, protocol: Any, data: bytes) -> None:
        protocol.data_received(data)

    def _lost(self, protocol: Any) -> None:
        protocol.connection_lost(None)


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class TwistedWorld(World):
    name = "twisted"

    def __init__(self) -> None:
        super().__init__()
        from trowamp_compat.twisted import websocket
        from twisted.internet.task import Clock
        from twisted.logger import globalLogPublisher

        self.module = websocket
        self.clock = Clock()
        self.publisher = globalLogPublisher
        self.publisher.addObserver(self.observe)  # type: ignore[arg-type]

    def observe(self, event: Any) -> None:
        """Take what is logged."""
        if event.get("isError"):
            self.errors.append(event["failure"].value)

    def close(self) -> None:
        self.publisher.removeObserver(self.observe)  # type: ignore[arg-type]

    def attach(self, factory: Any) -> End:
        end = End()
        factory.reactor = self.clock
        end.protocol = factory.buildProtocol(None)
        end.protocol.makeConnection(end)
        return end

    def settle(self) -> None:
        self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        for _ in range(20):
            self.clock.advance(seconds / 20)
            self.run()

    def succeed(self, value: Any) -> Any:
        from twisted.internet.defer import Deferred

        future: Deferred[Any] = Deferred()
        self.clock.callLater(1, future.callback, value)
        return future

    def result(self, future: Any) -> Any:
        found: list[Any] = []
        future.addBoth(found.append)
        (value,) = found
        if hasattr(value, "raiseException"):
            value.raiseException()
        return value

    def _data(self, protocol: Any, data: bytes) -> None:
        protocol.dataReceived(data)

    def _lost(self, protocol: Any) -> None:
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]


@contextmanager
def a_world(framework: str) -> Iterator[World]:
    """Open a world, and close it."""
    world: World = AsyncioWorld() if framework == "asyncio" else TwistedWorld()
    try:
        yield world
    finally:
        world.close()


def noting(base: Any, methods: dict[str, Any] | None) -> Any:
    """Return a protocol class that notes what it is told in `log`, and has the methods of a test."""

    def note(name: str) -> Callable[..., None]:
        return lambda self, *args: self.log_of_test.append((name, *args))

    def init(self: Any) -> None:
        base.__init__(self)
        self.log_of_test = []

    told = {name: note(name) for name in ("onOpen", "onMessage", "onPing", "onPong", "onClose")}
    return type("Noting", (base,), {"__init__": init, **told, **(methods or {})})


def told(protocol: Any, name: str) -> list[tuple[Any, ...]]:
    """Return the arguments of every call of a method."""
    return [call[1:] for call in protocol.log_of_test if call[0] == name]
