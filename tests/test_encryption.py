"""Sessions with key rings: what is encrypted end to end, over every serializer, and what becomes of what cannot be decrypted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import trio

import trowamp
from trowamp import (
    ApplicationError,
    DecryptionFailed,
    Event,
    InvalidArgument,
    Invocation,
    LocalProtocolError,
    NoPayloadCodec,
    Result,
    open_router,
)
from trowamp.payloads import Encoded, Key, KeyRing, Passthru, PayloadCodec, Subject
from trowamp.testing import open_component

from .payloads.keyed_sessions import OPEN, PAYLOAD, TOPIC, Dialect, both_dialects, open_sessions
from .payloads.keys import (
    CALLEES_KEY,
    CALLER,
    CALLERS_KEY,
    OTHER,
    SECRET,
    F,
    callees_ring,
    callers_ring,
)
from .sessions import in_flight, pending, settle


class Eavesdropper(PayloadCodec):
    """Takes down what travels, and decodes nothing."""

    def __init__(self) -> None:
        self.heard: list[Encoded] = []

    def decode(self, subject: Subject, encoded: Encoded) -> Any:
        self.heard.append(encoded)
        return [], {}


# ---- calls


@pytest.mark.parametrize(
    ("scheme", "near", "far"),
    [*itertools.product(("ws", "rs"), ("json", "msgpack", "cbor"), ("json", "msgpack", "cbor"))],
)
@both_dialects
async def test_calls_results_errors_and_events_over_sockets(scheme: str, near: str, far: str, dialect: Dialect) -> None:
    async def fail(left: int) -> None:
        raise ApplicationError(f"{SECRET}error.sold_out", *PAYLOAD[0], left=left)

    async def count(number: int, call: Invocation) -> Result:
        for part in range(number):
            await call.progress(part, *PAYLOAD[0])
        return Result(*PAYLOAD[0], **PAYLOAD[1])

    async with (
        open_router(listen=[f"{scheme}://127.0.0.1:0"]) as router,
        trowamp.open_session(
            router.urls[0], realm="realm1", serializers=[near], payload_codec=callers_ring(dialect=dialect)
        ) as caller,
        trowamp.open_session(router.urls[0], realm="realm1", serializers=[far], payload_codec=callees_ring()) as callee,
    ):
        await callee.register(F, Result)
        await callee.register(f"{SECRET}fail", fail)
        await callee.register(f"{SECRET}count", count)
        assert await caller.call(F, *PAYLOAD[0], **PAYLOAD[1]) == Result(*PAYLOAD[0], **PAYLOAD[1])
        assert await caller.call(F) is None
        with pytest.raises(ApplicationError) as caught:
            await caller.call(f"{SECRET}fail", 3)
        assert (list(caught.value.args), caught.value.kwargs) == (PAYLOAD[0], {"left": 3})
        assert caught.value.uri == f"{SECRET}error.sold_out"
        async with caller.open_call(f"{SECRET}count", 2) as call:
            assert [part async for part in call] == [Result(0, *PAYLOAD[0]), Result(1, *PAYLOAD[0])]
            assert await call.result() == Result(*PAYLOAD[0], **PAYLOAD[1])
        async with callee.open_subscription(TOPIC) as events:
            await caller.with_options(acknowledge=True).publish(TOPIC, *PAYLOAD[0], **PAYLOAD[1])
            event = await anext(events)
            assert (list(event.args), event.kwargs) == PAYLOAD
            assert event.is_encrypted
        assert (pending(caller), in_flight(router)) == ({}, (0, 0))


@both_dialects
async def test_nobody_between_them_sees_anything(dialect: Dialect) -> None:
    spy = Eavesdropper()
    async with open_sessions(callers_ring(dialect=dialect), spy) as (caller, callee):
        await callee.register(F, lambda: None)
        await callee.subscribe(TOPIC, lambda: None)
        await caller.publish(TOPIC, "the secret is 42")
        with pytest.raises(DecryptionFailed, match="not encrypted"):
            await caller.call(F, "the secret is 42")
    assert len(spy.heard) == 2
    for encoded in spy.heard:
        assert b"secret" not in repr(encoded).encode()
        assert (type(encoded.args) is bytes) is (dialect == "autobahn")


@both_dialects
async def test_procedures_and_handlers_are_told_that_they_were_reached_in_secret(dialect: Dialect) -> None:
    seen: list[bool] = []

    async def procedure(call: Invocation) -> None:
        seen.append(call.is_encrypted)

    def handler(event: Event) -> None:
        seen.append(event.is_encrypted)

    async with open_sessions(callers_ring(dialect=dialect), callees_ring()) as (caller, callee):
        for uri in (F, OPEN):
            await callee.register(uri, procedure)
            await callee.subscribe(uri, handler)
            await caller.call(uri)
            await caller.with_options(acknowledge=True).publish(uri)
            await caller.call("wamp.session.count")
            await settle()
    assert seen == [True, True, False, False]


async def test_the_details_say_how_a_payload_travelled() -> None:
    seen: list[dict[str, Any]] = []

    def procedure(call: Invocation) -> None:
        seen.append(call.details)
        raise ApplicationError(f"{SECRET}error")

    async with open_sessions(callers_ring(), callees_ring()) as (caller, callee):
        await callee.register(F, procedure)
        with pytest.raises(ApplicationError) as caught:
            await caller.call(F)
    assert seen[0]["ppt_cipher"] == caught.value.details["ppt_cipher"] == "xsalsa20poly1305"


async def test_patterns_are_bound_to_the_uri_that_was_called() -> None:
    async with open_sessions(callers_ring(), callees_ring()) as (caller, callee):
        await callee.register(f"{SECRET}<name>.get", lambda name: name)
        await callee.register(SECRET + "all.", lambda call: call.procedure, match="prefix")
        assert await caller.call(f"{SECRET}joe.get") == "joe"
        async with callee.open_subscription(SECRET, match="prefix") as events:
            await caller.publish(f"{SECRET}news", 1)
            event = await anext(events)
            assert (event.topic, event.args) == (f"{SECRET}news", (1,))


@both_dialects
async def test_the_error_of_a_bug_and_of_wrong_arguments_is_encrypted_too(
    dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(x: int) -> float:
        return 1 / x

    everything = {"": CALLERS_KEY}
    caller_ring = KeyRing(everything, dialect=dialect)
    callee_ring = KeyRing({"": CALLEES_KEY})
    async with open_sessions(caller_ring, callee_ring) as (caller, callee):
        await callee.register(F, bug)
        for arguments in ((0,), (1, 2)):
            with pytest.raises(ApplicationError) as caught:
                await caller.call(F, *arguments)
            assert {"ppt_cipher", "enc_algo"} & caught.value.details.keys()
    assert "ZeroDivisionError" in caplog.text


@both_dialects
async def test_a_result_that_cannot_be_serialized_is_told_in_secret(dialect: Dialect) -> None:
    ring = KeyRing({"": CALLEES_KEY})
    async with open_sessions(KeyRing({"": CALLERS_KEY}, dialect=dialect), ring) as (caller, callee):
        await callee.register(F, lambda: {"the secret": object()})
        with pytest.raises(ApplicationError, match="the secret") as caught:
            await caller.call(F)
        assert caught.value.uri == "wamp.error.invalid_payload"
        assert {"ppt_cipher", "enc_algo"} & caught.value.details.keys()


async def test_an_error_with_a_payload_that_cannot_be_serialized_says_so_in_secret() -> None:
    def fail() -> None:
        raise ApplicationError(f"{SECRET}error", object())

    async with open_sessions(callers_ring(), callees_ring()) as (caller, callee):
        await callee.register(F, fail)
        with pytest.raises(ApplicationError) as caught:
            await caller.call(F)
    assert caught.value.uri == f"{SECRET}error"
    assert caught.value.args[0].startswith("the error's payload could not be sent: args[0]: ")
    assert caught.value.details["ppt_cipher"]


async def test_a_value_that_is_not_portable_is_refused_where_it_is_sent() -> None:
    async with open_sessions(callers_ring()) as (caller,):
        for send in (caller.call, caller.publish):
            with pytest.raises(trowamp.SerializationError, match=r"^args\[0\]"):
                await send(F, float("nan"))
        assert pending(caller) == {}


@both_dialects
async def test_inputs_are_encrypted_like_the_call(dialect: Dialect) -> None:
    async def total(first: int, call: Invocation) -> Any:
        return first + sum([value async for value in call.inputs])

    async with open_sessions(callers_ring(dialect=dialect), callees_ring()) as (caller, callee):
        await callee.register(F, total)
        for last in ((), (4,)):
            async with caller.with_options(stream_inputs=True).open_call(F, 1) as call:
                await call.send(2)
                await call.send(3)
                await call.end_inputs(*last)
                assert await call.result() == 6 + sum(last)


async def test_cancelling_and_deadlines_work_as_ever() -> None:
    async with open_sessions(callers_ring(), callees_ring()) as (caller, callee):
        await callee.register(F, trio.sleep_forever)
        with trio.move_on_after(0.01) as scope:
            await caller.with_options(cancel_mode="kill").call(F)
        assert scope.cancelled_caught
        await settle()
        assert pending(callee) == {}


async def test_typed_payloads_work_as_ever() -> None:
    async def add(x: int, y: int) -> int:
        return x + y

    async with open_sessions(callers_ring(), callees_ring()) as (caller, callee):
        await callee.register(F, add, check_types=True)
        assert await caller.with_options(result_type=int).call(F, 1, 2) == 3
        with pytest.raises(InvalidArgument, match="argument y"):
            await caller.call(F, 1, "2")


# ---- retained events and event history


@both_dialects
async def test_a_retained_event_is_decrypted_by_those_who_come_later(dialect: Dialect) -> None:
    async with open_sessions(callers_ring(dialect=dialect), callees_ring()) as (publisher, subscriber):
        await publisher.with_options(retain=True, acknowledge=True).publish(TOPIC, "snow")
        async with subscriber.open_subscription(TOPIC, get_retained=True) as events:
            event = await anext(events)
            assert (event.args, event.is_encrypted) == (("snow",), True)


# ---- components


async def test_a_component_has_a_key_ring_for_all_its_sessions() -> None:
    app = trowamp.Component("ws://127.0.0.1:1", realm="realm1", payload_codec=callees_ring())

    @app.register(F)
    def double(x: int) -> int:
        return 2 * x

    async with open_router() as router, open_component(app, router):
        async with router.open_session(realm="realm1", payload_codec=callers_ring()) as session:
            assert await session.call(F, 21) == 42
        async with router.open_session(realm="realm1") as session:
            with pytest.raises(DecryptionFailed, match="not encrypted"):
                await session.call(F, 21)


# ---- what cannot be decrypted


WRONG: Sequence[tuple[PayloadCodec | None, type[ApplicationError]]] = [
    (KeyRing({SECRET: Key(originator_public=CALLER.public, responder_private=OTHER.private)}), DecryptionFailed),
    (KeyRing({}), DecryptionFailed),
    (callers_ring(), DecryptionFailed),
    (Passthru("mqtt"), NoPayloadCodec),
    (None, NoPayloadCodec),
]


@pytest.mark.checklist("PPT-C1")
@pytest.mark.parametrize(("codec", "error"), WRONG)
@both_dialects
async def test_a_callee_that_cannot_decrypt_answers_so_and_does_not_run(
    codec: PayloadCodec | None, error: type[ApplicationError], dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    called = []
    async with open_sessions(callers_ring(dialect=dialect), codec) as (caller, callee):
        await callee.register(F, lambda *args: called.append(args))
        with pytest.raises(error):
            await caller.call(F, 1)
        assert (pending(caller), pending(callee)) == ({}, {})
    assert called == []
    assert "a call of 'com.example.secret.f' cannot be decoded" in caplog.text


@pytest.mark.checklist("PPT-C1")
@pytest.mark.parametrize(("codec", "error"), WRONG)
@both_dialects
async def test_an_event_that_cannot_be_decrypted_is_logged_and_counted_and_leaves_a_gap(
    codec: PayloadCodec | None, error: type[ApplicationError], dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []
    async with open_sessions(callers_ring(dialect=dialect), codec) as (publisher, subscriber):
        if isinstance(codec, KeyRing):
            codec.set_key(TOPIC, None)
        subscription = await subscriber.subscribe(SECRET, heard.append, match="prefix")
        await publisher.with_options(acknowledge=True).publish(TOPIC, 1)
        await settle()
        assert (heard, subscription.statistics().undecodable, subscription.statistics().delivered) == ([], 1, 0)
    assert "event" in caplog.text
    assert "of 'com.example.secret.' cannot be decoded: wamp.error." in caplog.text


async def test_the_event_after_one_that_could_not_be_decrypted_comes_after_a_gap() -> None:
    heard: list[Event] = []

    def handler(number: int, event: Event) -> None:
        heard.append(event)

    async with open_sessions(callers_ring(), None) as (publisher, subscriber):
        await subscriber.subscribe(F, handler)
        async with subscriber.open_subscription(F) as events:
            await publisher.with_options(acknowledge=True).publish(F, 1)
            plainly = publisher.with_options(acknowledge=True, payload_codec=PayloadCodec())
            await plainly.publish(F, 2)
            await plainly.publish(F, 3)
            streamed = [await anext(events), await anext(events)]
    for received in (heard, streamed):
        assert [(event.args, event.after_gap) for event in received] == [((2,), True), ((3,), False)]


@both_dialects
async def test_a_plain_call_or_event_is_refused_where_there_is_a_key(
    dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    async with open_sessions(None, callees_ring(dialect=dialect), callees_ring(allow_plain=True)) as sessions:
        plain, strict, lenient = sessions
        await strict.register(F, heard.append)
        subscription = await strict.subscribe(TOPIC, heard.append)
        with pytest.raises(DecryptionFailed, match="not encrypted"):
            await plain.call(F, 1)
        await plain.with_options(acknowledge=True).publish(TOPIC, 1)
        await settle()
        assert (heard, subscription.statistics().undecodable) == ([], 1)
        await lenient.register(f"{SECRET}g", heard.append)
        await plain.call(f"{SECRET}g", 2)
        assert heard == [2]


async def test_a_key_of_the_other_side_is_refused_where_it_is_used() -> None:
    async with open_sessions(callees_ring(), callers_ring()) as (caller, callee):
        for send in (caller.call, caller.publish):
            with pytest.raises(LocalProtocolError, match="not one for callers and publishers"):
                await send(F, 1)
        await callee.register(OPEN, lambda: 1)
        assert await caller.call(OPEN) == 1


async def test_a_key_that_was_lost_while_a_call_ran_lets_nothing_out(caplog: pytest.LogCaptureFixture) -> None:
    ring = callees_ring()

    def lose() -> str:
        ring.set_key(SECRET, None)
        return "the secret is 42"

    async with open_sessions(callers_ring(), ring) as (caller, callee):
        await callee.register(F, lose)
        with pytest.raises(ApplicationError) as caught:
            await caller.call(F)
    assert (caught.value.uri, caught.value.args) == ("wamp.error.invalid_payload", ())
    assert "lost its key" in caplog.text


class Broken(PayloadCodec):
    def decode(self, subject: Subject, encoded: Encoded) -> Any:
        raise ZeroDivisionError


async def test_a_codec_with_a_bug_does_not_end_the_session(caplog: pytest.LogCaptureFixture) -> None:
    async with open_sessions(callers_ring(), Broken()) as (caller, callee):
        await callee.register(F, lambda: 1)
        for _ in range(2):
            with pytest.raises(DecryptionFailed, match="could not be decoded"):
                await caller.call(F)
    assert "ZeroDivisionError" in caplog.text
