"""trowamp/router/_retention.py: the last event of a topic, for those who come later."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Event, Message, Published, Subscribe, Subscribed

from .harness import Client, World
from .test_meta_sessions import join_as, world_of_roles

TOPIC = "com.example.state"
RETAIN = {"retain": True}


def arrive(client: Client, topic: str = TOPIC, **options: Any) -> list[Message]:
    """Subscribe and ask for what is retained; return what follows the SUBSCRIBED."""
    client.send(Subscribe(client.next_id(), {"get_retained": True, **options}, topic))
    answer, *rest = client.received()
    assert isinstance(answer, Subscribed)
    return rest


def payloads(messages: list[Message]) -> list[Any]:
    assert all(isinstance(message, Event) and message.details["retained"] is True for message in messages)
    return [message.args for message in messages if isinstance(message, Event)]


@pytest.fixture
def publisher(world: World) -> Client:
    return world.join()


@pytest.mark.checklist("ER-R1", "ER-R2", "ER-R6", "ORD-R2")
def test_the_last_retained_event_reaches_later_subscribers_who_ask(world: World, publisher: Client) -> None:
    publisher.publish(TOPIC, 1, options=RETAIN)
    publisher.publish(TOPIC, 2, options={**RETAIN, "acknowledge": True}, key="value")
    publisher.publish(TOPIC, 3)
    published = publisher.expect(Published)
    (event,) = arrive(world.join())
    assert isinstance(event, Event)
    assert (event.args, event.kwargs, event.details) == ([2], {"key": "value"}, {"retained": True})
    assert event.publication_id == published.publication_id
    world.join().subscribe(TOPIC)  # the only answer is SUBSCRIBED
    world.join().subscribe(TOPIC, get_retained=False)


def test_subscribers_of_that_time_get_it_as_an_ordinary_event(world: World, publisher: Client) -> None:
    subscriber = world.join()
    subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC, 1, options=RETAIN)
    assert subscriber.expect(Event).details == {}


@pytest.mark.checklist("ER-R7")
def test_subscribing_again_delivers_it_again(world: World, publisher: Client) -> None:
    publisher.publish(TOPIC, 1, options=RETAIN)
    subscriber = world.join()
    assert payloads(arrive(subscriber)) == payloads(arrive(subscriber)) == [[1]]


@pytest.mark.checklist("ER-R5")
def test_a_pattern_gets_one_event_for_each_matching_topic(world: World, publisher: Client) -> None:
    for topic in ("a.b", "a.c", "b.b", "a.b.c"):
        publisher.publish(topic, topic, options=RETAIN)
    prefix = arrive(world.join(), "a.", match="prefix")
    assert sorted(payloads(prefix)) == [["a.b"], ["a.b.c"], ["a.c"]]
    wildcard = arrive(world.join(), ".b", match="wildcard")
    assert sorted(payloads(wildcard)) == [["a.b"], ["b.b"]]
    for message in (*prefix, *wildcard):
        assert isinstance(message, Event)
        assert message.args == [message.details["topic"]]


@pytest.mark.checklist("ER-R3", "ER-R2", "PX-R1")
@pytest.mark.parametrize(
    ("lists", "ann", "bob"),
    [
        ({"exclude_authid": ["bob"]}, 2, 1),
        ({"eligible_authid": ["bob"]}, 1, 2),
        ({"exclude_authrole": ["user"]}, 2, 1),
        ({"eligible_authrole": ["user"]}, 1, 2),
        ({"eligible": []}, 1, 1),
        ({"exclude": []}, 2, 2),
    ],
)
def test_who_may_not_have_an_event_gets_the_one_before(lists: dict[str, Any], ann: int, bob: int) -> None:
    world = world_of_roles()
    publisher = join_as(world, "cy", "robot")
    publisher.publish(TOPIC, 1, options=RETAIN)
    publisher.publish(TOPIC, 2, options={**RETAIN, **lists})
    assert payloads(arrive(join_as(world, "ann", "admin"))) == [[ann]]
    assert payloads(arrive(join_as(world, "bob", "user"))) == [[bob]]


@pytest.mark.checklist("ER-R3")
def test_session_lists_hold_too(world: World, publisher: Client) -> None:
    meant, other = world.join(), world.join()
    publisher.publish(TOPIC, 1, options={**RETAIN, "eligible": [meant.session_id]})
    assert payloads(arrive(meant)) == [[1]]
    assert arrive(other) == []


@pytest.mark.checklist("ER-R3", "PX-R1")
def test_publishers_get_their_own_only_if_they_did_not_exclude_themselves(publisher: Client) -> None:
    publisher.publish(TOPIC, 1, options=RETAIN)
    assert arrive(publisher) == []
    publisher.publish("b", 1, options={**RETAIN, "exclude_me": False})
    assert payloads(arrive(publisher, "b")) == [[1]]


def test_the_publisher_is_told_if_it_was_disclosed(world: World, publisher: Client) -> None:
    publisher.publish(TOPIC, options={**RETAIN, "disclose_me": True})
    (event,) = arrive(world.join())
    assert isinstance(event, Event)
    assert event.details["publisher"] == publisher.session_id


def test_it_outlives_its_publisher_and_all_subscribers(world: World, publisher: Client) -> None:
    publisher.publish(TOPIC, 1, options=RETAIN)
    publisher.drop()
    assert payloads(arrive(world.join())) == [[1]]
    assert world.statistics()["retained_events"] == 1


def test_what_is_refused_is_not_retained(world: World, publisher: Client) -> None:
    publisher.publish("a..b", options={**RETAIN, "acknowledge": True})
    publisher.expect_error(uris.ERROR_INVALID_URI)
    assert "retained_events" not in world.statistics()


def test_an_event_that_a_late_subscriber_cannot_be_sent_is_counted(world: World, publisher: Client) -> None:
    publisher.publish(TOPIC, "x" * 1000, options=RETAIN)
    assert arrive(world.join(max_send_size=900)) == []
    assert world.statistics()["oversize_events"] == 1


# ---- limits


@pytest.mark.checklist("ER-R4")
def test_beyond_the_number_of_topics_the_oldest_goes() -> None:
    world = World(max_retained_topics=2)
    publisher = world.join()
    for topic in ("a", "b", "a", "c"):
        publisher.publish(topic, topic, options=RETAIN)
    assert sorted(payloads(arrive(world.join(), "", match="prefix"))) == [["a"], ["c"]]


@pytest.mark.checklist("ER-R4")
def test_beyond_the_size_the_oldest_goes_and_what_is_larger_alone_is_not_kept() -> None:
    world = World(max_retained_octets=3000)
    publisher = world.join()
    for topic, size in (("a", 1000), ("b", 1000), ("c", 1000), ("d", 4000)):
        publisher.publish(topic, "x" * size, options=RETAIN)
    topics = [
        message.details["topic"] for message in arrive(world.join(), "", match="prefix") if isinstance(message, Event)
    ]
    assert topics == ["b", "c"]


def test_events_for_some_only_are_limited_and_never_drive_out_the_one_for_all(world: World, publisher: Client) -> None:
    publisher.publish(TOPIC, "for all", options=RETAIN)
    sessions = [world.join() for _ in range(20)]
    for number, session in enumerate(sessions):
        publisher.publish(TOPIC, number, options={**RETAIN, "eligible": [session.session_id]})
    assert [payloads(arrive(session)) for session in sessions] == [[["for all"]]] * 12 + [[[n]] for n in range(12, 20)]
    publisher.publish(TOPIC, "for all", options=RETAIN)
    assert world.statistics()["retained_events"] == 1


def test_nothing_is_left_of_a_realm_that_is_gone() -> None:
    world = World(auto_realms=True)
    world.join("other").publish(TOPIC, 1, options=RETAIN)
    for peer in list(world.router._peers):
        world.router.detach(peer, "gone", world.now)
    assert "retained_events" not in world.statistics()
    assert arrive(world.join("other")) == []


@pytest.mark.checklist("UM-R9")
def test_a_subscription_ends_with_its_last_subscriber_whatever_is_retained(world: World, publisher: Client) -> None:
    publisher.publish(TOPIC, 1, options=RETAIN)
    watcher, subscriber = world.join(), world.join()
    watcher.subscribe("wamp.subscription.on_delete")
    assert arrive(subscriber)
    subscriber.goodbye()
    assert len(watcher.events()) == 1
    assert world.statistics()["retained_events"] == 1
