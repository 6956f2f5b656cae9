"""trowamp/_procedures.py, _handlers.py, _workers.py: kinds of procedures, what they are given, and how they end."""

from __future__ import annotations

import functools
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import answering, in_flight, open_pair, pending, settle
from trowamp import ApplicationError, Canceled, InvalidArgument, Invocation, Result, Session, Unavailable
from trowamp import messages as m
from trowamp.testing import open_scripted_router

F = "com.example.f"


async def add(x: int, y: int) -> int:
    await trio.lowlevel.checkpoint()
    return x + y


def add_now(x: int, y: int) -> int:
    return x + y


class Adder:
    """Callables of many kinds."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset

    async def method(self, x: int, y: int) -> int:
        return await add(x, y) + self.offset

    def sync_method(self, x: int, y: int) -> int:
        return x + y + self.offset

    @classmethod
    async def class_method(cls, x: int, y: int) -> int:
        return await add(x, y)

    @staticmethod
    def static_method(x: int, y: int) -> int:
        return x + y


class CallableAdder:
    """Called like a function."""

    def __call__(self, x: int, y: int) -> int:
        return x + y


class AsyncCallableAdder:
    """Called like an async function."""

    async def __call__(self, x: int, y: int) -> int:
        return await add(x, y)


def wrapped(function: Callable[..., Awaitable[int]]) -> Callable[..., Awaitable[int]]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Awaitable[int]:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    "handler",
    [
        add,
        add_now,
        Adder().method,
        Adder().sync_method,
        Adder.class_method,
        Adder.static_method,
        CallableAdder(),
        AsyncCallableAdder(),
        functools.partial(add),
        functools.partial(add_now),
        functools.partial(functools.partial(AsyncCallableAdder())),
        lambda x, y: x + y,
        lambda x, y: add(x, y),  # noqa: PLW0108  # a function that makes a coroutine
        wrapped(add),
    ],
    ids=lambda handler: getattr(handler, "__qualname__", type(handler).__name__),
)
async def test_any_callable_can_be_a_procedure(handler: Callable[..., Any]) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register(F, handler)
        for _ in range(3):
            assert await caller.call(F, 2, 3) == 5
            assert await caller.call(F, x=2, y=3) == 5
        with pytest.raises(InvalidArgument):
            await caller.call(F, 2)
        assert pending(caller) == pending(callee) == {}


@pytest.mark.parametrize("not_callable", [None, 5, "com.example.f"])
async def test_what_cannot_be_called_is_refused(not_callable: Any) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(TypeError, match="a handler must be callable"):
            await session.register(F, not_callable)
        assert router.has_received() == []


async def test_a_procedure_that_was_called_by_mistake_is_explained() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(TypeError, match="pass the function itself, not the result of calling it"):
            await session.register(F, add(1, 2))  # type: ignore[arg-type]  # the mistake
        assert router.has_received() == []


async def test_a_function_that_makes_coroutines_is_called_once_per_call() -> None:
    async with open_pair() as (_, caller, callee):
        called: list[int] = []

        def begin(number: int) -> Awaitable[int]:
            called.append(number)
            return add(number, 0)

        await callee.register(F, begin)
        assert [await caller.call(F, number) for number in range(3)] == called == [0, 1, 2]


async def test_a_function_may_make_a_coroutine_now_and_then() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register(F, lambda x: x if x % 2 else add(x, 0))
        assert [await caller.call(F, number) for number in range(6)] == list(range(6))


async def test_a_coroutine_that_was_begun_and_given_up_at_once_is_closed(recwarn: pytest.WarningsRecorder) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        await registered(session, router, lambda x: add(x, 0))
        router.send(m.Invocation(1, 7, {}, [1]), m.Interrupt(1, {"mode": "kill"}))
        assert (await router.expect(m.Error)).error == trowamp.uris.ERROR_CANCELED
        await settle()
        gc.collect()
        assert len(recwarn) == 0
        assert pending(session) == {}


# ---- what a procedure is told


def details_of(invocation: Invocation) -> dict[str, Any]:
    return {
        "procedure": invocation.procedure,
        "caller": invocation.caller,
        "caller_authid": invocation.caller_authid,
        "caller_authrole": invocation.caller_authrole,
        "wants_progress": invocation.wants_progress,
    }


@pytest.mark.checklist("CI-C2")
async def test_a_parameter_annotated_invocation_gets_the_details() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        await registered(session, router, details_of)
        router.send(m.Invocation(1, 7, {}))
        assert (await router.expect(m.Yield)).args == [
            {"procedure": F, "caller": None, "caller_authid": None, "caller_authrole": None, "wants_progress": False}
        ]
        details = {"caller": 3, "caller_authid": "joe", "caller_authrole": "user", "receive_progress": True, "x_y": 1}
        router.send(m.Invocation(2, 7, details))
        assert (await router.expect(m.Yield)).args == [
            {"procedure": F, "caller": 3, "caller_authid": "joe", "caller_authrole": "user", "wants_progress": True}
        ]


def by_class(x: int, call: Invocation) -> str:
    return f"{x} {call.procedure}"


def by_string(x: int, call: "trowamp.Invocation") -> str:  # noqa: UP037  # quoted twice, as it were
    return f"{x} {call.procedure}"


def keyword_only(x: int, *, call: Invocation) -> str:
    return f"{x} {call.procedure}"


def in_front(call: Invocation, x: int) -> str:
    return f"{x} {call.procedure}"


def optional(x: int, call: Invocation | None = None) -> str:
    assert call is not None
    return f"{x} {call.procedure}"


def optional_beside_an_unknown_name(x: Unknown, call: Invocation | None = None) -> str:  # type: ignore[name-defined]  # noqa: F821
    assert call is not None
    return f"{x} {call.procedure}"


def beside_an_unknown_name(x: Unknown, call: Invocation) -> str:  # type: ignore[name-defined]  # noqa: F821  # the point
    return f"{x} {call.procedure}"


class Telling:
    """Procedures in objects."""

    async def method(self, x: int, call: Invocation) -> str:
        return f"{x} {call.procedure}"

    async def __call__(self, x: int, call: Invocation) -> str:
        return f"{x} {call.procedure}"


@pytest.mark.parametrize(
    "handler",
    [
        by_class,
        by_string,
        keyword_only,
        in_front,
        optional,
        optional_beside_an_unknown_name,
        beside_an_unknown_name,
        Telling().method,
        Telling(),
        functools.partial(keyword_only),
        functools.partial(in_front),
    ],
    ids=lambda handler: getattr(handler, "__qualname__", type(handler).__name__),
)
async def test_the_invocation_is_found_however_it_is_annotated(handler: Callable[..., Any]) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register(F, handler)
        assert await caller.call(F, 5) == f"5 {F}"
        assert await caller.call(F, x=5) == f"5 {F}"
        assert await caller.call(F, 5, call="forged") == f"5 {F}"
        with pytest.raises(InvalidArgument):
            await caller.call(F)


@pytest.mark.checklist("PBR-C1")
async def test_components_of_a_pattern_become_arguments() -> None:
    def price(product: str, country: str, year: int, invocation: Invocation, currency: str = "") -> list[Any]:
        return [country, year, product, currency, invocation.procedure]

    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.<country>.<int:year>.price", price)
        uri = "com.example.de.1999.price"
        assert await caller.call(uri, "tea") == ["de", 1999, "tea", "", uri]
        assert await caller.call(uri, "tea", currency="mark") == ["de", 1999, "tea", "mark", uri]
        assert await caller.call(uri, "tea", country="forged") == ["de", 1999, "tea", "", uri]
        with pytest.raises(InvalidArgument, match="not an integer"):
            await caller.call("com.example.de.never.price", "tea")


async def test_a_prefix_pattern_serves_everything_below_it() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.<rest:suffix>", lambda rest: rest)
        assert await caller.call("com.example.a.b.c") == "a.b.c"
        await callee.register("org.example", by_class, match="prefix")
        assert await caller.call("org.example.a", 1) == "1 org.example.a"


# ---- how many at once, and cancelling


async def registered(session: Session, router: Any, handler: Callable[..., Any], **options: Any) -> Any:
    async with answering(router, m.Register, lambda register: m.Registered(register.request_id, 7)):
        return await session.register(F, handler, **options)


class Busy:
    """A procedure that runs until it is told to finish, and knows how often it runs."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.begun: list[Any] = []
        self.cancelled: list[Any] = []
        self.finish = trio.Event()

    async def __call__(self, number: int) -> int:
        self.begun.append(number)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.finish.wait()
        except trio.Cancelled:
            self.cancelled.append(number)
            raise
        finally:
            self.running -= 1
        return number


@pytest.mark.parametrize(("concurrency", "most"), [(None, 30), (1, 1), (4, 4)])
async def test_calls_run_at_once_up_to_the_limit(concurrency: int | None, most: int) -> None:
    async with open_pair() as (_, caller, callee), trio.open_nursery() as nursery:
        busy = Busy()
        await callee.register(F, busy, concurrency=concurrency)
        for number in range(30):
            nursery.start_soon(caller.call, F, number)
        await settle()
        assert busy.running == most
        busy.finish.set()
        await settle()
        assert busy.most == most
        assert sorted(busy.begun) == list(range(30))
        assert pending(caller) == pending(callee) == {}


async def test_calls_are_served_in_the_order_they_came() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        busy = Busy()
        await registered(session, router, busy, concurrency=1)
        router.send(*(m.Invocation(number, 7, {}, [number]) for number in range(1, 21)))
        busy.finish.set()
        answers = [await router.expect(m.Yield) for _ in range(20)]
        assert busy.begun == [answer.request_id for answer in answers] == list(range(1, 21))


@pytest.mark.checklist("CC-C5")
async def test_a_call_that_is_given_up_before_its_turn_is_answered_at_once() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        busy = Busy()
        await registered(session, router, busy, concurrency=1)
        router.send(*(m.Invocation(number, 7, {}, [number]) for number in (1, 2, 3)))
        router.send(m.Interrupt(2, {"mode": "kill"}))
        error = await router.expect(m.Error)
        assert (error.request_id, error.error) == (2, trowamp.uris.ERROR_CANCELED)
        assert pending(session) == {"running_invocations": 2}
        busy.finish.set()
        assert [(await router.expect(m.Yield)).request_id for _ in range(2)] == [1, 3]
        assert busy.begun == [1, 3]
        assert pending(session) == {}


async def test_a_procedure_with_too_many_waiting_calls_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trowamp._procedures.MAX_WAITING_INVOCATIONS", 3)
    async with open_scripted_router() as router, router.open_session() as session:
        busy = Busy()
        await registered(session, router, busy, concurrency=1)
        router.send(m.Invocation(1, 7, {}, [1]))
        await settle()
        router.send(*(m.Invocation(number, 7, {}, [number]) for number in range(2, 6)))
        refusal = await router.expect(m.Error)
        assert (refusal.request_id, refusal.error) == (5, trowamp.uris.ERROR_UNAVAILABLE)
        for number in range(6, 106):  # those that are given up make room for others, and do not pile up
            router.send(m.Interrupt(number - 1 if number > 6 else 2, {}), m.Invocation(number, 7, {}, [number]))
            assert (await router.expect(m.Error)).error == trowamp.uris.ERROR_CANCELED
        busy.finish.set()
        assert [(await router.expect(m.Yield)).request_id for _ in range(4)] == [1, 3, 4, 105]
        assert pending(session) == {}
        with pytest.raises(Unavailable, match="3 calls"):
            raise ApplicationError.from_wire(refusal.error, refusal.args)


@pytest.mark.parametrize("concurrency", [0, -1])
async def test_a_limit_below_one_is_refused(concurrency: int) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match="concurrency must be at least 1"):
            await session.register(F, add, concurrency=concurrency)
        with pytest.raises(ValueError, match="concurrency must be at least 1"):
            await session.subscribe(F, print, concurrency=concurrency)
        assert router.has_received() == []


@pytest.mark.checklist("CC-C5")
@pytest.mark.parametrize("mode", ["kill", "killnowait"])
async def test_an_interrupt_cancels_the_procedure_and_is_answered(mode: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        busy = Busy()
        await registered(session, router, busy)
        router.send(m.Invocation(1, 7, {}, [1]), m.Invocation(2, 7, {}, [2]))
        await settle()
        router.send(m.Interrupt(2, {"mode": mode}), m.Interrupt(99, {"mode": mode}))
        error = await router.expect(m.Error)
        assert (error.request_type, error.request_id, error.error) == (68, 2, trowamp.uris.ERROR_CANCELED)
        assert busy.cancelled == [2]
        busy.finish.set()
        assert (await router.expect(m.Yield)).request_id == 1
        assert pending(session) == {}


async def test_a_procedure_may_finish_in_spite_of_an_interrupt() -> None:
    async def stubborn() -> str:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            return "done all the same"

    async with open_scripted_router() as router, router.open_session() as session:
        await registered(session, router, stubborn)
        router.send(m.Invocation(1, 7, {}))
        await settle()
        router.send(m.Interrupt(1, {"mode": "kill"}))
        assert (await router.expect(m.Yield)).args == ["done all the same"]


async def test_a_procedure_that_fails_while_it_is_interrupted_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    async def fragile() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("cleaning up failed")

    async with open_scripted_router() as router, router.open_session() as session:
        await registered(session, router, fragile)
        router.send(m.Invocation(1, 7, {}))
        await settle()
        router.send(m.Interrupt(1, {"mode": "kill"}))
        assert (await router.expect(m.Error)).error == trowamp.uris.ERROR_RUNTIME_ERROR
        assert len(caplog.records) == 1


@pytest.mark.checklist("CT-C3")
async def test_the_callers_timeout_bounds_the_procedure(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        busy = Busy()
        await registered(session, router, busy)
        began = trio.current_time()
        router.send(m.Invocation(1, 7, {"timeout": 2500}, [1]))
        assert (await router.expect(m.Error)).error == trowamp.uris.ERROR_TIMEOUT
        assert trio.current_time() - began == pytest.approx(2.5)
        assert busy.cancelled == [1]


@pytest.mark.checklist("CT-C4", "CT-C3")
async def test_a_timeout_that_is_forwarded_is_enforced_by_the_callee(autojump_clock: MockClock) -> None:
    async with open_pair() as (router, caller, callee):
        deadlines: list[float] = []

        async def sleep() -> None:
            deadlines.append(trio.current_effective_deadline() - trio.current_time())
            await trio.sleep_forever()

        await callee.register(F, sleep, custom={"forward_timeout": True})
        with pytest.raises(trowamp.CallTimeout):
            await caller.with_options(timeout=3).call(F)
        await settle()
        assert deadlines == [pytest.approx(3)]
        assert in_flight(router) == (0, 0)


async def test_progress_is_over_when_the_call_is() -> None:
    kept: list[Invocation] = []

    async def quick(invocation: Invocation) -> None:
        kept.append(invocation)

    async with open_pair() as (_, caller, callee):
        await callee.register(F, quick)
        async with caller.open_call(F) as stream:
            await stream.result()
        with pytest.raises(trowamp.LocalProtocolError, match="the invocation is over"):
            await kept[0].progress(1)
        with pytest.raises(trowamp.LocalProtocolError, match="the invocation is over"):
            kept[0].progress_nowait(1)


async def test_a_sync_procedure_can_send_progress_too() -> None:
    def count(n: int, invocation: Invocation) -> str:
        for i in range(n):
            invocation.progress_nowait(i)
        return "done"

    async with open_pair() as (_, caller, callee):
        await callee.register(F, count)
        async with caller.open_call(F, 3) as stream:
            assert [part async for part in stream] == [0, 1, 2]
            assert await stream.result() == "done"
        assert await caller.call(F, 3) == "done"


async def test_progress_that_is_too_large_is_answered_as_a_result_that_is() -> None:
    async def part(invocation: Invocation) -> None:
        await invocation.progress("x" * 5000)

    async with (
        trowamp.open_router(listen=["rs://127.0.0.1:0"], max_message_size=4096) as router,
        trowamp.open_session(router.urls[0], realm="realm1") as callee,
        router.open_session(realm="realm1") as caller,
    ):
        await callee.register(F, part)
        await callee.register(f"{F}.whole", lambda: "x" * 5000)
        with pytest.raises(trowamp.PayloadSizeExceeded) as whole:
            await caller.call(f"{F}.whole")
        with pytest.raises(trowamp.PayloadSizeExceeded, match="exceeds the limit of 4096"):
            async with caller.open_call(F) as stream:
                await stream.result()
        assert "exceeds the limit of 4096" in str(whole.value)


async def test_a_result_above_a_limit_that_cannot_be_announced_costs_the_callee_its_session() -> None:
    async with (
        trowamp.open_router(listen=["ws://127.0.0.1:0/ws"], max_message_size=4096) as router,
        router.open_session(realm="realm1") as caller,
    ):
        with pytest.raises(trowamp.SessionLost, match="exceeds the limit of 4096") as lost:
            async with trowamp.open_session(router.urls[0], realm="realm1") as callee:
                await callee.register(F, lambda: "x" * 5000)
                with pytest.raises(Canceled), trio.CancelScope(shield=True):  # the block is cancelled, too
                    await caller.call(F)
                await trio.sleep_forever()
        assert lost.value.abort_reason == trowamp.uris.ERROR_PROTOCOL_VIOLATION


@pytest.mark.checklist("PCR-C3")
async def test_progress_that_nobody_asked_for_is_not_sent() -> None:
    async with open_scripted_router() as router, router.open_session() as session:

        async def chatty(invocation: Invocation) -> Result:
            await invocation.progress(1)
            invocation.progress_nowait(2)
            return Result()

        await registered(session, router, chatty)
        router.send(m.Invocation(1, 7, {}))
        assert await router.expect(m.Yield) == m.Yield(1, {}, None, None)


async def test_a_procedure_can_call_its_own_session() -> None:
    async with open_pair() as (_, caller, callee):

        async def factorial(n: int) -> int:
            return 1 if n == 0 else n * await callee.call(F, n - 1)

        await callee.register(F, factorial)
        assert await caller.call(F, 10) == 3628800
        assert pending(caller) == pending(callee) == {}


async def test_an_invocation_and_a_registration_say_what_they_are() -> None:
    async with open_pair() as (_, caller, callee):

        async def describe(invocation: Invocation) -> str:
            return repr(invocation)

        registration = await callee.register(F, describe)
        assert await caller.call(F) == f"<Invocation of '{F}' 1>"
        assert repr(registration) == f"<Registration '{F}' id={registration.id}>"
        await registration.unregister()
        assert repr(registration) == f"<Registration '{F}' over>"


async def test_an_interrupted_procedure_is_told_to_call_it_cancelled() -> None:
    async def gives_up() -> None:
        raise Canceled("on my own account")

    async with open_pair() as (_, caller, callee):
        await callee.register(F, gives_up)
        with pytest.raises(Canceled, match="on my own account"):
            await caller.call(F)
