"""trowamp/router/_passthru.py: payloads that only their senders and receivers understand, in the specification's form and in Autobahn's."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from trowamp import uris
from trowamp.messages import (
    Abort,
    Call,
    Error,
    Event,
    Interrupt,
    Invocation,
    Message,
    Publish,
    Published,
    Result,
    Subscribe,
    Yield,
)
from trowamp.router import HistoryRule

from .harness import ALL_FEATURES, PROCEDURE, Client, World

SERIALIZERS = ("json", "msgpack", "cbor")
TOPIC = "com.example.topic"
ERROR = "com.example.error"


class Form(NamedTuple):
    """How payloads look outside."""

    feature: str
    options: dict[str, Any]
    args: Any


MODE = Form(
    "payload_passthru_mode",
    {"ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "x_rot13", "ppt_keyid": "4711"},
    [b"\0opaque\xff"],
)
TRANSPARENCY = Form(
    "payload_transparency",
    {"enc_algo": "cryptobox", "enc_serializer": "json", "enc_key": "4711"},
    b"\0opaque\xff",
)
CRYPTOBOX = TRANSPARENCY._replace(feature="payload_encryption_cryptobox")
every_form = pytest.mark.parametrize("form", [MODE, TRANSPARENCY, CRYPTOBOX], ids=lambda form: form.feature)
both_forms = pytest.mark.parametrize("form", [MODE, TRANSPARENCY], ids=lambda form: form.feature)


def joined(world: World, form: Form | None, serializer: str = "msgpack", *more: str) -> Client:
    """Return a session that announced a form of passthru, or none."""
    features = (*ALL_FEATURES, *more) if form is None else (*ALL_FEATURES, form.feature, *more)
    return world.join(features=features, serializer=serializer)


def call(caller: Client, form: Form, **options: Any) -> int:
    request_id = caller.next_id()
    caller.send(Call(request_id, {**form.options, **options}, PROCEDURE, form.args))
    return request_id


def publish(publisher: Client, form: Form, topic: str = TOPIC, **options: Any) -> None:
    publisher.send(Publish(publisher.next_id(), {**form.options, **options}, topic, form.args))


def payload(message: Message) -> Any:
    assert isinstance(message, Invocation | Result | Event | Error)
    assert not message.kwargs
    return message.args


@pytest.mark.checklist("PPT-R5", "PPT-B1", "PPT-B2", "PPT-B5", "SER-R1")
@pytest.mark.parametrize("to", SERIALIZERS)
@pytest.mark.parametrize("by", SERIALIZERS)
@every_form
def test_a_call_and_its_answers_keep_their_form_whatever_the_serializers(
    world: World, form: Form, by: str, to: str
) -> None:
    caller, callee = joined(world, form, by), joined(world, form, to)
    callee.register(PROCEDURE)
    call(caller, form, receive_progress=True, disclose_me=True)
    invocation = callee.expect(Invocation)
    assert payload(invocation) == form.args
    assert form.options.items() <= invocation.details.items()
    assert invocation.details["caller"] == caller.session_id
    callee.send(Yield(invocation.request_id, {**form.options, "progress": True}, form.args))
    part = caller.expect(Result)
    assert (part.details, payload(part)) == ({**form.options, "progress": True}, form.args)
    callee.send(Yield(invocation.request_id, form.options, form.args))
    result = caller.expect(Result)
    assert (result.details, payload(result)) == (form.options, form.args)


@pytest.mark.checklist("PPT-R5")
@every_form
def test_an_error_of_a_callee_keeps_its_form(world: World, form: Form) -> None:
    caller, callee = joined(world, form), joined(world, form)
    callee.register(PROCEDURE)
    call(caller, form)
    invocation = callee.expect(Invocation)
    callee.send(Error(68, invocation.request_id, form.options, ERROR, form.args))
    error = caller.expect_error(ERROR)
    assert (error.details, payload(error)) == (form.options, form.args)


@pytest.mark.checklist("PPT-R5", "PPT-B5")
@pytest.mark.parametrize("to", SERIALIZERS)
@every_form
def test_an_event_keeps_its_form(world: World, form: Form, to: str) -> None:
    publisher, subscriber = joined(world, form), joined(world, form, to)
    subscriber.subscribe("com.example.", match="prefix")
    publish(publisher, form, disclose_me=True)
    (event,) = subscriber.events()
    assert payload(event) == form.args
    assert event.details == {
        **form.options,
        "topic": TOPIC,
        "publisher": publisher.session_id,
        "publisher_authid": event.details["publisher_authid"],
        "publisher_authrole": "anonymous",
    }


@both_forms
def test_disclosing_always_does_not_lose_the_form(form: Form) -> None:
    world = World(disclosure="always")
    caller, other = joined(world, form), joined(world, form)
    other.register(PROCEDURE)
    other.subscribe(TOPIC)
    call(caller, form)
    assert form.options.items() <= other.expect(Invocation).details.items()
    publish(caller, form)
    (event,) = other.events()
    assert form.options.items() <= event.details.items()
    assert event.details["publisher"] == caller.session_id


@pytest.mark.checklist("PPT-R5", "ER-R6")
@both_forms
def test_retained_events_and_the_event_history_keep_the_form(form: Form) -> None:
    world = World(event_history=(HistoryRule(uri="", match="prefix"),))
    publisher, late = joined(world, form), joined(world, form)
    publish(publisher, form, retain=True, acknowledge=True)
    publisher.expect(Published)
    late.send(Subscribe(late.next_id(), {"get_retained": True}, TOPIC))
    _, event = late.received()
    assert isinstance(event, Event)
    assert (event.details, payload(event)) == ({**form.options, "retained": True}, form.args)
    late.call(uris.SUBSCRIPTION_GET_EVENTS, event.subscription_id)
    result = late.expect(Result)
    assert isinstance(result.args, list)
    assert (result.args[0]["details"], result.args[0]["args"]) == (form.options, form.args)


def test_a_testament_keeps_the_form(world: World) -> None:
    dying, heir = joined(world, MODE), joined(world, MODE)
    heir.subscribe(TOPIC)
    dying.call(uris.SESSION_ADD_TESTAMENT, TOPIC, MODE.args, {}, publish_options=MODE.options)
    dying.drop()
    (event,) = heir.events()
    assert (event.details, payload(event)) == (MODE.options, MODE.args)


# ---- who has not announced it


@pytest.mark.checklist("PPT-R1", "FEAT-R1", "PV-R")
@pytest.mark.parametrize("kind", ["call", "publish", "yield", "error"])
@both_forms
def test_who_sends_what_it_did_not_announce_breaks_the_protocol(world: World, form: Form, kind: str) -> None:
    peer, silent = joined(world, form), joined(world, None)
    silent.register(PROCEDURE)
    if kind == "call":
        call(silent, form)
    elif kind == "publish":
        publish(silent, form)
    else:
        peer.call(PROCEDURE)
        invocation = silent.expect(Invocation)
        answers = {
            "yield": Yield(invocation.request_id, form.options, form.args),
            "error": Error(68, invocation.request_id, form.options, ERROR, form.args),
        }
        silent.send(answers[kind])
    assert silent.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


@pytest.mark.checklist("PPT-R1")
@pytest.mark.parametrize(("announced", "used"), [(MODE, TRANSPARENCY), (TRANSPARENCY, MODE)])
def test_one_form_is_not_the_other(world: World, announced: Form, used: Form) -> None:
    caller = joined(world, announced)
    call(caller, used)
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


def test_octets_in_the_place_of_arguments_are_passthru_without_any_option(world: World) -> None:
    silent, caller, callee = joined(world, None), joined(world, TRANSPARENCY), joined(world, TRANSPARENCY)
    callee.register(PROCEDURE)
    bare = Form("", {}, b"\xff")
    call(caller, bare)
    assert payload(callee.expect(Invocation)) == b"\xff"
    publish(silent, bare)
    assert silent.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


@pytest.mark.checklist("PPT-R2")
@both_forms
def test_a_callee_that_did_not_announce_it_gets_no_such_call(world: World, form: Form) -> None:
    caller, callee = joined(world, form), joined(world, None)
    callee.register(PROCEDURE)
    call(caller, form)
    caller.expect_error(uris.ERROR_FEATURE_NOT_SUPPORTED)
    assert callee.received() == []
    caller.call(PROCEDURE)
    callee.expect(Invocation)


@pytest.mark.checklist("PPT-R3")
@both_forms
def test_a_subscriber_that_did_not_announce_it_gets_the_event(world: World, form: Form) -> None:
    publisher, subscriber = joined(world, form), joined(world, None)
    subscriber.subscribe(TOPIC)
    publish(publisher, form)
    (event,) = subscriber.events()
    assert (event.details, payload(event)) == (form.options, form.args)


@pytest.mark.checklist("PPT-R4")
@pytest.mark.parametrize("kind", ["result", "part", "error"])
@both_forms
def test_a_caller_that_did_not_announce_it_is_told_that_the_answer_is_of_no_use(
    world: World, form: Form, kind: str
) -> None:
    caller, callee = joined(world, None), joined(world, form)
    callee.register(PROCEDURE)
    caller.call(PROCEDURE, options={"receive_progress": True})
    request_id = callee.expect(Invocation).request_id
    answers = {
        "result": Yield(request_id, form.options, form.args),
        "part": Yield(request_id, {**form.options, "progress": True}, form.args),
        "error": Error(68, request_id, form.options, ERROR, form.args),
    }
    callee.send(answers[kind])
    text = caller.expect_error(uris.ERROR_FEATURE_NOT_SUPPORTED).args
    assert isinstance(text, list)
    assert (ERROR in text[0]) is (kind == "error")
    assert [type(message) for message in callee.received()] == ([Interrupt] if kind == "part" else [])
    assert "calls_in_flight" not in world.statistics()


@pytest.mark.checklist("PPT-R2", "RR-R2")
def test_a_call_is_not_passed_on_to_a_callee_that_did_not_announce_it(world: World) -> None:
    caller = joined(world, MODE)
    first, second, third = (joined(world, form, "msgpack", "call_reroute") for form in (MODE, None, MODE))
    for callee in (first, second, third):
        callee.register(PROCEDURE, invoke="first")
    call(caller, MODE)
    first.fail(first.expect(Invocation), uris.ERROR_UNAVAILABLE)
    assert second.received() == []
    invocation = third.expect(Invocation)
    assert (invocation.details, payload(invocation)) == (MODE.options, MODE.args)


# ---- what is no passthru


@pytest.mark.checklist("PPT-B1")
@pytest.mark.parametrize(
    "options",
    [{"ppt_scheme": ""}, {"ppt_cipher": "x_rot13", "ppt_keyid": "1"}, {"enc_algo": "cryptobox", "enc_key": "1"}],
)
def test_options_alone_make_no_passthru_and_go_nowhere(world: World, options: dict[str, Any]) -> None:
    silent, callee = joined(world, None), joined(world, None)
    callee.register(PROCEDURE)
    callee.subscribe(TOPIC)
    silent.call(PROCEDURE, 1, options=options)
    assert callee.expect(Invocation).details == {}
    silent.publish(TOPIC, 1, options=options)
    assert [event.details for event in callee.events()] == [{}]


@both_forms
def test_the_procedures_of_the_router_itself_take_none(world: World, form: Form) -> None:
    caller = joined(world, form)
    caller.send(Call(caller.next_id(), form.options, uris.SESSION_COUNT, form.args))
    caller.expect_error(uris.ERROR_INVALID_ARGUMENT)


@pytest.mark.checklist("PPT-R5", "PCI-R4")
@both_forms
def test_further_inputs_have_the_form_of_the_first(world: World, form: Form) -> None:
    caller, callee = (joined(world, form, "msgpack", "progressive_call_invocations") for _ in range(2))
    callee.register(PROCEDURE)
    request_id = call(caller, form, progress=True)
    first = callee.expect(Invocation)
    caller.send(Call(request_id, {"progress": True, "ppt_keyid": "ignored"}, PROCEDURE, form.args))
    further = callee.expect(Invocation)
    assert (further.details, payload(further)) == (first.details, form.args)


def test_octets_do_not_continue_a_call_that_began_otherwise(world: World) -> None:
    caller, callee = (joined(world, TRANSPARENCY, "msgpack", "progressive_call_invocations") for _ in range(2))
    callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, 1, options={"progress": True})
    callee.expect(Invocation)
    caller.send(Call(request_id, {}, PROCEDURE, b"\xff"))
    assert caller.received()[0] == Abort(
        {"message": "CALL continues a call in another form"}, uris.ERROR_PROTOCOL_VIOLATION
    )
