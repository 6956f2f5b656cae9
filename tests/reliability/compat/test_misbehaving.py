"""R8, R23 on asyncio and Twisted: payloads that not everybody can read, and handlers that fail in every way, harm their own call and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from trowamp_compat.wamp.exception import ApplicationError, SerializationError
from trowamp_compat.wamp.types import CallOptions, PublishOptions, RegisterOptions

from tests.compat.kit import join
from tests.faults.goals import check
from tests.faults.poisons import POISONS

from .memory import Framework, World, on_frameworks, run_in_memory

SERIALIZERS = ("json", "msgpack", "cbor")


TRANSLATED = {"json": {"a decimal", "numbers as keys"}}  # into texts, as Autobahn does


def poisons_for(sender: str) -> list[Callable[[], Any]]:
    """Return what a session with a serializer must not send."""
    return [make for name, make in POISONS.items() if name not in TRANSLATED.get(sender, ())]


async def poison_everybody(world: World, sender: str) -> int:
    """Send each poison in each way, from one session to those with all serializers; return how many were refused."""
    sessions = {name: await join(world.kit, world.transport(serializer=name)) for name in SERIALIZERS}
    events: dict[str, list[int]] = {name: [] for name in SERIALIZERS}
    for name, session in sessions.items():
        await session.subscribe(events[name].append, "com.example.topic")
        await session.register(lambda value: None, f"com.example.{name}")
    source = sessions[sender]
    everybody = PublishOptions(acknowledge=True, exclude_me=False)
    poison: list[Any] = []

    def give() -> Any:
        return poison[0]

    def fail() -> Any:
        raise ApplicationError("com.example.error", poison[0])

    def tell(details: Any) -> None:
        details.progress(poison[0])

    await source.register(give, "com.example.give")
    await source.register(fail, "com.example.fail")
    await source.register(tell, "com.example.tell", RegisterOptions(details_arg="details"))
    refused = 0
    for number, make in enumerate(poisons_for(sender)):
        poison[:] = [make()]
        for name, other in sessions.items():
            ways: list[Callable[[], Any]] = [
                lambda: source.call(f"com.example.{name}", poison[0]),  # noqa: B023  # called at once
                lambda: source.call(f"com.example.{name}", value=poison[0]),  # noqa: B023
                lambda: source.publish("com.example.topic", poison[0], options=everybody),
            ]
            for send in ways:
                with pytest.raises(SerializationError):
                    send()
                refused += 1
            for procedure in ("give", "fail", "tell"):
                with pytest.raises((ApplicationError, SerializationError)):
                    await other.call(f"com.example.{procedure}", options=CallOptions(on_progress=print))
                refused += 1
        await source.publish("com.example.topic", number, options=everybody)
    await world.rest(1)
    assert events == {key: list(range(len(poisons_for(sender)))) for key in SERIALIZERS}
    assert all(session.is_attached() for session in sessions.values())
    return refused


@on_frameworks
@pytest.mark.parametrize("sender", SERIALIZERS)
def test_no_payload_poisons_its_receivers(framework: Framework, sender: str) -> None:
    refused = run_in_memory(framework, poison_everybody, sender)
    check(
        "R8", f"poisons refused at a sender of {sender}, {framework}", refused, "==", len(poisons_for(sender)) * 3 * 6
    )


async def misbehave(world: World) -> list[str]:
    """Have procedures and handlers that fail in every way; return what went wrong elsewhere."""
    callee, caller, witness = [await join(world.kit, world.transport()) for _ in range(3)]
    wrong: list[str] = []
    everybody = PublishOptions(acknowledge=True, exclude_me=False)

    def raises() -> None:
        raise ZeroDivisionError("a bug")

    async def raises_later() -> None:
        await world.turn()
        raise ExceptionGroup("several bugs", [ZeroDivisionError(), ValueError()])

    def cancels_itself() -> Any:
        future = world.kit.face.create_future()
        world.kit.face.cancel(future)
        return future

    async def calls_back(depth: int) -> int:
        return 0 if depth == 0 else 1 + await callee.call("com.example.calls_back", depth - 1)

    harmless, harmful = [calls_back], [raises, raises_later, cancels_itself]
    for function in (*harmless, *harmful):
        await callee.register(function, f"com.example.{function.__name__}")
        await callee.subscribe(lambda *_, function=function: function(), f"com.example.{function.__name__}")
    await callee.register(object, "com.example.unsendable")
    await witness.register(lambda number: number, "com.example.witness")
    for number in range(20):
        for name in (*(function.__name__ for function in harmful), "unsendable"):
            call = caller.call(f"com.example.{name}")
            await caller.publish(f"com.example.{name}", options=everybody)
            with pytest.raises((ApplicationError, SerializationError)):
                await call
        if await caller.call("com.example.calls_back", 30) != 30:
            wrong.append("a procedure that calls itself")
        if await caller.call("com.example.witness", number) != number:
            wrong.append("a witness")
    callee.on("leave", lambda session, details: session.publish("com.example.raises"))
    callee.on("leave", lambda session, details: raises())
    await callee.leave()
    await world.rest(100)
    left = world.router.statistics()
    if (left.sessions, left.registrations, left.calls_in_flight) != (2, 1, 0):
        wrong.append(repr(left))
    return wrong


@on_frameworks
def test_handlers_that_misbehave_harm_their_own_call_only(framework: Framework) -> None:
    wrong = run_in_memory(framework, misbehave)
    assert wrong == []
    check("R23", f"others that were harmed by handlers, {framework}", len(wrong), "==", 0)
