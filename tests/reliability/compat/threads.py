"""Programs of both frameworks that run in threads of their own, over real connections, beside what Trio does to these."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, Final

import trio
from trowamp_compat.wamp.exception import ApplicationError, Error, SessionNotReady, TransportLost
from trowamp_compat.wamp.types import PublishOptions, RegisterOptions, SubscribeOptions

from tests.compat.kit import AsyncioKit, Kit, TwistedKit
from tests.faults.history import History, Listening, Outcome

from .memory import Framework

TOPIC: Final = "com.example.topic"
PROCEDURE: Final = "com.example.echo"
BACK_AT_ONCE: Final[dict[str, Any]] = {
    "initial_retry_delay": 0.05,
    "max_retry_delay": 0.2,
    "retry_delay_growth": 1.0,
    "max_retries": -1,
}

Program = Callable[..., Coroutine[Any, Any, Any]]


@asynccontextmanager
async def beside(
    framework: Framework, program: Program, *args: Any, at: Callable[[], AbstractContextManager[None]] = nullcontext
) -> AsyncGenerator[None, None]:
    """Run a program in a thread while the block runs, and until it ends; what it raises is raised here.

    Args:
        framework: What it runs on.
        program: A coroutine function; it is given the framework first.
        args: What it is given besides.
        at: Entered by the thread: where its sockets belong.
    """

    def run() -> None:
        with at():
            {"asyncio": _run_on_asyncio, "twisted": _run_on_twisted}[framework](program, args)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(trio.to_thread.run_sync, run, abandon_on_cancel=True))
        yield


def _run_on_asyncio(program: Program, args: tuple[Any, ...]) -> None:
    async def run() -> None:
        await program(AsyncioKit(), *args)

    asyncio.run(run())


def _run_on_twisted(program: Program, args: tuple[Any, ...]) -> None:
    from twisted.internet.defer import ensureDeferred
    from twisted.internet.epollreactor import EPollReactor
    from twisted.python.failure import Failure

    make: Any = EPollReactor
    reactor = make()
    reactor.startRunning(installSignalHandlers=False)
    outcome: list[Any] = []
    try:
        ensureDeferred(program(TwistedKit(reactor), *args)).addBoth(outcome.append)
        while not outcome:
            reactor.iterate(0.05)
        for _ in range(3):
            reactor.iterate(0)
    finally:
        if reactor.threadpool is not None:
            reactor._stopThreadPool()
        for reader in (*reactor.removeAll(), *reactor._internalReaders):
            reader.connectionLost(None)
        reactor._poller.close()
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()


async def until(condition: Callable[[], Any], within: float) -> None:
    """Have Trio wait until something is true that a thread brings about."""
    with trio.fail_after(within):
        while not condition():  # noqa: ASYNC110  # it is another thread that knows
            await trio.sleep(0.002)


async def rest(kit: Kit, seconds: float) -> None:
    """Let time pass."""
    future = kit.face.create_future()
    kit.face.call_later(seconds, kit.face.resolve, future)
    await future


def outcome_of(error: Error) -> Outcome:
    """Return what an error says about what was asked for."""
    if isinstance(error, TransportLost):
        return "unknown" if error.maybe_executed else "failed"
    if isinstance(error, ApplicationError):
        return "failed" if error.error == ApplicationError.NO_SUCH_PROCEDURE else "unknown"
    assert isinstance(error, SessionNotReady), error
    return "failed"


class Workload:
    """Callees, subscribers, and sessions with several processes each, which call and publish without pause and come back when they lost their router.

    Args:
        framework: What they run on.
        url_for: The router's URL for the n-th session.
        sessions: How many sessions call and publish.
        processes: How many processes each has.
        pause: Seconds between the operations of a process.
        options: Options of the WebSocket transports.

    Attributes:
        history: What happened.
        ready: The sessions that are there now.
    """

    def __init__(
        self,
        framework: Framework,
        url_for: Callable[[int], str],
        *,
        sessions: int = 8,
        processes: int = 4,
        pause: float = 0.0,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.framework = framework
        self.history = History(time.monotonic)
        self.ready: set[Any] = set()
        self._url_for = url_for
        self._counts = {self._serve: 2, self._listen: 2, self._work: sessions}
        self._processes = processes
        self._pause = pause
        self._options = options or {}
        self._is_stopping = self._is_over = self._is_pausing = False
        self._listenings: dict[Any, Listening] = {}
        self._kit: Any = None

    @property
    def size(self) -> int:
        """How many sessions there are when all is well."""
        return sum(self._counts.values())

    async def run(self, kit: Kit) -> None:
        """Run until stopped."""
        self._kit = kit
        components: list[Any] = []
        for begin, count in self._counts.items():
            for index in range(count):
                components.append(self._component(len(components), index, begin))  # the length counts
        ends = [component.start(kit.loop) for component in components]
        while not self._is_over:
            await rest(kit, 0.01)
        for component in components:
            component.stop()
        await kit.face.gather(ends, consume_exceptions=False)

    # ---- for Trio

    async def everybody_is_there(self, within: float) -> None:
        """Wait until all sessions are ready."""
        await until(self._is_complete, within)

    def _is_complete(self) -> bool:
        """Tell whether all are ready, not counting a session that was lost just before it was told to be."""
        attached = [session for session in list(self.ready) if session.is_attached()]
        return len(attached) == self.size

    def give_up(self) -> None:
        """End, whatever is pending: no thread outlives the test that began it."""
        self._is_stopping = self._is_over = True

    async def has_done(self, count: int) -> None:
        """Wait until so many more operations have begun."""
        goal = len(self.history.operations) + count
        await until(lambda: len(self.history.operations) >= goal, within=60)

    async def stop(self, within: float) -> None:
        """Begin nothing more; wait until everything has ended, and all events have arrived."""
        self._is_stopping = True
        await self._everything_has_ended(within)
        self._is_over = True

    async def settle(self, within: float) -> list[str]:
        """Pause until everything has ended, and all events have arrived; return what must not have happened, and forget the rest."""
        self._is_pausing = True
        await self._everything_has_ended(within)
        found = self.history.settle()
        self._is_pausing = False
        return found

    async def _everything_has_ended(self, within: float) -> None:
        await trio.sleep(0.05)  # what was about to begin has begun
        await until(lambda: not self.history.pending, within)
        await trio.sleep(0.3)  # events are on their way behind the acknowledgements

    # ---- for the framework

    def _component(self, number: int, index: int, begin: Callable[[Any, int], Any]) -> Any:
        url = self._url_for(number)
        options = {"options": self._options} if url.startswith("ws") and self._options else {}
        kind = "websocket" if url.startswith("ws") else "rawsocket"
        component = self._kit.component.Component(transports={"type": kind, "url": url, **BACK_AT_ONCE, **options})
        component.on("join", lambda session, details: begin(session, index))
        component.on("ready", self.ready.add)
        component.on("leave", self._left)
        return component

    def _left(self, session: Any, _details: Any) -> None:
        self.ready.discard(session)
        listening = self._listenings.pop(session, None)
        if listening is not None:
            listening.ended, listening.is_lost = time.monotonic(), not self._is_over

    async def _serve(self, session: Any, index: int) -> None:
        options = RegisterOptions(force_reregister=True)
        await session.register(self._echo, f"{PROCEDURE}.{self.framework}.{index}", options)

    def _echo(self, number: int) -> int:
        self.history.executed[number] += 1
        return number

    async def _listen(self, session: Any, _index: int) -> None:
        listening = self._listenings[session] = Listening(seen=[])
        self.history.listenings.append(listening)

        def on_event(number: int, details: Any) -> None:
            listening.seen.append((details.publication, number))

        await session.subscribe(on_event, f"{TOPIC}.{self.framework}", SubscribeOptions(details_arg="details"))
        listening.begun = time.monotonic()

    def _work(self, session: Any, index: int) -> None:
        for number in range(self._processes):
            self._kit.face.as_future(self._process, session, index * self._processes + number)

    async def _process(self, session: Any, process: int) -> None:
        acknowledged = PublishOptions(acknowledge=True)
        while session.is_attached() and not self._is_stopping:
            if self._is_pausing:
                await rest(self._kit, 0.01)
                continue
            number = self.history.begin("call", process)
            name = f"{PROCEDURE}.{self.framework}.{number % 2}"
            answer = await self._ended(number, lambda: session.call(name, number))  # noqa: B023  # called at once
            self.history.wrong_answers += answer not in {None, number}
            if number % 4 == 0 and session.is_attached() and not (self._is_stopping or self._is_pausing):
                number = self.history.begin("publish", process)
                topic = f"{TOPIC}.{self.framework}"
                told = await self._ended(number, lambda: session.publish(topic, number, options=acknowledged))  # noqa: B023
                self.history.operations[number].publication = told.id if told is not None else None
            if self._pause:
                await rest(self._kit, self._pause)

    async def _ended(self, number: int, operation: Callable[[], Any]) -> Any:
        try:
            result = await operation()
        except Error as error:
            self.history.end(number, outcome_of(error))
            return None
        self.history.end(number, "ok")
        return result
