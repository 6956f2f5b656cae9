"""trowamp/_events.py: subscriptions to iterate over, and how the iteration ends."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import answering, flow, open_pair, pending, settle
from trowamp import BufferOverflow, Event, EventStream, SessionClosed, SessionLost
from trowamp import messages as m
from trowamp.testing import open_scripted_router

T = "com.example.topic"


def subscribed(subscribe: m.Subscribe) -> m.Subscribed:
    return m.Subscribed(subscribe.request_id, 7)


def events(*numbers: int) -> list[m.Event]:
    return [m.Event(7, 100 + number, {}, [number]) for number in numbers]


async def taken(stream: EventStream) -> list[Any]:
    return [event.args[0] async for event in stream]


async def test_a_stream_gives_every_event_and_unsubscribes_at_its_end() -> None:
    async with open_pair() as (router, publisher, subscriber):
        async with subscriber.open_subscription(T) as stream:
            assert repr(stream) == f"<EventStream '{T}' id={stream.id}>"
            for number in range(10):
                await publisher.publish(T, number, n=number)
            for number in range(10):
                event = await anext(stream)
                assert (event.args, event.kwargs, event.topic) == ((number,), {"n": number}, T)
            assert flow(stream) == (10, 0, 0)
        await settle()
        assert repr(stream) == f"<EventStream '{T}' over>"
        assert router.statistics().subscriptions == 0
        assert pending(subscriber) == {}


async def test_a_stream_of_a_pattern_tells_each_topic() -> None:
    async with open_pair() as (_, publisher, subscriber):
        async with subscriber.open_subscription("com.example.<country>.news") as stream:
            await publisher.publish("com.example.de.news", 1)
            assert (await anext(stream)).topic == "com.example.de.news"
        async with subscriber.open_subscription("com.example", match="prefix") as stream:
            await publisher.publish("com.example.at.news", 1)
            assert (await anext(stream)).topic == "com.example.at.news"


async def test_a_stream_that_was_left_gives_what_it_has_and_ends() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with answering(router, m.Subscribe, subscribed):
            context = session.open_subscription(T)
            stream = await context.__aenter__()
        router.send(*events(1, 2))
        await settle()
        await context.__aexit__(None, None, None)
        router.send(*events(3))
        await settle()
        assert await taken(stream) == [1, 2]
        assert await taken(stream) == []


async def test_unsubscribing_ends_the_iteration_of_another_task() -> None:
    async with open_pair() as (_, publisher, subscriber), subscriber.open_subscription(T) as stream:
        got: list[list[int]] = []

        async def take() -> None:
            got.append(await taken(stream))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await publisher.publish(T, 1)
            await settle()
            await stream.unsubscribe()
        assert got == [[1]]


async def test_a_stream_that_the_router_revokes_ends() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with answering(router, m.Subscribe, subscribed):
            context = session.open_subscription(T)
            stream = await context.__aenter__()
        router.send(*events(1), m.Unsubscribed(0, {"subscription": 7}))
        assert await taken(stream) == [1]
        assert not stream.is_active
        await context.__aexit__(None, None, None)
        assert router.has_received() == []


async def test_two_tasks_share_the_events_of_a_stream() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        got: list[Event] = []

        async def take_one(stream: EventStream) -> None:
            got.append(await anext(stream))

        async with answering(router, m.Subscribe, subscribed):
            context = session.open_subscription(T)
            stream = await context.__aenter__()
        router.send(*events(1))
        await settle()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_one, stream)
            nursery.start_soon(take_one, stream)
            await settle()
            with pytest.raises(trio.BusyResourceError):
                await anext(stream)
            router.send(*events(2))
        assert sorted(event.args[0] for event in got) == [1, 2]
        await context.__aexit__(None, None, None)


async def test_a_cancelled_task_loses_no_event() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with answering(router, m.Subscribe, subscribed):
            context = session.open_subscription(T)
            stream = await context.__aenter__()
        got: list[int] = []
        for number in range(50):  # the scheduler's order is random
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:

                    async def take() -> None:
                        got.append((await anext(stream)).args[0])

                    nursery.start_soon(take)
                    await settle()
                    router.send(*events(number))
                    scope.cancel()
            await settle()
        await context.__aexit__(None, None, None)
        got += await taken(stream)
        assert got == list(range(50))


async def test_a_stream_that_nobody_reads_overflows() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with answering(router, m.Subscribe, subscribed):
            context = session.open_subscription(T, buffer=2)
            stream = await context.__aenter__()
        router.send(*events(1, 2, 3, 4))
        await router.expect(m.Unsubscribe)
        assert (await anext(stream)).args == (1,)
        assert (await anext(stream)).args == (2,)
        for _ in range(2):
            with pytest.raises(BufferOverflow) as caught:
                await anext(stream)
            assert (caught.value.uri, caught.value.limit) == (T, 2)
            assert "overflow=" in str(caught.value)
        await context.__aexit__(None, None, None)
        assert session.is_open


@pytest.mark.parametrize(
    ("overflow", "got"),
    [("drop_oldest", [(3, True), (4, False), (5, False)]), ("drop_newest", [(1, False), (2, False), (5, True)])],
)
async def test_a_stream_may_drop_events_and_says_where(overflow: Any, got: list[tuple[int, bool]]) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with answering(router, m.Subscribe, subscribed):
            context = session.open_subscription(T, buffer=2, overflow=overflow)
            stream = await context.__aenter__()
        router.send(*events(1, 2, 3, 4))
        await settle()
        assert flow(stream) == (0, 2, 2)
        taken = [await anext(stream), await anext(stream)]
        router.send(*events(5))
        taken.append(await anext(stream))
        assert [(event.args[0], event.after_gap) for event in taken] == got
        assert flow(stream) == (3, 0, 2)
        await context.__aexit__(None, None, None)


@pytest.mark.parametrize("how", ["goodbye", "loss", "leave"])
async def test_the_end_of_the_session_ends_the_iteration(how: str, autojump_clock: MockClock) -> None:
    ends: list[BaseException] = []

    async def watch(stream: EventStream) -> None:
        try:
            await taken(stream)
        except (SessionClosed, SessionLost) as error:
            ends.append(error)
            raise

    kind = SessionLost if how == "loss" else SessionClosed
    with pytest.raises(kind) as caught:
        async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
            async with answering(router, m.Subscribe, subscribed):
                context = session.open_subscription(T)
                stream = await context.__aenter__()
            nursery.start_soon(watch, stream)
            await settle()
            if how == "goodbye":
                router.send(m.Goodbye({}, trowamp.uris.CLOSE_SYSTEM_SHUTDOWN))
            elif how == "loss":
                router.disconnect()
            else:
                router.answers_goodbye = False
                session.leave()
            await trio.sleep_forever()
    assert [type(error) for error in ends] == [kind]
    assert caught.value is ends[0]
