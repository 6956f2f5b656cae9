"""R8: payloads that not everybody can read are refused at the sender, whatever carries them; nobody else notices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.faults.goals import check
from tests.faults.poisons import POISONS
from tests.sessions import settle
from trowamp import ApplicationError, Invocation, SerializationError, Session, open_router, open_session, uris

SERIALIZERS = ("json", "msgpack", "cbor")
WAYS = 6
TOLD = {  # the error that a caller gets: one of ours, or its own with words instead of the poison
    "give": uris.ERROR_INVALID_PAYLOAD,
    "fail": "com.example.error",
    "tell": uris.ERROR_RUNTIME_ERROR,  # the procedure was told, and let it pass
}


class Poisoner:
    """A session that sends poison in every way, and whose procedures do."""

    def __init__(self, session: Session) -> None:
        self.refused = 0
        self.poison: Any = None
        self._session = session
        self._everybody = session.with_options(acknowledge=True, exclude_me=False)

    async def register(self) -> None:
        """Have procedures that answer with poison: with a result, an error, and a progressive result."""

        def fail() -> None:
            raise ApplicationError("com.example.error", self.poison)

        async def tell(invocation: Invocation) -> None:
            await invocation.progress(self.poison)

        procedures: dict[str, Callable[..., Any]] = {"give": lambda: self.poison, "fail": fail, "tell": tell}
        for name, procedure in procedures.items():
            await self._session.register(f"com.example.{name}", procedure)

    async def send(self, name: str) -> None:
        """Send poison to the session of a name; that fails here."""
        session, poison = self._session, self.poison
        ways: list[Callable[[], Any]] = [
            lambda: session.call(f"com.example.{name}", poison),
            lambda: session.call(f"com.example.{name}", value=poison),
            lambda: self._everybody.publish("com.example.topic", poison),
        ]
        for send in ways:
            with pytest.raises(SerializationError):
                await send()
            self.refused += 1

    async def ask(self, other: Session) -> None:
        """Have another session call for poison; it gets an error instead."""
        for name, uri in TOLD.items():
            with pytest.raises(ApplicationError) as caught:
                async with other.open_call(f"com.example.{name}") as call:
                    async for _ in call:
                        pass
                    await call.result()
            assert caught.value.uri == uri
            assert self.poison not in caught.value.args
            self.refused += 1

    async def publish(self, number: int) -> None:
        """Publish something harmless."""
        await self._everybody.publish("com.example.topic", number)


@pytest.mark.parametrize("sender", SERIALIZERS)
async def test_no_payload_poisons_its_receivers(sender: str) -> None:
    async with open_router(["realm1"], ["rs://127.0.0.1:0"]) as router, AsyncExitStack() as stack:
        sessions: dict[str, Session] = {}
        events: dict[str, list[int]] = {name: [] for name in SERIALIZERS}
        for name in SERIALIZERS:
            opening = open_session(router.urls[0], realm="realm1", serializers=[name])
            sessions[name] = await stack.enter_async_context(opening)
            await sessions[name].subscribe("com.example.topic", events[name].append)
            await sessions[name].register(f"com.example.{name}", print)
        poisoner = Poisoner(sessions[sender])
        await poisoner.register()
        for number, make in enumerate(POISONS.values()):
            poisoner.poison = make()
            for name, other in sessions.items():
                await poisoner.send(name)
                await poisoner.ask(other)
            await poisoner.publish(number)
        for session in sessions.values():
            await session.call("wamp.session.count")  # its answer comes after the events
        await settle()
    assert events == {name: list(range(len(POISONS))) for name in SERIALIZERS}
    goal = len(POISONS) * len(SERIALIZERS) * WAYS
    check("R8", f"poisons refused at a sender of {sender}", poisoner.refused, "==", goal)
