"""trowamp/testing.py: what programs that speak WAMP are tested with."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import trowamp
from trowamp import Component, ConnectError, SessionLost, open_router
from trowamp.messages import Call, Error, Goodbye, Publish, Register, Registered, Result, Subscribe, Yield
from trowamp.messages import Invocation as InvocationMessage
from trowamp.testing import LiveRouter, ScriptedRouter, open_component, open_scripted_router, open_test_router

ADD = "com.example.add2"
REALM = "realm1"


# ---- a scripted router


async def test_a_test_plays_the_router(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        assert router.hello is not None
        assert router.hello.realm == REALM
        results: list[int] = []

        async def call() -> None:
            results.append(await session.call(ADD, 2, 3))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            request = await router.expect(Call)
            assert (request.procedure, request.args) == (ADD, [2, 3])
            router.send(Result(request.request_id, {}, [5]))
        assert results == [5]


async def test_a_scripted_router_calls_procedures_of_the_client(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        nursery.start_soon(session.register, ADD, lambda x, y: x + y)
        request = await router.expect(Register)
        router.send(Registered(request.request_id, 1), InvocationMessage(77, 1, {}, [2, 3]))
        assert (await router.expect(Yield)).args == [5]


async def test_a_scripted_router_announces_all_that_a_router_can(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        await session.with_options(retain=True).publish("com.example.topic")
        assert (await router.expect(Publish)).options == {"retain": True}


async def test_the_end_of_a_session_is_answered_by_itself(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router:
        began = trio.current_time()
        async with router.open_session():
            pass
        assert trio.current_time() == began
        with pytest.raises(AssertionError, match="expected Call, but the client has gone"):
            await router.expect(Call)
        assert router.has_received() == []


async def test_a_message_of_another_kind_fails_the_test(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        session.publish_nowait("com.example.tick", 1)
        with pytest.raises(AssertionError, match="expected Call or Register, got Publish"):
            await router.expect_any(Call, Register)


async def test_what_nobody_expected_can_be_looked_at(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        assert router.has_received() == []
        await session.publish("com.example.tick", 1)
        await session.publish("com.example.tick", 2)
        await trio.testing.wait_all_tasks_blocked()
        assert len(router.has_received()) == 2
        assert router.has_received() == []


async def test_a_scripted_router_can_break_the_rules(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router:
        with pytest.raises(SessionLost, match="RawSocket"):
            async with router.open_session():
                await router.send_octets(b"\xff\xff\xff\xff")
                await trio.sleep_forever()
    async with open_scripted_router() as router:
        with pytest.raises(SessionLost):
            async with router.open_session():
                router.disconnect()
                await trio.sleep_forever()
    async with open_scripted_router() as router:
        with pytest.raises(trowamp.SessionClosed, match="com.example.enough"):
            async with router.open_session():
                router.send(Goodbye({}, "com.example.enough"))
                await trio.sleep_forever()


async def test_a_scripted_router_announces_what_it_is_told_to(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router({"dealer": {"features": {"call_canceling": True}}}) as router:
        async with router.open_session() as session:
            assert session.router_features == {"dealer": frozenset({"call_canceling"})}


async def test_a_scripted_router_has_one_connection(autojump_clock: trio.abc.Clock) -> None:
    options: dict[str, Any] = {"colour": "red"}
    async with open_scripted_router() as router:
        with pytest.raises(TypeError, match="no such option: colour"):
            router.open_session(**options)
        async with router.open_session():
            pass
        with pytest.raises(ConnectError, match="one connection"):
            async with router.open_session():
                raise AssertionError("it opened twice")


async def test_what_fails_in_the_test_comes_out_as_itself(autojump_clock: trio.abc.Clock) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_scripted_router() as router, router.open_session():
            raise ZeroDivisionError


# ---- components


def make_component() -> Component:
    app = Component("ws://nowhere.example.com/", realm=REALM, max_retries=0)
    app.register(ADD)(lambda x, y: x + y)
    return app


async def test_a_component_runs_against_the_router_of_the_test(autojump_clock: trio.abc.Clock) -> None:
    app = make_component()
    async with open_router([REALM]) as router, router.open_session(realm=REALM) as session:
        async with open_component(app, router) as own:
            assert app.session is own
            assert await session.call(ADD, 2, 3) == 5
        with pytest.raises(trowamp.NoSuchProcedure):
            await session.call(ADD, 2, 3)


async def test_a_component_runs_against_a_live_router() -> None:
    async with open_router([REALM], ["rs://127.0.0.1:0"]) as router, router.open_session(realm=REALM) as session:
        async with open_component(make_component(), LiveRouter(router.urls[0], REALM)):
            assert await session.call(ADD, 2, 3) == 5


async def test_a_component_runs_against_a_script(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, trio.open_nursery() as nursery:
        nursery.start_soon(_agree, router)
        async with open_component(make_component(), router):
            router.send(InvocationMessage(1, 1, {}, [2, 3]))
            assert (await router.expect(Yield)).args == [5]


async def _agree(router: ScriptedRouter) -> None:
    request = await router.expect(Register)
    router.send(Registered(request.request_id, 1))


async def test_a_component_that_fails_fails_the_test_as_itself(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, trio.open_nursery() as nursery:
        nursery.start_soon(_refuse, router)
        with pytest.raises(trowamp.NotAuthorized):
            async with open_component(make_component(), router):
                raise AssertionError("it is ready")
    async with open_scripted_router() as router, trio.open_nursery() as nursery:
        nursery.start_soon(_agree, router)
        with pytest.raises(SessionLost):
            async with open_component(make_component(), router):
                router.disconnect()
                await trio.sleep_forever()


async def _refuse(router: ScriptedRouter) -> None:
    request = await router.expect(Register)
    router.send(Error(64, request.request_id, {}, "wamp.error.not_authorized"))


# ---- what the fixtures are made of


async def test_without_a_url_the_router_is_in_memory(autojump_clock: trio.abc.Clock) -> None:
    async with open_test_router(realm="realm7") as router:
        assert router.urls == []
        async with router.open_session(realm="realm7") as session:
            assert session.realm == "realm7"


async def test_with_a_url_the_router_is_the_one_there() -> None:
    async with open_router(["realm7"], ["ws://127.0.0.1:0/"]) as live:
        async with open_test_router(live.urls[0], "realm7") as router:
            assert router.urls == live.urls
            assert isinstance(router, LiveRouter)
            async with router.open_session() as session, router.open_session(realm="realm7") as other:
                assert session.realm == other.realm == "realm7"


async def test_subscribing_at_a_scripted_router_waits_for_its_answer(autojump_clock: trio.abc.Clock) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with trio.move_on_after(1) as scope:
            await session.subscribe("com.example.tick", print)
        assert scope.cancelled_caught
        assert (await router.expect(Subscribe)).topic == "com.example.tick"
