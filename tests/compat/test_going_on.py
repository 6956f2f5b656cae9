"""How a call goes on: its octets leave when it is made, and who waits for its result goes on where that is received, in the order of arrival."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from trowamp_compat.asyncio._face import AsyncioFace
from trowamp_compat.twisted._wire import write_now
from trowamp_compat.wamp import message
from trowamp_compat.wamp.exception import ApplicationError
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.tcp import Connection

from tests.compat.fake_router import joined
from tests.compat.kit import Kit, Run, join, on_all, on_both, run_on_asyncio, run_on_twisted, transport, turn, until
from trowamp.messages import Call, Error, Event, Result

ECHO = "com.example.echo"


async def said(kit: Kit, *steps: Callable[[], None]) -> None:
    """Take steps one after the other where octets are received, which is within no task."""
    done = kit.face.create_future()

    def take() -> None:
        for step in steps:
            step()
        kit.face.resolve(done)

    kit.face.call_soon(take)
    await done


def start(kit: Kit, log: list[Any], waits_for: Any) -> None:
    """Have a task wait for something and note what it is."""

    async def wait() -> None:
        log.append(await waits_for)

    kit.face.as_future(wait)


@on_both
def test_who_waits_for_a_call_goes_on_before_the_next_message_is_handled(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        log: list[Any] = []
        start(kit, log, session.call(ECHO))
        await turn(kit)
        request = router.of(message.Call)[0].request
        await said(
            kit,
            lambda: router.say(message.Result(request, args=["the result"])),
            lambda: log.append("what comes next"),
        )
        assert log == ["the result", "what comes next"]

    run(scenario)


@on_both
def test_results_in_one_go_resume_tasks_in_their_order_also_if_the_first_of_them_goes_on_later(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        log: list[Any] = []
        subscription = await session.subscribe(log.append, "com.example.topic")
        first, second, third = (session.call(ECHO) for _ in range(3))
        kit.face.when_done(second, log.append, log.append)  # as somebody does who waits for several
        start(kit, log, first)
        start(kit, log, third)
        await turn(kit)
        ids = [sent.request for sent in router.of(message.Call)]
        results = [Result(request, {}, [number]) for number, request in enumerate(ids)]
        await said(kit, lambda: session._take([*results, Event(subscription.id, 7, {}, ["the event"])]))
        await until(kit, lambda: len(log) == 4)
        assert log == [0, 1, 2, "the event"]

    run(scenario)


@on_both
def test_a_result_that_is_received_within_a_task_is_no_harm(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        log: list[Any] = []
        start(kit, log, session.call(ECHO))
        await turn(kit)
        router.say(message.Result(router.of(message.Call)[0].request, args=["the result"]))
        await until(kit, lambda: log)
        assert log == ["the result"]

    run(scenario)


@on_both
def test_a_result_that_is_received_while_an_event_is_handled_waits_its_turn(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        log: list[Any] = []

        def handle(number: int) -> None:
            log.append(f"event {number} begins")
            session._take([Result(request, {}, ["the result"])])  # as from a loop within the loop
            log.append(f"event {number} ends")

        subscription = await session.subscribe(handle, "com.example.topic")
        start(kit, log, session.call(ECHO))
        await turn(kit)
        request = router.of(message.Call)[0].request
        await said(kit, lambda: session._take([Event(subscription.id, 7, {}, [1])]))
        await until(kit, lambda: len(log) == 3)
        assert log == ["event 1 begins", "event 1 ends", "the result"]

    run(scenario)


@on_both
def test_an_event_that_is_received_while_a_result_is_handled_waits_its_turn(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        log: list[Any] = []
        subscription = await session.subscribe(log.append, "com.example.topic")

        async def wait() -> None:
            log.append(await session.call(ECHO))
            session._take([Event(subscription.id, 7, {}, ["the event"])])  # as from a loop within the loop
            log.append("what comes next")

        kit.face.as_future(wait)
        await turn(kit)
        request = router.of(message.Call)[0].request
        await said(kit, lambda: session._take([Result(request, {}, ["the result"])]))
        await until(kit, lambda: len(log) == 3)
        assert log == ["the result", "what comes next", "the event"]

    run(scenario)


@on_both
@pytest.mark.parametrize(
    "answer", [Result, partial(Error, Call.code, error="com.example.error")], ids=["result", "error"]
)
def test_a_call_that_has_ended_leaves_nothing_to_the_garbage_collector(run: Run, answer: Callable[..., Any]) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        futures: list[Any] = []
        ended: list[Any] = []

        def call() -> Any:
            future = session.call(ECHO)
            futures.append(weakref.ref(future))
            return future

        async def wait() -> None:
            try:
                ended.append(await call())
            except ApplicationError as error:
                ended.append(error.error)

        kit.face.as_future(wait)
        await turn(kit)
        request = router.of(message.Call)[0].request
        await said(kit, lambda: session._take([answer(request_id=request, details={})]))
        await until(kit, lambda: ended)
        await turn(kit)
        assert futures[0]() is None

    gc.disable()
    try:
        run(scenario)
    finally:
        gc.enable()


@on_both
def test_who_goes_on_with_a_result_may_leave_while_more_is_there(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        events: list[Any] = []
        subscription = await session.subscribe(events.append, "com.example.topic")

        async def call_and_leave() -> None:
            await session.call(ECHO)
            await session.leave()

        left = kit.face.as_future(call_and_leave)
        await turn(kit)
        request = router.of(message.Call)[0].request
        await said(kit, lambda: session._take([Result(request, {}), Event(subscription.id, 7, {}, [1])]))
        await left
        assert (events, session.is_attached()) == ([], False)

    run(scenario)


Act = Callable[[AsyncioFace, "asyncio.Future[Any]"], None]


def _succeed(face: AsyncioFace, answer: asyncio.Future[Any]) -> None:
    answer.set_result("mine")


def _fail(face: AsyncioFace, answer: asyncio.Future[Any]) -> None:
    answer.set_exception(ValueError("planted"))


def _cancel(face: AsyncioFace, answer: asyncio.Future[Any]) -> None:
    answer.cancel()


def _resolve(face: AsyncioFace, answer: asyncio.Future[Any]) -> None:
    face.resolve(answer, "resolved")


FUTURES = [asyncio.Future, asyncio.futures._PyFuture]  # type: ignore[attr-defined]  # the second where asyncio has no C code


@pytest.mark.parametrize("kind", FUTURES)
@pytest.mark.parametrize(
    ("act", "expected"),
    [(_succeed, "mine"), (_fail, ValueError), (_cancel, asyncio.CancelledError), (_resolve, "resolved")],
)
def test_a_result_that_comes_for_what_is_done_changes_nothing(
    kind: Any, act: Act, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "Future", kind)

    async def scenario() -> Any:
        face = AsyncioFace()
        answer = face.create_answer(lambda _: None)
        act(face, answer)
        assert not face.answer(answer, "too late")
        await asyncio.sleep(0)
        assert not face.answer(answer, "too late")
        try:
            return await answer
        except (asyncio.CancelledError, ValueError) as error:
            return type(error)

    assert asyncio.run(scenario()) == expected


@pytest.mark.parametrize("kind", FUTURES)
@pytest.mark.parametrize("is_within_a_task", [False, True])
@pytest.mark.parametrize("waiting", ["t", "tt", "ttt", "ct", "tc", "c", ""])
def test_whoever_waits_for_a_result_goes_on_in_the_order_of_waiting(
    waiting: str, is_within_a_task: bool, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "Future", kind)

    async def scenario() -> None:
        face, log, ended = AsyncioFace(), list[tuple[int, Any]](), list[Any]()
        answer = face.create_answer(ended.append)

        async def wait(number: int) -> None:
            log.append((number, await answer))

        tasks = []
        for number, what in enumerate(waiting):
            if what == "t":
                tasks.append(asyncio.ensure_future(wait(number)))
            else:
                answer.add_done_callback(lambda future, number=number: log.append((number, future.result())))  # type: ignore[misc]
            await asyncio.sleep(0)
        if is_within_a_task:
            assert not face.answer(answer, 7)
        else:
            asyncio.get_running_loop().call_soon(face.answer, answer, 7)
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is answered in the first turn, and callbacks are called in the next
        assert answer.result() == 7
        assert (log, ended) == ([(number, 7) for number in range(len(waiting))], [])

    asyncio.run(scenario())


def test_a_task_that_waits_alone_goes_on_before_answer_returns() -> None:
    async def alone(kit: Kit) -> None:
        log, ended = list[Any](), list[Any]()
        answer = kit.face.create_answer(ended.append)
        start(kit, log, answer)
        await turn(kit)
        await said(kit, lambda: log.append(kit.face.answer(answer, 7)))
        assert (log, ended) == ([7, True], [])

    run_on_asyncio(alone)


@on_all
@pytest.mark.parametrize("kind", ["rawsocket", "websocket"])
def test_calls_and_results_leave_also_when_their_session_handles_what_was_kept_back(
    run: Run, kind: str, router_url: str
) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, transport(router_url, kind))
        uri = f"com.example.{kit.name}.{kind}"
        await session.register(lambda value: value, uri)
        answered: list[Any] = []
        subscription = await session.subscribe(lambda value: start(kit, answered, session.call(uri, value)), uri)
        for number, hand_over in enumerate((session.onMessage, lambda event: session._take([event.to_core()]))):
            kit.face.call_soon(hand_over, message.Event(subscription.id, 1, args=[number]))
            await until(kit, lambda: len(answered) == number + 1)  # noqa: B023  # it is waited for here
        assert answered == [0, 1]
        take = session._take
        session._transport._take = lambda messages: kit.face.call_soon(take, messages)  # of RawSocket
        session._take = lambda messages: kit.face.call_soon(take, messages)  # of WebSocket
        assert await session.call(uri, 2) == 2  # which it answers itself
        await session.leave()

    run(scenario)


@on_all
@pytest.mark.parametrize("kind", ["rawsocket", "websocket"])
def test_calls_one_by_one_work_and_so_do_many_in_flight(run: Run, kind: str, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, transport(router_url, kind))
        await session.register(lambda value: value, f"com.example.{kit.name}.{kind}")
        uri = f"com.example.{kit.name}.{kind}"
        assert [await session.call(uri, number) for number in range(20)] == list(range(20))
        many = [session.call(uri, number) for number in range(200)]
        assert list(await kit.face.gather(many, consume_exceptions=False)) == list(range(200))
        await session.leave()

    run(scenario)


class Wire(Connection):
    """A connection of which the system takes some octets, or which it says is gone.

    Args:
        takes: How many octets are taken, or what is said instead.
        waiting: How many octets wait already.
        tls: Whether TLS stands between.

    Attributes:
        taken: What the system has taken.
        kept: What was left to the transport.
    """

    def __init__(self, takes: Any, waiting: int = 0, tls: bool = False) -> None:
        self.takes = takes
        self.TLS = tls
        self.connected = 1
        self._tempDataLen = waiting
        self.taken = self.kept = b""

    def writeSomeData(self, data: Any) -> Any:
        if isinstance(self.takes, int):
            self.taken += bytes(data[: self.takes])
        return self.takes

    def write(self, data: bytes) -> None:
        self.kept += data


@pytest.mark.parametrize(
    ("wire", "taken", "kept"),
    [
        (Wire(5), b"octet", b""),
        (Wire(2), b"oc", b"tet"),
        (Wire(0), b"", b"octet"),
        (Wire(CONNECTION_LOST), b"", b"octet"),
        (Wire(5, waiting=1), b"", b"octet"),
        (Wire(5, tls=True), b"", b"octet"),
    ],
    ids=["all", "some", "nothing", "gone", "behind-others", "tls"],
)
def test_what_the_system_does_not_take_at_once_is_left_to_the_transport(wire: Wire, taken: bytes, kept: bytes) -> None:
    write_now(wire, b"octet")
    assert (wire.taken, wire.kept) == (taken, kept)


@pytest.mark.parametrize("kind", ["rawsocket", "websocket"])
def test_on_twisted_a_call_leaves_at_once_and_many_publications_together(kind: str, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, transport(router_url, kind))
        beneath = session.transport.transport
        called = session.call("wamp.session.count")
        assert beneath not in kit.loop.getWriters()
        assert await called > 0
        await turn(kit)  # what is sent while octets are received leaves with all else that they bring about
        session.publish("com.example.topic", 1)
        session.publish("com.example.topic", 2)
        assert beneath in kit.loop.getWriters()
        await session.leave()

    run_on_twisted(scenario)


@pytest.mark.parametrize("kind", ["rawsocket", "websocket"])
def test_on_asyncio_no_receive_asks_for_blocks_that_the_kernel_has_to_give(kind: str, router_url: str) -> None:
    async def scenario(kit: Kit) -> int:
        session = await join(kit, transport(router_url, kind))
        asked: int = session.transport.transport.max_size
        await session.leave()
        return asked

    assert 2**16 <= run_on_asyncio(scenario) < 2**17
