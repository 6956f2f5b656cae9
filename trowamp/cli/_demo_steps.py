"""The steps of `trowamp demo`. Each prints what it sees, and fails if that is not what it should be."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import Any

import trio

from .._exceptions import ApplicationError, SessionLost
from .._open import open_session
from .._session import Session
from ._demo_backend import REALM
from ._demo_process import Child, open_child
from ._demo_story import Story

_NAPS, _NAP = 20, 0.3  # calls at once, seconds each


class Stage:
    """Who is there: the router and the two components, and where the router listens."""

    def __init__(self, story: Story, stack: AsyncExitStack) -> None:
        self.story = story
        self.urls = ["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"]
        self.router: Child
        self.calculator: Child
        self.station: Child
        self._stack = stack

    async def open_child(self, name: str, *arguments: str) -> Child:
        """Start a process that is gone at the end of the demo, whatever happens."""
        return await self._stack.enter_async_context(open_child(name, *arguments))

    async def open_router(self) -> None:
        """Start the router where it was, or at free ports the first time."""
        listen = [word for url in self.urls for word in ("--listen", url)]
        self.router = await self.open_child("router", "trowamp", "router", "--realm", REALM, *listen)
        self.urls = [(await self.router.says("listening on ")).split()[-1] for _ in self.urls]

    def open_session(self) -> Any:
        """Open a session of the demo's own."""
        return open_session(self.urls[0], realm=REALM)


async def show_everything(story: Story) -> None:
    """Go through all steps."""
    async with AsyncExitStack() as stack:
        stage = Stage(story, stack)
        await start_router(stage)
        await start_components(stage)
        async with stage.open_session() as session:
            await call_procedures(stage, session)
            await call_at_once(stage, session)
            await take_progress(stage, session)
            await cancel_a_call(stage, session)
            await use_events(stage, session)
            await see_an_error(stage, session)
        await lose_the_router(stage)
        await meet_again(stage)
        await stop_everything(stage)
        story.end()


async def start_router(stage: Stage) -> None:
    """Step: a router."""
    story = stage.story
    story.step("A router starts: 'trowamp router', a process of its own")
    await stage.open_router()
    story.line(
        "router", f"listening on {stage.urls[0]}", "A WebSocket port: any free one, because it was asked for port 0."
    )
    story.line("router", f"listening on {stage.urls[1]}", "A RawSocket port. Each of the two would understand both.")


async def start_components(stage: Stage) -> None:
    """Step: two components."""
    story = stage.story
    story.step("Two components start, in processes of their own, and register")
    backend = f"{__package__}._demo_backend"
    stage.calculator = await stage.open_child("calculator", backend, "calculator", stage.urls[0])
    stage.station = await stage.open_child("station", backend, "station", stage.urls[1])
    await stage.calculator.says("ready")
    story.line(
        "calculator",
        "ready",
        "Joined over WebSocket; demo.add, demo.divide, demo.nap, demo.count and demo.endless are registered.",
    )
    await stage.station.says("ready")
    story.line(
        "station",
        "ready",
        "Joined over RawSocket; demo.average is registered, the pattern demo.weather.<city> subscribed.",
    )


async def call_procedures(stage: Stage, session: Session) -> None:
    """Step: calls."""
    story = stage.story
    story.step("The demo joins, too, and calls")
    total = await session.call("demo.add", 2, 3)
    story.check("demo.add", total, 5)
    story.line("demo", f"demo.add(2, 3) -> {total}", "Routed to the calculator, which answered.")
    average = await session.call("demo.average", 4, 8)
    story.check("demo.average", average, 6)
    story.line(
        "demo",
        f"demo.average(4, 8) -> {average:g}",
        "Routed to the station, which asked the calculator twice.",
    )


async def call_at_once(stage: Stage, session: Session) -> None:
    """Step: concurrent calls."""
    story = stage.story
    story.step("Calls run side by side")
    answers: list[str] = []

    async def nap() -> None:
        answers.append(await session.call("demo.nap", _NAP))

    started = time.monotonic()
    async with trio.open_nursery() as nursery:
        for _ in range(_NAPS):
            nursery.start_soon(nap)
    took = time.monotonic() - started
    story.check("the answers", answers, ["rested"] * _NAPS)
    story.check("faster than one after the other", took < _NAPS * _NAP / 2, True)
    story.line(
        "demo",
        f"{_NAPS} calls of demo.nap({_NAP}) -> {took:.2f} s",
        f"One after the other they would have taken {_NAPS * _NAP:g} s.",
    )


async def take_progress(stage: Stage, session: Session) -> None:
    """Step: progressive results."""
    story = stage.story
    story.step("A call tells how far it is")
    parts = []
    async with session.open_call("demo.count", 3) as call:
        async for part in call:
            parts.append(tuple(part.args))
            story.line(
                "demo",
                f"demo.count(3): {part.args[0]} of {part.args[1]}",
                "A progressive result, taken while the call goes on.",
            )
        result = await call.result()
    story.check("the progressive results", parts, [(1, 3), (2, 3), (3, 3)])
    story.check("demo.count", result, "counted to 3")
    story.line("demo", f"demo.count(3) -> {result!r}", "The final result.")


async def cancel_a_call(stage: Stage, session: Session) -> None:
    """Step: a cancelled call."""
    story = stage.story
    story.step("A call is cancelled, and its callee stops")
    with trio.CancelScope() as scope:
        async with session.open_call("demo.endless") as call:
            story.line(
                "calculator", await stage.calculator.says("demo.endless has started"), "It would never end by itself."
            )
            scope.cancel()
            await call.result()
    story.check("the call was cancelled", scope.cancelled_caught, True)
    story.line(
        "demo",
        "the scope of the call is cancelled",
        "An ordinary trio.CancelScope: leaving it sends CANCEL to the router.",
    )
    story.line(
        "calculator",
        await stage.calculator.says("demo.endless has stopped"),
        "The procedure was cancelled where it waited.",
    )


async def use_events(stage: Stage, session: Session) -> None:
    """Step: publish and subscribe."""
    story = stage.story
    story.step("Events go to whoever subscribed, also by pattern")
    async with session.open_subscription("demo.alarm.", match="prefix") as alarms:
        story.line("demo", "subscribed to demo.alarm.*", "By prefix: every topic that begins so.")
        await session.publish("demo.weather.oslo", "snow", -3)
        story.line(
            "demo", "published to demo.weather.oslo: snow, -3", "Nobody is addressed; the router knows who wants it."
        )
        seen = await stage.station.says("oslo: ")
        story.check("what the station saw", seen, "oslo: snow, -3 degrees")
        story.line(
            "station", seen, "Its pattern demo.weather.<city> matched, and <city> became an argument of its handler."
        )
        alarm = await anext(alarms)
        story.check("the alarm's topic", alarm.topic, "demo.alarm.oslo")
        story.line(
            "demo", f"{alarm.topic}: {alarm.args[0]} {alarm.kwargs}", "Published by the station, because it freezes."
        )


async def see_an_error(stage: Stage, session: Session) -> None:
    """Step: an error of a procedure."""
    story = stage.story
    story.step("A procedure fails")
    try:
        story.check("demo.divide(1, 0)", await session.call("demo.divide", 1, 0), "an error")
    except ApplicationError as error:
        story.check("the error", (error.uri, error.kwargs), ("demo.error.division_by_zero", {"dividend": 1}))
        story.line(
            "demo",
            f"demo.divide(1, 0) -> {error.uri}",
            "Raised in the calculator, caught here as the same exception, with its values.",
        )
        story.line("demo", f"   {error.args[0]}, {error.kwargs}", "The session goes on as if nothing had happened.")


async def lose_the_router(stage: Stage) -> None:
    """Step: the router is killed."""
    story = stage.story
    story.step("The router is killed in the middle of a call")
    try:
        async with stage.open_session() as session, session.open_call("demo.endless") as call:
            await stage.calculator.says("demo.endless has started")
            stage.router.kill()
            story.check("a call without a router", await call.result(), "an error")
    except SessionLost as lost:
        story.check("maybe_executed", lost.maybe_executed, True)
        story.line(
            "demo",
            f"SessionLost: {lost}",
            "Whoever waits is told at once. maybe_executed is True: the call had been sent.",
        )
    story.line(
        "calculator",
        await stage.calculator.says("demo.endless has stopped"),
        "Nobody is left who would want the result.",
    )
    for child in (stage.calculator, stage.station):
        story.line(child.name, await child.says("lost: "), "The component will try again, in growing intervals.")


async def meet_again(stage: Stage) -> None:
    """Step: the router is back, and so are the components."""
    story = stage.story
    story.step("The router starts again, and the components come back by themselves")
    await stage.open_router()
    story.line("router", f"listening on {stage.urls[0]}", "A new process at the old ports. It remembers nothing.")
    for child in (stage.calculator, stage.station):
        story.line(
            child.name,
            await child.says("ready"),
            "Joined again; everything it had declared is in place again, with all its options.",
        )
    async with stage.open_session() as session:
        average = await session.call("demo.average", 1, 3)
        story.check("demo.average", average, 2)
        story.line("demo", f"demo.average(1, 3) -> {average:g}", "Both components serve.")
        await session.publish("demo.weather.bergen", "rain", 7)
        seen = await stage.station.says("bergen: ")
        story.check("what the station saw", seen, "bergen: rain, 7 degrees, after a gap")
        story.line(
            "station",
            seen,
            "Its subscription is back as well, and it is told that events may be missing before this one.",
        )


async def stop_everything(stage: Stage) -> None:
    """Step: an orderly end."""
    story = stage.story
    story.step("Everything stops in good order")
    for child in (stage.calculator, stage.station):
        story.check(f"the exit code of {child.name}", await child.stop(), 0)
        story.line(child.name, await child.says("left"), "SIGTERM: the component said GOODBYE first. Exit code 0.")
    story.check("the exit code of router", await stage.router.stop(), 0)
    story.line("router", "stopped", "SIGTERM: nobody was left to be told. Exit code 0.")
