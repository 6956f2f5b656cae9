"""Payloads that are passed through without encryption: serialized by themselves, or in a scheme of somebody's own."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any

import pytest
import trio

from trowamp import (
    ApplicationError,
    InvalidArgument,
    Invocation,
    Result,
)
from trowamp import messages as m
from trowamp.payloads import Encoded, Passthru, PayloadCodec, Subject
from trowamp.testing import open_scripted_router

from .payloads.keyed_sessions import OPEN, PAYLOAD, open_sessions
from .sessions import settle


@pytest.mark.checklist("PPT-B2", "PPT-B3", "PPT-B4")
@pytest.mark.parametrize(("scheme", "serializer"), [("mqtt", "native"), ("x_mine", "json"), ("wamp", "cbor")])
async def test_a_view_serializes_its_payloads_by_themselves(scheme: str, serializer: str) -> None:
    seen: list[Any] = []

    def procedure(*args: Any, call: Invocation, **kwargs: Any) -> Result:
        seen.append((call.details, call.is_encrypted))
        return Result(*args, **kwargs)

    async with open_sessions(None, None) as (caller, callee):
        view = caller.with_options(payload_codec=Passthru(scheme, serializer=serializer))
        await callee.register(OPEN, procedure)
        assert await view.call(OPEN, *PAYLOAD[0], **PAYLOAD[1]) == Result(*PAYLOAD[0], **PAYLOAD[1])
        assert await view.with_options(timeout=5).call(OPEN, 1) == 1
        assert await caller.call(OPEN, 2) == 2
        async with callee.open_subscription(OPEN) as events:
            await view.publish(OPEN, *PAYLOAD[0], **PAYLOAD[1])
            view.publish_nowait(OPEN, 3)
            event = await anext(events)
            assert (list(event.args), event.kwargs, event.is_encrypted) == (*PAYLOAD, False)
            assert (await anext(events)).args == (3,)
    options = {"ppt_scheme": scheme, "ppt_serializer": serializer}
    assert [(dict(details), secret) for details, secret in seen[:1]] == [(options, False)]
    assert seen[2][0] == {}


@pytest.mark.checklist("PPT-C1")
async def test_an_unknown_scheme_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async with open_sessions(None, None) as (caller, callee):
        await callee.register(OPEN, lambda octets: 1)
        subscription = await callee.subscribe(OPEN, print)
        strange = caller.with_options(custom={"ppt_scheme": "x_mine", "ppt_serializer": "x_mine"})
        with pytest.raises(InvalidArgument, match="no known serializer"):
            await strange.call(OPEN, b"opaque")
        await strange.with_options(acknowledge=True).publish(OPEN, b"opaque")
        await settle()
        assert subscription.statistics().undecodable == 1


class Rot13(PayloadCodec):
    """A scheme of somebody's own."""

    def encode(
        self, subject: Subject, args: Sequence[Any], kwargs: dict[str, Any], random_octets: Any
    ) -> Encoded | None:
        if subject.is_answer and subject.request.get("ppt_scheme") != "x_rot13":
            return super().encode(subject, args, kwargs, random_octets)
        return Encoded([codecs.encode(args[0], "rot13").encode()], {"ppt_scheme": "x_rot13"})

    def decode(self, subject: Subject, encoded: Encoded) -> tuple[Sequence[Any], dict[str, Any]]:
        if encoded.options.get("ppt_scheme") != "x_rot13":
            return super().decode(subject, encoded)
        return [codecs.decode(encoded.octets().decode(), "rot13")], {}


async def test_a_scheme_of_ones_own_is_a_codec_of_ones_own() -> None:
    async with open_sessions(Rot13(), Rot13()) as (caller, callee):
        await callee.register(OPEN, str.upper)
        assert await caller.call(OPEN, "text") == "TEXT"
        assert await caller.with_options(payload_codec=Passthru("mqtt")).call(OPEN, "text") == "TEXT"


async def test_an_error_that_is_not_what_it_says_is_raised_as_it_came() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(ApplicationError) as caught:
                await session.call(OPEN)
            assert (caught.value.uri, caught.value.args) == ("com.example.error", ("why",))

        nursery.start_soon(call)
        request = await router.expect(m.Call)
        details = {"ppt_scheme": "mqtt", "ppt_serializer": "cbor"}
        router.send(m.Error(48, request.request_id, details, "com.example.error", ["why"]))


async def test_an_error_is_serialized_as_its_call_was() -> None:
    def refuse() -> None:
        raise ApplicationError("com.example.error", *PAYLOAD[0], **PAYLOAD[1])

    async with open_sessions(None, None) as (caller, callee):
        await callee.register(OPEN, refuse)
        with pytest.raises(ApplicationError) as caught:
            await caller.with_options(payload_codec=Passthru("mqtt", serializer="json")).call(OPEN)
        assert (list(caught.value.args), caught.value.kwargs) == PAYLOAD
        assert caught.value.details == {"ppt_scheme": "mqtt", "ppt_serializer": "json"}
