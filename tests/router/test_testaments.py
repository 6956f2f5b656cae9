"""trowamp/router/_testaments.py: what sessions leave behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Event, Goodbye, Result

from .harness import Client, World
from .test_meta_sessions import ask, ask_in_vain

TOPIC = "com.example.gone"
ADD = uris.SESSION_ADD_TESTAMENT
FLUSH = uris.SESSION_FLUSH_TESTAMENTS


@pytest.fixture
def heir(world: World) -> Client:
    """Return a session that listens."""
    heir = world.join()
    heir.subscribe(TOPIC)
    return heir


def kill(client: Client) -> None:
    client.world.router.dismiss("realm1", client.session_id, uris.CLOSE_KILLED, None, client.world.now)


def violate(client: Client) -> None:
    client.say(99)


@pytest.mark.checklist("TM-R1", "TM-R4", "TM-R7")
@pytest.mark.parametrize("way", [Client.goodbye, Client.drop, kill, violate])
def test_a_testament_is_published_however_a_session_ends(
    world: World, heir: Client, way: Callable[[Client], None]
) -> None:
    client = world.join()
    client.subscribe(TOPIC)
    assert ask(client, ADD, TOPIC, [1, "x"], {"key": b"\0"}) is None
    assert heir.received() == []
    way(client)
    event = heir.expect(Event)
    assert (event.args, event.kwargs, event.details) == ([1, "x"], {"key": b"\0"}, {})
    client.drop()
    assert heir.received() == []
    assert not any(isinstance(message, Event) for message in client.received())


@pytest.mark.checklist("TM-R2", "TM-R3")
def test_testaments_are_published_in_order_scope_by_scope(world: World, heir: Client) -> None:
    client = world.join()
    for number, scope in enumerate(["destroyed", "detached", "destroyed", "detached"]):
        ask(client, ADD, TOPIC, [number], {}, scope=scope)
    client.drop()
    assert [event.args for event in heir.events()] == [[1], [3], [0], [2]]


@pytest.mark.checklist("TM-R2", "TM-R3")
@pytest.mark.parametrize(
    ("scope", "left"), [({}, [[1]]), ({"scope": "destroyed"}, [[1]]), ({"scope": "detached"}, [[2]])]
)
def test_each_scope_is_flushed_alone(world: World, heir: Client, scope: dict[str, str], left: list[list[int]]) -> None:
    client = world.join()
    ask(client, ADD, TOPIC, [1], {}, scope="detached")
    ask(client, ADD, TOPIC, [2], {})
    assert ask(client, FLUSH, **scope) is None
    client.goodbye()
    assert [event.args for event in heir.events()] == left


@pytest.mark.checklist("TM-R1", "TM-R5")
def test_a_testament_is_published_with_its_options(world: World, heir: Client) -> None:
    client, excluded = world.join(), world.join()
    excluded.subscribe(TOPIC)
    options = {"acknowledge": True, "exclude_me": False, "disclose_me": True, "exclude": [excluded.session_id]}
    ask(client, ADD, TOPIC, [], {}, publish_options=options)
    client.goodbye()
    assert heir.expect(Event).details["publisher"] == client.session_id
    assert excluded.received() == []
    assert [type(message) for message in client.received()] == [Goodbye]


@pytest.mark.checklist("TM-R4", "SM-R5", "SES-R3")
def test_testaments_come_before_the_news_that_the_session_is_over(world: World) -> None:
    heir, client = world.join(), world.join()
    for topic in (TOPIC, uris.SESSION_ON_LEAVE, uris.REGISTRATION_ON_DELETE):
        heir.subscribe(topic)
    client.register("a")
    ask(client, ADD, TOPIC, ["mine"], {})
    heir.call(uris.SESSION_KILL_ALL)
    testament, deleted, left, result = heir.received()
    assert isinstance(result, Result)
    assert isinstance(testament, Event)
    assert testament.args == ["mine"]
    assert isinstance(deleted, Event)
    assert isinstance(left, Event)
    assert deleted.args is not None
    assert left.args is not None
    assert deleted.args[0] == left.args[0] == client.session_id


@pytest.mark.checklist("TM-R6", "TM-R8")
@pytest.mark.parametrize(
    ("args", "kwargs", "error"),
    [
        ([TOPIC, [], {}], {"scope": "forever"}, uris.ERROR_INVALID_ARGUMENT),
        ([TOPIC, {}, []], {}, uris.ERROR_INVALID_ARGUMENT),
        ([], {}, uris.ERROR_INVALID_ARGUMENT),
        ([TOPIC], {"publish_options": {"exclude": "everybody"}}, uris.ERROR_INVALID_ARGUMENT),
        ([uris.SESSION_ON_JOIN, [], {}], {}, uris.ERROR_INVALID_URI),
        (["a..b", [], {}], {}, uris.ERROR_INVALID_URI),
        ([TOPIC, ["x" * 2**20], {}], {}, uris.ERROR_NOT_AUTHORIZED),
    ],
)
def test_what_is_no_testament_is_refused(
    world: World, heir: Client, args: list[Any], kwargs: dict[str, Any], error: str
) -> None:
    client = world.join()
    assert ask_in_vain(client, ADD, *args, **kwargs) == error
    client.drop()
    assert heir.received() == []


def test_the_scope_to_flush_must_exist(caller: Client) -> None:
    assert ask_in_vain(caller, FLUSH, scope="all") == uris.ERROR_INVALID_ARGUMENT


def test_testaments_are_limited(world: World) -> None:
    client = world.join()
    for _ in range(100):
        ask(client, ADD, TOPIC)
    assert ask_in_vain(client, ADD, TOPIC) == uris.ERROR_NOT_AUTHORIZED
    ask(client, FLUSH)
    ask(client, ADD, TOPIC)


def test_a_connection_that_joins_again_begins_without_testaments(world: World, heir: Client) -> None:
    client = world.join()
    ask(client, ADD, TOPIC)
    client.goodbye()
    heir.expect(Event)
    client.received()
    client.join()
    client.drop()
    assert heir.received() == []
