"""R13, R14 on asyncio and Twisted: calls that are given up at any moment, programs that are cancelled at every step: nothing is left anywhere."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from trowamp_compat.wamp.types import CallOptions, PublishOptions, RegisterOptions

from tests.compat.kit import join
from tests.faults.goals import check, scaled, seed_of

from .memory import Framework, World, on_frameworks, run_in_memory

CALLS = 6000
AT_ONCE = 200
MODES = ("killnowait", "kill", "skip")
MOST_STEPS = 400


class Callee:
    """Procedures that take their time, and know how many of them run."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.running = 0
        self._world = world
        self._chance = chance

    async def register(self, session: Any) -> None:
        await session.register(lambda number: number, "com.example.sync")
        await session.register(self.quick, "com.example.quick")
        await session.register(self.slow, "com.example.slow")
        await session.register(self.slow, "com.example.one_by_one", RegisterOptions(concurrency=1, invoke="single"))
        await session.register(self.parts, "com.example.parts", RegisterOptions(details_arg="details"))

    async def quick(self, number: int) -> int:
        return await self._work(number, self._world.turn)

    async def slow(self, number: int) -> int:
        return await self._work(number, lambda: self._world.rest(self._chance.randrange(6) / 2))

    async def parts(self, number: int, details: Any) -> int:
        for part in range(3):
            if details.progress is not None:
                details.progress(part)
        return await self.slow(number)

    async def _work(self, number: int, step: Callable[[], Any]) -> int:
        self.running += 1
        try:
            for _ in range(self._chance.randrange(1, 3)):
                await step()
        finally:
            self.running -= 1
        return number


async def storm(world: World, chance: random.Random, count: int) -> Counter[str]:
    face = world.kit.face
    session, caller = await join(world.kit, world.transport()), await join(world.kit, world.transport())
    callee = Callee(world, chance)
    await callee.register(session)
    tasks, ends = world.tasks(), Counter[str]()

    def call(number: int) -> Any:
        options = CallOptions(cancel_mode=chance.choice(MODES), on_progress=(None, print_nothing)[number % 2])
        names = ("sync", "quick", "slow", "one_by_one", "parts")
        future = caller.call(f"com.example.{chance.choice(names)}", number, options=options)

        def ended(result: Any) -> None:
            ends["answered" if result == number else "wrongly answered"] += 1

        face.when_done(future, ended, lambda error: ends.update(["cancelled" if is_end(world, error) else repr(error)]))
        when = chance.randrange(4)
        if when == 0:
            face.cancel(future)
        elif when == 1:
            world.after_steps(chance.randrange(1, 30), lambda: face.cancel(future))
        elif when == 2:
            face.call_later(chance.random() * 4, face.cancel, future)
        return future

    for begin in range(0, count, AT_ONCE):
        await face.gather([call(number) for number in range(begin, begin + AT_ONCE)])
        assert await caller.call("com.example.sync", -begin) == -begin
    await world.rest(1000)
    left = caller._core.statistics()
    assert (left.pending_calls, callee.running, len(session._running)) == (0, 0, 0)
    assert (world.router.statistics().calls_in_flight, world.timers(), world.tasks()) == (0, 0, tasks)
    return ends


def print_nothing(*_: Any) -> None:
    """Take a progressive result."""


def is_end(world: World, error: BaseException) -> bool:
    return isinstance(error, world.kit.face.canceled)


@on_frameworks
def test_calls_given_up_at_any_moment_leave_nothing(framework: Framework) -> None:
    count = scaled(CALLS)
    ends: Counter[str] = run_in_memory(framework, storm, random.Random(seed_of("storm of calls")), count)
    assert set(ends) == {"cancelled", "answered"}
    check("R13", f"calls given up or answered, {framework}", ends.total(), ">=", count)
    check("R13", f"of those given up, {framework}", ends["cancelled"], ">=", count / 2)


async def cancel_components(world: World, framing: str) -> int:
    """Cancel what `start` returned after every step of a short life; return how many steps that has."""
    callee = await join(world.kit, world.transport())
    await callee.register(lambda number: number, "com.example.sync")
    world.serve_router(framing)
    tasks = world.tasks()
    for steps in range(MOST_STEPS):
        ends: list[str] = []
        lived: list[int] = []

        async def main(loop: Any, session: Any) -> None:
            await short_life(loop, session)
            lived.append(1)  # noqa: B023

        component = world.kit.component.Component(main=main, transports=world.transport(framing))
        done = component.start(world.kit.loop)
        note_end(world, done, ends)
        world.after_steps(steps, lambda: world.kit.face.cancel(done))  # noqa: B023  # it is called before the next turn
        await world.rest(100)
        assert len(ends) == 1
        left = world.router.statistics()
        assert (left.sessions, left.connections, left.calls_in_flight) == (1, 1, 0), steps
        assert (left.registrations, left.subscriptions) == (1, 0), steps
        assert (world.network.connections, world.timers(), world.tasks()) == (2, 0, tasks), steps
        if lived and ends == ["done"]:
            return steps
    raise AssertionError("it never ended by itself")


async def short_life(_loop: Any, session: Any) -> None:
    """Do a little of everything."""
    acknowledged = PublishOptions(acknowledge=True, exclude_me=False)
    registration = await session.register(lambda number: number, "com.example.own")
    await session.subscribe(print_nothing, "com.example.topic")
    await session.publish("com.example.topic", 1, options=acknowledged)
    assert await session.call("com.example.sync", 2) == 2
    assert await session.call("com.example.own", 3) == 3
    await registration.unregister()


def note_end(world: World, future: Any, ends: list[str]) -> None:
    """Note how a future ends."""
    world.kit.face.when_done(future, lambda _: ends.append("done"), lambda error: ends.append(type(error).__name__))


async def cancel_tasks(world: World, framing: str) -> int:
    """Cancel a task of a session after every step; the session goes on, and has nothing of it."""
    callee = await join(world.kit, world.transport())
    await callee.register(lambda number: number, "com.example.sync")
    world.serve_router(framing)
    session = await join(world.kit, world.transport(framing, **QUIET.get(framing, {})))
    face, tasks = world.kit.face, world.tasks()
    for steps in range(MOST_STEPS):
        ends: list[str] = []
        task = face.as_future(short_life, None, session)
        note_end(world, task, ends)
        world.after_steps(steps, lambda: face.cancel(task))  # noqa: B023
        await world.rest(100)
        left, core = world.router.statistics(), session._core.statistics()
        assert len(ends) == 1
        assert (core.pending_calls, core.pending_registers, core.pending_subscribes) == (0, 0, 0), steps
        assert left.registrations == 1 + len(session._registrations), steps
        assert left.subscriptions == len(session._subscriptions), steps
        assert (left.calls_in_flight, world.timers(), world.tasks()) == (0, 0, tasks), steps
        assert await session.call("com.example.sync", steps) == steps
        for registration in list(session._registrations.values()):
            await registration.unregister()
        for subscription in [each for found in session._subscriptions.values() for each in found]:
            await subscription.unsubscribe()
        if ends == ["done"]:
            return steps
    raise AssertionError("it never ended by itself")


QUIET: dict[str, Any] = {"ws": {"options": {"autoPingInterval": 0}}}


@on_frameworks
def test_a_component_can_be_cancelled_at_every_step(framework: Framework) -> None:
    steps = sum(run_in_memory(framework, cancel_components, framing) for framing in ("rs", "ws"))
    check("R14", f"steps at which a component was cancelled, {framework}", steps, ">=", 40)


@on_frameworks
def test_a_task_of_a_session_can_be_cancelled_at_every_step(framework: Framework) -> None:
    steps = sum(run_in_memory(framework, cancel_tasks, framing) for framing in ("rs", "ws"))
    check("R14", f"steps at which a task of a session was cancelled, {framework}", steps, ">=", 25)
