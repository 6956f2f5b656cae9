"""trowamp/_declarations.py: what was declared is in place in every session, all of it, or there is no session."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

import trowamp
from trowamp import Component, Event, Invocation, ProcedureAlreadyExists, Router, Session, SessionLost, uris
from trowamp.messages import Error, Register, Registered, Subscribe, Subscribed
from trowamp.testing import ScriptedRouter, open_scripted_router

from .component_tools import REALM, Diary, Wire, component, open_plain_router, ready

ADD = "com.example.add2"
TICK = "com.example.tick"


def add2(x: int, y: int) -> int:
    return x + y


def _uri(request: Register | Subscribe) -> str:
    return str(request.to_wire()[3])


async def answer(router: ScriptedRouter, count: int) -> list[Register | Subscribe]:
    """Agree to everything that a component asks for; return the requests in the order of their URIs."""
    requests: list[Register | Subscribe] = []
    for number in range(count):
        request = await router.expect_any(Register, Subscribe)
        assert isinstance(request, Register | Subscribe)
        requests.append(request)
        kind = Registered if isinstance(request, Register) else Subscribed
        router.send(kind(request.request_id, 1000 + number))
    return sorted(requests, key=_uri)


# ---- the same for the first and every later session


async def test_everything_comes_back_with_all_its_options(autojump_clock: trio.abc.Clock) -> None:
    """Two scripted routers: what the second one is asked for is what the first one was, but for the request ids."""

    class Service:
        @trowamp.procedure("com.example.object", invoke="random")
        def serve(self) -> None: ...

        @trowamp.subscriber("com.example..news", match="wildcard")
        def hear(self) -> None: ...

    async with open_scripted_router() as first, open_scripted_router() as second:
        app = component(first.transport, second.transport)
        app.register(ADD, invoke="roundrobin", concurrency=3, custom={"x_note": "kept"})(add2)
        app.register("com.example.<name>.get")(add2)
        app.register("com.example", match="prefix", force_reregister=True)(add2)
        app.subscribe(TICK, buffer=5, overflow="drop_oldest", on_error="log", concurrency=2)(add2)
        app.subscribe("com.example.prefix", match="prefix", custom={"x_note": "kept"})(add2)
        app.add_object(Service())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.run)
            asked_first = await answer(first, 7)
            session = await ready(app)
            first.disconnect()
            asked_again = await answer(second, 7)
            await ready(app, session)
            app.stop()
        assert [request.to_wire()[2:] for request in asked_again] == [request.to_wire()[2:] for request in asked_first]
        assert {request.to_wire()[3]: request.to_wire()[2] for request in asked_first} == {
            ADD: {"invoke": "roundrobin", "x_note": "kept"},
            "com.example..get": {"match": "wildcard"},
            "com.example": {"match": "prefix", "force_reregister": True},
            "com.example.object": {"invoke": "random"},
            TICK: {},
            "com.example.prefix": {"match": "prefix", "x_note": "kept"},
            "com.example..news": {"match": "wildcard"},
        }


async def test_local_options_hold_in_every_session(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as caller:
        wire = Wire(router)
        app = component(wire)
        running = most = 0

        @app.register("com.example.slow", concurrency=2)
        async def slow() -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await trio.sleep(1)
            running -= 1

        async with trio.open_nursery() as nursery:
            session: Session | None = None
            for _ in range(3):
                nursery.start_soon(app.run) if session is None else wire.cut()
                session = await ready(app, session)
                most = 0
                async with trio.open_nursery() as calls:
                    for _ in range(6):
                        calls.start_soon(caller.call, "com.example.slow")
                assert most == 2
            app.stop()


async def test_procedures_are_registered_before_anything_is_subscribed(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router:
        app = component(router.transport)
        for number in range(10):
            app.subscribe(f"{TICK}{number}")(add2)
            app.register(f"{ADD}{number}")(add2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.run)
            for kind, reply in ((Register, Registered), (Subscribe, Subscribed)):
                requests = [await router.expect_any(kind) for _ in range(10)]
                await trio.testing.wait_all_tasks_blocked()
                assert router.has_received() == []
                router.send(
                    *(reply(int(request.to_wire()[1]), 1000 + number) for number, request in enumerate(requests))
                )
            await ready(app)
            app.stop()


async def test_a_thousand_declarations_come_back(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wire = Wire(router)
        app = component(wire)
        for number in range(500):
            app.register(f"{ADD}{number}")(add2)
            app.subscribe(f"{TICK}{number}")(add2)
        async with trio.open_nursery() as nursery:
            session = await nursery.start(app.run)
            wire.cut()
            await ready(app, session)
            statistics = router.statistics()
            assert (statistics.registrations, statistics.subscriptions) == (500, 500)
            app.stop()


# ---- all or nothing


async def test_one_refused_procedure_fails_the_attempt_as_a_whole(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router(strict_uris=True) as router:
        wire = Wire(router)
        app = component(wire, max_retries=1)
        app.register(ADD)(add2)
        app.register("com.Example.NotStrict")(add2)
        app.subscribe(TICK)(add2)
        diary = Diary(app)
        with pytest.raises(trowamp.InvalidUri):
            await app.run()
        assert diary.events == ["connect", "leave", "disconnect", "connectfailure"] * 2
        await trio.testing.wait_all_tasks_blocked()
        statistics = router.statistics()
        assert (statistics.sessions, statistics.registrations, statistics.subscriptions) == (0, 0, 0)


async def test_an_attempt_that_fails_can_be_followed_by_one_that_does_not(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as refusing, open_plain_router() as router:
        app = component(refusing.transport, router.transport)
        app.register(ADD)(add2)
        diary = Diary(app)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.run)
            request = await refusing.expect(Register)
            refusing.send(Error(64, request.request_id, {}, "com.example.error.not_today"))
            await ready(app)
            assert router.statistics().registrations == 1
            app.stop()
        assert diary.events[:5] == ["connect", "leave", "disconnect", "connectfailure", "connect"]


async def test_a_connection_lost_while_restoring_is_one_failure(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router:
        app = component(router.transport, max_retries=0)
        for number in range(10):
            app.register(f"{ADD}{number}")(add2)
        async with trio.open_nursery() as nursery:
            errors: list[Exception] = []
            app.on_connect_failure(errors.append)
            nursery.start_soon(_expect_lost, app)
            await router.expect(Register)
            router.disconnect()
        assert [type(error) for error in errors] == [SessionLost]


async def _expect_lost(app: Component) -> None:
    with pytest.raises(SessionLost):
        await app.run()


async def test_what_the_router_does_not_support_fails_the_attempt(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router({"broker": {}, "dealer": {}}) as router:
        app = component(router.transport, max_retries=0)
        app.register(ADD, invoke="roundrobin")(add2)
        with pytest.raises(trowamp.FeatureNotSupported, match="shared_registration"):
            await app.run()


async def test_a_router_that_does_not_answer_fails_the_attempt(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router:
        app = component(router.transport, max_retries=0, conflict_timeout=5)
        app.register(ADD)(add2)
        began = trio.current_time()
        with pytest.raises(trowamp.CallTimeout, match="did not agree to everything that is declared within 20 s"):
            await app.run()
        assert trio.current_time() - began == pytest.approx(20)


# ---- a procedure that somebody else holds


@asynccontextmanager
async def open_holder(router: Router) -> AsyncGenerator[Session, None]:
    """A session that holds the procedure, as the one before does until the router notices that it is gone."""
    async with router.open_session(realm=REALM) as holder:
        await holder.register(ADD, lambda x, y: "stale")
        yield holder


async def test_a_component_waits_for_its_stale_session_to_vanish(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_plain_router() as router, trio.open_nursery() as nursery:
        app = component(router.transport)
        app.register(ADD)(add2)
        diary = Diary(app)
        async with open_holder(router):
            nursery.start_soon(app.run)
            await trio.sleep(20)
            assert app.session is None
        with trio.fail_after(2.5):
            await ready(app)
        assert diary.events == ["connect", "join", "ready"]  # one session, which waited
        assert f"{ADD} is registered by another session" in caplog.text
        app.stop()


async def test_a_component_does_not_wait_for_ever(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, open_holder(router):
        wire = Wire(router)
        app = component(wire, max_retries=1, conflict_timeout=10)
        app.register(ADD)(add2)
        began = trio.current_time()
        with pytest.raises(ProcedureAlreadyExists):
            await app.run()
        assert len(wire.attempts) == 2
        assert 15 < trio.current_time() - began < 22


async def test_raise_ends_the_component_with_the_conflict(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, open_holder(router):
        wire = Wire(router)
        app = component(wire, on_conflict="raise")
        app.register(ADD)(add2)
        with pytest.raises(ProcedureAlreadyExists):
            await app.run()
        assert len(wire.attempts) == 1


async def test_force_takes_the_procedure_over(autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> None:
    async with open_plain_router() as router, open_holder(router) as holder:
        app = component(router.transport, on_conflict="force")
        app.register(ADD)(add2)
        async with trio.open_nursery() as nursery:
            with trio.fail_after(1):
                await nursery.start(app.run)
            assert await holder.call(ADD, 2, 3) == 5
            app.stop()
        assert "was revoked by the router: wamp.error.unregistered" in caplog.text


async def test_force_asks_nicely_first(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router:
        app = component(router.transport, on_conflict="force")
        app.register(ADD, invoke="first")(add2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.run)
            request = await router.expect(Register)
            assert request.options == {"invoke": "first"}
            router.send(Error(64, request.request_id, {}, uris.ERROR_PROCEDURE_ALREADY_EXISTS))
            request = await router.expect(Register)
            assert request.options == {"invoke": "first", "force_reregister": True}
            router.send(Registered(request.request_id, 1))
            await ready(app)
            app.stop()


async def test_a_session_that_ends_while_waiting_for_the_stale_one_is_an_attempt_that_failed(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_plain_router() as router, open_holder(router):
        wire = Wire(router)
        app = component(wire, max_retries=0)
        app.register(ADD)(add2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect_lost, app)
            await trio.sleep(5)
            wire.cut()
        assert app.session is None


# ---- interruptions are told


async def test_the_first_event_after_an_interruption_says_so(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as publisher:
        wire = Wire(router)
        app = component(wire)
        gaps: list[tuple[int, bool]] = []

        @app.subscribe(TICK)
        def on_tick(number: int, event: Event) -> None:
            gaps.append((number, event.after_gap))

        async with trio.open_nursery() as nursery:
            session = await nursery.start(app.run)
            for number in range(6):
                if number in (2, 4):
                    wire.cut()
                    session = await ready(app, session)
                await publisher.with_options(acknowledge=True).publish(TICK, number)
                await trio.testing.wait_all_tasks_blocked()
            app.stop()
        assert gaps == [(0, False), (1, False), (2, True), (3, False), (4, True), (5, False)]


async def test_the_gap_after_an_attempt_that_had_subscribed_is_told_too(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as publisher:
        app = component(router.transport, is_fatal=lambda error: False)
        gaps: list[bool] = []

        @app.subscribe(TICK)
        def on_tick(event: Event) -> None:
            gaps.append(event.after_gap)

        @app.on_join
        async def joined(*_: Any) -> None:
            await publisher.with_options(acknowledge=True).publish(TICK)
            await trio.testing.wait_all_tasks_blocked()
            if len(gaps) == 1:
                raise LookupError("not yet")

        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)
            app.stop()
        assert gaps == [False, True]


async def test_callers_learn_whether_their_call_may_have_been_executed(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as callee:
        wire = Wire(router)
        app = component(wire)
        outcomes: list[bool] = []

        @app.main
        async def main(session: Session) -> None:
            if outcomes:
                return
            try:
                await session.call(ADD)
            except SessionLost as error:
                outcomes.append(error.maybe_executed)
                raise

        async def break_it(invocation: Invocation) -> None:
            wire.cut()

        await callee.register(ADD, break_it)
        await app.run()
        assert outcomes == [True]


# ---- objects and modules


async def test_what_is_marked_in_an_object_is_served(autojump_clock: trio.abc.Clock) -> None:
    class Service:
        def __init__(self) -> None:
            self.heard: list[int] = []

        @trowamp.procedure(ADD)
        async def add2(self, x: int, y: int) -> int:
            return x + y

        @trowamp.procedure("com.example.static")
        @staticmethod
        def static() -> str:
            return "static"

        @trowamp.procedure("com.example.class")
        @classmethod
        def of_the_class(cls) -> str:
            return cls.__name__

        @trowamp.subscriber(TICK)
        @trowamp.subscriber("com.example.tock")
        def on_tick(self, number: int) -> None:
            self.heard.append(number)

    async with open_plain_router() as router, router.open_session(realm=REALM) as session:
        service = Service()
        app = component(router.transport)
        app.add_object(service)
        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)
            assert await session.call(ADD, 2, 3) == 5
            assert await session.call("com.example.static") == "static"
            assert await session.call("com.example.class") == "Service"
            for topic in (TICK, "com.example.tock"):
                await session.publish(topic, 1)
            await trio.testing.wait_all_tasks_blocked()
            assert service.heard == [1, 1]
            app.stop()


def test_an_object_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing in .* is marked"):
        component("ws://127.0.0.1/").add_object(object())


def test_wrong_options_of_a_mark_are_refused_when_the_object_is_added() -> None:
    @trowamp.procedure(ADD, colour="red")
    def marked() -> None: ...

    with pytest.raises(TypeError, match="no such option: colour"):
        component("ws://127.0.0.1/").add_object(marked)
