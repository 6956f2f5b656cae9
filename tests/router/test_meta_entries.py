"""trowamp/router/_meta_entries.py, _meta_events.py: what is registered and subscribed to, and being told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import (
    Event,
    Published,
    Registered,
    Subscribed,
    Unregister,
    Unregistered,
    Unsubscribe,
    Unsubscribed,
)

from .harness import NO_FEATURES, Client, World
from .test_meta_sessions import ask, ask_in_vain

URI = "com.example.thing"
CREATED = "1970-01-01T00:16:40.000000Z"  # the world's time, 1000 s


class Kind:
    """One of the two kinds of entries, and how a client makes them."""

    def __init__(self, name: str, members: str, verb: str, add: Callable[..., int]) -> None:
        self.name = name
        self.add = add
        self.joined = f"wamp.{name}.on_{verb}"
        self.left = f"wamp.{name}.on_un{verb}"
        self.created = f"wamp.{name}.on_create"
        self.deleted = f"wamp.{name}.on_delete"
        self.list, self.lookup, self.match, self.get = (
            f"wamp.{name}.{verb}" for verb in ("list", "lookup", "match", "get")
        )
        self.list_members = f"wamp.{name}.list_{members}s"
        self.count_members = f"wamp.{name}.count_{members}s"
        self.remove_member = f"wamp.{name}.remove_{members}"
        self.missing = f"wamp.error.no_such_{name}"
        self.done: tuple[type[Any], type[Any]] = (
            (Registered, Unregistered) if name == "registration" else (Subscribed, Unsubscribed)
        )

    def share(self, client: Client, uri: str = URI, match: str = "exact") -> int:
        """Have a client take part, together with others."""
        options: dict[str, Any] = {"match": match}
        if self.name == "registration":
            options["invoke"] = "roundrobin"
        return self.add(client, uri, **options)

    def withdraw(self, client: Client, entry_id: int) -> None:
        kind = Unregister if self.name == "registration" else Unsubscribe
        client.send(kind(client.next_id(), entry_id))

    def describe(self, entry_id: int, match: str = "exact") -> dict[str, Any]:
        details = {"id": entry_id, "created": CREATED, "uri": URI, "match": match}
        return details | ({"invoke": "roundrobin"} if self.name == "registration" else {})


REGISTRATION = Kind("registration", "callee", "register", Client.register)
SUBSCRIPTION = Kind("subscription", "subscriber", "subscribe", Client.subscribe)


@pytest.fixture(params=[REGISTRATION, SUBSCRIPTION], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    assert isinstance(request.param, Kind)
    return request.param


@pytest.fixture
def listener(world: World, kind: Kind) -> Client:
    """Return a session that hears of all entries of the kind."""
    listener = world.join()
    listener.subscribe(f"wamp.{kind.name}.", match="prefix")
    return listener


def told(listener: Client) -> list[tuple[str, Any]]:
    """Return what the router has told since the last time: topic and arguments."""
    events = listener.events()
    assert all(event.kwargs is None for event in events)
    return [(event.details["topic"], event.args) for event in events]


# ---- being told


@pytest.mark.checklist("RM-R1", "UM-R1", "SR-R4")
def test_an_entry_is_created_before_it_has_members_and_deleted_after_the_last(
    world: World, kind: Kind, listener: Client
) -> None:
    first, second = world.join(), world.join()
    entry_id = kind.share(first)
    assert told(listener) == [
        (kind.created, [first.session_id, kind.describe(entry_id)]),
        (kind.joined, [first.session_id, entry_id]),
    ]
    kind.share(second)
    assert told(listener) == [(kind.joined, [second.session_id, entry_id])]
    kind.withdraw(first, entry_id)
    assert told(listener) == [(kind.left, [first.session_id, entry_id])]
    kind.withdraw(second, entry_id)
    assert told(listener) == [
        (kind.left, [second.session_id, entry_id]),
        (kind.deleted, [second.session_id, entry_id]),
    ]


@pytest.mark.checklist("RM-R2", "UM-R2", "SES-R3")
@pytest.mark.parametrize("way", [Client.goodbye, Client.drop])
def test_the_end_of_a_session_is_the_end_of_its_parts(
    world: World, kind: Kind, listener: Client, way: Callable[[Client], None]
) -> None:
    client, other = world.join(), world.join()
    alone, shared = kind.share(client, "a"), kind.share(client, "b", "prefix")
    kind.share(other, "b", "prefix")
    listener.received()
    listener.subscribe(uris.SESSION_ON_LEAVE)
    listener.received()
    way(client)
    *events, last = listener.events()
    assert [(event.details.get("topic"), event.args) for event in events] == [
        (kind.left, [client.session_id, alone]),
        (kind.deleted, [client.session_id, alone]),
        (kind.left, [client.session_id, shared]),
    ]
    assert last.args is not None
    assert last.args[0] == client.session_id


@pytest.mark.checklist("RM-R5", "UM-R5", "ORD-R2")
def test_whoever_acts_is_answered_before_it_is_told(world: World, kind: Kind) -> None:
    client = world.join()
    client.subscribe(f"wamp.{kind.name}.", match="prefix")
    answer_first(client, kind, lambda: client.say(64 if kind.name == "registration" else 32, 7, {}, URI), 2)
    entry_id = ask(client, kind.lookup, URI)
    answer_first(client, kind, lambda: kind.withdraw(client, entry_id), 2)


def answer_first(client: Client, kind: Kind, act: Callable[[], None], events: int) -> None:
    act()
    answer, *rest = client.received()
    assert isinstance(answer, kind.done)
    assert [type(message) for message in rest] == [Event] * events


@pytest.mark.checklist("RM-R3", "UM-R3", "RM-R6", "UM-R6")
def test_nothing_is_told_of_the_reserved_namespace(world: World) -> None:
    listener, client = world.join(), world.join()
    listener.subscribe("wamp.subscription.", match="prefix")
    topics = [(uris.SESSION_ON_JOIN, "exact"), ("wamp.", "prefix"), ("wamp..on_join", "wildcard")]
    ids = [client.subscribe(topic, match=match) for topic, match in topics]
    client.drop()
    assert listener.received() == []
    assert ask(listener, uris.SUBSCRIPTION_LIST) == {"exact": [], "prefix": [], "wildcard": []}
    assert ask_in_vain(listener, uris.SUBSCRIPTION_GET, ids[0]) == uris.ERROR_NO_SUCH_SUBSCRIPTION


def test_subscribing_again_is_not_told_again(world: World) -> None:
    listener, client = world.join(), world.join()
    listener.subscribe("wamp.subscription.", match="prefix")
    client.subscribe(URI)
    assert len(listener.events()) == 2
    client.subscribe(URI)
    assert listener.events() == []


# ---- what there is


@pytest.mark.checklist("UM-R8")
def test_entries_are_listed_by_policy(world: World, kind: Kind, caller: Client) -> None:
    assert ask(caller, kind.list) == {"exact": [], "prefix": [], "wildcard": []}
    client = world.join()
    ids = {match: kind.share(client, "a.b", match) for match in ("exact", "prefix", "wildcard")}
    other = kind.share(client, "a.c")
    expected = {match: [entry_id] for match, entry_id in ids.items()}
    expected["exact"].append(other)
    assert ask(caller, kind.list) == expected


@pytest.mark.checklist("RM-R4", "UM-R4", "PB-R3")
def test_a_look_up_is_for_the_text_itself(world: World, kind: Kind, caller: Client) -> None:
    client = world.join()
    exact, prefix = kind.share(client, "a.b"), kind.share(client, "a.b", "prefix")
    assert ask(caller, kind.lookup, "a.b") == ask(caller, kind.lookup, "a.b", {}) == exact
    assert ask(caller, kind.lookup, "a.b", {"match": "prefix"}) == prefix
    assert ask(caller, kind.lookup, "a.b", {"match": "wildcard", "novel": 1}) is None
    assert ask(caller, kind.lookup, "a.b.c", {"match": "prefix"}) is None
    assert ask_in_vain(caller, kind.lookup, "a.b", {"match": "best"}) == uris.ERROR_INVALID_ARGUMENT


@pytest.mark.checklist("PBR-R1")
def test_a_match_is_the_registration_that_a_call_goes_to(world: World, caller: Client) -> None:
    callee = world.join()
    prefix, wildcard = callee.register("a", match="prefix"), callee.register(".b", match="wildcard")
    assert ask(caller, uris.REGISTRATION_MATCH, "a.b") == prefix
    exact = callee.register("a.b")
    assert ask(caller, uris.REGISTRATION_MATCH, "a.b") == exact
    assert ask(caller, uris.REGISTRATION_MATCH, "c.b") == wildcard
    assert ask(caller, uris.REGISTRATION_MATCH, "c") is None
    callee.register("", match="prefix")
    assert ask(caller, uris.REGISTRATION_MATCH, uris.SESSION_COUNT) is None


@pytest.mark.checklist("UM-R7")
def test_a_match_is_every_subscription_that_an_event_goes_to(world: World, caller: Client) -> None:
    client = world.join()
    assert ask(caller, uris.SUBSCRIPTION_MATCH, "a.b") is None
    ids = [client.subscribe("a.b"), client.subscribe("a", match="prefix"), client.subscribe(".b", match="wildcard")]
    client.subscribe("b")
    assert sorted(ask(caller, uris.SUBSCRIPTION_MATCH, "a.b")) == sorted(ids)
    client.subscribe(uris.SESSION_ON_JOIN)
    assert ask(caller, uris.SUBSCRIPTION_MATCH, uris.SESSION_ON_JOIN) is None


def test_an_entry_is_described_with_its_members(world: World, kind: Kind, caller: Client) -> None:
    members = [world.join(), world.join()]
    (entry_id,) = {kind.share(member, match="prefix") for member in members}
    assert ask(caller, kind.get, entry_id) == kind.describe(entry_id, "prefix")
    assert ask(caller, kind.list_members, entry_id) == [member.session_id for member in members]
    assert ask(caller, kind.count_members, entry_id) == 2


def test_what_does_not_exist_is_an_error_everywhere(kind: Kind, caller: Client) -> None:
    for procedure in (kind.get, kind.list_members, kind.count_members):
        assert ask_in_vain(caller, procedure, 1) == kind.missing
    assert ask_in_vain(caller, kind.remove_member, 1, caller.session_id) == kind.missing
    assert ask_in_vain(caller, kind.remove_member, 1) == uris.ERROR_INVALID_ARGUMENT


# ---- taking away


@pytest.mark.checklist("RV-R1", "RV-R2", "RV-R3")
def test_a_member_is_removed_and_everybody_is_told(world: World, kind: Kind, listener: Client, caller: Client) -> None:
    deaf, hearing = world.join(features=NO_FEATURES), world.join()
    entry_id = kind.share(deaf)
    kind.share(hearing)
    listener.received()
    assert ask(caller, kind.remove_member, entry_id, hearing.session_id, reason="com.example.why") is None
    assert hearing.expect(kind.done[1]) == kind.done[1](0, {kind.name: entry_id, "reason": "com.example.why"})
    assert told(listener) == [(kind.left, [hearing.session_id, entry_id])]
    ask(caller, kind.remove_member, entry_id, deaf.session_id)
    assert deaf.received() == []
    assert [topic for topic, _ in told(listener)] == [kind.left, kind.deleted]
    assert ask_in_vain(caller, kind.get, entry_id) == kind.missing


def test_only_members_can_be_removed(world: World, kind: Kind, caller: Client) -> None:
    entry_id = kind.share(world.join())
    assert ask_in_vain(caller, kind.remove_member, entry_id, caller.session_id) == uris.ERROR_NO_SUCH_SESSION
    assert ask(caller, kind.count_members, entry_id) == 1


@pytest.mark.checklist("RV-R2")
def test_what_the_operator_revokes_is_told_too(world: World, kind: Kind, listener: Client) -> None:
    members = [world.join(), world.join()]
    (entry_id,) = {kind.share(member) for member in members}
    listener.received()
    getattr(world.router, f"revoke_{kind.name}")("realm1", entry_id)
    assert [topic for topic, _ in told(listener)] == [kind.left, kind.left, kind.deleted]


def test_events_of_the_router_are_no_publications_of_anybody(world: World, caller: Client) -> None:
    """Nobody can publish them, whatever it wants acknowledged."""
    caller.publish(uris.REGISTRATION_ON_CREATE, options={"acknowledge": True})
    caller.expect_error(uris.ERROR_INVALID_URI)
    caller.publish("com.example.x", options={"acknowledge": True})
    assert caller.expect(Published).publication_id
