"""Sessions that call and publish without pause, come back when they lose their router, and write everything into a history."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import trio

from trowamp import Component, Event, Session, SessionLost

from .history import History, Listening

TOPIC: Final = "com.example.topic"
PROCEDURE: Final = "com.example.echo"
_BACK_AT_ONCE: Final[dict[str, Any]] = {"initial_retry_delay": 0.05, "max_retry_delay": 0.2, "retry_delay_growth": 1.0}


class Workload:
    """Callees, subscribers, and sessions with several processes each.

    Args:
        url_for: The router's URL for the n-th session.
        sessions: How many sessions call and publish.
        processes: How many processes each has.
        callees: How many sessions have a procedure.
        subscribers: How many sessions subscribe.
        pause: Seconds between the operations of a process.
        options: Of `Component`.

    Attributes:
        history: What happened.
        ready: How many sessions are there now.
    """

    def __init__(
        self,
        url_for: Callable[[int], str],
        *,
        sessions: int = 16,
        processes: int = 4,
        callees: int = 2,
        subscribers: int = 2,
        pause: float = 0.0,
        **options: Any,
    ) -> None:
        self.history = History()
        self.ready = 0
        self._url_for = url_for
        self._counts = (callees, subscribers, sessions)
        self._processes = processes
        self._pause = pause
        self._options = {**_BACK_AT_ONCE, "realm": "realm1", "close_timeout": 0.2, **options}
        self._is_stopping = False
        self._everybody = trio.lowlevel.ParkingLot()
        self._subscribers: set[Session] = set()

    @property
    def size(self) -> int:
        """How many sessions there are when all is well."""
        return sum(self._counts)

    async def run(self) -> None:
        """Run until cancelled."""
        mains = (self._serve, self._listen, self._work)
        async with trio.open_nursery() as nursery:
            number = 0
            for main, count in zip(mains, self._counts, strict=True):
                for index in range(count):
                    nursery.start_soon(self._component(number, index, main).run)
                    number += 1

    async def everybody_is_there(self, within: float) -> None:
        """Wait until all sessions are ready."""
        with trio.fail_after(within):
            while self.ready < self.size:
                await self._everybody.park()

    async def nobody_is_there(self, within: float) -> None:
        """Wait until all sessions have been lost."""
        with trio.fail_after(within):
            while self.ready:  # noqa: ASYNC110  # it costs less than to be told of each
                await trio.sleep(0.01)

    async def has_done(self, count: int, within: float = math.inf) -> None:
        """Wait until so many more operations have begun."""
        goal = len(self.history.operations) + count
        with trio.fail_after(within):
            while len(self.history.operations) < goal:  # noqa: ASYNC110  # it costs less than to be told of each
                await trio.sleep(0.002)

    async def stop(self, within: float) -> None:
        """Begin nothing more; wait until everything has ended, and all events have arrived."""
        self._is_stopping = True
        with trio.fail_after(within):
            while self.history.pending:  # noqa: ASYNC110
                await trio.sleep(0.002)
            for subscriber in list(self._subscribers):
                with suppress(SessionLost):  # then it is known to be lost
                    await subscriber.call(f"{PROCEDURE}.0", 0)  # its answer comes after the events

    def _component(self, number: int, index: int, main: Callable[[Session, int], Any]) -> Component:
        component = Component(self._url_for(number), **self._options)

        @component.main
        async def run(session: Session) -> None:
            await main(session, index)

        return component

    async def _serve(self, session: Session, index: int) -> None:
        await session.register(f"{PROCEDURE}.{index}", self._echo, force_reregister=True)
        await self._stay()

    def _echo(self, number: int) -> int:
        if number:
            self.history.executed[number] += 1
        return number

    async def _listen(self, session: Session, index: int) -> None:
        listening = Listening(seen=[])
        self.history.listenings.append(listening)

        def on_event(number: int, event: Event) -> None:
            listening.seen.append((event.publication_id, number))

        await session.subscribe(TOPIC, on_event)
        listening.begun = trio.current_time()
        self._subscribers.add(session)
        try:
            await self._stay()
        finally:
            self._subscribers.discard(session)
            listening.ended = trio.current_time()
            listening.is_lost = not session.is_open

    async def _work(self, session: Session, index: int) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(self._processes):
                nursery.start_soon(self._process, session, index * self._processes + number)
            await self._stay()

    async def _process(self, session: Session, process: int) -> None:
        acknowledged = session.with_options(acknowledge=True)
        while session.is_open and not self._is_stopping:
            with self.history.operation("call", process) as number:
                if await session.call(f"{PROCEDURE}.{number % self._counts[0]}", number) != number:
                    self.history.wrong_answers += 1
            if number % 4 == 0 and session.is_open and not self._is_stopping:
                with self.history.operation("publish", process) as number:
                    self.history.operations[number].publication = await acknowledged.publish(TOPIC, number)
            if self._pause:
                await trio.sleep(self._pause)

    async def _stay(self) -> None:
        self.ready += 1
        self._everybody.unpark_all()
        try:
            await trio.sleep_forever()
        finally:
            self.ready -= 1
