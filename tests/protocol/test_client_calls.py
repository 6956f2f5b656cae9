"""Calls: requests and their ids, results, progress, errors, cancelling, replies that come late."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.fake_link import Client, expect_end, expect_failure, expect_reply
from trowamp._exceptions import ApplicationError, Canceled, MessageTooLarge, NoSuchProcedure, SerializationError
from trowamp._ids import MAX_ID
from trowamp.messages import Result
from trowamp.protocol import Progress

UNSENDABLE = [SerializationError("args[0]: NaN"), MessageTooLarge(20, 10)]


@pytest.mark.checklist("ID-B1", "ID-C1")
def test_one_sequence_of_request_ids_starts_at_1_and_serves_all_requests(client: Client) -> None:
    session = client.session
    assert session.call("com.example.f", (), {}, {}, "caller") == 1
    assert session.publish("com.example.topic", (), {}, {}) == 2
    assert session.publish("com.example.topic", (), {}, {"acknowledge": True}, "publisher") == 3
    assert session.register("com.example.f", {}, "procedure", "registrar") == 4
    assert session.subscribe("com.example.topic", {}, "listener", "subscriber") == 5
    client.hears(65, 4, 500)
    client.hears(33, 5, 600)
    session.cancel(1, "skip", notify=True)
    session.unregister(500, "procedure")
    session.unsubscribe(600, "listener")
    assert session.call("com.example.f", (), {}, {}, "caller") == 8
    assert [raw[:2] for raw in client.link.take()] == [
        [48, 1],
        [16, 2],
        [16, 3],
        [64, 4],
        [32, 5],
        [49, 1],
        [66, 6],
        [34, 7],
        [48, 8],
    ]


def test_a_result_is_handed_to_who_waits_without_a_detour_and_only_once(client: Client) -> None:
    request_id = client.call()
    assert client.session.waiter_of(Result(request_id, {}, [1])) == "caller"
    assert client.session.waiter_of(Result(request_id, {}, [1])) is None
    assert client.session.pending_calls == 0


def test_what_is_not_simply_the_end_of_a_call_takes_no_short_way(client: Client) -> None:
    request_id = client.call()
    assert client.session.waiter_of(Result(request_id, {"progress": True}, [1])) is None
    assert client.session.waiter_of(Result(request_id + 1, {}, [1])) is None
    assert client.session.pending_calls == 1
    client.session.goodbye()
    assert client.session.waiter_of(Result(request_id, {}, [1])) is None


@pytest.mark.checklist("ID-B2")
def test_request_ids_wrap_to_1_after_the_largest(client: Client) -> None:
    client.session._last_id = MAX_ID - 1
    assert [client.call(), client.call(), client.call()] == [MAX_ID, 1, 2]


@pytest.mark.checklist("SER-B4", "BP-C4")
def test_a_call_carries_options_and_payload_as_they_are_and_nothing_that_is_empty(client: Client) -> None:
    session = client.session
    options = {"disclose_me": True, "_custom": 5}
    session.call("com.example.f", (1, [2]), {"a": None}, options, "a")
    session.call("com.example.f", (), {"a": 1}, {}, "b")
    session.call("com.example.f", (1,), {}, {}, "c")
    session.call("com.example.f", (), {}, {}, "d")
    assert client.link.take() == [
        [48, 1, options, "com.example.f", [1, [2]], {"a": None}],
        [48, 2, {}, "com.example.f", [], {"a": 1}],
        [48, 3, {}, "com.example.f", [1]],
        [48, 4, {}, "com.example.f"],
    ]


@pytest.mark.checklist("CI-C1", "CT-C1")
def test_disclose_me_and_a_timeout_in_milliseconds_travel_in_the_options_of_the_call(client: Client) -> None:
    client.session.call("com.example.f", (), {}, {"disclose_me": True, "timeout": 1500}, "caller")
    assert client.link.take() == [[48, 1, {"disclose_me": True, "timeout": 1500}, "com.example.f"]]


@pytest.mark.checklist("ID-C1", "PV-B2")
@pytest.mark.parametrize("error", UNSENDABLE, ids=lambda error: type(error).__name__)
def test_what_cannot_be_sent_raises_and_leaves_no_trace(client: Client, error: Exception) -> None:
    session = client.session
    attempts: list[Any] = [
        lambda: session.call("com.example.f", (1,), {}, {}, "caller"),
        lambda: session.publish("com.example.topic", (1,), {}, {}),
        lambda: session.publish("com.example.topic", (1,), {}, {"acknowledge": True}, "publisher"),
        lambda: session.register("com.example.f", {"_custom": 1}, "procedure", "registrar"),
        lambda: session.subscribe("com.example.topic", {"_custom": 1}, "listener", "subscriber"),
    ]
    for attempt in attempts:
        client.link.refuse(error)
        with pytest.raises(type(error)):
            attempt()
    assert client.is_idle()
    assert client.link.take() == []
    assert session.call("com.example.f", (), {}, {}, "caller") == 1


@pytest.mark.checklist("URI-B5", "ID-C1")
@pytest.mark.parametrize("uri", ["", ".", "com..f", "com.example.", "com example", "com.example.f\n", "a#b"])
def test_an_illegal_uri_is_refused_before_anything_is_sent(client: Client, uri: str) -> None:
    session = client.session
    attempts: list[Any] = [
        lambda: session.call(uri, (), {}, {}, "caller"),
        lambda: session.publish(uri, (), {}, {}),
        lambda: session.register(uri, {}, "procedure", "registrar"),
        lambda: session.subscribe(uri, {}, "listener", "subscriber"),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="not a legal"):
            attempt()
    assert client.is_idle()
    assert client.link.take() == []
    assert session.call("com.example.f", (), {}, {}, "caller") == 1


@pytest.mark.checklist("URI-B5")
def test_what_is_no_text_at_all_is_no_uri(client: Client) -> None:
    wrong: Any = 5
    with pytest.raises(TypeError):
        client.session.call(wrong, (), {}, {}, "caller")
    assert client.link.take() == []


@pytest.mark.checklist("PCR-C2", "BP-C4")
@pytest.mark.parametrize("payload", [[], [[1]], [[], {"a": 1}], [[1, 2], {"a": 1}]])
def test_a_result_goes_to_the_one_who_called_and_ends_the_call(client: Client, payload: list[Any]) -> None:
    request_id = client.call()
    message = expect_reply(client.hears(50, request_id, {"callee": 5}, *payload), "caller")
    assert list(message.to_wire()) == [50, request_id, {"callee": 5}, *payload]
    assert client.is_idle()


@pytest.mark.checklist("BP-C7")
def test_an_error_arrives_with_its_payload_unchanged_as_the_class_of_its_uri(client: Client) -> None:
    first, second = client.call("first"), client.call("second")
    error = expect_failure(
        client.hears(8, 48, first, {"callee": 5}, "com.example.error", [1, {"a": None}], {"b": [2]}), "first"
    )
    assert type(error) is ApplicationError
    assert (error.uri, error.args, error.kwargs) == ("com.example.error", (1, {"a": None}), {"b": [2]})
    assert error.details == {"callee": 5}
    error = expect_failure(client.hears(8, 48, second, {}, "wamp.error.no_such_procedure"), "second")
    assert type(error) is NoSuchProcedure
    assert client.is_idle()


@pytest.mark.checklist("ORD-C1")
def test_answers_may_come_in_any_order(client: Client) -> None:
    ids = {waiter: client.call(waiter) for waiter in ("first", "second", "third")}
    for waiter in ("third", "first", "second"):
        expect_reply(client.hears(50, ids[waiter], {}), waiter)
    assert client.is_idle()


@pytest.mark.checklist("PCR-C2")
def test_progress_keeps_the_call_open_and_the_final_result_ends_it(client: Client) -> None:
    request_id = client.call()
    for payload in ([[1]], [], [[], {"other": "structure"}], [[2, 3]]):
        progress = client.hears(50, request_id, {"progress": True}, *payload)
        assert isinstance(progress, Progress)
        assert progress.waiter == "caller"
        assert list(progress.message.to_wire()) == [50, request_id, {"progress": True}, *payload]
        assert client.session.statistics().pending_calls == 1
    expect_reply(client.hears(50, request_id, {"progress": False}), "caller")
    assert client.is_idle()


@pytest.mark.checklist("PCR-C2")
def test_an_error_ends_a_call_that_made_progress(client: Client) -> None:
    request_id = client.call()
    assert isinstance(client.hears(50, request_id, {"progress": True}, [1]), Progress)
    expect_failure(client.hears(8, 48, request_id, {}, "com.example.error"), "caller")
    assert client.is_idle()


@pytest.mark.checklist("PV-C2", "PCR-C2")
@pytest.mark.parametrize("late", [[50, 1, {}], [50, 1, {"progress": True}, [1]], [8, 48, 1, {}, "com.example.error"]])
def test_what_comes_after_the_end_of_a_call_is_counted_and_ignored(client: Client, late: list[Any]) -> None:
    client.call()
    expect_reply(client.hears(50, 1, {}), "caller")
    assert client.hears(*late) is None
    assert client.session.statistics().late_replies == 1
    assert client.session.is_established
    assert client.link.take() == []


@pytest.mark.checklist("CC-C1", "CC-C2", "PV-C2")
@pytest.mark.parametrize("mode", ["skip", "killnowait"])
@pytest.mark.parametrize("late", [[50, 1, {}], [50, 1, {"progress": True}], [8, 48, 1, {}, "wamp.error.canceled"]])
def test_a_call_given_up_is_forgotten_at_once_and_its_answer_ignored(
    client: Client, mode: str, late: list[Any]
) -> None:
    client.call()
    client.session.cancel(1, mode, notify=True)
    assert client.link.take() == [[49, 1, {"mode": mode}]]
    assert client.is_idle()
    assert client.hears(*late) is None
    assert client.session.statistics().late_replies == 1


@pytest.mark.checklist("CC-C1", "CC-C2")
def test_a_killed_call_still_waits_for_the_error(client: Client) -> None:
    client.call()
    client.session.cancel(1, "kill", notify=True)
    assert client.link.take() == [[49, 1, {"mode": "kill"}]]
    assert isinstance(client.hears(50, 1, {"progress": True}, [1]), Progress)
    error = expect_failure(client.hears(8, 48, 1, {}, "wamp.error.canceled"), "caller")
    assert type(error) is Canceled
    assert client.is_idle()


@pytest.mark.checklist("CC-C3", "CC-C2")
def test_the_result_of_a_killed_call_may_win_the_race(client: Client) -> None:
    client.call()
    client.session.cancel(1, "kill", notify=True)
    message = expect_reply(client.hears(50, 1, {}, [5]), "caller")
    assert isinstance(message, Result)
    assert message.args == [5]
    assert client.is_idle()


@pytest.mark.checklist("CC-C4")
@pytest.mark.parametrize("mode", ["skip", "kill", "killnowait"])
def test_giving_up_a_call_that_was_answered_sends_nothing(client: Client, mode: str) -> None:
    client.call()
    client.hears(50, 1, {})
    client.session.cancel(1, mode, notify=True)
    assert client.link.take() == []


@pytest.mark.checklist("CC-C6", "CT-C2")
@pytest.mark.parametrize("mode", ["skip", "kill", "killnowait"])
def test_a_router_that_cannot_cancel_is_not_told_and_the_call_is_forgotten(client: Client, mode: str) -> None:
    client.call()
    client.session.cancel(1, mode, notify=False)
    assert client.link.take() == []
    assert client.is_idle()
    assert client.hears(50, 1, {}) is None


@pytest.mark.checklist("CC-C6")
def test_a_killed_call_can_be_forgotten_when_the_answer_takes_too_long(client: Client) -> None:
    client.call()
    client.session.cancel(1, "kill", notify=True)
    client.session.forget_call(1)
    client.session.forget_call(1)
    assert client.is_idle()
    assert client.hears(8, 48, 1, {}, "wamp.error.canceled") is None


@pytest.mark.checklist("PV-C2")
@pytest.mark.parametrize(
    "reply",
    [
        [50, 2, {}],
        [50, 2, {"progress": True}],
        [17, 2, 900],
        [33, 2, 600],
        [35, 2],
        [65, 2, 500],
        [67, 2],
        *([8, request_type, 2, {}, "com.example.error"] for request_type in (16, 32, 34, 48, 64, 66)),
    ],
)
def test_a_reply_to_a_request_that_was_never_made_breaks_the_protocol(client: Client, reply: list[Any]) -> None:
    client.call()
    ended = expect_end(client.hears(*reply))
    assert [waiter.waiter for waiter in ended.replies] == ["caller"]
    assert [raw[0] for raw in client.link.take()] == [3]


@pytest.mark.checklist("PV-C2")
@pytest.mark.parametrize("reply", [[17, 1, 900], [33, 1, 600], [35, 1], [65, 1, 500], [67, 1]])
def test_a_reply_of_another_kind_leaves_the_call_waiting(client: Client, reply: list[Any]) -> None:
    client.call()
    assert client.hears(*reply) is None
    for request_type in (16, 32, 34, 64, 66):
        assert client.hears(8, request_type, 1, {}, "com.example.error") is None
    assert client.session.statistics().late_replies == 6
    expect_reply(client.hears(50, 1, {}), "caller")
    assert client.is_idle()


def test_the_number_of_pending_calls_is_known(client: Client) -> None:
    counts = [client.session.pending_calls]
    for _ in range(2):
        client.call()
        counts.append(client.session.pending_calls)
    client.hears(50, 1, {})
    assert [*counts, client.session.pending_calls] == [0, 1, 2, 1]
