"""Who reads: a caller for itself while it is alone, the reader as soon as anybody else needs it, and nothing is lost when they take turns.

These tests talk through real sockets, because only there the reader stands by.
"""

from __future__ import annotations

import contextvars
from typing import Any

import pytest
import trio

from tests.sessions import open_scripted_socket
from trowamp import ApplicationError, Session, SessionClosed, SessionLost, uris
from trowamp import messages as m
from trowamp.testing import ScriptedRouter


async def answer_calls(router: ScriptedRouter, count: int) -> None:
    for _ in range(count):
        call = await router.expect(m.Call)
        router.send(m.Result(call.request_id, {}, call.args, None))


async def call_alone(router: ScriptedRouter, session: Session, count: int = 10) -> None:
    """Make calls one after the other, after which the reader stands by."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer_calls, router, count)
        for number in range(count):
            assert await session.call("com.example.echo", number) == number


async def subscribe(router: ScriptedRouter, session: Session, handler: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.subscribe, "com.example.topic", handler)
        request = await router.expect(m.Subscribe)
        router.send(m.Subscribed(request.request_id, 7))


class StepsOf(trio.abc.Instrument):
    """Counts the steps of tasks by name."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._name = name

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task.name == self._name


async def test_calls_one_after_the_other_do_without_the_reader() -> None:
    async with open_scripted_socket() as router, router.open_session() as session:
        await call_alone(router, session)
        reader = StepsOf("trowamp reader")
        trio.lowlevel.add_instrument(reader)
        await call_alone(router, session, 1000)
        assert reader.count < 100


async def test_events_are_delivered_when_nobody_calls_any_more() -> None:
    received = trio.Event()
    async with open_scripted_socket() as router, router.open_session() as session:
        await subscribe(router, session, received.set)
        await call_alone(router, session)
        router.send(m.Event(7, 1, {}))
        with trio.fail_after(10):
            await received.wait()


async def test_events_are_delivered_while_a_call_waits() -> None:
    events: list[int] = []
    async with open_scripted_socket() as router, router.open_session() as session:
        await subscribe(router, session, events.append)
        await call_alone(router, session)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.call, "com.example.echo")
            call = await router.expect(m.Call)
            for number in (1, 2, 3):
                router.send(m.Event(7, number, {}, [number]))
            router.send(m.Result(call.request_id, {}))
        assert events == [1, 2, 3]


async def test_other_calls_are_answered_while_one_reads_and_after_it() -> None:
    async with open_scripted_socket() as router, router.open_session() as session:
        await call_alone(router, session)
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(session.call, "com.example.echo", number)
            calls = [await router.expect(m.Call) for _ in range(3)]
            for call in calls:  # the first is the one that reads
                router.send(m.Result(call.request_id, {}))
        await call_alone(router, session)


@pytest.mark.parametrize("mode", ["killnowait", "kill"])
async def test_a_call_that_reads_can_be_cancelled(mode: Any) -> None:
    async with open_scripted_socket() as router, router.open_session() as session:
        await call_alone(router, session)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.with_options(cancel_mode=mode).call, "com.example.sleep")
            call = await router.expect(m.Call)
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                cancel = await router.expect(m.Cancel)
                router.send(m.Error(48, call.request_id, {}, uris.ERROR_CANCELED))
        assert cancel.options == {"mode": mode}
        assert session.statistics().pending_calls == 0
        await call_alone(router, session)


async def test_leaving_wakes_a_call_that_reads_although_the_router_says_nothing() -> None:
    async with open_scripted_socket() as router, router.open_session() as session:
        router.answers_goodbye = False
        await call_alone(router, session)
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:

                async def call() -> None:
                    with pytest.raises(SessionClosed):
                        await session.call("com.example.sleep")
                    router.disconnect()

                nursery.start_soon(call)
                await router.expect(m.Call)
                session._shell.say_goodbye()


async def test_a_lost_connection_fails_the_call_that_reads_and_ends_the_session() -> None:
    async with open_scripted_socket() as router:
        with pytest.raises(SessionLost) as ended:
            async with router.open_session() as session:
                await call_alone(router, session)

                async def call() -> None:
                    with pytest.raises(SessionLost) as lost:
                        await session.call("com.example.sleep")
                    assert lost.value.maybe_executed

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(call)
                    await router.expect(m.Call)
                    router.disconnect()
        assert str(ended.value) == "the peer ended the connection"


async def test_a_router_that_breaks_the_protocol_is_told_by_the_reader() -> None:
    async with open_scripted_socket() as router:
        with pytest.raises(SessionLost, match="broke the protocol"):
            async with router.open_session() as session:
                await call_alone(router, session)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(session.call, "com.example.sleep")
                    await router.expect(m.Call)
                    router.send(m.Welcome(1, {"roles": {"dealer": {}}}))
        abort = await router.expect(m.Abort)
        assert abort.reason == uris.ERROR_PROTOCOL_VIOLATION


async def test_a_call_that_begins_to_read_when_the_reader_is_about_to_go_on_is_left_alone() -> None:
    """Whether the reader goes on is decided before the run sleeps; it does so a little later, and others may be quicker."""
    async with open_scripted_socket() as router, router.open_session() as session, trio.open_nursery() as nursery:
        reading = session._shell.reading
        nursery.start_soon(answer_calls, router, 100)
        while not reading.is_offered:
            assert await session.call("com.example.echo", 1) == 1
        resume = reading._resume_before_sleep()
        assert resume is not None
        trio.lowlevel.current_trio_token().run_sync_soon(resume)
        with trio.fail_after(5):
            assert await session.call("com.example.echo", 2) == 2
        nursery.cancel_scope.cancel()


async def test_handlers_see_the_context_of_the_session_and_not_of_a_caller() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("session")
    seen: list[str] = []
    async with open_scripted_socket() as router, router.open_session() as session:
        await subscribe(router, session, lambda: seen.append(variable.get()))
        await call_alone(router, session)

        async def call() -> None:
            variable.set("caller")
            await session.call("com.example.echo")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            message = await router.expect(m.Call)
            router.send(m.Event(7, 1, {}), m.Result(message.request_id, {}))
        assert seen == ["session"]


async def test_a_handler_that_ends_the_program_does_so_while_a_caller_reads() -> None:
    def leave() -> None:
        raise SystemExit(3)

    async with open_scripted_socket() as router:
        with pytest.raises(SystemExit) as left:
            async with router.open_session() as session:
                await subscribe(router, session, leave)
                await call_alone(router, session)

                async def call() -> None:
                    with pytest.raises(SessionLost):
                        await session.call("com.example.sleep")

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(call)
                    await router.expect(m.Call)
                    router.send(m.Event(7, 1, {}))
        assert left.value.code == 3


async def test_an_error_answer_reaches_the_call_that_reads() -> None:
    async with open_scripted_socket() as router, router.open_session() as session:
        await call_alone(router, session)
        async with trio.open_nursery() as nursery:

            async def call() -> None:
                with pytest.raises(ApplicationError, match="no_such_procedure"):
                    await session.call("com.example.missing")

            nursery.start_soon(call)
            request = await router.expect(m.Call)
            router.send(m.Error(48, request.request_id, {}, uris.ERROR_NO_SUCH_PROCEDURE))


async def test_the_reader_stands_by_less_often_where_it_is_in_vain() -> None:
    async with open_scripted_socket() as router, router.open_session() as session:
        times = 0
        was_offered = False
        for _ in range(40):
            await call_alone(router, session, 1)
            times += session._shell.reading.is_offered
            with trio.fail_after(10):
                while session._shell.reading.is_offered:
                    await trio.lowlevel.checkpoint()  # until the reader goes on
                    was_offered = True
        assert was_offered
        assert times <= 6  # after 1, 3, 7, 15, 31 calls
