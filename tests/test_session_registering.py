"""trowamp/_session.py, _procedures.py, _markers.py: registering, unregistering, revocation, and objects with marked methods."""

from __future__ import annotations

import types

import pytest
import trio

import trowamp
from tests.sessions import answering, open_pair, pending, settle
from trowamp import Event, Invocation, NoSuchProcedure, ProcedureAlreadyExists, Registration, Subscription
from trowamp import messages as m
from trowamp.testing import open_scripted_router

F = "com.example.f"


async def test_a_registration_lasts_until_it_is_ended() -> None:
    async with open_pair() as (router, caller, callee):
        registration = await callee.register(F, lambda: 1)
        assert registration.procedure == F
        assert registration.is_active
        assert await caller.call(F) == 1
        await registration.unregister()
        assert not registration.is_active
        with pytest.raises(NoSuchProcedure):
            await caller.call(F)
        assert router.statistics().registrations == callee.statistics().registrations == 0
        await registration.unregister()
        registration.unregister_nowait()


async def test_a_registration_can_be_ended_without_waiting() -> None:
    async with open_pair() as (router, _caller, callee):
        registration = await callee.register(F, print)
        registration.unregister_nowait()
        assert not registration.is_active
        await settle()
        assert router.statistics().registrations == 0
        assert pending(callee) == {}


async def test_calls_being_served_are_finished_when_the_registration_ends() -> None:
    async with open_pair() as (_, caller, callee), trio.open_nursery() as nursery:
        results: list[int] = []
        go_on = trio.Event()

        async def wait(number: int) -> int:
            await go_on.wait()
            return number

        async def call(number: int) -> None:
            results.append(await caller.call(F, number))

        registration = await callee.register(F, wait, concurrency=1)
        for number in range(3):
            nursery.start_soon(call, number)
        await settle()
        await registration.unregister()
        go_on.set()
        await settle()
        assert sorted(results) == [0, 1, 2]


@pytest.mark.checklist("RV-C1")
async def test_a_registration_that_the_router_revokes_is_over(caplog: pytest.LogCaptureFixture) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        async with answering(router, m.Register, lambda register: m.Registered(register.request_id, 7)):
            registration = await session.register(F, print)
        router.send(m.Unregistered(0, {"registration": 7, "reason": "com.example.error.replaced"}))
        await settle()
        assert not registration.is_active
        assert "com.example.error.replaced" in caplog.text
        router.send(m.Invocation(1, 7, {}))
        assert (await router.expect(m.Error)).error == trowamp.uris.ERROR_UNAVAILABLE
        await registration.unregister()
        assert router.has_received() == []


async def test_a_procedure_that_exists_is_refused_and_may_be_taken_over() -> None:
    async with open_pair() as (_, other, callee):
        first = await callee.register(F, lambda: "first")
        with pytest.raises(ProcedureAlreadyExists):
            await other.register(F, lambda: "second")
        assert pending(other) == {}
        await other.register(F, lambda: "second", force_reregister=True)
        assert await callee.call(F) == "second"
        await settle()
        assert not first.is_active


@pytest.mark.parametrize("procedure", ["", "com..example", "com.example.", "com example"])
async def test_what_is_no_procedure_is_refused(procedure: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match="not a legal URI"):
            await session.register(procedure, print, match="exact")
        assert router.has_received() == []


async def test_sessions_share_a_procedure_when_they_say_so() -> None:
    async with open_pair() as (_, one, other):
        await one.register(F, lambda: "one", invoke="roundrobin")
        await other.register(F, lambda: "other", invoke="roundrobin")
        assert sorted([await one.call(F) for _ in range(4)]) == ["one", "one", "other", "other"]


# ---- objects


class Thermometer:
    """Two procedures, one of them under two names, and a subscriber."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []

    @trowamp.procedure("com.example.temperature")
    @trowamp.procedure("com.example.degrees", invoke="last")
    async def temperature(self) -> float:
        return 21.5

    @trowamp.procedure("com.example.<room>.temperature")
    def of(self, room: str, invocation: Invocation) -> str:
        return f"{room} {invocation.procedure}"

    @trowamp.subscriber("com.example.<room>.on_change")
    def changed(self, room: str, degrees: float, event: Event) -> None:
        self.heard.append((room, degrees))

    @property
    def not_marked(self) -> float:
        return 1.0


async def test_everything_marked_in_an_object_is_added() -> None:
    async with open_pair() as (_, other, session):
        thermometer = Thermometer()
        added = await session.add_object(thermometer)
        assert [(type(handle) is Registration, isinstance(handle, Subscription)) for handle in added] == [
            (False, True),
            (True, False),
            (True, False),
            (True, False),
        ]
        assert await other.call("com.example.temperature") == await other.call("com.example.degrees") == 21.5
        assert await other.call("com.example.kitchen.temperature") == "kitchen com.example.kitchen.temperature"
        await other.publish("com.example.kitchen.on_change", 25.0)
        await settle()
        assert thermometer.heard == [("kitchen", 25.0)]


async def test_a_module_or_a_function_can_be_added() -> None:
    @trowamp.procedure(F)
    def function() -> str:
        return "from a module"

    module = types.ModuleType("example")
    module.function = function  # type: ignore[attr-defined]  # as an import would
    async with open_pair() as (_, other, session):
        for target in (module, function):
            (added,) = await session.add_object(target)
            assert await other.call(F) == "from a module"
            assert isinstance(added, Registration)
            await added.unregister()


async def test_an_object_without_marks_is_a_mistake() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match="is marked with @trowamp.procedure"):
            await session.add_object(object())
        assert router.has_received() == []


async def test_an_object_is_added_as_a_whole_or_not_at_all() -> None:
    async with open_pair() as (router, other, session):
        await other.register("com.example.temperature", print)
        with pytest.raises(ProcedureAlreadyExists):
            await session.add_object(Thermometer())
        await settle()
        assert router.statistics().registrations == 1
        assert router.statistics().subscriptions == 0
        assert session.statistics().registrations == session.statistics().subscriptions == 0
        assert pending(session) == {}
