"""trowamp/_events.py: events on their way to a handler; kinds of handlers, their order, what happens when they fail or are slow."""

from __future__ import annotations

import functools
import gc
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
import trio

import trowamp
from tests.sessions import answering, flow, open_pair, pending, settle
from trowamp import BufferOverflow, Event, Session, Subscription
from trowamp import messages as m
from trowamp.testing import ScriptedRouter, open_scripted_router

T = "com.example.topic"


async def subscribed(
    session: Session, router: ScriptedRouter, handler: Callable[..., Any], topic: str = T, **options: Any
) -> Subscription:
    async with answering(router, m.Subscribe, lambda subscribe: m.Subscribed(subscribe.request_id, 7)):
        return await session.subscribe(topic, handler, **options)


def event(number: int, /, *args: Any, **details: Any) -> m.Event:
    return m.Event(7, 100 + number, details, args or (number,))


def wrapped(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Hide from inspection whether the function is async."""

    def wrapper(value: Any) -> Any:
        return function(value)

    return wrapper


class Log:
    """Handlers of many kinds, and what they got."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def sync(self, value: Any) -> None:
        self.got.append(value)

    async def asynchronous(self, value: Any) -> None:
        await trio.lowlevel.checkpoint()
        self.got.append(value)

    def with_event(self, value: Any, event: Event) -> None:
        assert event.args == (value,)
        self.got.append(value)

    async def with_event_asynchronous(self, value: Any, *, event: Event) -> None:
        assert event.args == (value,)
        await self.asynchronous(value)

    async def __call__(self, value: Any) -> None:
        await self.asynchronous(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda log: log.sync,
        lambda log: log.asynchronous,
        lambda log: log.with_event,
        lambda log: log.with_event_asynchronous,
        lambda log: log,
        lambda log: functools.partial(log.sync),
        lambda log: functools.partial(log.asynchronous),
        lambda log: wrapped(log.sync),
        lambda log: wrapped(log.asynchronous),
    ],
    ids=["sync", "async", "event", "async event", "object", "partial", "async partial", "wrapped", "wrapped async"],
)
async def test_any_callable_gets_the_events_in_order(make: Callable[[Log], Callable[..., Any]]) -> None:
    async with open_pair() as (_, publisher, subscriber):
        log = Log()
        subscription = await subscriber.subscribe(T, make(log))
        for number in range(20):
            await publisher.publish(T, number)
        await settle()
        assert log.got == list(range(20))
        assert flow(subscription) == (20, 0, 0)


async def test_a_function_that_makes_coroutines_is_called_once_per_event() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        called: list[int] = []
        log = Log()

        def begin(value: int) -> Awaitable[None]:
            called.append(value)
            return log.asynchronous(value)

        await subscribed(session, router, begin)
        router.send(event(1), event(2), event(3))
        await settle()
        assert log.got == called == [1, 2, 3]


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
async def test_a_coroutine_that_was_begun_and_dropped_is_closed(
    overflow: Literal["drop_oldest", "drop_newest"], recwarn: pytest.WarningsRecorder
) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        log = Log()
        subscription = await subscribed(session, router, wrapped(log.asynchronous), buffer=1, overflow=overflow)
        router.send(event(1), event(2), event(3))
        await settle()
        assert log.got == [3] if overflow == "drop_oldest" else [1]
        assert flow(subscription) == (1, 0, 2)
        gc.collect()
        assert len(recwarn) == 0


async def test_a_coroutine_that_was_begun_when_the_subscription_ended_is_closed(
    recwarn: pytest.WarningsRecorder,
) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        log = Log()
        first = await subscribed(session, router, wrapped(log.asynchronous))
        await subscribed(session, router, lambda _: first.unsubscribe_nowait())
        router.send(event(1))
        await settle()
        gc.collect()
        assert len(recwarn) == 0
        assert log.got == []


@pytest.mark.checklist("PI-C1")
async def test_an_event_tells_everything_the_router_told() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        got: list[Event] = []
        await subscribed(session, router, got_event(got))
        router.send(m.Event(7, 3, {}), m.Event(7, 4, {"publisher": 9, "publisher_authid": "joe"}, [1], {"a": 2}))
        router.send(m.Event(7, 5, {"publisher_authrole": "user", "topic": "com.example.other", "x_trace": 1}))
        await settle()
        plain, named, other = got
        assert (plain.args, plain.kwargs, plain.topic, plain.publication_id) == ((), {}, T, 3)
        assert [plain.publisher, plain.publisher_authid, plain.publisher_authrole] == [None, None, None]
        assert not plain.after_gap
        assert (named.args, named.kwargs, named.publisher, named.publisher_authid) == ((1,), {"a": 2}, 9, "joe")
        assert (other.topic, other.publisher_authrole, other.details["x_trace"]) == ("com.example.other", "user", 1)
        assert repr(named) == f"<Event '{T}' args=(1,) kwargs={{'a': 2}}>"


def got_event(got: list[Event]) -> Callable[..., None]:
    def handle(*args: Any, event: Event, **kwargs: Any) -> None:
        got.append(event)

    return handle


@pytest.mark.checklist("PBS-C1")
async def test_components_of_a_pattern_become_arguments() -> None:
    got: list[Any] = []

    def concert(country: str, title: str, event: Event) -> None:
        got.append((country, title, event.topic))

    async with open_pair() as (_, publisher, subscriber):
        await subscriber.subscribe("com.example.<country>.on_concert", concert)
        await publisher.publish("com.example.at.on_concert", "Zauberfloete")
        await publisher.publish("com.example.it.on_concert", "Tosca", country="forged")
        await settle()
        assert got == [
            ("at", "Zauberfloete", "com.example.at.on_concert"),
            ("it", "Tosca", "com.example.it.on_concert"),
        ]


async def test_an_event_that_does_not_fit_the_types_of_a_pattern_is_not_for_its_handler() -> None:
    async with open_pair() as (_, publisher, subscriber):
        log = Log()
        await subscriber.subscribe("com.example.<int:value>.temperature", log.sync)
        await subscriber.subscribe("com.example.<int:value>.temperature", log.asynchronous)
        for room in ("1", "kitchen", "2"):
            await publisher.publish(f"com.example.{room}.temperature")
        await settle()
        assert sorted(log.got) == [1, 1, 2, 2]
        assert subscriber.is_open


@pytest.mark.checklist("BP-C3")
async def test_several_handlers_share_one_subscription() -> None:
    async with open_pair() as (router, publisher, subscriber):
        first, second = Log(), Log()
        one = await subscriber.subscribe(T, first.sync)
        two = await subscriber.subscribe(T, second.asynchronous)
        async with subscriber.open_subscription(T) as stream:
            assert one.id == two.id == stream.id
            assert router.statistics().subscriptions == 1
            await publisher.publish(T, 1)
            assert (await anext(stream)).args == (1,)
        await one.unsubscribe()
        assert not one.is_active
        await publisher.publish(T, 2)
        await settle()
        assert (first.got, second.got) == ([1], [1, 2])
        assert router.statistics().subscriptions == 1
        await two.unsubscribe()
        assert router.statistics().subscriptions == 0
        assert subscriber.statistics().subscriptions == 0
        await two.unsubscribe()
        two.unsubscribe_nowait()


async def test_a_handler_that_ends_another_one_spares_it_the_event() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        log = Log()
        await subscribed(session, router, lambda _: second.unsubscribe_nowait())
        second = await subscribed(session, router, log.sync)
        router.send(event(1))
        await settle()
        assert log.got == []


async def test_the_same_handler_twice_gets_each_event_twice() -> None:
    async with open_pair() as (_, publisher, subscriber):
        log = Log()
        once = await subscriber.subscribe(T, log.sync)
        await subscriber.subscribe(T, log.sync)
        await publisher.publish(T, 1)
        await settle()
        await once.unsubscribe()
        await publisher.publish(T, 2)
        await settle()
        assert log.got == [1, 1, 2]


@pytest.mark.checklist("ORD-C1")
async def test_events_right_behind_the_agreement_are_not_missed() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        log = Log()
        nursery.start_soon(session.subscribe, T, log.sync)
        request_id = (await router.expect(m.Subscribe)).request_id
        router.send(m.Subscribed(request_id, 7), event(1), event(2))
        await settle()
        assert log.got == [1, 2]


async def test_an_async_handler_takes_one_event_after_the_other() -> None:
    async with open_pair() as (_, publisher, subscriber):
        running, done = 0, []

        async def handle(number: int) -> None:
            nonlocal running
            running += 1
            assert running == 1
            for _ in range(3 - number % 3):
                await trio.lowlevel.checkpoint()
            running -= 1
            done.append(number)

        await subscriber.subscribe(T, handle)
        for number in range(30):
            await publisher.publish(T, number)
        await settle()
        assert done == list(range(30))


async def test_an_async_handler_takes_as_many_events_at_once_as_it_is_allowed() -> None:
    async with open_pair() as (_, publisher, subscriber):
        slow = Slow()
        await subscriber.subscribe(T, slow, concurrency=5)
        for number in range(30):
            await publisher.publish(T, number)
        await settle()
        assert len(slow.got) == 5
        slow.go_on.set()
        await settle()
        assert sorted(slow.got) == [(number, False) for number in range(30)]


# ---- slow handlers


class Slow:
    """A handler that waits until it may go on."""

    def __init__(self) -> None:
        self.got: list[tuple[int, bool]] = []
        self.go_on = trio.Event()

    async def __call__(self, value: int, event: Event) -> None:
        self.got.append((value, event.after_gap))
        await self.go_on.wait()


async def test_a_slow_handler_may_miss_the_oldest_events() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        slow = Slow()
        subscription = await subscribed(session, router, slow, buffer=3, overflow="drop_oldest")
        router.send(event(0))
        await settle()
        router.send(*map(event, range(1, 8)))
        await settle()
        assert flow(subscription) == (1, 3, 4)
        slow.go_on.set()
        await settle()
        assert slow.got == [(0, False), (5, True), (6, False), (7, False)]
        assert flow(subscription) == (4, 0, 4)


async def test_a_slow_handler_may_miss_the_newest_events() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        slow = Slow()
        subscription = await subscribed(session, router, slow, buffer=3, overflow="drop_newest")
        router.send(event(0))
        await settle()
        router.send(*map(event, range(1, 8)))
        await settle()
        assert flow(subscription) == (1, 3, 4)
        slow.go_on.set()
        await settle()
        router.send(event(8), event(9))
        await settle()
        assert slow.got == [(0, False), (1, False), (2, False), (3, False), (8, True), (9, False)]
        assert flow(subscription) == (6, 0, 4)


async def test_a_slow_handler_ends_the_session_unless_told_otherwise() -> None:
    slow = Slow()
    with pytest.raises(BufferOverflow) as caught:
        async with open_scripted_router() as router, router.open_session() as session:
            await subscribed(session, router, slow, buffer=3)
            router.send(event(0))
            await settle()
            router.send(*map(event, range(1, 8)))
            await trio.sleep_forever()
    assert (caught.value.uri, caught.value.limit) == (T, 3)


async def test_events_that_wait_are_forgotten_when_the_subscription_ends() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        slow = Slow()
        subscription = await subscribed(session, router, slow)
        router.send(*map(event, range(5)))
        await settle()
        assert flow(subscription) == (1, 4, 0)
        subscription.unsubscribe_nowait()
        slow.go_on.set()
        await settle()
        assert slow.got == [(0, False)]
        assert flow(subscription) == (1, 0, 0)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"buffer": 0}, "buffer must be at least 1"),
        ({"overflow": "explode"}, 'overflow must be "raise", "drop_oldest" or "drop_newest"'),
        ({"on_error": "explode"}, 'on_error must be "raise" or "log"'),
        ({"match": "suffix"}, "no such matching policy"),
    ],
)
async def test_options_out_of_range_are_refused(options: dict[str, Any], complaint: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match=complaint):
            await session.subscribe(T, print, **options)
        assert router.has_received() == []


# ---- handlers that fail


def broken(value: int) -> None:
    raise RuntimeError(f"event {value}")


async def broken_async(value: int) -> None:
    await trio.lowlevel.checkpoint()
    broken(value)


@pytest.mark.parametrize("handler", [broken, broken_async])
async def test_a_handler_that_fails_ends_the_session(handler: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="event 1"):
        async with open_scripted_router() as router, router.open_session() as session:
            await subscribed(session, router, handler)
            router.send(event(1), event(2), event(3))
            await trio.sleep_forever()


@pytest.mark.parametrize("handler", [broken, broken_async])
async def test_a_handler_that_fails_may_be_logged_and_go_on(
    handler: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        await subscribed(session, router, handler, on_error="log")
        router.send(event(1), event(2))
        await settle()
        assert session.is_open
    assert [(record.name, record.levelno) for record in caplog.records] == [
        ("trowamp.subscription", logging.ERROR),
        ("trowamp.subscription", logging.ERROR),
    ]
    assert all(record.exc_info is not None for record in caplog.records)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("wants_event", [False, True])
async def test_a_payload_that_does_not_fit_is_the_publishers_fault(
    is_async: bool, wants_event: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and counted; nothing that a publisher sends may end the subscriber's session."""
    got: list[tuple[int, int]] = []

    def handle(x: int, y: int) -> None:
        got.append((x, y))

    async def handle_async(x: int, y: int) -> None:
        got.append((x, y))

    def handle_event(x: int, y: int, event: Event) -> None:
        got.append((x, y))

    async def handle_event_async(x: int, y: int, event: Event) -> None:
        got.append((x, y))

    handlers: list[Callable[..., Any]] = [handle, handle_async, handle_event, handle_event_async]
    async with open_scripted_router() as router, router.open_session() as session:
        subscription = await subscribed(session, router, handlers[is_async + 2 * wants_event])
        router.send(event(1), event(2, 1, 2), event(3, 1, 2, 3))
        await settle()
        assert got == [(1, 2)]
        assert subscription.statistics().misfits == 2
        assert session.is_open
    assert [record.name for record in caplog.records] == ["trowamp.subscription"]  # not for each of them


async def test_the_log_says_that_the_event_comes_in_addition_to_the_payload(caplog: pytest.LogCaptureFixture) -> None:
    got: list[Any] = []

    def on_event(event: Event) -> None:
        got.append(event)

    def on_any(event: Event, *args: Any, **kwargs: Any) -> None:
        got.append((event.args, args))

    for handler in (on_event, on_any):
        async with open_scripted_router() as router, router.open_session() as session:
            await subscribed(session, router, handler)
            router.send(event(1))
            await settle()
    assert got == [((1,), (1,))]
    (record,) = caplog.records
    assert record.getMessage().endswith("too many positional arguments (the payload comes in addition to 'event')")


async def test_a_type_error_inside_a_handler_is_its_own_fault() -> None:
    def handle(x: int) -> int:
        return len(x)  # type: ignore[arg-type]  # the bug

    with pytest.raises(TypeError, match="has no len"):
        async with open_scripted_router() as router, router.open_session() as session:
            await subscribed(session, router, handle)
            router.send(event(1))
            await trio.sleep_forever()


async def test_two_handlers_that_fail_are_two_failures() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with open_scripted_router() as router, router.open_session() as session:
            await subscribed(session, router, broken)
            await subscribed(session, router, broken)
            router.send(event(1))
            await trio.sleep_forever()
    assert [str(error) for error in caught.value.exceptions] == ["event 1", "event 1"]


async def test_a_handler_may_unsubscribe_itself() -> None:
    async with open_pair() as (router, publisher, subscriber):
        got: list[int] = []

        async def once(value: int) -> None:
            got.append(value)
            await subscription.unsubscribe()

        subscription = await subscriber.subscribe(T, once)
        await publisher.publish(T, 1)
        await publisher.publish(T, 2)
        await settle()
        assert got == [1]
        assert router.statistics().subscriptions == 0
        assert pending(subscriber) == {}


# ---- the end of a subscription


@pytest.mark.checklist("RV-C1")
async def test_a_subscription_that_the_router_revokes_is_over(caplog: pytest.LogCaptureFixture) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        log = Log()
        subscription = await subscribed(session, router, log.sync)
        router.send(event(1), m.Unsubscribed(0, {"subscription": 7, "reason": "wamp.error.not_authorized"}), event(2))
        await settle()
        assert log.got == [1]
        assert not subscription.is_active
        assert repr(subscription) == f"<HandlerSubscription '{T}' over>"
        assert "wamp.error.not_authorized" in caplog.text
        await subscription.unsubscribe()
        assert router.has_received() == []
        assert session.is_open


async def test_a_refused_subscription_leaves_nothing() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        refusal = trowamp.uris.ERROR_NOT_AUTHORIZED
        async with answering(router, m.Subscribe, lambda s: m.Error(32, s.request_id, {}, refusal, ["no"])):
            with pytest.raises(trowamp.NotAuthorized, match="no"):
                await session.subscribe(T, print)
        async with answering(router, m.Subscribe, lambda s: m.Error(32, s.request_id, {}, refusal, ["no"])):
            with pytest.raises(trowamp.NotAuthorized, match="no"):
                async with session.open_subscription(T):
                    pytest.fail("the router refused")
        assert session.statistics().subscriptions == 0
        assert pending(session) == {}


@pytest.mark.parametrize("topic", ["", "com..example", "com.example.", "com example", "com.<a>.<a>"])
async def test_what_is_no_topic_is_refused(topic: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match=r"legal|empty|name"):
            await session.subscribe(topic, print, match=None if "<" in topic else "exact")
        assert router.has_received() == []
