"""trowamp/router/_guard.py: requests are allowed, denied, or held until the authorizer has decided."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.auth._router import Accept
from trowamp.messages import (
    Abort,
    Call,
    Cancel,
    Error,
    Event,
    Goodbye,
    Invocation,
    Publish,
    Published,
    Register,
    Registered,
    Result,
    Subscribe,
    Subscribed,
)
from trowamp.router import Question, Role, Rule, Verdict
from trowamp.router._rules import Action

from .harness import ALL_FEATURES, Client, World, roles_with
from .test_meta_sessions import ask, ask_in_vain, join_as, world_of_roles

ALL: list[Action] = ["call", "register", "publish", "subscribe"]
ADMIN = Role(name="admin", rules=[Rule(uri="*", allow=ALL)])
YES, NO = Verdict(allow=True), Verdict(allow=False)


def guarded(*rules: Rule, **options: Any) -> World:
    """Return a router with a role "user" that has these rules, and a role "admin" that may do everything."""
    return world_of_roles(roles=[ADMIN, Role(name="user", rules=rules)], **options)


def user(world: World, authid: str = "bob") -> Client:
    return join_as(world, authid, "user")


def admin(world: World) -> Client:
    return join_as(world, "ann", "admin")


def questions(world: World) -> list[Question]:
    return world.router.take_questions()


def answer(world: World, verdict: Verdict | None) -> Question:
    """Answer the one question that there is."""
    (question,) = questions(world)
    world.router.answer(question, verdict, world.now)
    return question


# ---- static rules


@pytest.mark.checklist("AZ-R1", "AZ-R2", "AZ-R4")
def test_what_is_not_allowed_is_refused_whether_or_not_it_exists() -> None:
    world = guarded(Rule(uri="free.*", allow=ALL))
    callee, client = admin(world), user(world)
    callee.register("taken.procedure")
    requests: list[Any] = [
        Call(1, {}, "taken.procedure"),
        Call(2, {}, "no.procedure"),
        Register(3, {}, "taken.procedure"),
        Register(4, {"match": "prefix"}, "free"),
        Subscribe(5, {}, "some.topic"),
        Subscribe(6, {"match": "prefix"}, ""),
        Publish(7, {"acknowledge": True}, "some.topic"),
        Call(8, {}, uris.SESSION_COUNT),
        Call(9, {}, "not a uri"),
    ]
    for request in requests:
        client.send(request)
        error = client.expect_error(uris.ERROR_NOT_AUTHORIZED)
        assert (error.request_type, error.request_id) == (request.code, request.request_id)
    assert callee.received() == []
    assert world.statistics()["denied_requests"] == len(requests)


@pytest.mark.checklist("AZ-R3")
def test_a_denied_publication_is_silent() -> None:
    world = guarded()
    subscriber, client = admin(world), user(world)
    subscriber.subscribe("some.topic")
    client.publish("some.topic")
    assert client.received() == subscriber.received() == []
    assert world.statistics()["denied_requests"] == 1


@pytest.mark.checklist("AZ-R1")
def test_what_is_allowed_works() -> None:
    world = guarded(Rule(uri="free.*", allow=ALL))
    one, other = user(world), user(world)
    one.register("free.procedure")
    one.subscribe("free.", match="prefix")
    other.call("free.procedure", 1)
    one.answer(one.expect(Invocation), 2)
    assert other.expect(Result).args == [2]
    other.publish("free.topic", 3)
    assert one.expect(Event).args == [3]
    other.call("free.nothing")
    other.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)


def test_what_needs_no_right_stays_possible() -> None:
    world = guarded(Rule(uri="a", allow=["register"]))
    client = user(world)
    client.say(66, 5, client.register("a"))
    client.say(49, 99, {})
    client.goodbye()
    assert isinstance(client.received()[-1], Goodbye)


@pytest.mark.checklist("AZ-R1")
def test_roles_belong_to_realms() -> None:
    roles = [Role(name="user", realm="realm2", rules=[Rule(uri="*", allow=ALL)]), ADMIN]
    world = world_of_roles("realm1", "realm2", roles=roles)
    world.connect().join("realm2", authid="bob", authrole="user").subscribe("a")
    refused = world.connect()
    refused.hello("realm1", authid="bob", authrole="user")
    assert refused.expect(Abort).reason == uris.ERROR_NO_SUCH_ROLE
    world.connect().join("realm1", authid="ann", authrole="admin")


def test_a_role_that_does_not_exist_makes_no_realm() -> None:
    world = guarded(auto_realms=True)
    client = world.connect()
    client.hello("other", authid="x", authrole="nobody")
    assert client.expect(Abort).reason == uris.ERROR_NO_SUCH_ROLE
    assert world.router.statistics().realms == 1
    assert len(world.router._ids) == 0


def test_sessions_of_the_router_itself_need_no_rights() -> None:
    world = guarded()
    service = world.connect()
    world.router.detach(service.peer, "", world.now)
    identity = Accept(authid="router", role="router")
    service.peer = world.router.attach(service.link, transport={}, now=world.now, identity=identity)
    service.join()
    assert ask(service, uris.SESSION_COUNT) == 0


def test_strict_modes_hold_for_guarded_sessions() -> None:
    world = guarded(Rule(uri="*", allow=ALL), strict_request_ids=True, strict_roles=True)
    client = world.connect().join(authid="bob", authrole="user", roles={"caller": {}})
    client.say(48, 7, {}, "a")
    assert client.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    client = world.connect().join(authid="bob", authrole="user", roles={"caller": {}})
    client.say(32, 1, {}, "a")
    assert client.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


# ---- disclosure


@pytest.mark.checklist("CI-R1", "CI-R2", "PI-R1", "PI-R2")
@pytest.mark.parametrize(
    ("rule", "options", "is_disclosed"),
    [
        ("always", {}, True),
        ("on_request", {}, False),
        ("on_request", {"disclose_me": True}, True),
        ("never", {}, False),
        ("never", {"disclose_me": True}, None),
    ],
)
@pytest.mark.parametrize("router", ["on_request", "never", "always"])
def test_a_rule_says_who_is_disclosed_whatever_the_router_says(
    router: Any, rule: Any, options: dict[str, Any], is_disclosed: bool | None
) -> None:
    free = Rule(uri="a", allow=["call", "publish"], disclose_caller=rule, disclose_publisher=rule)
    world = guarded(free, disclosure=router)
    client, other = user(world), admin(world)
    other.register("a")
    other.subscribe("a")
    client.call("a", options=options)
    client.publish("a", options={**options, "acknowledge": True})
    if is_disclosed is None:
        errors = [message for message in client.received() if isinstance(message, Error)]
        assert [error.error for error in errors] == [uris.ERROR_DISCLOSE_ME_DISALLOWED] * 2
        return
    invocation, event = other.received()
    assert isinstance(invocation, Invocation)
    assert isinstance(event, Event)
    assert ("caller" in invocation.details) == ("publisher" in event.details) == is_disclosed


# ---- taking procedures over


@pytest.mark.parametrize(
    ("holder", "taker", "may"),
    [
        (("bob", "user"), ("bob", "user"), True),
        (("bob", "user"), ("cy", "user"), False),
        (("bob", "user"), ("ann", "admin"), False),
        (("bob", "user"), ("dan", "operator"), True),
    ],
)
def test_with_rules_a_procedure_is_taken_over_by_its_owner_or_who_a_rule_names(
    holder: tuple[str, str], taker: tuple[str, str], may: bool
) -> None:
    operator = Role(name="operator", rules=[Rule(uri="*", allow=ALL, force_reregister=True)])
    world = world_of_roles(roles=[ADMIN, operator, Role(name="user", rules=[Rule(uri="*", allow=ALL)])])
    check_take_over(world, holder, taker, may)


@pytest.mark.parametrize(
    ("holder", "taker", "may"),
    [
        (("bob", "user"), ("bob", "user"), True),
        (("bob", "user"), ("cy", "user"), True),
        (("bob", "user"), ("bob", "admin"), True),
        (("bob", "user"), ("ann", "admin"), False),
    ],
)
def test_without_rules_a_procedure_is_taken_over_within_its_role(
    holder: tuple[str, str], taker: tuple[str, str], may: bool
) -> None:
    check_take_over(world_of_roles(), holder, taker, may)


def check_take_over(world: World, holder: tuple[str, str], taker: tuple[str, str], may: bool) -> None:
    join_as(world, *holder).register("a")
    client = join_as(world, *taker)
    client.send(Register(client.next_id(), {"force_reregister": True}, "a"))
    if may:
        client.expect(Registered)
    else:
        client.expect_error(uris.ERROR_NOT_AUTHORIZED)


def test_all_holders_must_let_go() -> None:
    world = world_of_roles()
    for who in (("bob", "user"), ("ann", "admin")):
        join_as(world, *who).register("a", invoke="first")
    client = join_as(world, "cy", "user")
    client.send(Register(client.next_id(), {"force_reregister": True}, "a"))
    client.expect_error(uris.ERROR_NOT_AUTHORIZED)


# ---- rights of the router's own procedures


@pytest.mark.checklist("TM-R7")
def test_a_testament_needs_the_right_to_publish_it() -> None:
    world = guarded(Rule(uri="wamp.session.*", allow=["call"]), Rule(uri="free", allow=["publish"]))
    client, heir = user(world), admin(world)
    heir.subscribe("free")
    heir.subscribe("secret")
    assert ask_in_vain(client, uris.SESSION_ADD_TESTAMENT, "secret", [], {}) == uris.ERROR_NOT_AUTHORIZED
    assert ask_in_vain(client, uris.SESSION_ADD_TESTAMENT, topic="secret") == uris.ERROR_NOT_AUTHORIZED
    assert ask_in_vain(client, uris.SESSION_ADD_TESTAMENT, 1) == uris.ERROR_INVALID_ARGUMENT
    ask(client, uris.SESSION_ADD_TESTAMENT, "free", [1], {})
    client.drop()
    assert heir.expect(Event).args == [1]


@pytest.mark.checklist("EH-R4")
def test_the_past_needs_the_right_to_subscribe() -> None:
    world = guarded(Rule(uri="wamp.subscription.*", allow=["call"]), Rule(uri="free", allow=["subscribe"]))
    client, owner = user(world), admin(world)
    secret, free = owner.subscribe("secret"), owner.subscribe("free")
    assert ask_in_vain(client, uris.SUBSCRIPTION_GET_EVENTS, secret) == uris.ERROR_NOT_AUTHORIZED
    assert ask_in_vain(client, uris.SUBSCRIPTION_GET_EVENTS, subscription=secret) == uris.ERROR_NOT_AUTHORIZED
    assert ask_in_vain(client, uris.SUBSCRIPTION_GET_EVENTS, 1) == uris.ERROR_NO_SUCH_SUBSCRIPTION
    assert ask(client, uris.SUBSCRIPTION_GET_EVENTS, free) is None


# ---- asking


def asking(**rule: Any) -> tuple[World, Client]:
    """Return a router that asks about everything a user does, and a user."""
    world = guarded(Rule(uri="*", ask=ALL, **rule))
    return world, user(world)


@pytest.mark.checklist("AZ-R5")
def test_the_authorizer_is_asked_and_the_request_is_done_then() -> None:
    world, client = asking()
    client.send(Subscribe(7, {"match": "prefix", "_x": 1}, "a."))
    assert client.received() == []
    question = answer(world, YES)
    assert question.need == ("subscribe", "a.", "prefix")
    assert question.session.authid == "bob"
    assert question.message.options["_x"] == 1
    assert client.expect(Subscribed).request_id == 7
    assert questions(world) == []


@pytest.mark.checklist("AZ-R2", "AZ-R3")
@pytest.mark.parametrize(
    ("verdict", "error"), [(NO, uris.ERROR_NOT_AUTHORIZED), (None, uris.ERROR_AUTHORIZATION_FAILED)]
)
def test_a_denial_and_a_failing_authorizer_are_told_apart(verdict: Verdict | None, error: str) -> None:
    world, client = asking()
    client.call("a")
    answer(world, verdict)
    client.expect_error(error)
    client.publish("a", options={"acknowledge": True})
    answer(world, verdict)
    client.expect_error(error)
    client.publish("a")
    answer(world, verdict)
    assert client.received() == []


@pytest.mark.checklist("AZ-R2")
def test_an_authorizer_that_says_nothing_has_failed() -> None:
    world, client = asking()
    client.call("a")
    (question,) = questions(world)
    world.pass_time(10)
    error = client.expect_error(uris.ERROR_AUTHORIZATION_FAILED)
    assert error.args == ["the authorizer could not be asked, or did not say: the router's log knows why"]
    world.router.answer(question, YES, world.now)
    assert client.received() == []
    assert world.router.next_deadline() is None


@pytest.mark.checklist("ORD-R7", "ORD-R1")
def test_requests_keep_their_order_while_the_authorizer_thinks() -> None:
    world = guarded(Rule(uri="*", ask=["publish"], allow=["call"]))
    client, other = user(world), admin(world)
    other.register("procedure")
    other.subscribe("topic")
    for number in range(3):
        client.publish("topic", number)
        client.call("procedure", number)
    client.goodbye()
    assert other.received() == client.received() == []
    answer(world, YES)
    answer(world, NO)
    answer(world, YES)
    seen = [
        (type(message).__name__, message.args)
        for message in other.received()
        if isinstance(message, Event | Invocation)
    ]
    assert seen == [("Event", [0]), ("Invocation", [0]), ("Invocation", [1]), ("Event", [2]), ("Invocation", [2])]
    assert isinstance(client.received()[-1], Goodbye)
    client.hello(authid="bob", authrole="user")
    assert client.received()


def test_other_sessions_do_not_wait() -> None:
    world, client = asking()
    client.call("a")
    other = admin(world)
    assert ask(other, uris.SESSION_COUNT) == 2


def test_answers_to_invocations_do_not_wait() -> None:
    world = guarded(Rule(uri="*", ask=["publish"], allow=["register"]))
    client, caller = user(world), admin(world)
    client.register("a")
    client.publish("topic")
    for _ in range(2):
        caller.call("a")
    first, second = client.received()
    assert isinstance(first, Invocation)
    assert isinstance(second, Invocation)
    client.answer(first, 1)
    client.fail(second, "com.example.error")
    assert [type(message) for message in caller.received()] == [Result, Error]


@pytest.mark.checklist("AZ-R7")
@pytest.mark.parametrize("way", ["drop", "violate", "abort"])
def test_no_answer_reaches_a_session_that_has_gone(way: str) -> None:
    world, client = asking()
    client.call("a")
    client.call("b")
    (question,) = questions(world)
    if way == "drop":
        client.drop()
    else:
        client.say(*([99] if way == "violate" else [3, {}, "wamp.error.x"]))
    client.received()
    world.router.answer(question, YES, world.now)
    assert client.received() == []
    assert questions(world) == []
    assert not any(
        isinstance(deadline, Question) for _, _, deadline, _ in world.router._deadlines._heap if deadline.deadline < 1e9
    )


def test_a_question_of_a_session_that_has_gone_is_not_asked() -> None:
    world, client = asking()
    client.call("a")
    client.drop()
    assert questions(world) == []


@pytest.mark.checklist("CC-R8")
def test_a_call_is_cancelled_before_it_is_routed() -> None:
    world, client = asking()
    callee = admin(world)
    callee.register("a")
    held, queued, third = (client.call("a", number) for number in range(3))
    for call_id in (queued, held, held, 99):
        client.cancel(call_id, "kill")
    errors = [message for message in client.received() if isinstance(message, Error)]
    assert [(error.request_id, error.error) for error in errors] == [
        (queued, uris.ERROR_CANCELED),
        (held, uris.ERROR_CANCELED),
    ]
    answer(world, YES)
    assert callee.received() == client.received() == []
    answer(world, YES)
    assert callee.expect(Invocation).args == [2]
    client.send(Cancel(third, {"mode": "skip"}))
    client.expect_error(uris.ERROR_CANCELED)


def test_a_call_in_flight_is_cancelled_while_another_one_waits() -> None:
    world = guarded(Rule(uri="a", allow=["call"]), Rule(uri="b", ask=["call"]))
    client, callee = user(world), admin(world)
    callee.register("a")
    call_id = client.call("a")
    client.call("b")
    client.cancel(call_id, "skip")
    assert client.expect_error(uris.ERROR_CANCELED).request_id == call_id


def test_a_violation_among_what_waited_ends_the_session() -> None:
    world, client = asking()
    client.call("a")
    client.send(Publish(client.next_id(), {"ppt_scheme": "x_custom"}, "a"))
    client.publish("b")
    answer(world, NO)
    answer(world, YES)
    assert isinstance(client.received()[-1], Abort)
    assert client.peer.is_closing
    assert questions(world) == []


@pytest.mark.parametrize(
    ("rule", "verdict", "asked"),
    [
        ({}, YES, 3),
        ({"cache": True}, YES, 1),
        ({}, Verdict(allow=True, cache=True), 1),
        ({"cache": True}, Verdict(allow=True, cache=False), 3),
        ({"cache": True}, NO, 1),
    ],
)
def test_answers_hold_as_long_as_rule_or_authorizer_say(rule: dict[str, Any], verdict: Verdict, asked: int) -> None:
    world, client = asking(**rule)
    count = 0
    for _ in range(3):
        client.publish("a", options={"acknowledge": True})
        for question in questions(world):
            count += 1
            world.router.answer(question, verdict, world.now)
        client.expect(Published if verdict.allow else Error)
    assert count == asked
    client.publish("b")
    other = user(world)
    other.publish("a")
    assert [(question.session.session_id, question.need[1]) for question in questions(world)] == [
        (client.session_id, "b"),
        (other.session_id, "a"),
    ]


@pytest.mark.checklist("CI-R1")
def test_the_authorizer_decides_about_disclosure() -> None:
    world, client = asking()
    callee = admin(world)
    callee.register("a")
    client.call("a")
    answer(world, Verdict(allow=True, disclose=True))
    assert callee.expect(Invocation).details["caller_authid"] == "bob"


def test_a_testament_may_need_two_answers() -> None:
    world, client = asking()
    heir = admin(world)
    heir.subscribe("a")
    client.call(uris.SESSION_ADD_TESTAMENT, "a", [1], {})
    assert answer(world, YES).need == ("call", uris.SESSION_ADD_TESTAMENT, "exact")
    assert client.received() == []
    assert answer(world, YES).need == ("publish", "a", "exact")
    client.expect(Result)
    client.drop()
    assert heir.expect(Event).args == [1]


def test_a_connection_with_much_behind_a_question_is_read_no_further() -> None:
    world, client = asking()
    client.call("a")
    assert not client.peer.is_paused
    client.publish("a", "x" * 300_000)
    assert client.peer.is_paused
    world.router.take_dirty()
    answer(world, NO)
    answer(world, NO)
    assert not client.peer.is_paused
    assert client.peer in world.router.take_dirty()
    client.received()
    client.call("a")
    assert not client.peer.is_paused


# ---- calls whose inputs are streamed


@pytest.mark.checklist("PCI-R3")
def test_further_inputs_of_a_call_are_decided_with_the_first() -> None:
    features = (*ALL_FEATURES, "progressive_call_invocations")
    world = guarded(Rule(uri="*", ask=ALL))
    callee = world.connect().join(authid="ann", authrole="admin", roles=roles_with(features))
    client = world.connect().join(authid="bob", authrole="user", roles=roles_with(features))
    callee.register("a")
    for verdict in (YES, NO):
        call_id = client.next_id()
        for number, is_last in enumerate((False, False, True)):
            client.send(Call(call_id, {} if is_last else {"progress": True}, "a", [number]))
        answer(world, verdict)
        assert questions(world) == []
        if verdict is YES:
            inputs = [message.args for message in callee.received() if isinstance(message, Invocation)]
            assert inputs == [[0], [1], [2]]
    assert callee.received() == []
    client.expect_error(uris.ERROR_NOT_AUTHORIZED)
