"""trowamp/router/_meta_sessions.py, _meta.py: who is here, being told of it, and being put out."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import NoSuchSession, uris
from trowamp.auth._anonymous import AnonymousAuthenticator
from trowamp.auth._router import Accept
from trowamp.messages import Error, Event, Goodbye, Result

from .harness import Client, World, begin

REASON = "com.example.reason"


def ask(client: Client, procedure: str, *args: Any, **kwargs: Any) -> Any:
    """Call a procedure of the router's; return what it answers."""
    client.call(procedure, *args, **kwargs)
    result = client.expect(Result)
    assert result.kwargs is None
    assert result.args is None or len(result.args) == 1
    return result.args[0] if result.args else None


def ask_in_vain(client: Client, procedure: str, *args: Any, **kwargs: Any) -> str:
    """Call a procedure of the router's; return the URI of its error."""
    request_id = client.call(procedure, *args, **kwargs)
    error = client.expect(Error)
    assert (error.request_type, error.request_id) == (48, request_id)
    return error.error


def world_of_roles(*realms: str, **options: Any) -> World:
    """Return a router whose sessions have the role that they ask for, and their authid."""

    class Trusting(AnonymousAuthenticator):
        def begin(self, attempt: Any) -> Accept:
            return Accept(authid=attempt.details["authid"], role=attempt.details["authrole"])

    return World(*realms, authenticators=[Trusting(lambda: 1)], **options)


def join_as(world: World, authid: str, role: str) -> Client:
    return world.connect().join(authid=authid, authrole=role)


@pytest.fixture
def people() -> list[Client]:
    """Return sessions of two roles; the first is the one that asks."""
    world = world_of_roles()
    return [join_as(world, *who) for who in (("ann", "admin"), ("bob", "user"), ("bob", "user"), ("cy", "admin"))]


def farewell(client: Client) -> Goodbye:
    """Return the GOODBYE that the router has sent."""
    return client.expect(Goodbye)


# ---- who is here


@pytest.mark.checklist("SM-R1")
def test_sessions_of_the_realm_are_counted_and_listed() -> None:
    world = World("realm1", "realm2")
    here, there = [world.join(), world.join()], world.join("realm2")
    ids = [client.session_id for client in here]
    assert ask(here[0], uris.SESSION_COUNT) == 2
    assert sorted(ask(here[0], uris.SESSION_LIST)) == sorted(ids)
    assert ask(there, uris.SESSION_LIST) == [there.session_id]
    assert ask_in_vain(there, uris.SESSION_GET, ids[0]) == uris.ERROR_NO_SUCH_SESSION
    assert ask_in_vain(there, uris.SESSION_KILL, ids[0]) == uris.ERROR_NO_SUCH_SESSION
    assert ask(there, uris.SESSION_KILL_ALL) == 0


@pytest.mark.parametrize(
    ("roles", "count"), [(["user"], 2), (["user", "admin"], 4), ([], 0), (["nobody"], 0), (None, 4)]
)
def test_they_are_filtered_by_role(people: list[Client], roles: list[str] | None, count: int) -> None:
    assert ask(people[0], uris.SESSION_COUNT, roles) == count
    assert len(ask(people[0], uris.SESSION_LIST, filter_authroles=roles)) == count


def test_a_session_is_described(world: World, caller: Client) -> None:
    other = world.join()
    assert other.welcome is not None
    assert ask(caller, uris.SESSION_GET, other.session_id) == {
        "session": other.session_id,
        "authid": other.welcome.details["authid"],
        "authrole": "anonymous",
        "authmethod": "anonymous",
        "authprovider": "static",
        "transport": {"type": "test"},
    }
    other.drop()
    assert ask_in_vain(caller, uris.SESSION_GET, other.session_id) == uris.ERROR_NO_SUCH_SESSION


def test_nobody_is_shown_the_cookies_and_certificates_of_others(world: World, caller: Client) -> None:
    other = world.join()
    other.peer.transport["http"] = {"path": "/ws", "headers": {"cookie": "secret"}}
    other.peer.transport["certificate"] = {"subject": {"commonName": "joe"}}
    assert ask(caller, uris.SESSION_GET, other.session_id)["transport"] == {"type": "test"}


@pytest.mark.parametrize("speaks", ["json", "msgpack", "cbor"])
def test_every_serializer_carries_the_answers(world: World, speaks: str) -> None:
    client = world.join(serializer=speaks)
    assert ask(client, uris.SESSION_GET, client.session_id)["session"] == client.session_id


# ---- being told


@pytest.mark.checklist("SM-R6", "SM-R8")
@pytest.mark.parametrize("way", ["goodbye", "drop", "violate"])
def test_joining_and_leaving_are_told_once(world: World, caller: Client, way: str) -> None:
    caller.subscribe(uris.SESSION_ON_JOIN)
    caller.subscribe(uris.SESSION_ON_LEAVE)
    other = world.join()
    other.subscribe(uris.SESSION_ON_JOIN)
    other.subscribe(uris.SESSION_ON_LEAVE)
    event = caller.expect(Event)
    assert event.args == [ask(caller, uris.SESSION_GET, other.session_id)]
    assert event.kwargs is None
    assert event.details == {}
    if way == "violate":
        other.say(99)
    else:
        getattr(other, way)()
    other.drop()
    assert other.welcome is not None
    assert caller.expect(Event).args == [other.session_id, other.welcome.details["authid"], "anonymous"]
    assert not any(isinstance(message, Event) for message in other.received())


@pytest.mark.checklist("SM-R1")
def test_other_realms_hear_nothing() -> None:
    world = World("realm1", "realm2")
    listener = world.join("realm2")
    listener.subscribe(uris.SESSION_ON_JOIN)
    world.join("realm1").drop()
    assert listener.received() == []


def test_patterns_in_the_reserved_namespace_hear_of_it_and_others_do_not(world: World, caller: Client) -> None:
    caller.subscribe("wamp.session.", match="prefix")
    caller.subscribe("wamp..on_leave", match="wildcard")
    caller.subscribe("", match="prefix")
    caller.subscribe("..", match="wildcard")
    caller.received()
    world.join().drop()
    topics = [event.details["topic"] for event in caller.events()]
    assert topics == [uris.SESSION_ON_JOIN, uris.SESSION_ON_LEAVE, uris.SESSION_ON_LEAVE]


@pytest.mark.checklist("SM-R7")
def test_sessions_of_the_router_itself_are_not_seen(world: World, caller: Client) -> None:
    caller.subscribe("wamp.session.", match="prefix")
    link = world.connect().link
    service = Client(world, link.serializer)
    service.peer = world.router.attach(
        service.link, transport={}, now=world.now, identity=Accept(authid="router", role="router")
    )
    service.join()
    assert ask(caller, uris.SESSION_LIST) == [caller.session_id]
    assert ask_in_vain(caller, uris.SESSION_GET, service.session_id) == uris.ERROR_NO_SUCH_SESSION
    assert ask_in_vain(caller, uris.SESSION_KILL, service.session_id) == uris.ERROR_NO_SUCH_SESSION
    assert ask(caller, uris.SESSION_KILL_ALL) == 0
    with pytest.raises(NoSuchSession):
        world.router.dismiss("realm1", service.session_id, uris.CLOSE_KILLED, None, world.now)
    assert ask(service, uris.SESSION_COUNT) == 1
    service.drop()
    assert caller.received() == []


# ---- being put out


@pytest.mark.checklist("SM-R2", "SM-R3")
def test_a_session_is_killed_and_told_why(people: list[Client]) -> None:
    ask(people[0], uris.SESSION_KILL, people[1].session_id, reason=REASON, message="go away")
    assert farewell(people[1]) == Goodbye({"message": "go away"}, REASON)
    ask(people[0], uris.SESSION_KILL, people[2].session_id)
    assert farewell(people[2]) == Goodbye({}, uris.CLOSE_KILLED)
    assert ask_in_vain(people[0], uris.SESSION_KILL, people[1].session_id) == uris.ERROR_NO_SUCH_SESSION
    assert ask_in_vain(people[0], uris.SESSION_KILL, people[0].session_id) == uris.ERROR_NO_SUCH_SESSION
    assert ask(people[0], uris.SESSION_COUNT) == 2


@pytest.mark.checklist("SM-R2")
def test_sessions_are_killed_by_authid(people: list[Client]) -> None:
    killed = ask(people[0], uris.SESSION_KILL_BY_AUTHID, "bob", reason=REASON)
    assert sorted(killed) == sorted([people[1].session_id, people[2].session_id])
    assert farewell(people[1]).reason == farewell(people[2]).reason == REASON
    assert people[3].received() == []
    assert ask(people[0], uris.SESSION_KILL_BY_AUTHID, "ann") == []


@pytest.mark.checklist("SM-R2", "CI-R4")
def test_sessions_are_killed_by_role_and_their_number_is_the_answer(people: list[Client]) -> None:
    assert ask(people[0], uris.SESSION_KILL_BY_AUTHROLE, "admin") == 1
    assert farewell(people[3]).reason == uris.CLOSE_KILLED
    assert ask(people[0], uris.SESSION_KILL_BY_AUTHROLE, "user", message="tidying up") == 2
    assert farewell(people[1]).details == {"message": "tidying up"}
    assert farewell(people[2]).details == {"message": "tidying up"}


@pytest.mark.checklist("SM-R5", "SM-R6")
def test_all_others_are_killed_and_the_caller_hears_of_each(people: list[Client]) -> None:
    people[0].subscribe(uris.SESSION_ON_LEAVE)
    people[0].call(uris.SESSION_KILL_ALL)
    *events, result = people[0].received()
    assert isinstance(result, Result)
    assert result.args == [3]
    left = [event.args[0] for event in events if isinstance(event, Event) and event.args]
    assert sorted(left) == sorted(client.session_id for client in people[1:])
    assert {farewell(client).reason for client in people[1:]} == {uris.CLOSE_KILLED}


@pytest.mark.checklist("SM-R4", "SES-R5")
def test_a_killed_session_that_does_not_answer_is_disconnected(people: list[Client]) -> None:
    world = people[0].world
    ask(people[0], uris.SESSION_KILL, people[1].session_id)
    ask(people[0], uris.SESSION_KILL, people[2].session_id)
    farewell(people[1])
    people[1].goodbye()
    assert people[1].peer.is_closing
    assert not people[2].peer.is_closing
    world.pass_time(5)
    assert people[2].peer.is_closing


def test_calls_of_and_to_killed_sessions_end(world: World) -> None:
    killer, caller, callee = world.join(), world.join(), world.join()
    begin(caller, callee)
    ask(killer, uris.SESSION_KILL, callee.session_id)
    caller.expect_error(uris.ERROR_CANCELED)
    assert "calls_in_flight" not in world.statistics()


@pytest.mark.parametrize("reason", ["", "not a uri", "a..b"])
@pytest.mark.parametrize(
    ("procedure", "args"),
    [
        (uris.SESSION_KILL, [0]),
        (uris.SESSION_KILL_BY_AUTHID, ["bob"]),
        (uris.SESSION_KILL_BY_AUTHROLE, ["user"]),
        (uris.SESSION_KILL_ALL, []),
    ],
)
def test_the_reason_must_be_a_uri(people: list[Client], procedure: str, args: list[Any], reason: str) -> None:
    args = [people[1].session_id] if args == [0] else args
    assert ask_in_vain(people[0], procedure, *args, reason=reason) == uris.ERROR_INVALID_URI
    assert people[1].received() == []


# ---- arguments


@pytest.mark.parametrize(
    ("procedure", "args", "kwargs"),
    [
        (uris.SESSION_COUNT, ["admin"], {}),
        (uris.SESSION_COUNT, [[1]], {}),
        (uris.SESSION_COUNT, [None, None], {}),
        (uris.SESSION_GET, [], {}),
        (uris.SESSION_GET, ["1"], {}),
        (uris.SESSION_GET, [1.0], {}),
        (uris.SESSION_GET, [1], {"session": 1}),
        (uris.SESSION_KILL, [1], {"reason": 1}),
        (uris.SESSION_KILL, [True], {}),
        (uris.SESSION_KILL_ALL, [], {"resaon": REASON}),
        (uris.SESSION_KILL_BY_AUTHID, [None], {}),
    ],
)
def test_arguments_that_are_not_legal_are_refused(
    caller: Client, procedure: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    assert ask_in_vain(caller, procedure, *args, **kwargs) == uris.ERROR_INVALID_ARGUMENT


def test_arguments_may_have_names(caller: Client) -> None:
    assert ask(caller, uris.SESSION_GET, session=caller.session_id)["session"] == caller.session_id


@pytest.mark.checklist("URI-B2")
@pytest.mark.parametrize("procedure", ["wamp", "wamp.session", "wamp.session.kill_everybody", "wamp.x.y"])
def test_the_rest_of_the_reserved_namespace_does_not_exist(world: World, caller: Client, procedure: str) -> None:
    world.join().register("", match="prefix")
    assert ask_in_vain(caller, procedure) == uris.ERROR_NO_SUCH_PROCEDURE


def test_an_answer_that_the_connection_cannot_carry_is_an_error() -> None:
    world = World()
    client = world.join(max_send_size=1500)
    for _ in range(300):
        world.join()
    assert ask_in_vain(client, uris.SESSION_LIST) == uris.ERROR_PAYLOAD_SIZE_EXCEEDED
    assert ask(client, uris.SESSION_COUNT) == 301


def test_nothing_is_put_together_for_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trowamp.router._session.Session.describe", None)
    monkeypatch.setattr("trowamp.router._broker.Broker.announce", None)
    client = world.join()
    client.register("a")
    client.subscribe("b")
    client.subscribe("", match="prefix")
    client.drop()
    assert world.statistics() == {"realms": 1}
