"""Payloads that Crossbar.io cannot read: it passes on Autobahn's form, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.payloads.keys import SECRET, F, callees_ring, callers_ring
from trowamp import ApplicationError, FeatureNotSupported, Invocation, NoPayloadCodec, Result

from .conftest import Way

TOPIC = f"{SECRET}topic"
PAYLOAD: tuple[list[Any], dict[str, Any]] = (["grüß", 2.5, None, b"\0\xff", [1, {"a": []}]], {"deep": {"b": True}})


async def test_calls_errors_and_events_are_encrypted_in_autobahns_form(way: Way) -> None:
    async def count(number: int, call: Invocation) -> Result:
        assert call.is_encrypted
        for part in range(number):
            await call.progress(part)
        return Result(*PAYLOAD[0], **PAYLOAD[1])

    def refuse() -> None:
        raise ApplicationError(f"{SECRET}error", *PAYLOAD[0], **PAYLOAD[1])

    async with (
        way.open_session(payload_codec=callers_ring(dialect="autobahn")) as caller,
        way.open_session(payload_codec=callees_ring()) as callee,
    ):
        await callee.register(F, count)
        await callee.register(f"{SECRET}refuse", refuse)
        assert await caller.call(F, 0) == Result(*PAYLOAD[0], **PAYLOAD[1])
        async with caller.open_call(F, 3) as call:
            assert [part async for part in call] == [0, 1, 2]
            assert await call.result() == Result(*PAYLOAD[0], **PAYLOAD[1])
        with pytest.raises(ApplicationError) as caught:
            await caller.call(f"{SECRET}refuse")
        assert (list(caught.value.args), caught.value.kwargs) == PAYLOAD
        async with callee.open_subscription(SECRET, match="prefix") as events:
            await caller.with_options(acknowledge=True).publish(TOPIC, *PAYLOAD[0], **PAYLOAD[1])
            event = await anext(events)
            assert (list(event.args), event.kwargs, event.topic, event.is_encrypted) == (*PAYLOAD, TOPIC, True)


async def test_who_has_no_key_is_told(way: Way) -> None:
    async with (
        way.open_session(payload_codec=callers_ring(dialect="autobahn")) as caller,
        way.open_session() as callee,
    ):
        await callee.register(F, lambda *args: args)
        with pytest.raises(NoPayloadCodec):
            await caller.call(F, 1)


@pytest.mark.differs("P1")
async def test_the_specifications_form_is_not_sent_because_it_would_not_arrive(way: Way) -> None:
    async with way.open_session(payload_codec=callers_ring()) as session:
        for send in (session.call, session.publish):
            with pytest.raises(FeatureNotSupported, match="payload_passthru_mode"):
                await send(F, 1)
