"""Trust levels reach handlers, and a procedure that is unavailable has its calls passed on: with sessions at both ends."""

from __future__ import annotations

import pytest
import trio

import trowamp
from trowamp import NoAvailableCallee, RouterOptions, Unavailable, open_router

F = "com.example.f"


@pytest.mark.checklist("TL-C1", "TL-R1")
@pytest.mark.parametrize(("level", "expected"), [({"anonymous": 3}, 3), ({"anonymous": 0}, 0), ({"other": 1}, None)])
async def test_handlers_see_how_far_the_other_side_is_trusted(level: dict[str, int], expected: int | None) -> None:
    async def trusted(call: trowamp.Invocation) -> int | None:
        return call.trust_level

    async with (
        open_router(limits=RouterOptions(trust_levels=level)) as router,
        router.open_session(realm="realm1") as one,
        router.open_session(realm="realm1") as other,
        one.open_subscription("com.example.topic") as events,
    ):
        await one.register(F, trusted)
        assert await other.call(F) == expected
        await other.publish("com.example.topic")
        assert (await anext(events)).trust_level == expected


@pytest.mark.checklist("RR-C1", "RR-R1", "RR-R2")
async def test_a_procedure_that_is_unavailable_has_its_calls_passed_on() -> None:
    asked = []

    def busy() -> None:
        asked.append("busy")
        raise Unavailable("try another one")

    def free() -> str:
        asked.append("free")
        return "done"

    async with (
        open_router() as router,
        router.open_session(realm="realm1") as first,
        router.open_session(realm="realm1") as second,
        router.open_session(realm="realm1") as caller,
    ):
        registration = await first.register(F, busy, invoke="first")
        with pytest.raises(NoAvailableCallee):
            await caller.call(F)
        await second.register(F, free, invoke="first")
        assert await caller.call(F) == "done"
        assert asked == ["busy", "busy", "free"]
        await registration.unregister()


@pytest.mark.checklist("RR-C1")
async def test_a_procedure_with_too_many_calls_waiting_has_them_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trowamp._procedures.MAX_WAITING_INVOCATIONS", 1)
    began, release = trio.Event(), trio.Event()

    async def slow() -> str:
        began.set()
        await release.wait()
        return "slow"

    async with (
        open_router() as router,
        router.open_session(realm="realm1") as first,
        router.open_session(realm="realm1") as second,
        router.open_session(realm="realm1") as caller,
    ):
        await first.register(F, slow, invoke="first", concurrency=1)
        await second.register(F, lambda: "other", invoke="first")
        results: list[str] = []

        async def call() -> None:
            results.append(await caller.call(F))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await began.wait()
            for _ in range(3):
                nursery.start_soon(call)
            while len(results) < 2:  # noqa: ASYNC110  # nobody tells
                await trio.sleep(0.001)
            release.set()
        assert sorted(results) == ["other"] * 2 + ["slow"] * 2
