"""Sessions with key rings, and a router that does as it likes: it forges, reflects, damages and renames; nothing of that is taken for real."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

import trowamp
from trowamp import (
    ApplicationError,
    DecryptionFailed,
    FeatureNotSupported,
    Invocation,
    LocalProtocolError,
    Session,
    TrustedUriMismatch,
)
from trowamp import messages as m
from trowamp.payloads import KeyRing, Subject
from trowamp.testing import ALL_FEATURES, ScriptedRouter, open_scripted_router

from .payloads.keyed_sessions import OPEN, TOPIC, Dialect, both_dialects
from .payloads.keys import SECRET, F, callees_ring, callers_ring, random_octets
from .sessions import pending, settle


def sealed_result(request: m.Call, *args: Any, **changes: str) -> tuple[dict[str, Any], Any]:
    """Return details and payload of a result for a call."""
    subject = Subject("result", F, None, request.options)
    encoded = callees_ring().encode(subject, args, {}, random_octets)
    assert encoded is not None
    return {**encoded.options, **changes}, encoded.args


@asynccontextmanager
async def open_victim(**options: Any) -> AsyncGenerator[tuple[ScriptedRouter, Session], None]:
    async with open_scripted_router() as router, router.open_session(**options) as session:
        yield router, session


async def answered(answer: Any, *, error: type[ApplicationError]) -> None:
    """Have a call answered by a router that does as it likes; the call must fail, and the session go on."""
    async with open_victim(payload_codec=callers_ring()) as (router, session), trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(error):
                await session.call(F, 1)

        nursery.start_soon(call)
        request = await router.expect(m.Call)
        router.send(answer(request))
        await settle()
        assert session.is_open
        assert pending(session) == {}


async def test_a_router_cannot_make_up_a_result() -> None:
    await answered(lambda call: m.Result(call.request_id, {}, [2]), error=DecryptionFailed)
    forged = dict.fromkeys(("ppt_scheme", "ppt_serializer"), "x_mine")
    await answered(lambda call: m.Result(call.request_id, forged, [b"2"]), error=DecryptionFailed)
    await answered(
        lambda call: m.Result(call.request_id, {"enc_algo": "cryptobox", "enc_serializer": "json"}, b"\0" * 100),
        error=DecryptionFailed,
    )
    await answered(
        lambda call: m.Result(call.request_id, {"enc_algo": "cryptobox"}, ["no octets"]), error=DecryptionFailed
    )


async def test_a_router_cannot_hand_a_caller_its_own_call_as_the_result() -> None:
    def reflect(call: m.Call) -> m.Result:
        own = callees_ring().encode(Subject("result", F, None, call.options), [], {}, random_octets)
        assert own is not None
        return m.Result(call.request_id, {**call.options, "ppt_keyid": own.options["ppt_keyid"]}, call.args)

    await answered(reflect, error=TrustedUriMismatch)


async def test_a_router_cannot_damage_a_result() -> None:
    def damage(call: m.Call) -> m.Result:
        details, args = sealed_result(call, 2)
        return m.Result(call.request_id, details, [args[0][:-1]])

    await answered(damage, error=DecryptionFailed)
    await answered(
        lambda call: m.Error(48, call.request_id, sealed_result(call)[0], f"{SECRET}error", [b"damaged"]),
        error=DecryptionFailed,
    )


async def test_a_router_cannot_make_up_an_error_of_the_procedure() -> None:
    for details in ({}, {"ppt_scheme": "mqtt"}, {"ppt_scheme": "unknown"}, {"ppt_cipher": "xsalsa20poly1305"}):
        forged = m.Error(48, 1, details, f"{SECRET}error", ["forged"])
        await answered(functools.partial(_always, forged), error=DecryptionFailed)


def _always(message: m.Message, call: m.Call) -> m.Message:
    return message


async def test_a_final_result_in_the_open_ends_a_stream_too() -> None:
    async with open_victim(payload_codec=callers_ring()) as (router, session), trio.open_nursery() as nursery:

        async def call() -> None:
            async with session.open_call(F) as stream:
                with pytest.raises(DecryptionFailed):
                    await stream.result()

        nursery.start_soon(call)
        request = await router.expect(m.Call)
        router.send(m.Result(request.request_id, {}, ["forged"]))
        await settle()
        assert pending(session) == {}


async def test_the_routers_own_errors_need_no_key() -> None:
    await answered(
        lambda call: m.Error(48, call.request_id, {}, "wamp.error.no_such_procedure"), error=trowamp.NoSuchProcedure
    )


async def test_a_progressive_result_that_cannot_be_decrypted_ends_the_call_at_the_callee_too() -> None:
    async with open_victim(payload_codec=callers_ring()) as (router, session), trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(DecryptionFailed):
                async with session.open_call(F) as stream:
                    async for _ in stream:
                        raise AssertionError("nothing can have come")

        nursery.start_soon(call)
        request = await router.expect(m.Call)
        router.send(m.Result(request.request_id, {"progress": True}, ["forged"]))
        assert (await router.expect(m.Cancel)).request_id == request.request_id
        await settle()
        assert pending(session) == {}


async def test_a_router_cannot_pass_one_topic_or_procedure_off_as_another(caplog: pytest.LogCaptureFixture) -> None:
    other = f"{SECRET}other"
    heard: list[Any] = []
    async with open_victim(payload_codec=callees_ring()) as (router, session), trio.open_nursery() as nursery:
        nursery.start_soon(session.register, F, heard.append)
        nursery.start_soon(session.subscribe, TOPIC, heard.append)
        for _ in range(2):
            request = await router.expect_any(m.Register, m.Subscribe)
            assert isinstance(request, m.Register | m.Subscribe)
            reply = m.Registered if isinstance(request, m.Register) else m.Subscribed
            router.send(reply(request.request_id, 500))
        await settle()
        call = callers_ring().encode(Subject("call", other), [1], {}, random_octets)
        event = callers_ring().encode(Subject("event", other), [1], {}, random_octets)
        assert call is not None
        assert event is not None
        for number, named in enumerate(({}, {"procedure": other}), 1):
            router.send(m.Invocation(number, 500, {**call.options, **named}, call.args))
            assert (await router.expect(m.Error)).error == "wamp.error.encryption.trusted_uri_mismatch"
        for named in ({}, {"topic": other}):
            router.send(m.Event(500, 1, {**event.options, **named}, event.args))
        await settle()
        assert heard == []
        assert (
            caplog.text.count("of 'com.example.secret.topic' cannot be decoded: wamp.error.encryption") == 1
        )  # not for each


FOREIGN = ["com.other", "wamp.x", f"{SECRET}topic.more", "com.example.open"]


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_router_cannot_have_a_plain_payload_taken_under_a_name_without_a_key(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    async with open_victim(payload_codec=callees_ring()) as (router, session), trio.open_nursery() as nursery:
        nursery.start_soon(session.register, F, heard.append)
        router.send(m.Registered((await router.expect(m.Register)).request_id, 500))
        nursery.start_soon(session.subscribe, TOPIC, heard.append)
        router.send(m.Subscribed((await router.expect(m.Subscribe)).request_id, 500))
        await settle()
        router.send(m.Invocation(1, 500, {"procedure": name}, ["forged"]))
        assert (await router.expect(m.Error)).error == "wamp.error.encryption.trusted_uri_mismatch"
        router.send(m.Event(500, 1, {"topic": name}, ["forged"]))
        await settle()
        assert heard == []
    assert caplog.text.count("wamp.error.encryption.trusted_uri_mismatch") == 2


async def test_a_router_cannot_leave_out_the_name_that_a_pattern_needs(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []
    async with open_victim(payload_codec=callees_ring()) as (router, session), trio.open_nursery() as nursery:
        nursery.start_soon(session.register, "com..secret.f", heard.append)
        router.send(m.Registered((await router.expect(m.Register)).request_id, 500))
        await settle()
        router.send(m.Invocation(1, 500, {}, ["forged"]))
        assert (await router.expect(m.Error)).error == "wamp.error.encryption.trusted_uri_mismatch"
        assert heard == []


@asynccontextmanager
async def streaming(
    ring: KeyRing, details: dict[str, Any], args: Any, procedure: str = F
) -> AsyncGenerator[tuple[ScriptedRouter, list[Any]], None]:
    """Begin a call with inputs, whose procedure notes each input; the test sends the inputs."""
    heard: list[Any] = []

    async def note(call: Invocation, **_components: str) -> None:
        heard.append(call.is_encrypted)
        heard.extend([value async for value in call.inputs])

    async with open_victim(payload_codec=ring) as (router, session), trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(session.register, procedure, note))
        router.send(m.Registered((await router.expect(m.Register)).request_id, 500))
        await settle()
        router.send(m.Invocation(1, 500, {**details, "progress": True}, args))
        await settle()
        with trio.fail_after(5):  # an input that is taken is answered with nothing
            yield router, heard
        await settle()
        assert pending(session) == {}


def sealed_call(procedure: str, *args: Any) -> tuple[dict[str, Any], Any]:
    """Return details and payload of a call."""
    encoded = callers_ring().encode(Subject("call", procedure), args, {}, random_octets)
    assert encoded is not None
    return dict(encoded.options), encoded.args


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_router_cannot_have_a_plain_input_taken_under_a_name_without_a_key(name: str) -> None:
    details, args = sealed_call(F)
    async with streaming(callees_ring(), details, args) as (router, heard):
        router.send(m.Invocation(1, 500, {"procedure": name, "progress": True}, ["forged"]))
        assert (await router.expect(m.Error)).error == "wamp.error.encryption.trusted_uri_mismatch"
    assert heard == [True]


async def test_a_router_cannot_put_an_input_into_the_call_of_another_procedure() -> None:
    other = f"{SECRET}other"
    details, args = sealed_call(F)
    details["procedure"] = F
    async with streaming(callees_ring(), details, args, f"{SECRET}<name>") as (router, heard):
        for_other, payload = sealed_call(other, 1)
        router.send(m.Invocation(1, 500, {**for_other, "procedure": other}, payload))
        assert (await router.expect(m.Error)).error == "wamp.error.encryption.trusted_uri_mismatch"
    assert heard == [True]


async def test_a_plain_input_of_an_encrypted_call_is_refused_also_where_plain_calls_are_not() -> None:
    details, args = sealed_call(F)
    async with streaming(callees_ring(allow_plain=True), details, args) as (router, heard):
        router.send(m.Invocation(1, 500, {"progress": True}, ["forged"]))
        answer = await router.expect(m.Error)
        assert answer.error == "wamp.error.encryption.decrypt_error"
        assert "ppt_cipher" in answer.details
    assert heard == [True]


async def test_an_encrypted_input_of_a_plain_call_is_refused_in_plain_words() -> None:
    async with streaming(callees_ring(allow_plain=True), {}, []) as (router, heard):
        details, payload = sealed_call(F, 1)
        router.send(m.Invocation(1, 500, details, payload))
        answer = await router.expect(m.Error)
        assert (answer.error, answer.details) == ("wamp.error.encryption.decrypt_error", {})
        words = "encrypted (ppt_scheme='wamp', ppt_cipher='xsalsa20poly1305'), while the call began plain"
        assert answer.args == [f"an input of {F} is {words}"]
    assert heard == [False]


@pytest.mark.parametrize("is_sealed", [True, False])
async def test_inputs_in_the_form_of_the_call_are_taken(is_sealed: bool) -> None:
    details, args = sealed_call(F) if is_sealed else ({}, [])
    async with streaming(callees_ring(allow_plain=True), details, args) as (router, heard):
        for progress, value in (({"progress": True}, 1), ({}, 2)):
            payload = sealed_call(F, value)[1] if is_sealed else [value]
            router.send(m.Invocation(1, 500, {**details, **progress}, payload))
        assert (await router.expect(m.Yield)).request_id == 1
    assert heard == [is_sealed, 1, 2]


async def test_a_caller_that_lost_its_key_sends_no_plain_inputs() -> None:
    ring = callers_ring()
    async with open_victim(payload_codec=ring) as (router, session):
        async with session.with_options(stream_inputs=True).open_call(F, 1) as call:
            await router.expect(m.Call)
            ring.set_key(SECRET, None)
            with pytest.raises(LocalProtocolError, match="has lost its key"):
                await call.send("the secret is 42")
        assert (await router.expect_any(m.Call, m.Cancel)).code == m.Cancel.code


async def test_an_input_that_cannot_be_decrypted_ends_the_call() -> None:
    stopped: list[str] = []

    async def wait(call: Invocation) -> None:
        try:
            async for _ in call.inputs:
                raise AssertionError("nothing can have come")
        except trio.Cancelled:
            stopped.append("cancelled")
            raise

    async with open_victim(payload_codec=callees_ring()) as (router, session), trio.open_nursery() as nursery:
        nursery.start_soon(session.register, F, wait)
        router.send(m.Registered((await router.expect(m.Register)).request_id, 500))
        await settle()
        call = callers_ring().encode(Subject("call", F), [], {}, random_octets)
        assert call is not None
        details = {**call.options, "progress": True}
        router.send(m.Invocation(1, 500, details, call.args))
        await settle()
        router.send(m.Invocation(1, 500, details, [b"damaged"]))
        answer = await router.expect(m.Error)
        assert answer.error == "wamp.error.encryption.decrypt_error"
        assert "ppt_cipher" in answer.details
        await settle()
        assert (stopped, pending(session)) == (["cancelled"], {})


async def test_an_input_that_cannot_be_decrypted_ends_a_call_that_waits_for_its_turn() -> None:
    go_on = trio.Event()
    served: list[int] = []

    async def work(number: int, call: Invocation) -> None:
        served.append(number)
        await go_on.wait()

    async with open_victim(payload_codec=callees_ring()) as (router, session), trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(session.register, F, work, concurrency=1))
        router.send(m.Registered((await router.expect(m.Register)).request_id, 500))
        await settle()
        first, second = (callers_ring().encode(Subject("call", F), [number], {}, random_octets) for number in (1, 2))
        assert first is not None
        assert second is not None
        details = {**first.options, "progress": True}
        router.send(m.Invocation(1, 500, details, first.args), m.Invocation(2, 500, details, second.args))
        router.send(m.Invocation(2, 500, details, [b"damaged"]))
        answer = await router.expect(m.Error)
        assert (answer.request_id, answer.error) == (2, "wamp.error.encryption.decrypt_error")
        go_on.set()
        assert (await router.expect(m.Yield)).request_id == 1
        await settle()
        assert (served, pending(session)) == ([1], {})


async def test_octets_that_nobody_can_have_made_end_no_session(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "trowamp")
    async with open_victim(payload_codec=callees_ring()) as (router, session), trio.open_nursery() as nursery:
        nursery.start_soon(session.subscribe, TOPIC, print)
        router.send(m.Subscribed((await router.expect(m.Subscribe)).request_id, 500))
        forms = [
            {"ppt_scheme": "wamp", "ppt_serializer": "cbor", "ppt_cipher": "xsalsa20poly1305"},
            {"ppt_scheme": "mqtt", "ppt_serializer": "msgpack"},
            {"ppt_scheme": "?"},
            {"enc_algo": "cryptobox", "enc_serializer": "json"},
        ]
        for form in forms:
            for size in range(60):
                octets = os.urandom(size)
                router.send(m.Event(500, 1, form, octets if "enc_algo" in form else [octets]))
        await settle()
        assert session.is_open


# ---- routers that do not pass payloads through


@both_dialects
async def test_a_router_that_does_not_announce_it_is_not_sent_anything(dialect: Dialect) -> None:
    roles: dict[str, Any] = {role: {"features": {}} for role in ALL_FEATURES}
    ring = callers_ring(dialect=dialect)
    async with open_scripted_router(roles) as router, router.open_session(payload_codec=ring) as session:
        for send in (session.call, session.publish):
            with pytest.raises(FeatureNotSupported, match=r"payload_(passthru_mode|transparency)"):
                await send(F, 1)
        session.publish_nowait(OPEN, 1)
        assert (await router.expect(m.Publish)).args == [1]


async def test_a_router_that_does_not_say_what_it_can_may_be_trusted() -> None:
    roles: dict[str, Any] = {role: {"features": {}} for role in ALL_FEATURES}
    async with (
        open_scripted_router(roles) as router,
        router.open_session(payload_codec=callers_ring(), check_features=False) as session,
    ):
        session.publish_nowait(F, 1)
        assert (await router.expect(m.Publish)).options["ppt_cipher"] == "xsalsa20poly1305"
