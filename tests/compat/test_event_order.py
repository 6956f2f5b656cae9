"""The order of events: a handler that takes its time gets them one after the other, and none before what was answered earlier."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from trowamp_compat.wamp import _subscribers, message
from trowamp_compat.wamp.types import SubscribeOptions

from tests.compat.fake_router import joined
from tests.compat.kit import Kit, Run, on_both, turn, until

TOPIC = "com.example.topic"


class Slow:
    """A handler that has done with an event when it is told so.

    Attributes:
        log: What it did, in order: "begins" and "ends", with the event's argument.
    """

    def __init__(self, kit: Kit) -> None:
        self.log: list[tuple[str, int]] = []
        self._kit = kit
        self._gates: dict[int, Any] = {}

    async def __call__(self, number: int) -> None:
        self.log.append(("begins", number))
        await self._gate(number)
        self.log.append(("ends", number))

    def let(self, number: int) -> None:
        """Let it have done with an event, now or as soon as it has it."""
        self._kit.face.resolve(self._gate(number))

    def fail(self, number: int) -> None:
        self._kit.face.reject(self._gate(number), RuntimeError("broken"))

    def _gate(self, number: int) -> Any:
        return self._gates.setdefault(number, self._kit.face.create_future())

    @property
    def begun(self) -> list[int]:
        return [number for what, number in self.log if what == "begins"]


async def a_few_turns(kit: Kit) -> None:
    for _ in range(5):
        await turn(kit)


@on_both
@pytest.mark.autobahn("W-19")
def test_an_async_handler_gets_the_next_event_when_it_has_done_with_the_last(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        slow = Slow(kit)
        subscription = await session.subscribe(slow, TOPIC)
        for number in range(3):
            router.say(message.Event(subscription.id, number + 1, args=[number]))
        for number in (2, 1):  # later ones would be done with at once
            slow.let(number)
        await a_few_turns(kit)
        assert slow.log == [("begins", 0)]
        slow.let(0)
        await until(kit, lambda: len(slow.log) == 6)
        assert slow.log == [(what, number) for number in range(3) for what in ("begins", "ends")]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19", "W-20")
def test_a_handler_may_ask_for_several_events_at_a_time(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        slow = Slow(kit)
        subscription = await session.subscribe(slow, TOPIC, SubscribeOptions(concurrency=2))
        for number in range(4):
            router.say(message.Event(subscription.id, number + 1, args=[number]))
        await until(kit, lambda: slow.begun == [0, 1])
        await a_few_turns(kit)
        assert slow.begun == [0, 1]
        slow.let(1)
        await until(kit, lambda: slow.begun == [0, 1, 2])
        for number in (0, 2, 3):
            slow.let(number)
        await until(kit, lambda: len(slow.log) == 8)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
def test_what_one_handler_waits_for_holds_no_other_handler(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        slow, seen = Slow(kit), list[int]()
        first = await session.subscribe(slow, TOPIC)
        second = await session.subscribe(seen.append, "com.example.other")
        router.say(message.Event(first.id, 1, args=[0]), message.Event(first.id, 2, args=[1]))
        router.say(message.Event(second.id, 3, args=[7]))
        assert seen == [7]
        slow.fail(0)
        await until(kit, lambda: slow.begun == [0, 1])
        slow.let(1)
        await until(kit, lambda: slow.log[-1:] == [("ends", 1)])

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
def test_who_unsubscribes_or_loses_the_session_gets_none_of_the_events_that_wait(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        lost, dropped = Slow(kit), Slow(kit)
        one = await session.subscribe(lost, TOPIC)
        two = await session.subscribe(dropped, "com.example.other")
        for number in range(2):
            router.say(message.Event(one.id, number + 1, args=[number]), message.Event(two.id, 9, args=[number]))
        await two.unsubscribe()
        router.close()
        for slow in (lost, dropped):
            slow.let(0)
            slow.let(1)
        await until(kit, lambda: lost.log[-1:] == dropped.log[-1:] == [("ends", 0)])
        await a_few_turns(kit)
        assert (lost.begun, dropped.begun) == ([0], [0])

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
def test_no_more_events_wait_for_a_handler_than_there_is_room_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_subscribers, "BUFFER", 2)

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        told: list[str] = []
        session.onUserError = lambda fail, text: told.append(text)
        slow = Slow(kit)
        subscription = await session.subscribe(slow, TOPIC)
        for number in range(4):
            router.say(message.Event(subscription.id, number + 1, args=[number]))
            slow.let(number) if number else None
        assert len(told) == 1
        assert "an event is lost for the handler" in told[0]
        slow.let(0)
        await until(kit, lambda: slow.log[-1:] == [("ends", 2)])
        assert slow.begun == [0, 1, 2]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
def test_of_a_flood_of_lost_events_there_is_a_line_with_their_number_a_second_and_at_the_end(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_subscribers, "BUFFER", 2)
    monkeypatch.setattr(_subscribers, "_APART", 0.01)

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        told: list[str] = []
        session.onUserError = lambda fail, text: told.append(text.partition(" for ")[0])
        subscription = await session.subscribe(Slow(kit), TOPIC)

        def flood(size: int) -> None:
            for number in range(size):
                router.say(message.Event(subscription.id, number + 1, args=[number]))

        flood(3 + 2000)
        assert told == ["an event is lost"]
        await until(kit, lambda: len(told) == 2)
        flood(500)
        await until(kit, lambda: len(told) == 3)
        flood(7)
        router.close()
        assert told == ["an event is lost", *(f"{lost} more events are lost" for lost in (1999, 500, 7))]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
@pytest.mark.parametrize("fails_later", [False, True], ids=["at once", "later"])
def test_a_hook_for_errors_that_fails_itself_keeps_no_event_from_the_handler(run: Run, fails_later: bool) -> None:
    async def scenario(kit: Kit) -> None:
        seen: list[int] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onUserError(self, fail: Any, msg: str) -> None:
                raise fail.value

        async def fail() -> None:
            await turn(kit)
            raise LookupError("a bug")

        def handle(number: int) -> Any:
            seen.append(number)
            if fails_later:
                return fail()
            raise LookupError("a bug")

        router, session = joined(kit, cls=Session)
        subscription = await session.subscribe(handle, TOPIC)
        for number in range(3):
            with contextlib.suppress(LookupError):
                router.say(message.Event(subscription.id, number + 1, args=[number]))
        await until(kit, lambda: len(seen) == 3)
        assert seen == [0, 1, 2]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
def test_thousands_of_events_that_wait_are_handled_one_after_the_other(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        slow = Slow(kit)
        subscription = await session.subscribe(slow, TOPIC)
        for number in range(2000):
            router.say(message.Event(subscription.id, number + 1, args=[number]))
            if number:
                slow.let(number)
        slow.let(0)
        await until(kit, lambda: len(slow.begun) == 2000)
        assert slow.begun == list(range(2000))

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
def test_who_waits_for_an_answer_goes_on_before_the_events_that_came_after_it(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        _, session = joined(kit, message.Call, message.Subscribe)
        log: list[Any] = []

        async def work() -> None:
            subscription = await session.subscribe(log.append, TOPIC)
            log.append(subscription.id)
            log.append(await session.call("com.example.call"))

        work_done = kit.face.as_future(work)
        await turn(kit)
        session._take([each.to_core() for each in (message.Subscribed(1, 7), message.Event(7, 1, args=["first"]))])
        await until(kit, lambda: len(log) == 2)
        answer, late = message.Result(2, args=["result"]), message.Event(7, 2, args=["second"])
        session._take([each.to_core() for each in (answer, late, message.Event(7, 3, args=["third"]))])
        await until(kit, lambda: len(log) == 5)
        await work_done
        assert log == [7, "first", "result", "second", "third"]

    run(scenario)
