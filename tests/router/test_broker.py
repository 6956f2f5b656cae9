"""Events through the router: subscriptions, delivery, who gets what, and payloads that somebody cannot get."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import NoSuchSubscription, uris
from trowamp.messages import Error, Event, Published, Subscribe, Subscribed, Unsubscribe, Unsubscribed

from .harness import NO_FEATURES, Client, CountingSerializer, World

TOPIC = "com.example.topic"
ACKNOWLEDGE = {"acknowledge": True}


@pytest.fixture
def publisher(world: World) -> Client:
    return world.join()


@pytest.fixture
def subscriber(world: World) -> Client:
    return world.join()


# ---- basics


@pytest.mark.checklist("BP-R14", "SER-R1", "BP-R2")
@pytest.mark.parametrize("speaks", ["json", "msgpack", "cbor"])
def test_an_event_reaches_subscribers_of_every_serializer_unchanged(world: World, speaks: str) -> None:
    publisher = world.join(serializer=speaks)
    subscribers = [world.join(serializer=name) for name in ("json", "msgpack", "cbor")]
    subscription_ids = [subscriber.subscribe(TOPIC) for subscriber in subscribers]
    assert len(set(subscription_ids)) == 1
    args = [1, 2.5, "grüße", b"\0\xff", None, {"a": [-1]}]
    publisher.publish(TOPIC, *args, key=b"")
    for subscriber in subscribers:
        event = subscriber.expect(Event)
        assert (event.subscription_id, event.details) == (subscription_ids[0], {})
        assert (event.args, event.kwargs) == (args, {"key": b""})
    assert publisher.received() == []


@pytest.mark.checklist("BP-R7", "ORD-R6", "BP-C2")
def test_an_acknowledged_publication_is_confirmed_before_its_events(publisher: Client) -> None:
    publisher.subscribe(TOPIC)
    request_id = publisher.publish(TOPIC, options={"acknowledge": True, "exclude_me": False})
    published, event = publisher.received()
    assert isinstance(published, Published)
    assert isinstance(event, Event)
    assert published.request_id == request_id
    assert published.publication_id == event.publication_id


@pytest.mark.checklist("BP-R7")
def test_a_publication_without_subscribers_is_confirmed_too(publisher: Client) -> None:
    publisher.publish(TOPIC, options=ACKNOWLEDGE)
    publisher.expect(Published)


@pytest.mark.checklist("BP-R1", "BP-C3")
def test_subscribing_again_gives_the_same_subscription_and_no_second_event(
    publisher: Client, subscriber: Client
) -> None:
    assert subscriber.subscribe(TOPIC) == subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC)
    subscriber.expect(Event)


@pytest.mark.checklist("BP-R3", "PX-R1")
def test_publishers_do_not_hear_themselves_unless_they_want_to(publisher: Client) -> None:
    publisher.subscribe(TOPIC)
    publisher.subscribe("com", match="prefix")
    publisher.publish(TOPIC)
    publisher.publish(TOPIC, options={"exclude_me": True})
    assert publisher.received() == []
    publisher.publish(TOPIC, options={"exclude_me": False})
    assert len(publisher.events()) == 2


@pytest.mark.checklist("BP-R5", "PBS-R3")
def test_only_ones_own_subscriptions_can_be_ended(publisher: Client, subscriber: Client) -> None:
    subscription_id = subscriber.subscribe(TOPIC)
    for client, number in ((publisher, subscription_id), (subscriber, 999)):
        client.send(Unsubscribe(client.next_id(), number))
        client.expect_error(uris.ERROR_NO_SUCH_SUBSCRIPTION)
    subscriber.send(Unsubscribe(subscriber.next_id(), subscription_id))
    subscriber.expect(Unsubscribed)
    publisher.publish(TOPIC)
    assert subscriber.received() == []
    subscriber.send(Unsubscribe(subscriber.next_id(), subscription_id))
    subscriber.expect_error(uris.ERROR_NO_SUCH_SUBSCRIPTION)


def test_a_subscription_ends_with_its_last_subscriber(world: World, publisher: Client, subscriber: Client) -> None:
    first = publisher.subscribe(TOPIC)
    assert subscriber.subscribe(TOPIC) == first
    publisher.drop()
    assert world.statistics()["subscriptions"] == 1
    subscriber.goodbye()
    assert "subscriptions" not in world.statistics()


@pytest.mark.checklist("BP-R6", "URI-B2", "URI-B3")
@pytest.mark.parametrize("topic", ["wamp.session.on_join", "a..b", "", "a b", "a#"])
def test_an_illegal_topic_is_refused_if_an_answer_is_wanted_and_dropped_if_not(
    world: World, publisher: Client, subscriber: Client, topic: str
) -> None:
    subscriber.subscribe("", match="prefix")
    request_id = publisher.publish(topic, options=ACKNOWLEDGE)
    error = publisher.expect_error(uris.ERROR_INVALID_URI)
    assert (error.request_type, error.request_id) == (16, request_id)
    publisher.publish(topic)
    assert publisher.received() == subscriber.received() == []
    assert world.statistics()["refused_publications"] == 1


@pytest.mark.checklist("URI-B2")
def test_reserved_topics_can_be_subscribed_to(subscriber: Client) -> None:
    subscriber.subscribe("wamp.session.on_join")
    subscriber.subscribe("wamp", match="prefix")


@pytest.mark.checklist("URI-B3", "URI-B1")
@pytest.mark.parametrize(
    ("topic", "match"), [("", "exact"), ("a..b", "exact"), ("a..b", "prefix"), ("a b", "wildcard"), ("a\n", "exact")]
)
def test_an_illegal_pattern_is_refused(subscriber: Client, topic: str, match: str) -> None:
    subscriber.send(Subscribe(1, {"match": match}, topic))
    error = subscriber.expect_error(uris.ERROR_INVALID_URI)
    assert (error.request_type, error.request_id) == (32, 1)


def test_strict_uris_are_an_option() -> None:
    world = World(strict_uris=True)
    client = world.join()
    client.publish("com.Example", options=ACKNOWLEDGE)
    client.expect_error(uris.ERROR_INVALID_URI)
    client.send(Subscribe(client.next_id(), {}, "com.Example"))
    client.expect_error(uris.ERROR_INVALID_URI)


# ---- patterns


@pytest.mark.checklist("PBS-R1", "PBS-R2", "PB-R3", "BP-R4")
def test_an_event_goes_out_once_per_matching_subscription(publisher: Client, subscriber: Client) -> None:
    exact = subscriber.subscribe("a.b.c")
    patterns = {
        subscriber.subscribe("a.b.c", match="prefix"),
        subscriber.subscribe("a.b", match="prefix"),
        subscriber.subscribe("a..c", match="wildcard"),
        subscriber.subscribe("a.b.c", match="wildcard"),
    }
    assert len(patterns | {exact}) == 5
    subscriber.subscribe("a.x", match="prefix")
    subscriber.subscribe("a.", match="wildcard")
    publisher.publish("a.b.c", 1)
    events = subscriber.events()
    assert len({event.publication_id for event in events}) == 1
    assert {event.subscription_id: event.details for event in events} == {
        exact: {},
        **{key: {"topic": "a.b.c"} for key in patterns},
    }


@pytest.mark.checklist("PB-R1", "PB-R2")
@pytest.mark.parametrize(
    ("pattern", "match", "hit", "miss"),
    [
        ("com.myapp.myobject1", "prefix", "com.myapp.myobject1-mysub", "com.myapp.myobject2"),
        ("com.myapp.", "prefix", "com.myapp.x", "com.myapp"),
        ("a..c", "wildcard", "a.b.c", "a.b.c.d"),
        ("a..", "wildcard", "a.b.c", "a.b"),
        ("..", "wildcard", "a.b.c", "a.b"),
        ("", "wildcard", "a", "a.b"),
    ],
)
def test_prefixes_are_of_characters_and_wildcards_of_whole_components(
    world: World, pattern: str, match: str, hit: str, miss: str
) -> None:
    publisher, subscriber = world.join(), world.join()
    subscriber.subscribe(pattern, match=match)
    publisher.publish(hit)
    publisher.publish(miss)
    assert [event.details["topic"] for event in subscriber.events()] == [hit]


@pytest.mark.checklist("URI-B1")
def test_the_empty_prefix_matches_everything(publisher: Client, subscriber: Client) -> None:
    subscriber.subscribe("", match="prefix")
    publisher.publish("x")
    publisher.publish("a.b.c")
    assert len(subscriber.events()) == 2


# ---- who gets it


@pytest.mark.checklist("BW-R1", "BW-R2", "BW-R3", "BW-R4")
@pytest.mark.parametrize(
    ("options", "receivers"),
    [
        ({"eligible": ["a"]}, "a"),
        ({"eligible": ["a", 999]}, "a"),
        ({"eligible": []}, ""),
        ({"eligible_authid": []}, ""),
        ({"eligible_authrole": []}, ""),
        ({"exclude": ["a"]}, "bc"),
        ({"exclude": [999]}, "abc"),
        ({"exclude": []}, "abc"),
        ({"eligible": ["a", "b"], "exclude": ["b"]}, "a"),
        ({"eligible_authid": ["authid a", "authid c"]}, "ac"),
        ({"exclude_authid": ["authid a"]}, "bc"),
        ({"eligible_authid": ["authid a", "nobody"], "eligible": ["a", "b"]}, "a"),
        ({"eligible_authid": ["authid b"], "eligible": ["a"]}, ""),
        ({"eligible_authrole": ["anonymous"]}, "abc"),
        ({"eligible_authrole": ["admin"]}, ""),
        ({"exclude_authrole": ["anonymous"]}, ""),
        ({"exclude_authrole": ["admin"]}, "abc"),
    ],
)
def test_all_black_and_white_lists_must_let_a_receiver_through(
    world: World, publisher: Client, options: dict[str, list[Any]], receivers: str
) -> None:
    clients = {name: world.join() for name in "abc"}
    names: dict[str, int | str] = {}
    for name, client in clients.items():
        client.subscribe(TOPIC)
        session = client.peer.session
        assert session is not None
        names |= {name: client.session_id, f"authid {name}": session.authid}
    resolved = {key: [names.get(value, value) for value in values] for key, values in options.items()}
    publisher.publish(TOPIC, options=resolved)
    assert "".join(name for name, client in clients.items() if client.events()) == receivers


@pytest.mark.checklist("PX-R2", "BW-R3")
def test_being_eligible_does_not_override_the_exclusion_of_the_publisher(publisher: Client) -> None:
    publisher.subscribe(TOPIC)
    publisher.publish(TOPIC, options={"eligible": [publisher.session_id]})
    assert publisher.events() == []
    publisher.publish(TOPIC, options={"eligible": [publisher.session_id], "exclude_me": False})
    assert len(publisher.events()) == 1
    publisher.publish(TOPIC, options={"exclude": [publisher.session_id], "exclude_me": False})
    assert publisher.events() == []


@pytest.mark.checklist("BW-R3", "PBS-R1")
def test_lists_apply_to_every_subscription(publisher: Client, subscriber: Client) -> None:
    subscriber.subscribe(TOPIC)
    subscriber.subscribe("com", match="prefix")
    publisher.publish(TOPIC, options={"exclude": [subscriber.session_id]})
    assert subscriber.events() == []


def test_realms_do_not_hear_each_other() -> None:
    world = World("one", "two")
    publisher, subscriber = world.join("one"), world.join("two")
    subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC)
    assert subscriber.received() == []


@pytest.mark.checklist("PI-R1")
def test_a_publisher_that_wants_to_be_known_is_disclosed(publisher: Client, subscriber: Client) -> None:
    subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC, options={"disclose_me": True})
    publisher.publish(TOPIC, options={"disclose_me": False})
    publisher.publish(TOPIC)
    session = publisher.peer.session
    assert session is not None
    assert [event.details for event in subscriber.events()] == [
        {
            "publisher": publisher.session_id,
            "publisher_authid": session.authid,
            "publisher_authrole": "anonymous",
        },
        {},
        {},
    ]


@pytest.mark.checklist("PI-R1")
def test_a_router_can_disclose_all_publishers() -> None:
    world = World(disclosure="always")
    publisher, subscriber = world.join(), world.join()
    subscriber.subscribe("com", match="prefix")
    publisher.publish(TOPIC)
    details = subscriber.expect(Event).details
    assert (details["publisher"], details["topic"]) == (publisher.session_id, TOPIC)


@pytest.mark.checklist("PI-R2")
def test_a_router_can_refuse_disclosure() -> None:
    world = World(disclosure="never")
    publisher, subscriber = world.join(), world.join()
    subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC, options={"disclose_me": True, "acknowledge": True})
    publisher.expect_error(uris.ERROR_DISCLOSE_ME_DISALLOWED)
    publisher.publish(TOPIC, options={"disclose_me": True})
    assert publisher.received() == subscriber.received() == []
    assert world.statistics()["refused_publications"] == 1


# ---- payloads that somebody cannot get


@pytest.mark.checklist("BP-R7", "BP-R6", "PV-B2")
def test_a_payload_that_one_receiver_cannot_get_is_delivered_to_nobody(world: World, publisher: Client) -> None:
    subscribers = [world.join(serializer=name) for name in ("cbor", "msgpack", "json")]
    for subscriber in subscribers:
        subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC, "\0looks like octets in JSON", options=ACKNOWLEDGE)
    publisher.expect_error(uris.ERROR_INVALID_ARGUMENT)
    publisher.publish(TOPIC, "\0looks like octets in JSON")
    assert [client.received() for client in (*subscribers, publisher)] == [[], [], [], []]
    assert world.statistics()["refused_publications"] == 1
    publisher.publish(TOPIC, "fine")
    assert [len(subscriber.events()) for subscriber in subscribers] == [1, 1, 1]


def test_a_receiver_that_is_not_eligible_does_not_matter_for_the_payload(world: World, publisher: Client) -> None:
    poor, rich = world.join(serializer="json"), world.join()
    for subscriber in (poor, rich):
        subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC, "\0", options={"exclude": [poor.session_id]})
    assert rich.expect(Event).args == ["\0"]


@pytest.mark.checklist("RS-R4")
def test_an_event_too_large_for_one_receiver_reaches_the_others(world: World, publisher: Client) -> None:
    small = [world.join(max_send_size=2000), world.join(max_send_size=2000)]
    large = world.join()
    for subscriber in (*small, large):
        subscriber.subscribe(TOPIC)
    publisher.publish(TOPIC, "x" * 3000, options=ACKNOWLEDGE)
    publisher.expect(Published)
    large.expect(Event)
    assert [subscriber.received() for subscriber in small] == [[], []]
    assert world.statistics()["oversize_events"] == 2


@pytest.mark.checklist("BP-R2")
def test_an_event_is_encoded_once_per_subscription_and_wire_format(world: World, publisher: Client) -> None:
    json, msgpack = CountingSerializer("json"), CountingSerializer("msgpack")
    subscribers = [world.join(serializer=serializer) for serializer in (json, msgpack) for _ in range(5)]
    for subscriber in subscribers:
        subscriber.subscribe(TOPIC)
        subscriber.subscribe("com", match="prefix")
    json.encoded.clear()
    msgpack.encoded.clear()
    publisher.publish(TOPIC, 1)
    assert [len(subscriber.events()) for subscriber in subscribers] == [2] * 10
    assert len(json.encoded) == len(msgpack.encoded) == 2


# ---- order


@pytest.mark.checklist("ORD-R1")
def test_events_keep_the_order_of_their_publications_over_all_topics(publisher: Client, subscriber: Client) -> None:
    for topic in ("a.a", "a.b", "a.c"):
        subscriber.subscribe(topic)
    for number in range(9):
        publisher.publish(f"a.{'abc'[number % 3]}", number)
    assert [event.args for event in subscriber.events()] == [[number] for number in range(9)]


@pytest.mark.checklist("ORD-R2")
def test_subscribed_comes_before_the_first_event(publisher: Client, subscriber: Client) -> None:
    subscriber.send(Subscribe(1, {}, TOPIC))
    publisher.publish(TOPIC)
    assert [type(message) for message in subscriber.received()] == [Subscribed, Event]


# ---- revocation


@pytest.mark.checklist("RV-R1")
def test_revoking_a_subscription_tells_those_who_announced_the_feature(world: World, publisher: Client) -> None:
    told, untold = world.join(), world.join(features=NO_FEATURES)
    subscription_id = told.subscribe(TOPIC)
    untold.subscribe(TOPIC)
    world.router.revoke_subscription("realm1", subscription_id, "com.example.enough")
    assert told.expect(Unsubscribed) == Unsubscribed(
        0, {"subscription": subscription_id, "reason": "com.example.enough"}
    )
    publisher.publish(TOPIC)
    assert told.received() == untold.received() == []
    untold.send(Unsubscribe(untold.next_id(), subscription_id))
    untold.expect_error(uris.ERROR_NO_SUCH_SUBSCRIPTION)
    assert "subscriptions" not in world.statistics()


@pytest.mark.checklist("RV-R1")
def test_the_message_of_a_revoked_subscription_can_be_switched_off() -> None:
    world = World(send_subscription_revocation=False)
    subscriber = world.join()
    world.router.revoke_subscription("realm1", subscriber.subscribe(TOPIC))
    assert subscriber.received() == []


def test_revoking_what_does_not_exist_raises(world: World) -> None:
    with pytest.raises(NoSuchSubscription):
        world.router.revoke_subscription("realm1", 1)
    with pytest.raises(ValueError, match="no such realm: 'elsewhere'"):
        world.router.revoke_subscription("elsewhere", 1)


@pytest.mark.checklist("BP-C1", "BP-R6")
def test_an_unacknowledged_publication_is_never_answered(publisher: Client) -> None:
    publisher.publish(TOPIC)
    publisher.publish(TOPIC, options={"acknowledge": False})
    assert publisher.received() == []


def test_errors_for_requests_carry_words(subscriber: Client) -> None:
    subscriber.send(Subscribe(1, {}, "a b"))
    error = subscriber.expect(Error)
    assert error.details == {}
    assert error.args == ["not a legal URI (exact)"]
