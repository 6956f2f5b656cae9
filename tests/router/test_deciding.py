"""Handshakes that somebody else decides about, methods that are skipped, connections that the router itself has made."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.auth import Accept, Challenge, Claim, Deny, Pending, Principal, Skip
from trowamp.auth._router import Attempt, Outcome
from trowamp.messages import Abort, Authenticate, Hello, Welcome
from trowamp.messages import Challenge as ChallengeMessage
from trowamp.router._accept import Vouched
from trowamp.wire import get_serializer, whole_messages

from .harness import Client, World

ACCEPTED = Accept(authid="joe", role="user")


class Scripted:
    """An authentication method that says what the test tells it to say."""

    def __init__(self, method: str, begins: Outcome, answers: Outcome | None = None) -> None:
        self.method = method
        self.begins = begins
        self.answers = answers

    def begin(self, attempt: Attempt) -> Outcome:
        return self.begins

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        assert self.answers is not None
        return self.answers


def pending() -> Pending:
    claim = Attempt("realm1", {"authid": "joe"}, {}, 1).claim("slow")
    return Pending(claim, lambda principal: ACCEPTED)


def asking(*methods: Scripted) -> tuple[World, Client]:
    """Return a client that has said HELLO with all the methods."""
    world = World(authenticators=methods)
    client = world.connect()
    client.hello(authmethods=[method.method for method in methods], authid="joe")
    return world, client


# ---- waiting


@pytest.mark.checklist("DA-R1")
def test_the_client_waits_until_it_is_decided() -> None:
    world, client = asking(Scripted("slow", pending()))
    assert client.received() == []
    ((peer, question),) = world.router.take_pending()
    assert peer is client.peer
    assert isinstance(question.claim, Claim)
    assert world.router.take_pending() == []
    judged = question.judge(Principal(authid="joe", role="user", credentials={}))
    world.router.resolve(peer, judged, world.now)
    assert client.expect(Welcome).details["authid"] == "joe"
    assert peer in world.router.take_dirty()


@pytest.mark.checklist("DA-R1")
def test_a_decision_may_be_a_refusal_or_a_challenge() -> None:
    world, client = asking(Scripted("slow", pending(), Deny("com.example.no", "because")))
    world.router.resolve(client.peer, Challenge({"x": 1}), world.now)
    assert client.expect(ChallengeMessage) == ChallengeMessage("slow", {"x": 1})
    client.send(Authenticate("x", {}))
    abort = client.expect(Abort)
    assert (abort.reason, abort.details) == ("com.example.no", {"message": "because"})


def test_an_answer_to_a_challenge_may_have_to_be_decided_as_well() -> None:
    world, client = asking(Scripted("slow", Challenge({}), pending()))
    client.expect(ChallengeMessage)
    client.send(Authenticate("x", {}))
    ((peer, _),) = world.router.take_pending()
    world.router.resolve(peer, ACCEPTED, world.now)
    client.expect(Welcome)


@pytest.mark.checklist("PV-R")
@pytest.mark.parametrize("raw", [[5, "x", {}], [1, "realm1", {"roles": {"caller": {}}}], [48, 1, {}, "a"]])
def test_a_client_that_does_not_wait_breaks_the_protocol(raw: list[Any]) -> None:
    world, client = asking(Scripted("slow", pending()))
    client.say(*raw)
    abort = client.expect(Abort)
    assert abort.reason == uris.ERROR_PROTOCOL_VIOLATION
    assert abort.details["message"].endswith("while it is being decided who may join")
    world.router.resolve(client.peer, ACCEPTED, world.now)
    assert client.received() == []


def test_a_client_may_give_up_waiting() -> None:
    world, client = asking(Scripted("slow", pending()))
    client.send(Abort({}, "wamp.error.canceled"))
    world.router.resolve(client.peer, ACCEPTED, world.now)
    assert client.received() == []
    assert client.peer.is_closing
    assert "sessions" not in world.statistics()


def test_a_decision_about_a_connection_that_is_gone_has_no_consequence() -> None:
    world, client = asking(Scripted("slow", pending()))
    client.drop()
    world.router.resolve(client.peer, ACCEPTED, world.now)
    assert "sessions" not in world.statistics()
    assert len(world.router._ids) == 0


@pytest.mark.checklist("AU-R4")
def test_nobody_waits_for_ever() -> None:
    world, client = asking(Scripted("slow", pending()))
    world.pass_time(15)
    abort = client.expect(Abort)
    assert abort.reason == uris.ERROR_AUTHENTICATION_FAILED
    assert abort.details["message"] == "nobody decided within 15 s whether the session may join"
    world.router.resolve(client.peer, ACCEPTED, world.now)
    assert client.received() == []


def test_a_right_answer_that_was_decided_on_after_too_many_wrong_ones_is_refused() -> None:
    slow = Scripted("slow", pending())
    world = World(authenticators=[slow])
    clients = [world.connect() for _ in range(11)]
    for client in clients:
        client.hello(authmethods=["slow"], authid="joe")
    for client in clients[:10]:
        world.router.resolve(client.peer, Deny(uris.ERROR_AUTHENTICATION_DENIED, "no"), world.now)
    world.router.resolve(clients[10].peer, ACCEPTED, world.now)
    abort = clients[10].expect(Abort)
    assert abort.details["message"] == "too many failed attempts; try again later"


def test_a_decision_that_comes_twice_counts_once() -> None:
    world, client = asking(Scripted("slow", pending()))
    for _ in range(2):
        world.router.resolve(client.peer, ACCEPTED, world.now)
    client.expect(Welcome)


# ---- skipping


@pytest.mark.checklist("AU-R2")
def test_methods_that_are_of_no_use_are_skipped_in_the_clients_order() -> None:
    _, client = asking(
        Scripted("a", Skip("a needs a name")), Scripted("b", Challenge({"b": 1})), Scripted("c", Challenge({}))
    )
    assert client.expect(ChallengeMessage) == ChallengeMessage("b", {"b": 1})


@pytest.mark.checklist("AU-R2")
def test_a_decision_may_be_that_the_method_is_of_no_use() -> None:
    world, client = asking(Scripted("slow", pending()), Scripted("b", Challenge({"b": 1})))
    world.router.resolve(client.peer, Skip("slow knows nothing of it"), world.now)
    assert client.expect(ChallengeMessage).method == "b"


@pytest.mark.checklist("AU-R2")
def test_when_all_are_skipped_the_last_says_why() -> None:
    _, client = asking(Scripted("a", Skip("a needs a name")), Scripted("b", Skip("b needs a key")))
    abort = client.expect(Abort)
    assert (abort.reason, abort.details["message"]) == (uris.ERROR_NO_MATCHING_AUTH_METHOD, "b needs a key")


def test_a_method_that_is_offered_twice_is_tried_once() -> None:
    world = World(authenticators=[Scripted("a", Skip("a needs a name"))])
    client = world.connect()
    client.hello(authmethods=["a", "a", "x"])
    assert client.expect(Abort).reason == uris.ERROR_NO_MATCHING_AUTH_METHOD


# ---- the router's own


def test_a_connection_that_the_router_has_made_is_asked_for_nothing() -> None:
    world = World(authenticators=[])
    link = whole_messages(get_serializer("msgpack"))
    identity = Accept(authid="router", role="router", provider="local")
    peer = world.router.attach(link, transport={}, now=world.now, identity=identity)
    world.router.receive(peer, Hello("realm1", {"roles": {"caller": {}}, "authid": "root"}), world.now)
    (welcome,) = [link.serializer.decode(body) for body in link.bodies_to_send()]
    assert isinstance(welcome, Welcome)
    said = {key: value for key, value in welcome.details.items() if key.startswith("auth")}
    assert said == {"authid": "router", "authrole": "router", "authmethod": "local", "authprovider": "local"}


def test_the_routers_own_connection_has_nothing_to_answer() -> None:
    assert isinstance(Vouched(ACCEPTED).answer(Attempt("realm1", {}, {}, 1), "x", {}), Deny)


def test_no_client_can_ask_for_what_only_the_router_has() -> None:
    world = World(authenticators=[])
    client = world.connect()
    client.hello(authmethods=["local"], authid="router")
    assert client.expect(Abort).reason == uris.ERROR_NO_MATCHING_AUTH_METHOD


def test_the_routers_own_connection_joins_realms_that_exist_only() -> None:
    world = World()
    link = whole_messages(get_serializer("msgpack"))
    peer = world.router.attach(link, transport={}, now=world.now, identity=ACCEPTED)
    world.router.receive(peer, Hello("nowhere", {"roles": {"caller": {}}}), world.now)
    (abort,) = [link.serializer.decode(body) for body in link.bodies_to_send()]
    assert isinstance(abort, Abort)
    assert abort.reason == uris.ERROR_NO_SUCH_REALM
