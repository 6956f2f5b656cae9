"""Publications and subscriptions: acknowledgements, several handlers on one subscription, giving up, revocation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.fake_link import Client, expect_failure, expect_reply
from trowamp._exceptions import ApplicationError, NoSuchSubscription
from trowamp.messages import Published, Subscribed, Unsubscribed
from trowamp.protocol import Delivery, Reply, Revoked


def handlers_of(delivery: object) -> tuple[str, ...]:
    assert isinstance(delivery, Delivery)
    return delivery.handlers


def event(client: Client, subscription_id: int = 600) -> tuple[str, ...]:
    """Receive an event; return the handlers that get it."""
    delivery = client.hears(36, subscription_id, 900, {})
    return () if delivery is None else handlers_of(delivery)


@pytest.mark.checklist("BP-C1")
def test_an_unacknowledged_publication_waits_for_nothing(client: Client) -> None:
    client.session.publish("com.example.topic", (1,), {"a": 2}, {"exclude_me": False})
    assert client.link.take() == [[16, 1, {"exclude_me": False}, "com.example.topic", [1], {"a": 2}]]
    assert client.is_idle()


@pytest.mark.checklist("BP-C1", "PV-C2")
@pytest.mark.parametrize("answer", [[8, 16, 1, {}, "wamp.error.not_authorized"], [17, 1, 900]])
def test_an_answer_to_an_unacknowledged_publication_is_ignored(client: Client, answer: list[Any]) -> None:
    client.session.publish("com.example.topic", (), {}, {})
    assert client.hears(*answer) is None
    assert client.session.is_established


@pytest.mark.checklist("BP-C2")
def test_an_acknowledged_publication_is_answered_with_its_id(client: Client) -> None:
    request_id = client.session.publish("com.example.topic", (), {}, {"acknowledge": True}, "publisher")
    assert client.session.statistics().pending_publishes == 1
    assert expect_reply(client.hears(17, request_id, 900), "publisher") == Published(request_id, 900)
    assert client.is_idle()


@pytest.mark.checklist("BP-C2")
def test_an_acknowledged_publication_can_fail(client: Client) -> None:
    request_id = client.session.publish("com.example.topic", (), {}, {"acknowledge": True}, "publisher")
    error = expect_failure(client.hears(8, 16, request_id, {}, "com.example.error", [1]), "publisher")
    assert isinstance(error, ApplicationError)
    assert (error.uri, error.args) == ("com.example.error", (1,))
    assert client.is_idle()


@pytest.mark.checklist("PV-C2")
def test_an_acknowledgement_that_nobody_waits_for_any_more_is_ignored(client: Client) -> None:
    request_id = client.session.publish("com.example.topic", (), {}, {"acknowledge": True}, "publisher")
    client.session.forget_publish(request_id)
    client.session.forget_publish(request_id)
    assert client.is_idle()
    assert client.hears(17, request_id, 900) is None
    assert client.session.statistics().late_replies == 1


@pytest.mark.checklist("ORD-C1", "PBS-C1")
def test_an_event_right_behind_its_subscribed_has_a_handler(client: Client) -> None:
    request_id = client.session.subscribe("com.example.", {"match": "prefix"}, "listener", "subscriber")
    assert client.link.take() == [[32, request_id, {"match": "prefix"}, "com.example."]]
    assert event(client) == ()
    assert expect_reply(client.hears(33, request_id, 600), "subscriber") == Subscribed(request_id, 600)
    delivery = client.hears(36, 600, 900, {"topic": "com.example.topic"}, [1], {"a": 2})
    assert handlers_of(delivery) == ("listener",)
    assert isinstance(delivery, Delivery)
    assert list(delivery.message.to_wire()) == [36, 600, 900, {"topic": "com.example.topic"}, [1], {"a": 2}]


def test_a_subscription_can_be_refused(client: Client) -> None:
    request_id = client.session.subscribe("com.example.topic", {}, "listener", "subscriber")
    expect_failure(client.hears(8, 32, request_id, {}, "wamp.error.not_authorized"), "subscriber")
    assert client.is_idle()


@pytest.mark.checklist("BP-C3")
def test_several_handlers_share_a_subscription_and_the_last_one_ends_it(client: Client) -> None:
    for handler in ("first", "second", "third"):
        client.listens(handler=handler)
    assert client.session.statistics().subscriptions == 1
    assert event(client) == ("first", "second", "third")
    assert not client.session.unsubscribe(600, "second", "leaver")
    assert event(client) == ("first", "third")
    assert not client.session.unsubscribe(600, "first")
    assert client.link.take() == []
    assert client.session.unsubscribe(600, "third", "leaver")
    assert client.link.take() == [[34, 4, 600]]
    assert client.session.statistics().pending_removals == 1
    assert expect_reply(client.hears(35, 4), "leaver") == Unsubscribed(4)
    assert client.is_idle()


@pytest.mark.checklist("BP-C3")
def test_one_handler_can_be_subscribed_twice_and_leaves_once_for_each(client: Client) -> None:
    client.listens()
    client.listens()
    assert event(client) == ("listener", "listener")
    assert not client.session.unsubscribe(600, "listener")
    assert event(client) == ("listener",)
    assert client.session.unsubscribe(600, "listener")


@pytest.mark.checklist("BP-C3")
def test_who_is_not_subscribed_cannot_end_a_subscription(client: Client) -> None:
    client.listens()
    assert not client.session.unsubscribe(600, "stranger", "leaver")
    assert not client.session.unsubscribe(601, "listener", "leaver")
    assert client.link.take() == []
    assert event(client) == ("listener",)


@pytest.mark.checklist("BP-C5", "PV-C2")
def test_events_of_unknown_or_just_ended_subscriptions_are_counted_and_ignored(client: Client) -> None:
    assert event(client, 601) == ()
    client.listens()
    client.session.unsubscribe(600, "listener")
    assert event(client) == ()
    assert client.session.statistics().unknown_events == 2
    assert client.session.is_established


def test_the_end_of_a_subscription_can_be_refused(client: Client) -> None:
    client.listens()
    client.session.unsubscribe(600, "listener", "leaver")
    error = expect_failure(client.hears(8, 34, 2, {}, "wamp.error.no_such_subscription"), "leaver")
    assert type(error) is NoSuchSubscription
    assert client.is_idle()


@pytest.mark.parametrize("answer", [[35, 2], [8, 34, 2, {}, "wamp.error.no_such_subscription"]])
def test_nobody_has_to_wait_for_the_end_of_a_subscription(client: Client, answer: list[Any]) -> None:
    client.listens()
    client.session.unsubscribe(600, "listener", "leaver")
    client.session.forget_removal("stranger")
    client.session.forget_removal("leaver")
    assert client.hears(*answer) is None
    assert client.is_idle()
    assert client.session.statistics().late_replies == 0


def test_each_kind_of_removal_takes_only_its_own_kind_of_answer(client: Client) -> None:
    client.listens()
    client.session.unsubscribe(600, "listener", "leaver")
    assert client.hears(67, 2) is None
    assert client.hears(8, 66, 2, {}, "wamp.error.no_such_registration") is None
    expect_reply(client.hears(35, 2), "leaver")


@pytest.mark.checklist("BP-C3")
def test_a_subscription_given_up_before_the_answer_is_undone(client: Client) -> None:
    request_id = client.session.subscribe("com.example.topic", {}, "listener", "subscriber")
    client.session.abandon(request_id)
    assert client.hears(33, request_id, 600) is None
    assert client.link.take()[1:] == [[34, 2, 600]]
    assert event(client) == ()
    assert client.hears(35, 2) is None
    assert client.is_idle()


@pytest.mark.checklist("BP-C3")
def test_giving_up_does_not_touch_the_other_handlers_of_the_subscription(client: Client) -> None:
    client.listens(handler="other")
    request_id = client.session.subscribe("com.example.topic", {}, "listener", "subscriber")
    client.link.take()
    client.session.abandon(request_id)
    assert client.hears(33, request_id, 600) is None
    assert client.link.take() == []
    assert event(client) == ("other",)


def test_a_refusal_of_what_was_given_up_is_nobodys_business(client: Client) -> None:
    request_id = client.session.subscribe("com.example.topic", {}, "listener", "subscriber")
    client.session.abandon(request_id)
    assert client.hears(8, 32, request_id, {}, "com.example.error") is None
    assert client.is_idle()


def test_giving_up_what_was_answered_changes_nothing(client: Client) -> None:
    client.listens()
    client.session.abandon(1)
    assert event(client) == ("listener",)


@pytest.mark.checklist("PV-C2")
def test_a_second_subscribed_for_one_request_is_ignored(client: Client) -> None:
    client.listens()
    assert client.hears(33, 1, 600) is None
    assert event(client) == ("listener",)
    assert client.session.statistics().late_replies == 1


@pytest.mark.checklist("BP-C3")
def test_an_unsubscribe_does_not_end_what_a_subscribe_on_its_way_will_share(client: Client) -> None:
    client.listens()
    request_id = client.session.subscribe("com.example.topic", {"match": "exact"}, "newcomer", "subscriber")
    client.link.take()
    assert not client.session.unsubscribe(600, "listener", "leaver")
    assert client.link.take() == []
    assert event(client) == ()
    expect_reply(client.hears(33, request_id, 600), "subscriber")
    assert client.link.take() == []
    assert event(client) == ("newcomer",)
    assert client.session.unsubscribe(600, "newcomer")


@pytest.mark.checklist("BP-C3")
def test_a_subscription_kept_for_a_subscribe_that_is_refused_is_ended_then(client: Client) -> None:
    client.listens()
    request_id = client.session.subscribe("com.example.topic", {}, "newcomer", "subscriber")
    client.session.unsubscribe(600, "listener")
    client.link.take()
    expect_failure(client.hears(8, 32, request_id, {}, "com.example.error"), "subscriber")
    assert client.link.take() == [[34, 3, 600]]
    assert client.hears(35, 3) is None
    assert client.is_idle()


@pytest.mark.checklist("BP-C3")
def test_a_subscription_is_kept_until_the_last_subscribe_to_its_topic_is_answered(client: Client) -> None:
    client.listens()
    ids = [client.session.subscribe("com.example.topic", {}, "newcomer", "subscriber") for _ in range(2)]
    client.session.unsubscribe(600, "listener")
    client.link.take()
    for request_id in ids:
        assert client.link.take() == []
        client.hears(8, 32, request_id, {}, "com.example.error")
    assert client.link.take() == [[34, 4, 600]]


@pytest.mark.checklist("BP-C3")
def test_a_subscription_kept_for_a_subscribe_that_was_given_up_is_ended_with_it(client: Client) -> None:
    client.listens()
    request_id = client.session.subscribe("com.example.topic", {}, "newcomer", "subscriber")
    client.session.unsubscribe(600, "listener")
    client.session.abandon(request_id)
    client.link.take()
    assert client.hears(33, request_id, 600) is None
    assert client.link.take() == [[34, 3, 600]]


@pytest.mark.parametrize(("topic", "options"), [("com.example.other", {}), ("com.example.topic", {"match": "prefix"})])
def test_a_subscribe_to_something_else_delays_no_unsubscribe(
    client: Client, topic: str, options: dict[str, Any]
) -> None:
    client.listens()
    client.session.subscribe(topic, options, "newcomer", "subscriber")
    assert client.session.unsubscribe(600, "listener", "leaver")
    assert client.link.take()[-1] == [34, 3, 600]


@pytest.mark.checklist("BP-C3")
def test_a_subscribe_behind_an_unsubscribe_may_be_answered_before_it(client: Client) -> None:
    client.listens()
    assert client.session.unsubscribe(600, "listener", "leaver")
    request_id = client.session.subscribe("com.example.topic", {}, "newcomer", "subscriber")
    expect_reply(client.hears(33, request_id, 600), "subscriber")
    expect_reply(client.hears(35, 2), "leaver")
    assert event(client) == ("newcomer",)


@pytest.mark.checklist("RV-C1")
@pytest.mark.parametrize("reason", [{}, {"reason": "com.example.because"}])
def test_a_revoked_subscription_is_dead_and_its_handlers_are_told(client: Client, reason: dict[str, str]) -> None:
    client.listens(handler="first")
    client.listens(handler="second")
    revoked = client.hears(35, 0, {"subscription": 600, **reason})
    assert revoked == Revoked(("first", "second"), reason.get("reason"))
    assert client.is_idle()
    assert event(client) == ()
    assert not client.session.unsubscribe(600, "first", "leaver")
    assert client.link.take() == []


@pytest.mark.checklist("RV-C1")
@pytest.mark.parametrize("details", [[], [{}], [{"subscription": 601}], [{"reason": "com.example.because"}]])
def test_the_revocation_of_what_is_unknown_is_ignored(client: Client, details: list[Any]) -> None:
    client.listens()
    assert client.hears(35, 0, *details) is None
    assert event(client) == ("listener",)
    assert client.session.statistics().late_replies == 0


@pytest.mark.checklist("RV-C1")
def test_a_revocation_answers_the_unsubscribe_that_came_too_late(client: Client) -> None:
    client.listens()
    client.session.unsubscribe(600, "listener", "leaver")
    assert client.hears(35, 0, {"subscription": 601}) is None
    inbound = client.hears(35, 0, {"subscription": 600})
    assert isinstance(inbound, Reply)
    assert inbound.waiter == "leaver"
    assert inbound.error is None
    assert client.hears(35, 0, {"subscription": 600}) is None
    assert client.hears(8, 34, 2, {}, "wamp.error.no_such_subscription") is None
    assert client.is_idle()


@pytest.mark.checklist("RV-C1")
def test_what_was_revoked_can_be_subscribed_again(client: Client) -> None:
    client.listens()
    client.hears(35, 0, {"subscription": 600})
    client.listens(handler="again")
    assert event(client) == ("again",)
    client.session.unsubscribe(600, "again")
    assert client.link.take() == [[34, 3, 600]]
