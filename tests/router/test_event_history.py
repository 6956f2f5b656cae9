"""trowamp/router/_event_history.py: past events, and who may read them."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Published, Result
from trowamp.router import HistoryRule

from .harness import Client, World
from .test_meta_sessions import ask_in_vain, join_as, world_of_roles

TOPIC = "com.example.log"
GET = uris.SUBSCRIPTION_GET_EVENTS
ALL = HistoryRule(uri="", match="prefix")
START = 1000.0  # the world's clock


def history_world(*rules: HistoryRule) -> World:
    return World(event_history=rules or (ALL,))


def get(client: Client, subscription_id: int, **query: Any) -> list[dict[str, Any]]:
    """Return the events of a subscription."""
    client.call(GET, subscription_id, **query)
    result = client.expect(Result)
    assert result.kwargs is None
    assert not isinstance(result.args, bytes)
    return list(result.args or [])


def payloads(events: list[dict[str, Any]]) -> list[Any]:
    return [event.get("args", [None])[0] for event in events]


def publish(client: Client, topic: str, *args: Any, **options: Any) -> int:
    """Publish; return the id of the publication."""
    client.publish(topic, *args, options={"acknowledge": True, **options})
    return client.expect(Published).publication_id


@pytest.fixture
def story() -> tuple[Client, int, list[int]]:
    """Return a session, its subscription, and five publications, one a second, with 0 to 4."""
    world = history_world()
    client = world.join()
    ids = []
    for number in range(5):
        ids.append(publish(client, TOPIC, number))
        world.now += 1
    return client, client.subscribe(TOPIC), ids


@pytest.mark.checklist("EH-R1", "EH-R2", "EH-R3")
def test_a_subscription_has_a_past(story: tuple[Client, int, list[int]]) -> None:
    client, subscription_id, ids = story
    events = get(client, subscription_id)
    assert payloads(events) == [0, 1, 2, 3, 4]
    assert events[1] == {
        "timestamp": "1970-01-01T00:16:41.000000Z",
        "subscription": subscription_id,
        "publication": ids[1],
        "details": {},
        "args": [1],
    }


@pytest.mark.checklist("EH-R1")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"reverse": True}, [4, 3, 2, 1, 0]),
        ({"limit": 2}, [0, 1]),
        ({"limit": 2, "reverse": True}, [4, 3]),
        ({"limit": 100}, [0, 1, 2, 3, 4]),
        ({"from_time": "1970-01-01T00:16:43Z"}, [3, 4]),
        ({"after_time": "1970-01-01T00:16:43Z"}, [4]),
        ({"before_time": "1970-01-01T00:16:41Z"}, [0]),
        ({"until_time": "1970-01-01T01:16:41+01:00"}, [0, 1]),
        ({"after_time": "1970-01-01T00:16:40.5Z", "before_time": "1970-01-01T00:16:43Z"}, [1, 2]),
        ({"topic": TOPIC}, [0, 1, 2, 3, 4]),
        ({"topic": "com.example"}, []),
        ({"from_publication": 3}, [3, 4]),
        ({"after_publication": 3}, [4]),
        ({"before_publication": 1}, [0]),
        ({"until_publication": 1}, [0, 1]),
        ({"after_publication": 0, "until_publication": 3, "reverse": True, "limit": 2}, [3, 2]),
        ({"after_publication": 3, "before_publication": 1}, []),
        ({"from_publication": 1, "from_time": "1970-01-01T00:16:43Z"}, [3, 4]),
    ],
)
def test_all_conditions_must_hold(
    story: tuple[Client, int, list[int]], query: dict[str, Any], expected: list[int]
) -> None:
    client, subscription_id, ids = story
    query = {key: ids[value] if key.endswith("_publication") else value for key, value in query.items()}
    assert payloads(get(client, subscription_id, **query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": "1"},
        {"reverse": 1},
        {"from_time": "yesterday"},
        {"from_time": 1000},
        {"from_time": "1970-01-01T00:16:43"},
        {"from_publication": 1},
        {"novel": 1},
    ],
)
def test_conditions_that_mean_nothing_are_refused(story: tuple[Client, int, list[int]], query: dict[str, Any]) -> None:
    client, subscription_id, _ = story
    assert ask_in_vain(client, GET, subscription_id, **query) == uris.ERROR_INVALID_ARGUMENT


@pytest.mark.checklist("EH-R6")
def test_a_subscription_that_does_not_exist_has_no_past(caller: Client) -> None:
    assert ask_in_vain(caller, GET, 1) == uris.ERROR_NO_SUCH_SUBSCRIPTION
    assert ask_in_vain(caller, GET, caller.subscribe(uris.SESSION_ON_JOIN)) == uris.ERROR_NO_SUCH_SUBSCRIPTION


def test_without_rules_nothing_is_kept(world: World, caller: Client) -> None:
    publish(caller, TOPIC, 1)
    assert get(caller, caller.subscribe(TOPIC)) == []


@pytest.mark.checklist("EH-R3")
def test_patterns_have_the_past_of_all_their_topics_in_order() -> None:
    world = history_world(
        HistoryRule(uri="a", match="prefix"), HistoryRule(uri="a.b"), HistoryRule(uri=".z", match="wildcard")
    )
    client = world.join()
    for number, topic in enumerate(["a.b", "a.c", "a.b", "b.b", "b.z", "a.z"]):
        publish(client, topic, number)
    events = get(client, client.subscribe("a", match="prefix"))
    assert payloads(events) == [0, 1, 2, 5]
    assert [event["details"]["topic"] for event in events] == ["a.b", "a.c", "a.b", "a.z"]
    subscription_id = client.subscribe(".b", match="wildcard")
    assert payloads(get(client, subscription_id)) == [0, 2]
    assert payloads(get(client, client.subscribe("", match="prefix"), topic="b.z")) == [4]
    assert payloads(get(client, client.subscribe("a.b"))) == [0, 2]
    assert payloads(get(client, client.subscribe("b.b"))) == []


@pytest.mark.checklist("EH-R5")
def test_an_event_is_read_by_those_only_who_may_have_it() -> None:
    world = world_of_roles(event_history=(ALL,))
    publisher, ann, bob = (join_as(world, *who) for who in (("cy", "robot"), ("ann", "admin"), ("bob", "user")))
    publish(publisher, TOPIC, 0)
    publish(publisher, TOPIC, 1, eligible_authid=["ann"])
    publish(publisher, TOPIC, 2, exclude_authrole=["admin"])
    publish(publisher, TOPIC, 3, eligible_authrole=[])
    publish(publisher, TOPIC, 4, exclude=[1])
    publish(publisher, TOPIC, 5, eligible=[ann.session_id])
    assert payloads(get(ann, ann.subscribe(TOPIC))) == [0, 1]
    assert payloads(get(bob, bob.subscribe(TOPIC))) == [0, 2]
    assert world.statistics()["past_events"] == 4


def test_details_and_payload_are_those_of_the_event() -> None:
    client = history_world().join()
    client.publish(TOPIC, options={"disclose_me": True}, key=b"\0")
    (event,) = get(client, client.subscribe(TOPIC))
    assert event["kwargs"] == {"key": b"\0"}
    assert "args" not in event
    assert event["details"]["publisher"] == client.session_id


def test_other_sessions_read_the_same_subscription() -> None:
    world = history_world()
    owner, reader = world.join(), world.join()
    publish(owner, TOPIC, 1)
    assert payloads(get(reader, owner.subscribe(TOPIC))) == [1]


# ---- limits


def test_the_oldest_events_go_first() -> None:
    world = history_world(HistoryRule(uri="a", max_events=3), HistoryRule(uri="b", max_octets=3000))
    client = world.join()
    for number in range(5):
        publish(client, "a", number)
        publish(client, "b", str(number) * 1000)
    assert payloads(get(client, client.subscribe("a"))) == [2, 3, 4]
    assert [text[0] for text in payloads(get(client, client.subscribe("b")))] == ["3", "4"]
    publish(client, "b", "x" * 4000)
    assert get(client, client.subscribe("b")) == []


def test_a_publication_that_is_not_kept_any_more_is_an_error() -> None:
    client = history_world(HistoryRule(uri=TOPIC, max_events=1)).join()
    old, new = publish(client, TOPIC, 1), publish(client, TOPIC, 2)
    subscription_id = client.subscribe(TOPIC)
    assert get(client, subscription_id, after_publication=new) == []
    assert ask_in_vain(client, GET, subscription_id, after_publication=old) == uris.ERROR_INVALID_ARGUMENT


@pytest.mark.parametrize(
    "rule",
    [
        {"uri": "a..b"},
        {"uri": "a", "match": "regex"},
        {"uri": "a", "max_events": 0},
        {"uri": "a", "max_octets": 0},
    ],
)
def test_rules_that_cannot_work_are_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a|regex"):
        HistoryRule(**rule)


def test_two_rules_for_the_same_pattern_are_refused() -> None:
    with pytest.raises(ValueError, match="two rules"):
        World(event_history=(HistoryRule(uri="a"), HistoryRule(uri="a")))
