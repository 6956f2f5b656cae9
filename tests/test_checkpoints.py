"""Every public async function is a checkpoint, and may be cancelled at any of its awaits without leaving anything behind."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints

import trowamp
from tests.faults.goals import check
from tests.sessions import Pair, answering, in_flight, open_pair, pending, settle
from trowamp import Component, Invocation, Router, Session, open_router, open_session
from trowamp import messages as m
from trowamp.testing import open_scripted_router

F = "com.example.f"
T = "com.example.topic"


# ---- checkpoints


@asynccontextmanager
async def open_busy_pair() -> AsyncGenerator[Pair, None]:
    """Open two sessions, one of which offers procedures."""

    async def parts(invocation: Invocation) -> str:
        for number in range(3):
            await invocation.progress(number)
        return "end"

    async with open_pair() as pair:
        await pair.callee.register("com.example.now", lambda: None)
        await pair.callee.register("com.example.parts", parts)
        yield pair


# Every public async function by name: a new one has to be added, and tested below.
CHECKED = {
    "CallStream.__anext__",
    "CallStream.end_inputs",
    "CallStream.result",
    "CallStream.send",
    "Component.run",
    "EventStream.__anext__",
    "EventStream.unsubscribe",
    "Invocation.progress",
    "Registration.unregister",
    "Router.serve_websocket",  # receives: it lasts as long as its connection
    "Session.add_object",
    "Session.call",
    "Session.open_subscription",
    "Session.publish",
    "Session.register",
    "Session.subscribe",
    "SessionView.call",
    "SessionView.publish",
    "Subscription.unsubscribe",
    "open_router",
    "open_session",
    "serve_router",  # never returns: as open_router
    "ssh_agent_keys",  # in test_ssh_agent.py
}
# Methods that other parts of the package call; the reference does not list them.
INNER = {"CallStream.park", "CallStream.wait", "Transport.connect"}


def async_functions() -> Iterator[str]:
    """Name every async function that the names of `trowamp` lead to."""
    for name in trowamp.__all__:
        target = getattr(trowamp, name)
        if not inspect.isclass(target):
            yield from [name] if is_async(target) else []
            continue
        for base in target.__mro__:
            if base.__module__.startswith("trowamp"):
                for member, function in vars(base).items():
                    if member == "__anext__" or (not member.startswith("_") and is_async(function)):
                        yield f"{name}.{member}"


def is_async(function: object) -> bool:
    function = inspect.unwrap(function) if callable(function) else function
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def test_no_public_async_function_is_left_out() -> None:
    assert set(async_functions()) == CHECKED | INNER


class Marked:
    """Something to be added."""

    @trowamp.procedure(F)
    def f(self) -> None:
        """Serve."""

    @trowamp.subscriber(T)
    def on_topic(self) -> None:
        """Handle."""


REQUESTS: dict[str, Callable[[Session], Awaitable[object]]] = {
    "call": lambda session: session.call("com.example.now"),
    "call of a view": lambda session: session.with_options(timeout=5).call("com.example.now"),
    "publish": lambda session: session.publish(T, 1),
    "publish, acknowledged": lambda session: session.with_options(acknowledge=True).publish(T, 1),
    "register": lambda session: session.register(F, print),
    "subscribe": lambda session: session.subscribe(T, print),
    "add_object": lambda session: session.add_object(Marked()),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_every_request_is_a_checkpoint(request_: Callable[[Session], Awaitable[object]]) -> None:
    async with open_busy_pair() as (_, session, _callee):
        with assert_checkpoints():
            await request_(session)


async def test_opening_a_call_or_a_subscription_is_a_checkpoint() -> None:
    async with open_busy_pair() as (_, session, _callee):
        contexts: list[AbstractAsyncContextManager[object]] = [
            session.open_call("com.example.now"),
            session.open_subscription(T),
        ]
        for context in contexts:
            with assert_checkpoints():
                await context.__aenter__()
            await context.__aexit__(None, None, None)


async def test_ending_registrations_and_subscriptions_is_a_checkpoint_each_time() -> None:
    async with open_busy_pair() as (_, session, _callee):
        registration = await session.register(F, print)
        subscription = await session.subscribe(T, print)
        for _ in range(2):
            with assert_checkpoints():
                await registration.unregister()
            with assert_checkpoints():
                await subscription.unsubscribe()


async def test_every_step_of_a_call_stream_is_a_checkpoint() -> None:
    async with open_busy_pair() as (_, session, _callee), session.open_call("com.example.parts") as stream:
        await settle()
        for number in range(3):
            with assert_checkpoints():
                assert await anext(stream) == number
        for _ in range(2):
            with assert_checkpoints(), pytest.raises(StopAsyncIteration):
                await anext(stream)
            with assert_checkpoints():
                assert await stream.result() == "end"


async def test_every_step_of_streamed_inputs_is_a_checkpoint() -> None:
    async with open_pair() as (_, caller, callee):
        read: list[object] = []

        async def procedure(invocation: Invocation) -> None:
            inputs = invocation.inputs
            for _ in range(2):
                with assert_checkpoints():
                    read.append(await anext(inputs))
            with assert_checkpoints(), pytest.raises(StopAsyncIteration):
                await anext(inputs)

        await callee.register(F, procedure)
        async with caller.with_options(stream_inputs=True).open_call(F) as stream:
            for number in range(2):
                with assert_checkpoints():
                    await stream.send(number)
            with assert_checkpoints():
                await stream.end_inputs()
            assert await stream.result() is None
        assert read == [0, 1]


async def test_every_step_of_an_event_stream_is_a_checkpoint() -> None:
    async with open_busy_pair() as (_, session, publisher), session.open_subscription(T) as stream:
        for number in range(3):
            await publisher.publish(T, number)
        await settle()
        for number in range(3):
            with assert_checkpoints():
                assert (await anext(stream)).args == (number,)
        with assert_checkpoints():
            await stream.unsubscribe()
        for _ in range(2):
            with assert_checkpoints(), pytest.raises(StopAsyncIteration):
                await anext(stream)


@pytest.mark.parametrize("wanted", [True, False])
async def test_progress_is_a_checkpoint_even_if_nobody_wants_it(wanted: bool) -> None:
    async with open_pair() as (_, caller, callee):

        async def procedure(invocation: Invocation) -> None:
            assert invocation.wants_progress == wanted
            with assert_checkpoints():
                await invocation.progress(1)

        await callee.register(F, procedure)
        if wanted:
            async with caller.open_call(F) as stream:
                await stream.result()
        else:
            await caller.call(F)


async def test_opening_and_closing_routers_and_sessions_is_a_checkpoint() -> None:
    for listen in ([], ["rs://127.0.0.1:0"]):
        router_context = open_router(listen=listen)
        with assert_checkpoints():
            router = await router_context.__aenter__()
        contexts = [router.open_session(realm="realm1"), *(open_session(url, realm="realm1") for url in router.urls)]
        for context in contexts:
            with assert_checkpoints():
                await context.__aenter__()
        for context in reversed(contexts):
            with assert_checkpoints():
                await context.__aexit__(None, None, None)
        with assert_checkpoints():
            await router_context.__aexit__(None, None, None)


async def test_running_a_component_is_a_checkpoint() -> None:
    async with open_router() as router:
        component = Component("ws://localhost", realm="realm1")

        @component.main
        def main(session: Session) -> None:
            """Have nothing to do."""

        with assert_checkpoints():
            await component.run(transports=[router.transport])


# ---- cancelled at every await


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope behind the n-th step that any task of the program makes."""

    def __init__(self, scope: trio.CancelScope, step: int) -> None:
        self._scope = scope
        self._steps_left = step

    @property
    def has_fired(self) -> bool:
        return self._steps_left <= 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._steps_left -= 1
        if self._steps_left == 0:
            self._scope.cancel()


async def cancel_at_step(step: int, scenario: Callable[[], Awaitable[object]]) -> bool:
    """Run a scenario, cancel it at one step; tell whether it took as many steps."""
    with trio.CancelScope() as scope:
        instrument = CancelAtStep(scope, step)
        trio.lowlevel.add_instrument(instrument)
        try:
            await scenario()
        finally:
            trio.lowlevel.remove_instrument(instrument)
    return instrument.has_fired


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def sleep(session: Session) -> None:
    await session.call("com.example.sleep")


async def kill(session: Session) -> None:
    await session.with_options(cancel_mode="kill").call("com.example.sleep")


async def take_parts(session: Session) -> None:
    async with session.open_call("com.example.parts") as stream:
        async for _ in stream:
            pass
        assert await stream.result() == "end"


async def publish(session: Session) -> None:
    await session.publish(T, 1)
    await session.with_options(acknowledge=True).publish(T, 1)


async def register(session: Session) -> None:
    registration = await session.register(F, print)
    try:
        await session.call("com.example.now")
    finally:
        with trio.CancelScope(shield=True):
            await registration.unregister()


async def unregister(session: Session) -> None:
    with trio.CancelScope(shield=True):
        registration = await session.register(F, print)
    await registration.unregister()


async def subscribe(session: Session) -> None:
    subscription = await session.subscribe(T, print)
    try:
        await session.call("com.example.now")
    finally:
        subscription.unsubscribe_nowait()


async def unsubscribe(session: Session) -> None:
    with trio.CancelScope(shield=True):
        subscription = await session.subscribe(T, print)
    await subscription.unsubscribe()


async def listen(session: Session) -> None:
    async with session.open_subscription(T) as stream:
        await session.with_options(exclude_me=False).publish(T, 1)
        assert (await anext(stream)).args == (1,)
        await stream.unsubscribe()


async def add_object(session: Session) -> None:
    for handle in await session.add_object(Marked()):
        with trio.CancelScope(shield=True):
            await (handle.unregister() if isinstance(handle, trowamp.Registration) else handle.unsubscribe())


SCENARIOS = [sleep, kill, take_parts, publish, register, unregister, subscribe, unsubscribe, listen, add_object]


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_request_can_be_cancelled_anywhere(
    scenario: Callable[[Session], Awaitable[None]], autojump_clock: MockClock
) -> None:
    async with open_busy_pair() as (router, session, callee):

        async def doze() -> None:
            await trio.lowlevel.checkpoint()
            await trio.sleep(1)

        await callee.register("com.example.sleep", doze, concurrency=1)
        await scenario(session)  # what it takes to run once is there: idle tasks
        await settle()
        before = tasks(), session.statistics().registrations, router.statistics().registrations
        step = 0
        has_fired = True
        while has_fired:
            step += 1
            has_fired = await cancel_at_step(step, lambda: scenario(session))
            await settle()
            assert pending(session) == pending(callee) == {}, f"cancelled at step {step}"
            assert in_flight(router) == (0, 0), f"cancelled at step {step}"
            assert session.statistics().subscriptions == router.statistics().subscriptions == 0
            after = tasks(), session.statistics().registrations, router.statistics().registrations
            assert after == before, f"cancelled at step {step}"
            assert await session.call("com.example.now") is None
    check("R14", f"steps of a request, cancelled at each: {scenario.__name__}", step, ">=", 5)


@pytest.mark.parametrize("mode", ["kill", "killnowait"])
async def test_a_procedure_can_be_cancelled_anywhere(mode: Any, autojump_clock: MockClock) -> None:
    """The caller gives up at each step in turn; the procedure calls, publishes and reports progress in the meantime."""
    async with open_busy_pair() as (router, caller, callee):
        running = 0

        async def busy(invocation: Invocation) -> None:
            nonlocal running
            running += 1
            try:
                await invocation.progress(1)
                await callee.call("com.example.now")
                async with callee.open_call("com.example.parts") as stream:
                    await stream.result()
                await callee.with_options(acknowledge=True).publish(T, 1)
            finally:
                running -= 1

        await callee.register("com.example.busy", busy)

        async def call() -> None:
            async with caller.with_options(cancel_mode=mode).open_call("com.example.busy") as stream:
                await stream.result()

        await call()
        await settle()
        before = tasks()
        step = 0
        has_fired = True
        while has_fired:
            step += 1
            has_fired = await cancel_at_step(step, call)
            await settle()
            assert running == 0
            assert pending(caller) == pending(callee) == {}
            assert in_flight(router) == (0, 0)
            assert tasks() == before
        assert step > 20


async def visit(session: Session) -> None:
    """Do a little of everything."""
    await session.register(F, print)
    async with session.open_subscription(T) as stream:
        await session.with_options(exclude_me=False).publish(T, 1)
        await anext(stream)
        await session.call(F)


async def test_a_session_in_memory_can_be_cancelled_anywhere(autojump_clock: MockClock) -> None:
    async with open_router() as router:

        async def scenario() -> None:
            async with router.open_session(realm="realm1") as session:
                await visit(session)

        await scenario()
        await settle()
        before = tasks()
        step = 0
        has_fired = True
        while has_fired:
            step += 1
            has_fired = await cancel_at_step(step, scenario)
            await settle()
            assert is_empty(router), f"cancelled at step {step}"
            assert tasks() == before, f"cancelled at step {step}"
    check("R14", "steps of a session in memory, cancelled at each", step, ">=", 30)


def is_empty(router: Router) -> bool:
    statistics = router.statistics()
    return not (
        router.connections
        or statistics.connections
        or statistics.sessions
        or statistics.registrations
        or statistics.subscriptions
        or statistics.calls_in_flight
        or statistics.deadlines
    )


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("scheme", ["rs", "ws"])
async def test_a_session_over_a_socket_can_be_cancelled_anywhere(scheme: str) -> None:
    async with open_router(listen=[f"{scheme}://127.0.0.1:0"]) as router:

        async def scenario() -> None:
            async with open_session(router.urls[0], realm="realm1") as session:
                await visit(session)

        async def everybody_has_left() -> None:
            with trio.fail_after(5):
                while not is_empty(router):  # noqa: ASYNC110  # the kernel tells the router, and nobody tells us
                    await trio.sleep(0.001)
            await settle()

        await scenario()
        await everybody_has_left()
        before = tasks(), open_files()
        step = 0
        has_fired = True
        while has_fired:
            step += 1
            has_fired = await cancel_at_step(step, scenario)
            await everybody_has_left()
            assert (tasks(), open_files()) == before, f"cancelled at step {step}"
    check("R14", f"steps of a session over a socket, cancelled at each: {scheme}", step, ">=", 30)


async def test_a_router_can_be_cancelled_anywhere() -> None:
    async def scenario() -> None:
        async with (
            open_router(listen=["rs://127.0.0.1:0", "ws://127.0.0.1:0"]) as router,
            router.open_session(realm="realm1") as in_memory,
            open_session(router.urls[0], realm="realm1") as session,
        ):
            await in_memory.register("com.example.g", print)
            await session.call("com.example.g")

    await scenario()
    before = tasks(), open_files()
    step, has_fired = 0, True
    while has_fired:
        step += 1
        has_fired = await cancel_at_step(step, scenario)
        assert (tasks(), open_files()) == before, f"cancelled at step {step}"
    check("R14", "steps of a router, cancelled at each", step, ">=", 30)


async def test_a_component_can_be_cancelled_anywhere(autojump_clock: MockClock) -> None:
    async with open_router() as router:
        component = Component("ws://localhost", realm="realm1")
        component.add_object(Marked())

        @component.on_join
        @component.on_leave
        async def take_a_moment(*told: object) -> None:
            await trio.sleep(0.1)

        @component.main
        async def main(session: Session) -> None:
            await session.call(F)
            await trio.sleep(1)

        async def scenario() -> None:
            await component.run(transports=[router.transport])

        await scenario()
        await settle()
        before = tasks()
        step = 0
        has_fired = True
        while has_fired:
            step += 1
            has_fired = await cancel_at_step(step, scenario)
            await settle()
            assert is_empty(router), f"cancelled at step {step}"
            assert tasks() == before, f"cancelled at step {step}"
            assert component.session is None
    check("R14", "steps of a component, cancelled at each", step, ">=", 30)


# ---- undone at the router


@pytest.mark.parametrize("request_", ["register", "subscribe", "open_subscription"])
async def test_what_was_agreed_to_too_late_is_undone(request_: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:

        async def ask() -> None:
            if request_ == "register":
                await session.register(F, print)
            elif request_ == "subscribe":
                await session.subscribe(T, print)
            else:
                async with session.open_subscription(T):
                    pytest.fail("it was cancelled before")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            nursery.cancel_scope.cancel()
        (sent,) = router.has_received()
        if isinstance(sent, m.Register):
            router.send(m.Registered(sent.request_id, 7))
            undone: Any = await router.expect(m.Unregister)
            assert undone.registration_id == 7
            router.send(m.Unregistered(undone.request_id))
        else:
            assert isinstance(sent, m.Subscribe)
            router.send(m.Subscribed(sent.request_id, 7), m.Event(7, 1, {}, [1]))
            undone = await router.expect(m.Unsubscribe)
            assert undone.subscription_id == 7
            router.send(m.Unsubscribed(undone.request_id))
        await settle()
        assert pending(session) == {}
        assert session.statistics().registrations == session.statistics().subscriptions == 0


async def test_a_refusal_that_comes_too_late_is_ignored() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.register, F, print)
            await settle()
            nursery.cancel_scope.cancel()
        register_message = await router.expect(m.Register)
        router.send(m.Error(64, register_message.request_id, {}, trowamp.uris.ERROR_PROCEDURE_ALREADY_EXISTS))
        await settle()
        assert pending(session) == {}
        async with answering(router, m.Register, lambda again: m.Registered(again.request_id, 7)):
            assert (await session.register(F, print)).is_active
