"""Registrations and invocations: answers, failures, progress, INTERRUPT, what happens when an answer cannot be sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.fake_link import Client, expect_end, expect_failure, expect_reply
from trowamp._exceptions import (
    ApplicationError,
    CallTimeout,
    Canceled,
    LocalProtocolError,
    MessageTooLarge,
    NoSuchRegistration,
    ProcedureAlreadyExists,
    SerializationError,
)
from trowamp.messages import Registered, Unregistered
from trowamp.protocol import Interrupted, Invoked, Reply, Revoked

NAN = SerializationError("args[0]: NaN")
LARGE = MessageTooLarge(20, 10)


def invoke(client: Client, request_id: int = 1, details: dict[str, Any] | None = None) -> str:
    """Receive an invocation; return the handler that serves it."""
    inbound = client.hears(68, request_id, 500, details or {})
    assert isinstance(inbound, Invoked)
    return str(inbound.handler)


@pytest.mark.checklist("CI-C3", "CT-C4", "SR-C1")
def test_a_registration_carries_its_options_as_they_are(client: Client) -> None:
    options = {"match": "wildcard", "invoke": "roundrobin", "disclose_caller": True, "forward_timeout": True}
    client.session.register("com..f", options, "procedure", "registrar")
    assert client.link.take() == [[64, 1, options, "com..f"]]
    assert expect_reply(client.hears(65, 1, 500), "registrar") == Registered(1, 500)
    assert client.session.statistics().registrations == 1


@pytest.mark.checklist("BP-C8")
def test_a_second_registration_of_a_procedure_is_refused_and_the_first_stays(client: Client) -> None:
    client.serves()
    request_id = client.session.register("com.example.f", {}, "another", "registrar")
    error = expect_failure(
        client.hears(8, 64, request_id, {}, "wamp.error.procedure_already_exists", ["text"]), "registrar"
    )
    assert type(error) is ProcedureAlreadyExists
    assert invoke(client) == "procedure"


@pytest.mark.checklist("ORD-C1", "PBR-C1", "CI-C2", "TL-C1")
def test_an_invocation_right_behind_its_registered_has_a_handler_and_all_its_details(client: Client) -> None:
    client.serves()
    details = {"procedure": "com.example.f", "caller": 5, "caller_authid": "joe", "trustlevel": 2, "timeout": 1500}
    inbound = client.hears(68, 1, 500, details, [1], {"a": 2})
    assert isinstance(inbound, Invoked)
    assert inbound.handler == "procedure"
    assert list(inbound.message.to_wire()) == [68, 1, 500, details, [1], {"a": 2}]
    assert client.session.statistics().running_invocations == 1


@pytest.mark.checklist("BP-C6", "PCR-C5", "SER-B4")
@pytest.mark.parametrize(
    ("args", "kwargs", "payload"),
    [((), {}, []), ((1,), {}, [[1]]), ((), {"a": 1}, [[], {"a": 1}]), ((1, 2), {"a": 1}, [[1, 2], {"a": 1}])],
)
def test_an_invocation_is_answered_once(
    client: Client, args: tuple[Any, ...], kwargs: dict[str, Any], payload: list[Any]
) -> None:
    client.works()
    client.session.answer(1, args, kwargs)
    client.session.answer(1, args, kwargs)
    client.session.fail(1, ApplicationError("com.example.error"))
    assert client.link.take() == [[70, 1, {}, *payload]]
    assert client.session.statistics().running_invocations == 0


@pytest.mark.checklist("BP-C6", "BP-C7", "CT-C3", "RR-C1")
@pytest.mark.parametrize(
    ("error", "raw"),
    [
        (ApplicationError("com.example.error", 1, a=2), ["com.example.error", [1], {"a": 2}]),
        (ApplicationError("com.example.error", a=2), ["com.example.error", [], {"a": 2}]),
        (CallTimeout(), ["wamp.error.timeout"]),
        (Canceled("text"), ["wamp.error.canceled", ["text"]]),
    ],
)
def test_a_failure_is_answered_once_with_its_uri_and_payload(
    client: Client, error: ApplicationError, raw: list[Any]
) -> None:
    client.works()
    client.session.fail(1, error)
    client.session.fail(1, error)
    client.session.answer(1, (), {})
    assert client.link.take() == [[8, 68, 1, {}, *raw]]
    assert client.session.statistics().running_invocations == 0


def test_answering_what_was_never_asked_sends_nothing(client: Client) -> None:
    client.session.answer(1, (), {})
    client.session.fail(1, ApplicationError("com.example.error"))
    client.session.serve(1, "task")
    assert client.link.take() == []
    assert client.is_idle()


@pytest.mark.checklist("BP-C6", "PV-B2")
@pytest.mark.parametrize(
    ("refusals", "raw"),
    [
        ([NAN], ["wamp.error.invalid_payload", ["args[0]: NaN"]]),
        ([LARGE], ["wamp.error.payload_size_exceeded", [str(LARGE)]]),
        ([NAN, NAN], ["wamp.error.invalid_payload"]),
        ([LARGE, LARGE], ["wamp.error.payload_size_exceeded"]),
    ],
)
def test_a_result_that_cannot_be_sent_is_answered_with_an_error(
    client: Client, refusals: list[Exception], raw: list[Any]
) -> None:
    client.works()
    client.link.refuse(*refusals)
    client.session.answer(1, (1,), {})
    assert client.link.take() == [[8, 68, 1, {}, *raw]]
    assert client.session.statistics().running_invocations == 0


@pytest.mark.checklist("BP-C6")
@pytest.mark.parametrize("refusal", [NAN, LARGE], ids=lambda error: type(error).__name__)
def test_an_error_that_cannot_be_sent_travels_without_its_payload(client: Client, refusal: Exception) -> None:
    client.works()
    client.link.refuse(refusal)
    client.session.fail(1, ApplicationError("com.example.error", 1, a=2))
    assert client.link.take() == [
        [8, 68, 1, {}, "com.example.error", [f"the error's payload could not be sent: {refusal}"]]
    ]
    invoke(client, 2)
    client.link.refuse(refusal, refusal)
    client.session.fail(2, ApplicationError("com.example.error", 1, a=2))
    assert client.link.take() == [[8, 68, 2, {}, "com.example.error"]]
    invoke(client, 3)
    client.link.refuse(refusal, refusal, refusal)
    client.session.fail(3, ApplicationError("com.example.\udc80"))
    assert client.link.take() == [[8, 68, 3, {}, "wamp.error.invalid_uri"]]


@pytest.mark.checklist("URI-B3", "BP-C6")
@pytest.mark.parametrize("uri", ["", "not a uri", "com..error", "com.example.\udc80 x", 5, None])
def test_an_error_without_a_legal_uri_is_answered_as_invalid_uri(client: Client, uri: Any) -> None:
    client.works()
    client.session.fail(1, ApplicationError(uri, 1))
    assert client.link.take() == [[8, 68, 1, {}, "wamp.error.invalid_uri", [f"the error's URI: {uri!r}"]]]


@pytest.mark.checklist("PCR-C4", "PCR-C5")
def test_progress_is_sent_while_the_invocation_runs_and_then_the_answer(client: Client) -> None:
    client.works(details={"receive_progress": True})
    client.session.progress(1, (1,), {})
    client.session.progress(1, (), {})
    client.session.progress(1, (), {"a": 1})
    client.session.answer(1, (), {})
    assert client.link.take() == [
        [70, 1, {"progress": True}, [1]],
        [70, 1, {"progress": True}],
        [70, 1, {"progress": True}, [], {"a": 1}],
        [70, 1, {}],
    ]


@pytest.mark.checklist("PCR-C4")
def test_progress_after_the_end_is_an_error_of_the_procedure(client: Client) -> None:
    client.works()
    client.session.answer(1, (), {})
    client.link.take()
    with pytest.raises(LocalProtocolError, match="the invocation is over"):
        client.session.progress(1, (), {})
    with pytest.raises(LocalProtocolError, match="the invocation is over"):
        client.session.progress(2, (), {})
    assert client.link.take() == []


@pytest.mark.checklist("PCR-C5", "PV-B2")
@pytest.mark.parametrize("refusal", [NAN, LARGE], ids=lambda error: type(error).__name__)
def test_progress_that_cannot_be_sent_raises_and_the_invocation_goes_on(client: Client, refusal: Exception) -> None:
    client.works()
    client.link.refuse(refusal)
    with pytest.raises(type(refusal)):
        client.session.progress(1, (1,), {})
    client.session.progress(1, (2,), {})
    client.session.answer(1, (), {})
    assert client.link.take() == [[70, 1, {"progress": True}, [2]], [70, 1, {}]]


@pytest.mark.checklist("CC-C5", "PCR-C6")
@pytest.mark.parametrize("options", [{"mode": "kill"}, {"mode": "killnowait"}, {}])
def test_an_interrupt_hands_back_the_token_and_every_mode_is_answered(client: Client, options: dict[str, str]) -> None:
    client.works(token="this task")
    assert client.hears(69, 1, options) == Interrupted("this task", options.get("mode"))
    with pytest.raises(LocalProtocolError):
        client.session.progress(1, (), {})
    client.session.fail(1, Canceled())
    assert client.link.take() == [[8, 68, 1, {}, "wamp.error.canceled"]]
    assert client.session.statistics().running_invocations == 0


@pytest.mark.checklist("CC-C5", "CC-C3")
def test_a_procedure_that_finished_in_spite_of_an_interrupt_answers_with_its_result(client: Client) -> None:
    client.works()
    client.hears(69, 1, {"mode": "kill"})
    client.session.answer(1, (5,), {})
    assert client.link.take() == [[70, 1, {}, [5]]]


@pytest.mark.checklist("CC-C5", "PV-C2")
def test_an_interrupt_for_an_unknown_or_finished_invocation_is_ignored(client: Client) -> None:
    assert client.hears(69, 7, {"mode": "kill"}) is None
    client.works()
    client.session.answer(1, (), {})
    client.link.take()
    assert client.hears(69, 1, {"mode": "killnowait"}) is None
    assert client.link.take() == []
    assert client.session.is_established


@pytest.mark.checklist("ID-R3", "CC-C5")
def test_an_id_that_was_interrupted_means_a_new_invocation_when_it_comes_again(client: Client) -> None:
    """Some dealers count over all their sessions, so the ids of invocations are not checked for their order."""
    client.works()
    client.hears(69, 1, {})
    client.session.fail(1, Canceled())
    for request_id in (1, 2**53, 77):
        client.works(request_id)
        client.session.progress(request_id, (), {})
        client.session.answer(request_id, (), {})
    assert client.session.is_established


@pytest.mark.checklist("PV-C2")
def test_an_invocation_of_what_was_just_unregistered_is_refused_so_that_nobody_waits(client: Client) -> None:
    client.serves()
    client.session.unregister(500, "procedure")
    client.link.take()
    assert client.hears(68, 1, 500, {}) is None
    (refusal,) = client.link.take()
    assert refusal[:5] == [8, 68, 1, {}, "wamp.error.unavailable"]
    assert client.session.statistics().refused_invocations == 1
    assert client.session.statistics().running_invocations == 0


def test_an_invocation_with_the_id_of_a_running_one_breaks_the_protocol(client: Client) -> None:
    client.works()
    ended = expect_end(client.hears(68, 1, 500, {"progress": True}))
    assert "INVOCATION 1" in str(ended.error)
    assert client.link.take()[0][2] == "wamp.error.protocol_violation"


@pytest.mark.checklist("BP-C6")
def test_invocations_run_side_by_side_and_survive_their_registration(client: Client) -> None:
    client.works(1, "first")
    client.works(2, "second")
    client.session.unregister(500, "procedure")
    assert client.hears(69, 2, {"mode": "kill"}) == Interrupted("second", "kill")
    client.session.answer(1, (1,), {})
    client.session.fail(2, Canceled())
    assert [raw[0] for raw in client.link.take()] == [66, 70, 8]


def test_the_end_of_a_registration_is_answered(client: Client) -> None:
    client.serves()
    assert client.session.unregister(500, "procedure", "leaver")
    assert client.link.take() == [[66, 2, 500]]
    assert client.session.statistics().pending_removals == 1
    assert expect_reply(client.hears(67, 2), "leaver") == Unregistered(2)
    assert client.is_idle()


def test_the_end_of_a_registration_can_be_refused(client: Client) -> None:
    client.serves()
    client.session.unregister(500, "procedure", "leaver")
    error = expect_failure(client.hears(8, 66, 2, {}, "wamp.error.no_such_registration"), "leaver")
    assert type(error) is NoSuchRegistration
    assert client.is_idle()


def test_nobody_has_to_wait_for_the_end_of_a_registration(client: Client) -> None:
    client.serves()
    client.session.unregister(500, "procedure", "leaver")
    client.session.forget_removal("leaver")
    assert client.hears(35, 2) is None
    assert client.hears(67, 2) is None
    assert client.is_idle()


@pytest.mark.checklist("SR-C1")
def test_a_router_that_shares_one_registration_within_a_session_gets_one_handler_after_the_other(
    client: Client,
) -> None:
    client.serves(handler="first")
    client.serves(handler="second")
    assert client.session.statistics().registrations == 1
    assert invoke(client, 1) == "first"
    assert not client.session.unregister(500, "stranger", "leaver")
    assert not client.session.unregister(500, "first", "leaver")
    assert invoke(client, 2) == "second"
    assert client.session.unregister(500, "second", "leaver")


@pytest.mark.checklist("SR-C1")
def test_an_unregister_does_not_end_what_a_register_on_its_way_will_share(client: Client) -> None:
    client.serves(handler="first")
    request_id = client.session.register("com.example.f", {}, "second", "registrar")
    client.link.take()
    assert not client.session.unregister(500, "first", "leaver")
    assert client.link.take() == []
    client.hears(65, request_id, 500)
    assert client.link.take() == []
    assert invoke(client) == "second"


def test_a_registration_kept_for_a_register_that_is_refused_is_ended_then(client: Client) -> None:
    client.serves()
    request_id = client.session.register("com.example.f", {}, "second", "registrar")
    client.session.unregister(500, "procedure")
    client.link.take()
    expect_failure(client.hears(8, 64, request_id, {}, "wamp.error.procedure_already_exists"), "registrar")
    assert client.link.take() == [[66, 3, 500]]
    assert client.hears(67, 3) is None
    assert client.is_idle()


def test_a_registration_given_up_before_the_answer_is_undone(client: Client) -> None:
    request_id = client.session.register("com.example.f", {}, "procedure", "registrar")
    client.session.abandon(request_id)
    client.link.take()
    assert client.hears(65, request_id, 500) is None
    assert client.link.take() == [[66, 2, 500]]
    assert client.hears(68, 1, 500, {}) is None
    assert client.hears(67, 2) is None
    assert client.is_idle()


def test_a_refusal_of_a_registration_that_was_given_up_is_nobodys_business(client: Client) -> None:
    request_id = client.session.register("com.example.f", {}, "procedure", "registrar")
    client.session.abandon(request_id)
    assert client.hears(8, 64, request_id, {}, "wamp.error.procedure_already_exists") is None
    assert client.is_idle()


@pytest.mark.checklist("PV-C2")
def test_a_second_registered_for_one_request_is_ignored(client: Client) -> None:
    client.serves()
    assert client.hears(65, 1, 501) is None
    assert client.session.statistics().registrations == 1
    assert client.session.statistics().late_replies == 1


@pytest.mark.checklist("RV-C1")
def test_a_revoked_registration_is_dead_and_its_handler_is_told(client: Client) -> None:
    client.works()
    assert client.hears(67, 0, {"registration": 500, "reason": "com.example.because"}) == Revoked(
        ("procedure",), "com.example.because"
    )
    assert not client.session.unregister(500, "procedure", "leaver")
    client.session.answer(1, (), {})
    assert client.link.take() == [[70, 1, {}]]
    assert client.hears(68, 2, 500, {}) is None
    assert client.is_idle()


@pytest.mark.checklist("RV-C1")
@pytest.mark.parametrize("details", [[], [{}], [{"registration": 501}], [{"reason": "com.example.because"}]])
def test_the_revocation_of_an_unknown_registration_is_ignored(client: Client, details: list[Any]) -> None:
    client.serves()
    assert client.hears(67, 0, *details) is None
    assert invoke(client) == "procedure"


@pytest.mark.checklist("RV-C1")
@pytest.mark.parametrize("answer", [[67, 2], [8, 66, 2, {}, "wamp.error.no_such_registration"]])
def test_a_revocation_answers_the_unregister_that_came_too_late(client: Client, answer: list[Any]) -> None:
    client.serves()
    client.session.unregister(500, "procedure", "leaver")
    inbound = client.hears(67, 0, {"registration": 500})
    assert isinstance(inbound, Reply)
    assert (inbound.waiter, inbound.error) == ("leaver", None)
    assert client.hears(*answer) is None
    assert client.is_idle()
    assert client.session.statistics().late_replies == 0
