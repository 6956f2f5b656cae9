"""The handshake as the router sees it: HELLO, challenges, WELCOME or ABORT, and everything said at the wrong time."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.auth._router import Accept, Attempt, Challenge, Deny, Outcome
from trowamp.messages import Abort, Authenticate, Goodbye, Hello, Welcome
from trowamp.messages import Challenge as ChallengeMessage
from trowamp.wire import get_serializer, universal_server, websocket_server

from .harness import Client, World, roles_with


class Password:
    """An authentication method with one password; "twice" asks for a second proof."""

    method = "password"

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def begin(self, attempt: Attempt) -> Outcome:
        self.attempts.append(attempt)
        attempt.state = 0
        return Challenge({"round": 1})

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        attempt.state += 1
        if signature == "twice" and attempt.state == 1:
            return Challenge({"round": 2})
        if signature not in {"secret", "twice"}:
            return Deny(uris.ERROR_AUTHENTICATION_DENIED, "no")
        realm = extra.get("realm")
        return Accept(authid="joe", role="user", realm=realm, provider="here", extra={"verifier": "v"})


def hello_with(authmethods: list[str] | None) -> Hello:
    details: dict[str, Any] = {"roles": roles_with(())}
    return Hello("realm1", details if authmethods is None else details | {"authmethods": authmethods})


def challenged(world: World) -> Client:
    client = world.connect()
    client.hello(authmethods=["password"], authid="joe")
    assert client.expect(ChallengeMessage) == ChallengeMessage("password", {"round": 1})
    return client


def expect_end(client: Client, reason: str) -> Abort:
    """The router has aborted, and sends and hears nothing more."""
    abort = client.expect(Abort)
    assert abort.reason == reason
    assert abort.details["message"]
    assert (abort.args, abort.kwargs) == (None, None)
    assert client.peer.is_closing
    assert reason in client.peer.close_reason
    client.hello()
    assert client.received() == []
    return abort


# ---- WELCOME


@pytest.mark.checklist("SES-R1", "AU-R3", "FEAT-B1", "SES-C1")
def test_welcome_says_who_the_session_is_and_what_the_router_can(world: World) -> None:
    client = world.join()
    assert client.welcome is not None
    details = client.welcome.details
    assert 1 <= client.welcome.session_id <= 2**53
    assert set(details.pop("roles")) == {"broker", "dealer"}
    assert details.pop("agent").startswith("trowamp-")
    assert len(details.pop("authid")) == 14
    assert details == {
        "realm": "realm1",
        "authrole": "anonymous",
        "authmethod": "anonymous",
        "authprovider": "static",
    }


@pytest.mark.checklist("FEAT-B1", "ER-R8", "IF-R1")
def test_nothing_is_announced_that_does_not_work(world: World) -> None:
    client = world.join()
    assert client.welcome is not None
    roles = client.welcome.details["roles"]
    assert {role: sorted(description["features"]) for role, description in roles.items()} == {
        "broker": [
            "event_history",
            "event_retention",
            "pattern_based_subscription",
            "payload_encryption_cryptobox",
            "payload_passthru_mode",
            "payload_transparency",
            "publication_trustlevels",
            "publisher_exclusion",
            "publisher_identification",
            "session_meta_api",
            "subscriber_blackwhite_listing",
            "subscription_meta_api",
            "subscription_revocation",
        ],
        "dealer": [
            "call_canceling",
            "call_reroute",
            "call_timeout",
            "call_trustlevels",
            "caller_identification",
            "pattern_based_registration",
            "payload_encryption_cryptobox",
            "payload_passthru_mode",
            "payload_transparency",
            "progressive_call_invocations",
            "progressive_call_results",
            "registration_meta_api",
            "registration_revocation",
            "session_meta_api",
            "shared_registration",
            "testament_meta_api",
        ],
    }


RESUME: dict[str, Any] = {"resumable": True, "resume-session": 7, "resume-token": "x"}


@pytest.mark.checklist("RES-B1")
def test_what_asks_for_a_session_to_be_resumed_is_ignored(world: World) -> None:
    client = world.connect().join(**RESUME)
    assert client.welcome is not None
    assert {"resumed", "resumable", "resume-ticket"}.isdisjoint(client.welcome.details)


@pytest.mark.checklist("AU-R1", "AU-R3")
def test_a_challenged_client_joins_with_the_identity_it_proved() -> None:
    method = Password()
    world = World(authenticators=[method])
    client = challenged(world)
    client.send(Authenticate("secret", {}))
    welcome = client.expect(Welcome)
    identity = {key: value for key, value in welcome.details.items() if key.startswith("auth")}
    assert identity == {
        "authid": "joe",
        "authrole": "user",
        "authmethod": "password",
        "authprovider": "here",
        "authextra": {"verifier": "v"},
    }
    (attempt,) = method.attempts
    assert attempt.session_id == welcome.session_id
    assert attempt.transport == {"type": "test"}
    assert attempt.details["authid"] == "joe"


def test_two_rounds_of_challenges_are_possible() -> None:
    client = challenged(World(authenticators=[Password()]))
    client.send(Authenticate("twice", {}))
    assert client.expect(ChallengeMessage).extra == {"round": 2}
    client.send(Authenticate("twice", {}))
    client.expect(Welcome)


@pytest.mark.checklist("AU-R3")
def test_the_method_may_choose_the_realm() -> None:
    world = World("realm1", "realm2", authenticators=[Password()])
    client = challenged(world)
    client.send(Authenticate("secret", {"realm": "realm2"}))
    assert client.expect(Welcome).details["realm"] == "realm2"
    client = challenged(world)
    client.send(Authenticate("secret", {"realm": "realm3"}))
    expect_end(client, uris.ERROR_NO_SUCH_REALM)


# ---- refusals


@pytest.mark.checklist("SES-R5", "URI-B3", "URI-B4", "SES-R4")
@pytest.mark.parametrize(
    ("realm", "reason"),
    [("elsewhere", uris.ERROR_NO_SUCH_REALM), ("", uris.ERROR_INVALID_URI), ("not a realm", uris.ERROR_INVALID_URI)],
)
def test_a_realm_that_does_not_exist_is_refused(world: World, realm: str, reason: str) -> None:
    client = world.connect()
    client.hello(realm)
    expect_end(client, reason)
    assert world.statistics() == {"connections": 1, "realms": 1, "refused_sessions": 1}


def test_a_realm_can_be_made_on_demand_and_goes_with_its_last_session() -> None:
    world = World("lasting", auto_realms=True)
    first, second = world.join("fleeting"), world.join("fleeting")
    lasting = world.join("lasting")
    assert world.statistics()["realms"] == 2
    for client in (first, lasting):
        client.drop()
    assert world.statistics()["realms"] == 2
    second.goodbye()
    assert world.statistics()["realms"] == 1


def test_the_name_of_a_realm_must_be_a_uri() -> None:
    with pytest.raises(ValueError, match="not a legal name of a realm: 'my realm'"):
        World("my realm")


@pytest.mark.checklist("AU-R2")
@pytest.mark.parametrize(
    ("offered", "outcome"),
    [
        (["anonymous"], Welcome),
        (["unknown", "anonymous"], Welcome),
        (["unknown", "password", "anonymous"], ChallengeMessage),
        (None, Welcome),
        ([], Welcome),
    ],
)
def test_the_first_of_the_clients_methods_that_the_router_has_is_used(
    world: World, offered: list[str] | None, outcome: type
) -> None:
    from trowamp.auth._anonymous import AnonymousAuthenticator

    world = World(authenticators=[Password(), AnonymousAuthenticator(world.random_id)])
    client = world.connect()
    client.send(hello_with(offered))
    (message,) = client.received()
    assert type(message) is outcome


@pytest.mark.checklist("AU-R2")
@pytest.mark.parametrize(
    ("offered", "reason"),
    [(["scram", "tls"], uris.ERROR_NO_MATCHING_AUTH_METHOD), (None, uris.ERROR_AUTHENTICATION_REQUIRED)],
)
def test_without_a_common_method_nobody_joins(offered: list[str] | None, reason: str) -> None:
    world = World(authenticators=[Password()])
    client = world.connect()
    client.send(hello_with(offered))
    expect_end(client, reason)


@pytest.mark.checklist("AU-R1", "SES-R5")
def test_a_wrong_proof_is_refused() -> None:
    world = World(authenticators=[Password()])
    client = challenged(world)
    client.send(Authenticate("guess", {}))
    expect_end(client, uris.ERROR_AUTHENTICATION_DENIED)
    assert "sessions" not in world.statistics()


def test_no_method_at_all_means_nobody_joins() -> None:
    client = World(authenticators=[]).connect()
    client.hello()
    expect_end(client, uris.ERROR_AUTHENTICATION_REQUIRED)


# ---- the wrong time

CLIENT_MESSAGES: dict[str, list[Any]] = {
    "AUTHENTICATE": [5, "x", {}],
    "GOODBYE": [6, {}, "wamp.close.close_realm"],
    "ERROR": [8, 68, 1, {}, "com.example.error"],
    "PUBLISH": [16, 1, {}, "a"],
    "SUBSCRIBE": [32, 1, {}, "a"],
    "UNSUBSCRIBE": [34, 1, 1],
    "CALL": [48, 1, {}, "a"],
    "CANCEL": [49, 1, {}],
    "REGISTER": [64, 1, {}, "a"],
    "UNREGISTER": [66, 1, 1],
    "YIELD": [70, 1, {}],
    "HELLO": [1, "realm1", {"roles": {"caller": {}}}],
}
ROUTER_MESSAGES: dict[str, list[Any]] = {
    "WELCOME": [2, 1, {"roles": {"broker": {}}}],
    "CHALLENGE": [4, "ticket", {}],
    "PUBLISHED": [17, 1, 1],
    "SUBSCRIBED": [33, 1, 1],
    "UNSUBSCRIBED": [35, 1],
    "EVENT": [36, 1, 1, {}],
    "RESULT": [50, 1, {}],
    "REGISTERED": [65, 1, 1],
    "UNREGISTERED": [67, 1],
    "INVOCATION": [68, 1, 1, {}],
    "INTERRUPT": [69, 1, {}],
}


@pytest.mark.checklist("PV-R", "SES-C1")
@pytest.mark.parametrize("name", [name for name in CLIENT_MESSAGES | ROUTER_MESSAGES if name != "HELLO"])
def test_hello_must_be_first(world: World, name: str) -> None:
    client = world.connect()
    client.say(*(CLIENT_MESSAGES | ROUTER_MESSAGES)[name])
    abort = expect_end(client, uris.ERROR_PROTOCOL_VIOLATION)
    assert abort.details["message"] == f"{name} before HELLO"
    assert world.statistics()["violations"] == 1


@pytest.mark.checklist("PV-R")
@pytest.mark.parametrize("name", [name for name in CLIENT_MESSAGES | ROUTER_MESSAGES if name != "AUTHENTICATE"])
def test_a_challenge_must_be_answered(name: str) -> None:
    world = World(authenticators=[Password()])
    client = challenged(world)
    client.say(*(CLIENT_MESSAGES | ROUTER_MESSAGES)[name])
    abort = expect_end(client, uris.ERROR_PROTOCOL_VIOLATION)
    assert abort.details["message"] == f"{name} instead of AUTHENTICATE"


@pytest.mark.checklist("PV-R", "SES-R2")
@pytest.mark.parametrize("name", ["HELLO", "AUTHENTICATE", *ROUTER_MESSAGES])
def test_an_established_session_must_not_say_what_only_routers_or_newcomers_say(world: World, name: str) -> None:
    client = world.join()
    client.say(*(CLIENT_MESSAGES | ROUTER_MESSAGES)[name])
    abort = expect_end(client, uris.ERROR_PROTOCOL_VIOLATION)
    assert abort.details["message"] == f"{name} in an established session"
    assert "sessions" not in world.statistics()


@pytest.mark.checklist("PV-B", "PV-B2", "MSG-B1", "MSG-B2")
@pytest.mark.parametrize(
    "raw", [[], [999], ["x"], [1], [1, "realm1"], [1, "realm1", {}], [48, 1, {}, 5], [16, 0, {}, "a"]]
)
@pytest.mark.parametrize("is_joined", [False, True])
def test_what_is_no_message_ends_the_session(world: World, raw: list[Any], is_joined: bool) -> None:
    client = world.join() if is_joined else world.connect()
    client.say(*raw)
    expect_end(client, uris.ERROR_PROTOCOL_VIOLATION)
    assert "sessions" not in world.statistics()


@pytest.mark.checklist("SES-B1")
@pytest.mark.parametrize("state", ["closed", "challenged", "established"])
def test_abort_is_never_answered(state: str) -> None:
    world = World(authenticators=None if state != "challenged" else [Password()])
    client = {"closed": world.connect, "challenged": lambda: challenged(world), "established": world.join}[state]()
    client.send(Abort({}, "wamp.error.cannot_authenticate"))
    assert client.received() == []
    assert client.peer.is_closing
    assert "sessions" not in world.statistics()
    assert client.peer in world.router.take_dirty()


# ---- time


@pytest.mark.checklist("AU-R4")
def test_a_connection_that_says_nothing_is_closed(world: World) -> None:
    client = world.connect()
    assert world.router.next_deadline() == world.now + 5
    world.pass_time(4.9)
    assert not client.peer.is_closing
    world.pass_time(0.1)
    assert client.peer.is_closing
    assert client.peer.close_reason == "no HELLO within 5 s"
    assert client.received() == []


def test_each_step_has_its_time_and_all_together_have_less() -> None:
    """What is there beforehand may have taken a while: the time for everything runs since the connection was made."""
    world = World(authenticators=[Password()])
    link = websocket_server([get_serializer("json")])
    peer = world.router.attach(link, transport={}, now=world.now, since=world.now - 4)
    assert world.router.next_deadline() == world.now + 5
    world.pass_time(5)
    assert peer.close_reason == "no handshake within 5 s"
    client = challenged(world)
    assert world.router.next_deadline() == world.now + 10
    world.pass_time(9)
    client.send(Authenticate("twice", {}))
    client.expect(ChallengeMessage)
    assert world.router.next_deadline() == world.now + 6  # of fifteen
    world.pass_time(6)
    assert expect_end(client, uris.ERROR_AUTHENTICATION_FAILED).details["message"] == "no AUTHENTICATE within 10 s"


def test_the_time_for_hello_begins_when_it_can_be_said() -> None:
    world = World(hello_timeout=2.0)
    link = universal_server([get_serializer("json")])
    peer = world.router.attach(link, transport={}, now=world.now)
    world.pass_time(4)
    link.receive_data(b"\x7f\xf1\0\0")
    world.router.opened(peer, world.now)
    world.pass_time(1.9)
    assert not peer.is_closing
    world.pass_time(0.1)
    assert peer.close_reason == "no HELLO within 2 s"


@pytest.mark.checklist("AU-R4")
def test_a_challenge_must_be_answered_in_time() -> None:
    world = World(authenticators=[Password()], handshake_timeout=3.0)
    client = challenged(world)
    world.pass_time(3)
    abort = expect_end(client, uris.ERROR_AUTHENTICATION_FAILED)
    assert abort.details["message"] == "no AUTHENTICATE within 3 s"


def test_an_established_session_may_be_silent(world: World) -> None:
    client = world.join()
    world.pass_time(100_000)
    assert not client.peer.is_closing
    assert world.router.next_deadline() is None


# ---- ids, transports


@pytest.mark.checklist("ID-B1")
def test_ids_never_collide_even_if_the_random_source_repeats_itself() -> None:
    world = World()
    numbers = iter([5, 5, 5, 6, 5, 6, 7, 8, 7, 9, *range(100, 200)])
    world.router._ids.draw = lambda: next(numbers)
    clients = [world.join() for _ in range(2)]
    ids = [client.session_id for client in clients]
    ids += [clients[0].subscribe("a"), clients[0].register("a")]
    assert ids == [5, 6, 7, 8]


def test_the_id_of_a_failed_handshake_is_free_again() -> None:
    world = World(authenticators=[Password()])
    client = challenged(world)
    assert len(world.router._ids) == 1
    client.send(Authenticate("guess", {}))
    assert len(world.router._ids) == 0


def test_a_connection_too_narrow_for_welcome_is_closed(world: World) -> None:
    client = world.connect(max_send_size=300)
    client.hello()
    assert client.received() == []
    assert client.peer.is_closing
    assert client.peer.close_reason.startswith("WELCOME cannot be sent: message of ")
    assert "sessions" not in world.statistics()


@pytest.mark.checklist("MSG-B5")
def test_roles_are_checked_only_in_strict_mode() -> None:
    for is_strict in (False, True):
        world = World(strict_roles=is_strict)
        client = world.connect().join(roles=roles_with((), "subscriber"))
        client.subscribe("a")
        client.publish("a", options={"acknowledge": True})
        assert (type(client.received()[0]) is Abort) is is_strict


@pytest.mark.checklist("SES-B2", "PV-R")
def test_goodbye_before_hello_is_a_violation(world: World) -> None:
    client = world.connect()
    client.send(Goodbye({}, "wamp.close.close_realm"))
    expect_end(client, uris.ERROR_PROTOCOL_VIOLATION)


@pytest.mark.checklist("FEAT-B2")
def test_what_is_not_known_in_hello_is_ignored(world: World) -> None:
    client = world.connect()
    client.send(Hello("realm1", {"roles": {"caller": {"features": {"novel": True}}, "novel": {}}, "x": 1, "_y": None}))
    client.expect(Welcome)
