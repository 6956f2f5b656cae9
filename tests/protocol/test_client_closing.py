"""The end of a session: GOODBYE from either side or both, ABORT, loss; and what each pending request is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.protocol.fake_link import OCTETS, Client, expect_end
from trowamp._exceptions import LocalProtocolError, SerializationError, SessionClosed, SessionLost
from trowamp.protocol import Ended, Reply

EVERYTHING = ["caller", "publisher", "registrar", "subscriber", "unregistrar", "unsubscriber"]


def make_everything_pending(client: Client) -> None:
    """Leave one request of each kind without an answer, and an invocation running."""
    client.works()
    client.listens()
    session = client.session
    client.link.flush()
    session.call("com.example.f", (), {}, {}, "caller")
    session.publish("com.example.topic", (), {}, {"acknowledge": True}, "publisher")
    session.register("com.example.g", {}, "procedure", "registrar")
    session.subscribe("com.example.another", {}, "listener", "subscriber")
    session.unregister(500, "procedure", "unregistrar")
    session.unsubscribe(600, "listener", "unsubscriber")
    client.link.take()


def errors_of(replies: list[Reply[str]]) -> dict[str, SessionClosed | SessionLost]:
    """Return what each waiter is told; each comes back once and has an exception of its own."""
    errors: dict[str, SessionClosed | SessionLost] = {}
    for reply in replies:
        assert reply.message is None
        assert isinstance(reply.error, SessionClosed | SessionLost)
        assert reply.waiter not in errors
        errors[reply.waiter] = reply.error
    assert len({id(error) for error in errors.values()}) == len(errors)
    return errors


def requests(client: Client) -> list[Callable[[], object]]:
    session = client.session
    return [
        lambda: session.call("com.example.f", (), {}, {}, "caller"),
        lambda: session.publish("com.example.topic", (), {}, {}),
        lambda: session.register("com.example.f", {}, "procedure", "registrar"),
        lambda: session.subscribe("com.example.topic", {}, "listener", "subscriber"),
    ]


def expect_nothing_can_be_sent(client: Client, error: type[Exception]) -> None:
    """Assert that requests raise, and that everything else that could send keeps silent."""
    session = client.session
    client.link.take()
    before = session.statistics().late_replies
    for request in requests(client):
        with pytest.raises(error):
            request()
    session.cancel(1, "kill", notify=True)
    session.forget_call(1)
    session.forget_publish(1)
    session.forget_removal("caller")
    session.abandon(1)
    assert not session.unregister(500, "procedure", "x")
    assert not session.unsubscribe(600, "listener", "x")
    session.serve(1, "task")
    session.answer(1, (), {})
    assert session.goodbye() == []
    assert client.link.take() == []
    assert session.statistics().late_replies == before


LATE: list[list[Any]] = [
    [50, 1, {}],
    [50, 1, {"progress": True}],
    [17, 2, 900],
    [36, 600, 900, {}],
    [65, 3, 501],
    [33, 4, 601],
    [67, 5],
    [35, 6],
    [67, 0, {"registration": 500}],
    [68, 9, 500, {}],
    [69, 1, {"mode": "kill"}],
    [8, 48, 1, {}, "com.example.error"],
    [8, 48, 9999, {}, "com.example.error"],
    [2, 5, {"roles": {"dealer": {}}}],
    [4, "ticket", {}],
    [16, 1, {}, "com.example.topic"],
]


@pytest.mark.checklist("SES-B3", "SES-B4", "SES-B5", "SES-C2")
def test_leaving_says_goodbye_fails_every_request_and_sends_nothing_more(client: Client) -> None:
    make_everything_pending(client)
    errors = errors_of(client.session.goodbye())
    assert sorted(errors) == sorted(EVERYTHING)
    for error in errors.values():
        assert isinstance(error, SessionClosed)
        assert error.reason == "wamp.close.close_realm"
    assert client.link.take() == [[6, {}, "wamp.close.close_realm"]]
    assert not client.session.is_established
    assert client.session.error is None
    client.session.progress(1, (), {})
    expect_nothing_can_be_sent(client, SessionClosed)


@pytest.mark.checklist("SES-B4")
def test_leaving_can_have_a_reason_and_words(client: Client) -> None:
    assert client.session.goodbye("com.example.enough", "that was all") == []
    assert client.link.take() == [[6, {"message": "that was all"}, "com.example.enough"]]
    ended = expect_end(client.hears(6, {}, "wamp.close.goodbye_and_out"))
    assert isinstance(ended.error, SessionClosed)
    assert ended.error.reason == "com.example.enough"


def test_a_goodbye_that_cannot_be_sent_leaves_the_session_as_it_was(client: Client) -> None:
    client.call()
    client.link.refuse(SerializationError("message"))
    with pytest.raises(SerializationError):
        client.session.goodbye(message="\udc80")
    assert client.session.is_established
    assert client.session.pending_calls == 1
    assert len(client.session.goodbye()) == 1


@pytest.mark.checklist("SES-B3", "SES-B2")
@pytest.mark.parametrize("message", LATE)
def test_after_our_goodbye_everything_but_goodbye_and_abort_is_ignored(client: Client, message: list[Any]) -> None:
    make_everything_pending(client)
    client.session.goodbye()
    client.link.take()
    assert client.hears(*message) is None
    assert client.link.take() == []
    assert client.session.error is None


@pytest.mark.checklist("SES-B2", "SES-B4")
@pytest.mark.parametrize("reason", ["wamp.close.goodbye_and_out", "wamp.close.normal", "com.example.whatever"])
def test_the_routers_goodbye_ends_the_leaving_whatever_its_reason(client: Client, reason: str) -> None:
    make_everything_pending(client)
    client.session.goodbye()
    client.link.take()
    ended = expect_end(client.hears(6, {}, reason))
    assert ended.replies == []
    assert isinstance(ended.error, SessionClosed)
    assert ended.error.reason == "wamp.close.close_realm"
    assert client.session.error is ended.error
    assert client.link.take() == []
    assert client.is_idle()
    expect_nothing_can_be_sent(client, SessionClosed)


@pytest.mark.checklist("SES-B2", "SES-B3")
def test_crossing_goodbyes_are_both_the_last_word(client: Client) -> None:
    client.session.goodbye()
    client.link.take()
    expect_end(client.hears(6, {"message": "me too"}, "wamp.close.system_shutdown"))
    assert client.hears(6, {}, "wamp.close.goodbye_and_out") is None
    assert client.link.take() == []


@pytest.mark.checklist("SES-B2", "SES-B4", "SES-B5", "SES-C2")
def test_the_routers_goodbye_is_answered_and_fails_every_request(client: Client) -> None:
    make_everything_pending(client)
    client.link.flush()
    details = {"message": "going down", "_custom": 1}
    ended = expect_end(client.hears(6, details, "wamp.close.system_shutdown"))
    assert client.link.take() == [[6, {}, "wamp.close.goodbye_and_out"]]
    assert isinstance(ended.error, SessionClosed)
    assert (ended.error.reason, ended.error.message, ended.error.details) == (
        "wamp.close.system_shutdown",
        "going down",
        details,
    )
    errors = errors_of(ended.replies)
    assert sorted(errors) == sorted(EVERYTHING)
    assert {str(error) for error in errors.values()} == {"going down (wamp.close.system_shutdown)"}
    assert client.is_idle()
    with pytest.raises(LocalProtocolError):
        client.session.progress(1, (), {})
    expect_nothing_can_be_sent(client, SessionClosed)


@pytest.mark.checklist("SES-B1", "SES-C2")
@pytest.mark.parametrize("payload", [[], [["text"]], [["text"], {"a": 1}]])
@pytest.mark.parametrize("is_leaving", [False, True])
def test_an_abort_is_never_answered_and_ends_the_session_at_once(
    client: Client, payload: list[Any], is_leaving: bool
) -> None:
    make_everything_pending(client)
    replies = client.session.goodbye() if is_leaving else []
    client.link.take()
    ended = expect_end(client.hears(3, {"message": "no more"}, "com.example.reason", *payload))
    assert client.link.take() == []
    assert isinstance(ended.error, SessionLost)
    assert ended.error.abort_reason == "com.example.reason"
    assert "no more (com.example.reason)" in str(ended.error)
    errors = errors_of(replies + ended.replies)
    assert sorted(errors) == sorted(EVERYTHING)
    if not is_leaving:
        assert {getattr(error, "abort_reason", None) for error in errors.values()} == {"com.example.reason"}
    assert client.is_idle()
    expect_nothing_can_be_sent(client, SessionLost)


def test_an_abort_without_words_reads_as_its_reason(client: Client) -> None:
    ended = expect_end(client.hears(3, {}, "com.example.reason"))
    assert str(ended.error) == "the router aborted the session: com.example.reason"


@pytest.mark.checklist("SES-C2")
def test_a_loss_gives_every_waiter_back_with_the_reason(client: Client) -> None:
    make_everything_pending(client)
    ended = client.session.lose("the cable was cut")
    assert isinstance(ended.error, SessionLost)
    assert ended.error.reason == "the cable was cut"
    assert ended.error.abort_reason is None
    errors = errors_of(ended.replies)
    assert sorted(errors) == sorted(EVERYTHING)
    assert {str(error) for error in errors.values()} == {"the cable was cut"}
    assert client.is_idle()
    expect_nothing_can_be_sent(client, SessionLost)


def test_what_was_given_up_comes_back_to_nobody(client: Client) -> None:
    make_everything_pending(client)
    session = client.session
    session.forget_call(3)
    session.forget_publish(4)
    session.abandon(5)
    session.abandon(6)
    session.forget_removal("unregistrar")
    session.forget_removal("unsubscriber")
    assert session.lose("gone").replies == []
    assert client.is_idle()


@pytest.mark.parametrize(
    "ends",
    list(itertools.permutations(["loss", "abort", "their goodbye", "their abort"], 2)),
    ids=" then ".join,
)
def test_the_first_end_is_the_one_that_counts(client: Client, ends: tuple[str, str]) -> None:
    def end(how: str) -> object:
        if how == "loss":
            return client.session.lose("gone")
        if how == "abort":
            return client.session.abort("wamp.error.protocol_violation", "nonsense")
        return client.hears(*([6, {}, "com.example.bye"] if how == "their goodbye" else [3, {}, "com.example.reason"]))

    client.call()
    first = end(ends[0])
    assert isinstance(first, Ended)
    assert len(first.replies) == 1
    client.link.take()
    second = end(ends[1])
    assert second is None or (isinstance(second, Ended) and second.replies == [] and second.error is first.error)
    assert client.session.error is first.error
    assert client.link.take() == []


@pytest.mark.parametrize("message", LATE)
def test_after_the_end_nothing_has_an_effect(client: Client, message: list[Any]) -> None:
    make_everything_pending(client)
    client.session.lose("gone")
    assert client.hears(*message) is None
    assert client.link.take() == []
    assert client.is_idle()


def test_every_use_of_a_dead_session_raises_an_exception_of_its_own(client: Client) -> None:
    client.session.lose("gone")
    raised = []
    for request in requests(client):
        with pytest.raises(SessionLost, match="gone") as caught:
            request()
        assert not caught.value.maybe_executed
        raised.append(caught.value)
    assert len({id(error) for error in [*raised, client.session.error]}) == 5


# ---- what may have been executed


@pytest.mark.checklist("SES-C2")
@pytest.mark.parametrize(
    ("flushed", "expected"),
    [
        (0, [False, False]),
        (1, [True, False]),
        (OCTETS, [True, False]),
        (OCTETS + 1, [True, True]),
        (None, [True, True]),
    ],
)
def test_a_request_none_of_whose_octets_left_was_certainly_not_executed(
    client: Client, flushed: int | None, expected: list[bool]
) -> None:
    client.session.call("com.example.f", (), {}, {}, "first")
    client.session.call("com.example.f", (), {}, {}, "second")
    client.link.flush(flushed)
    errors = errors_of(client.session.lose("gone").replies)
    assert [errors[waiter].maybe_executed for waiter in ("first", "second")] == expected


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize("message", [[6, {}, "wamp.close.system_shutdown"], [3, {}, "com.example.reason"]])
def test_a_router_that_ended_the_session_executes_nothing_that_had_not_left(
    client: Client, is_sent: bool, message: list[Any]
) -> None:
    make_everything_pending(client)
    if is_sent:
        client.link.flush()
    errors = errors_of(expect_end(client.hears(*message)).replies)
    assert [error.maybe_executed for error in errors.values()] == [is_sent] * len(EVERYTHING)


@pytest.mark.checklist("SES-B5")
@pytest.mark.parametrize("is_sent", [False, True])
def test_requests_in_front_of_our_own_goodbye_may_be_executed(client: Client, is_sent: bool) -> None:
    """They leave together with it."""
    make_everything_pending(client)
    if is_sent:
        client.link.flush()
    errors = errors_of(client.session.goodbye())
    assert all(error.maybe_executed for error in errors.values())


@pytest.mark.parametrize("is_sent", [False, True])
def test_requests_in_front_of_our_own_abort_may_be_executed(client: Client, is_sent: bool) -> None:
    make_everything_pending(client)
    if is_sent:
        client.link.flush()
    errors = errors_of(client.session.abort("wamp.error.protocol_violation", "nonsense").replies)
    assert sorted(errors) == sorted(EVERYTHING)
    assert all(error.maybe_executed for error in errors.values())


def test_a_call_that_was_killed_and_then_lost_may_have_been_executed(client: Client) -> None:
    client.call()
    client.session.cancel(1, "kill", notify=True)
    errors = errors_of(client.session.lose("gone").replies)
    assert errors["caller"].maybe_executed
