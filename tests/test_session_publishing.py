"""trowamp/_session_view.py: publishing, acknowledged or not, and what happens on a connection that is congested."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager

import pytest
import trio

import trowamp
from tests.sessions import answering, open_ends, open_pair, open_played_session, pending, rawsocket, settle
from trowamp import Session, SessionClosed, SessionLost
from trowamp import messages as m
from trowamp._byte_pump import BytePump
from trowamp._run_session import KeepAlive
from trowamp.testing import open_scripted_router

T = "com.example.topic"
PART = bytes(700_000)


async def test_what_one_task_publishes_arrives_in_order() -> None:
    async with open_pair() as (_, publisher, subscriber), subscriber.open_subscription(T) as stream:
        for number in range(100):
            if number % 3 == 0:
                await publisher.publish(T, number)
            elif number % 3 == 1:
                publisher.publish_nowait(T, number)
            else:
                await publisher.with_options(acknowledge=True).publish(T, number)
        assert [(await anext(stream)).args[0] for _ in range(100)] == list(range(100))


@pytest.mark.checklist("BP-C1")
async def test_a_plain_publish_waits_for_nobody() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        assert await session.publish(T, 1) is None
        assert (await router.expect(m.Publish)).options == {}
        assert pending(session) == {}


@pytest.mark.checklist("BP-C2")
async def test_a_refused_publish_raises_when_it_is_acknowledged() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        refusal = trowamp.uris.ERROR_NOT_AUTHORIZED
        async with answering(router, m.Publish, lambda publish: m.Error(16, publish.request_id, {}, refusal)):
            with pytest.raises(trowamp.NotAuthorized):
                await session.with_options(acknowledge=True).publish(T)
        assert pending(session) == {}


async def test_an_acknowledgement_that_comes_too_late_reaches_nobody() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.with_options(acknowledge=True).publish, T)
            publish = await router.expect(m.Publish)
            nursery.cancel_scope.cancel()
        router.send(m.Published(publish.request_id, 7))
        await settle()
        assert pending(session) == {}
        assert session.statistics().late_replies == 1


async def test_a_publish_without_waiting_asks_for_no_acknowledgement() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        session.with_options(acknowledge=True, exclude=[7]).publish_nowait(T)
        assert (await router.expect(m.Publish)).options == {"exclude": [7]}
        assert pending(session) == {}


@pytest.mark.parametrize("topic", ["", "com..example", "com.example.", "com example"])
async def test_what_is_no_topic_is_refused(topic: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match="not a legal topic"):
            await session.publish(topic)
        with pytest.raises(ValueError, match="not a legal topic"):
            session.publish_nowait(topic)
        assert router.has_received() == []


# ---- a congested connection


@asynccontextmanager
async def open_congested() -> AsyncGenerator[tuple[Session, BytePump], None]:
    """Open a session whose router reads nothing, and publish until nothing more should be."""
    async with open_ends(*rawsocket()) as (ours, theirs):
        async with open_played_session(ours, theirs) as session:
            while not ours.is_above_high_water:
                session.publish_nowait(T, PART)
                await settle()
            yield session, theirs
            session.leave()
            theirs.transport.abort()


async def read_everything(router: BytePump) -> list[m.Message]:
    messages: list[m.Message] = []
    with trio.move_on_after(0.1):
        while True:
            messages += await router.receive()
    return messages


async def test_who_must_not_wait_is_told_that_the_connection_is_congested() -> None:
    async with open_congested() as (session, router):
        with pytest.raises(trio.WouldBlock):
            session.publish_nowait(T, "not sent")
        sent = await read_everything(router)
        assert all(isinstance(message, m.Publish) and message.args == [PART] for message in sent)
        session.publish_nowait(T, "sent")
        (publish,) = await router.receive()
        assert isinstance(publish, m.Publish)
        assert publish.args == ["sent"]


async def test_who_may_wait_waits_until_there_is_room(autojump_clock: trio.testing.MockClock) -> None:
    async with open_congested() as (session, router), trio.open_nursery() as nursery:
        nursery.start_soon(session.publish, T, "waited")
        nursery.start_soon(session.with_options(acknowledge=True).publish, T, "waited too")
        nursery.start_soon(session.call, "com.example.waited")
        await settle()
        assert pending(session) == {}
        sent = [message for message in await read_everything(router) if getattr(message, "args", None) != [PART]]
        assert sorted(message.name for message in sent) == ["CALL", "PUBLISH", "PUBLISH"]
        assert pending(session) == {"pending_calls": 1, "pending_publishes": 1}
        nursery.cancel_scope.cancel()


async def test_who_waits_for_room_and_is_cancelled_sends_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async with open_congested() as (session, router):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.publish, T, "given up")
            nursery.start_soon(session.call, "com.example.given_up")
            nursery.start_soon(session.open_call("com.example.given_up").__aenter__)
            await settle()
            nursery.cancel_scope.cancel()
        assert pending(session) == {}
        assert all(message.args == [PART] for message in await read_everything(router))  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["loss", "silence", "goodbye", "leave"])
async def test_who_waits_for_room_learns_of_the_end(how: str, autojump_clock: trio.testing.MockClock) -> None:
    ends: list[SessionLost | SessionClosed] = []

    async def note(request: Awaitable[object]) -> None:
        try:
            await request
        except (SessionLost, SessionClosed) as error:
            ends.append(error)

    async with open_ends(*rawsocket()) as (ours, theirs):
        with pytest.raises(ExceptionGroup) if how != "leave" else contextlib.nullcontext():
            async with open_played_session(ours, theirs, KeepAlive(10, 10)) as session, trio.open_nursery() as nursery:
                while not ours.is_above_high_water:
                    session.publish_nowait(T, PART)
                    await settle()
                nursery.start_soon(note, session.publish(T))
                nursery.start_soon(note, session.call("com.example.f"))
                nursery.start_soon(note, session.open_call("com.example.f").__aenter__())
                await settle()
                if how == "loss":
                    theirs.transport.abort()
                elif how == "goodbye":
                    theirs.link.send(m.Goodbye({}, trowamp.uris.CLOSE_SYSTEM_SHUTDOWN))
                    theirs.flush()
                elif how == "leave":
                    session.leave()
        kind = SessionLost if how in {"loss", "silence"} else SessionClosed
        assert [(type(end), end.maybe_executed) for end in ends] == [(kind, False)] * 3


async def test_a_congested_connection_brings_no_more_work() -> None:
    """Answers that the router does not take would pile up without end."""
    async with open_ends(*rawsocket()) as (ours, theirs):
        with pytest.raises(ExceptionGroup):
            async with open_played_session(ours, theirs) as session, trio.open_nursery() as nursery:
                called = 0

                def procedure() -> bytes:
                    nonlocal called
                    called += 1
                    return PART

                nursery.start_soon(session.register, "com.example.f", procedure)
                (register,) = await theirs.receive()
                assert isinstance(register, m.Register)
                theirs.link.send(m.Registered(register.request_id, 7))
                for number in range(1, 100):
                    theirs.link.send(m.Invocation(number, 7, {}))
                    theirs.flush()
                    await settle()
                assert 2 < called < 10
                assert len(await read_everything(theirs)) == called == 99
                theirs.transport.abort()
                await trio.sleep_forever()
