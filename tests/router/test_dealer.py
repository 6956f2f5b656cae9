"""Registering: who may offer what, shared registrations, best matches, revocation."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import NoSuchRegistration, uris
from trowamp.messages import Invocation, Register, Registered, Result, Unregister, Unregistered

from .harness import NO_FEATURES, Client, World

PROCEDURE = "com.example.procedure"


def refused(client: Client, procedure: str, uri: str, **options: Any) -> None:
    client.send(Register(client.next_id(), options, procedure))
    assert client.expect_error(uri).request_type == 64


def callees_of(caller: Client, callees: list[Client], calls: int) -> list[int]:
    """Make calls that are answered at once; return which callee got each."""
    order = []
    for _ in range(calls):
        caller.call(PROCEDURE)
        for index, callee in enumerate(callees):
            for message in callee.received():
                assert isinstance(message, Invocation)
                order.append(index)
                callee.answer(message)
        caller.expect(Result)
    return order


# ---- registering


@pytest.mark.checklist("BP-R8", "BP-C8", "SR-R1", "SR-R2")
@pytest.mark.parametrize("invoke", ["single", "roundrobin", None])
def test_a_procedure_without_a_policy_has_one_callee(caller: Client, callee: Client, invoke: str | None) -> None:
    callee.register(PROCEDURE)
    options = {"invoke": invoke} if invoke else {}
    refused(caller, PROCEDURE, uris.ERROR_PROCEDURE_ALREADY_EXISTS, **options)
    refused(callee, PROCEDURE, uris.ERROR_PROCEDURE_ALREADY_EXISTS, **options)


@pytest.mark.checklist("BP-R9")
def test_only_ones_own_registrations_can_be_ended(caller: Client, callee: Client) -> None:
    registration_id = callee.register(PROCEDURE)
    for client, number in ((caller, registration_id), (callee, 999)):
        client.send(Unregister(client.next_id(), number))
        client.expect_error(uris.ERROR_NO_SUCH_REGISTRATION)
    callee.send(Unregister(callee.next_id(), registration_id))
    callee.expect(Unregistered)
    caller.call(PROCEDURE)
    caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)
    caller.register(PROCEDURE)


@pytest.mark.checklist("URI-B2", "URI-B3")
@pytest.mark.parametrize(
    ("procedure", "match"),
    [
        ("wamp.session.count", "exact"),
        ("wamp.", "prefix"),
        ("wamp", "prefix"),
        ("wamp..count", "wildcard"),
        ("a..b", "exact"),
        ("", "exact"),
        ("a b", "prefix"),
    ],
)
def test_reserved_and_illegal_uris_are_refused(callee: Client, procedure: str, match: str) -> None:
    refused(callee, procedure, uris.ERROR_INVALID_URI, match=match)


@pytest.mark.checklist("URI-B2")
@pytest.mark.parametrize(("pattern", "match"), [("", "prefix"), ("wam", "prefix"), ("..", "wildcard")])
def test_no_pattern_gets_calls_to_the_reserved_namespace(
    caller: Client, callee: Client, pattern: str, match: str
) -> None:
    callee.register(pattern, match=match)
    caller.call("wamp.session.nothing")
    caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)
    assert callee.received() == []


def test_strict_uris_are_an_option() -> None:
    world = World(strict_uris=True)
    refused(world.join(), "com.Example", uris.ERROR_INVALID_URI)


@pytest.mark.checklist("SES-R3")
def test_registrations_end_with_their_session(world: World, caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE)
    callee.register("a.b", match="prefix")
    callee.register("a..b", match="wildcard")
    assert world.statistics()["registrations"] == 3
    callee.drop()
    assert "registrations" not in world.statistics()
    caller.register(PROCEDURE)


def test_unknown_options_are_ignored(world: World, callee: Client) -> None:
    assert callee.register(PROCEDURE, runmode="partition", rkey="x", x_custom=1, _custom=[])
    assert world.statistics()["registrations"] == 1


# ---- patterns


@pytest.mark.checklist("PB-R3", "PBR-R1", "PBR-R4")
def test_the_best_match_gets_the_call_and_patterns_tell_the_procedure(caller: Client, callee: Client) -> None:
    uri = "a.b.c"
    ids = {match: callee.register(uri, match=match) for match in ("wildcard", "prefix", "exact")}
    assert len(set(ids.values())) == 3
    for match in ("exact", "prefix", "wildcard"):
        caller.call(uri)
        invocation = callee.expect(Invocation)
        assert invocation.registration_id == ids[match]
        assert invocation.details == ({} if match == "exact" else {"procedure": uri})
        callee.send(Unregister(callee.next_id(), ids[match]))
        callee.expect(Unregistered)
    caller.call(uri)
    caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)


SPECIFIED = {
    1: ("a1.b2.c3.d4.e55", "exact"),
    2: ("a1.b2.c3", "prefix"),
    3: ("a1.b2.c3.d4", "prefix"),
    4: ("a1.b2..d4.e5", "wildcard"),
    5: ("a1.b2.c33..e5", "wildcard"),
    6: ("a1.b2..d4.e5..g7", "wildcard"),
    7: ("a1.b2..d4..f6.g7", "wildcard"),
}


@pytest.mark.checklist("PBR-R1", "PBR-R2", "PBR-R3")
@pytest.mark.parametrize(
    ("procedure", "number"),
    [
        ("a1.b2.c3.d4.e55", 1),
        ("a1.b2.c3.d98.e74", 2),
        ("a1.b2.c3.d4.e325", 3),
        ("a1.b2.c55.d4.e5", 4),
        # The specification's example has 5 here, as if prefixes were of components; by its own text they are of characters.
        ("a1.b2.c33.d4.e5", 2),
        ("a1.b2.c88.d4.e5.f6.g7", 6),
        ("a2.b2.c2.d2.e2", None),
    ],
)
def test_the_specifications_table_of_matches(
    caller: Client, callee: Client, procedure: str, number: int | None
) -> None:
    numbers = {callee.register(uri, match=match): number for number, (uri, match) in SPECIFIED.items()}
    caller.call(procedure)
    if number is None:
        caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)
    else:
        assert numbers[callee.expect(Invocation).registration_id] == number


# ---- shared registrations


@pytest.mark.checklist("SR-R4", "SR-R5")
@pytest.mark.parametrize(
    ("invoke", "order"), [("first", [0, 0, 0, 0]), ("last", [2, 2, 2, 2]), ("roundrobin", [0, 1, 2, 0])]
)
def test_policies_choose_among_callees(world: World, caller: Client, invoke: str, order: list[int]) -> None:
    callees = [world.join() for _ in range(3)]
    assert len({callee.register(PROCEDURE, invoke=invoke) for callee in callees}) == 1
    assert callees_of(caller, callees, 4) == order
    assert world.statistics()["registrations"] == 1


@pytest.mark.checklist("SR-R5")
def test_random_reaches_every_callee(world: World, caller: Client) -> None:
    callees = [world.join() for _ in range(3)]
    for callee in callees:
        callee.register(PROCEDURE, invoke="random")
    order = callees_of(caller, callees, 60)
    assert all(order.count(index) >= 5 for index in range(3))


@pytest.mark.checklist("SR-R3", "SR-R7")
def test_the_policy_of_the_first_callee_holds_until_the_last_one_leaves(caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE, invoke="first")
    for other in ("last", "roundrobin", "random", "single"):
        refused(caller, PROCEDURE, uris.ERROR_PROCEDURE_ALREADY_EXISTS, invoke=other)
    callee.drop()
    caller.register(PROCEDURE, invoke="last")


@pytest.mark.checklist("SR-R8")
def test_a_session_shares_a_registration_once(callee: Client) -> None:
    callee.register(PROCEDURE, invoke="roundrobin")
    refused(callee, PROCEDURE, uris.ERROR_PROCEDURE_ALREADY_EXISTS, invoke="roundrobin")


@pytest.mark.checklist("SR-R6")
@pytest.mark.parametrize(
    ("before", "leaver", "order"),
    [
        (0, 0, [1, 2, 3, 1]),
        (2, 0, [2, 3, 1, 2]),
        (2, 1, [2, 3, 0, 2]),
        (2, 2, [3, 0, 1, 3]),
        (2, 3, [2, 0, 1, 2]),
        (4, 3, [0, 1, 2, 0]),
    ],
)
def test_nobody_loses_or_gains_a_turn_when_another_callee_leaves(
    world: World, caller: Client, before: int, leaver: int, order: list[int]
) -> None:
    callees = [world.join() for _ in range(4)]
    for callee in callees:
        callee.register(PROCEDURE, invoke="roundrobin")
    callees_of(caller, callees, before)
    callees[leaver].drop()
    callees[leaver].received()
    assert callees_of(caller, callees, 4) == order


@pytest.mark.checklist("SR-R6")
def test_first_and_last_follow_who_is_left(world: World, caller: Client) -> None:
    for invoke, leaver, expected in (("first", 0, 1), ("last", 2, 1)):
        callees = [world.join() for _ in range(3)]
        for callee in callees:
            callee.register(PROCEDURE, invoke=invoke)
        callees[leaver].drop()
        assert callees_of(caller, callees, 1) == [expected]
        for callee in callees:
            callee.drop()


@pytest.mark.checklist("RR-R1")
def test_without_rerouting_unavailable_is_an_error_like_any_other(caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE, invoke="roundrobin")
    caller.call(PROCEDURE)
    callee.fail(callee.expect(Invocation), uris.ERROR_UNAVAILABLE, "busy")
    assert caller.expect_error(uris.ERROR_UNAVAILABLE).args == ["busy"]


# ---- revocation


@pytest.mark.checklist("RV-R1")
def test_revoking_a_registration_tells_those_who_announced_the_feature(world: World, caller: Client) -> None:
    told, untold = world.join(), world.join(features=NO_FEATURES)
    registration_id = told.register(PROCEDURE, invoke="roundrobin")
    untold.register(PROCEDURE, invoke="roundrobin")
    caller.call(PROCEDURE)
    invocation = told.expect(Invocation)
    world.router.revoke_registration("realm1", registration_id)
    assert told.expect(Unregistered) == Unregistered(0, {"registration": registration_id})
    assert untold.received() == []
    told.answer(invocation, "still")
    assert caller.expect(Result).args == ["still"]
    caller.call(PROCEDURE)
    caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)
    assert "registrations" not in world.statistics()


def test_revoking_what_does_not_exist_raises(world: World) -> None:
    with pytest.raises(NoSuchRegistration):
        world.router.revoke_registration("realm1", 1)
    with pytest.raises(ValueError, match="no such realm"):
        world.router.revoke_registration("elsewhere", 1)


def test_registered_answers_register(callee: Client) -> None:
    callee.send(Register(41, {}, PROCEDURE))
    assert callee.expect(Registered).request_id == 41
