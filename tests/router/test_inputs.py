"""Progressive call invocations: CALLs with the same id, and where each of them goes."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Abort, Call, Interrupt, Invocation, Result
from trowamp.router import Role, Rule, Verdict

from .harness import ALL_FEATURES, PROCEDURE, Client, World

FEATURES = (*ALL_FEATURES, "progressive_call_invocations")
MORE = {"progress": True}


def more(caller: Client, request_id: int, *args: Any, **options: Any) -> None:
    """Send a further input; the last one, unless there is progress among the options."""
    caller.send(Call(request_id, options, PROCEDURE, list(args)))


@pytest.fixture(params=[False, True], ids=["any ids", "strict ids"])
def world(request: pytest.FixtureRequest) -> World:
    return World(strict_request_ids=request.param)


@pytest.fixture
def caller(world: World) -> Client:
    return world.join(features=FEATURES)


@pytest.fixture
def callee(world: World) -> Client:
    return world.join(features=FEATURES)


def begin(caller: Client, callee: Client, **options: Any) -> tuple[int, Invocation]:
    callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, 1, options={**MORE, **options})
    return request_id, callee.expect(Invocation)


@pytest.mark.checklist("PCI-C1", "PCI-C5", "PCI-R4", "ID-R1")
def test_inputs_reach_the_callee_under_one_id_and_results_come_when_they_come(caller: Client, callee: Client) -> None:
    request_id, invocation = begin(caller, callee, receive_progress=True)
    assert invocation.details == {"progress": True, "receive_progress": True}
    more(caller, request_id, 2, progress=True)
    assert callee.expect(Invocation) == Invocation(
        invocation.request_id, invocation.registration_id, invocation.details, [2]
    )
    callee.progress(invocation, "so far")
    assert caller.expect(Result).args == ["so far"]
    more(caller, request_id)
    assert callee.expect(Invocation) == Invocation(
        invocation.request_id, invocation.registration_id, {"receive_progress": True}
    )
    callee.answer(invocation, 3)
    assert caller.expect(Result) == Result(request_id, {}, [3])


@pytest.mark.checklist("PCI-R4", "PCI-C2")
def test_options_count_in_the_first_call_only(caller: Client, callee: Client) -> None:
    request_id, _ = begin(caller, callee)
    more(caller, request_id, 2, progress=True, disclose_me=True, receive_progress=True, timeout=1)
    assert callee.expect(Invocation).details == MORE
    more(caller, request_id, 3, disclose_me=True)
    assert callee.expect(Invocation).details == {}


@pytest.mark.checklist("PCI-R4", "CI-R1")
def test_details_of_the_first_call_are_those_of_every_input(caller: Client, callee: Client) -> None:
    callee.register("com.example", match="prefix")
    request_id = caller.call(PROCEDURE, options={**MORE, "disclose_me": True})
    first = callee.expect(Invocation).details
    assert first.items() >= {"procedure": PROCEDURE, "caller": caller.session_id}.items()
    more(caller, request_id, 2)
    assert callee.expect(Invocation).details == {name: first[name] for name in first if name != "progress"}


@pytest.mark.checklist("PCI-R3", "SR-R4")
def test_all_inputs_go_to_the_callee_of_the_first(world: World, caller: Client) -> None:
    callees = [world.join(features=FEATURES) for _ in range(2)]
    for callee in callees:
        callee.register(PROCEDURE, invoke="roundrobin")
    calls = [caller.call(PROCEDURE, number, options=MORE) for number in range(2)]
    first = [callee.expect(Invocation) for callee in callees]
    for _ in range(2):
        for request_id in calls:
            more(caller, request_id, "more", progress=True)
        assert [callee.expect(Invocation).request_id for callee in callees] == [each.request_id for each in first]


@pytest.mark.checklist("PCI-R2")
@pytest.mark.parametrize("features", [ALL_FEATURES, ("progressive_call_invocations",)])
def test_a_callee_that_takes_no_inputs_gets_no_call(world: World, caller: Client, features: tuple[str, ...]) -> None:
    callee = world.join(features=features)
    callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, options=MORE)
    caller.expect_error(uris.ERROR_FEATURE_NOT_SUPPORTED)
    more(caller, request_id, progress=True)
    more(caller, request_id)
    assert callee.received() == caller.received() == []


@pytest.mark.checklist("PCI-R1")
def test_a_caller_that_did_not_announce_it_breaks_the_protocol(world: World, callee: Client) -> None:
    callee.register(PROCEDURE)
    caller = world.join(features=ALL_FEATURES)
    caller.call(PROCEDURE, options=MORE)
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


@pytest.mark.checklist("PCI-R5", "PCI-R7")
@pytest.mark.parametrize("is_progressive", [False, True])
def test_an_input_behind_the_last_one_breaks_the_protocol(caller: Client, callee: Client, is_progressive: bool) -> None:
    callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, options=MORE if is_progressive else {})
    if is_progressive:
        more(caller, request_id)
    callee.received()
    more(caller, request_id, progress=True)
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    assert isinstance(callee.expect(Interrupt), Interrupt)


@pytest.mark.checklist("PCI-R5")
def test_an_id_that_jumps_is_a_violation_of_strict_routers_only(caller: Client, callee: Client, world: World) -> None:
    request_id, _ = begin(caller, callee)
    more(caller, request_id + 2, progress=True)
    if world.router.options.strict_request_ids:
        assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    else:
        assert callee.expect(Invocation).request_id == 2


ENDS = ["answer", "error", "cancel", "callee gone", "timeout", "no callee", "meta"]


@pytest.mark.checklist("PCI-R5", "PCI-R6", "PCI-C3")
@pytest.mark.parametrize("end", ENDS)
def test_inputs_that_come_too_late_are_dropped_without_a_word(
    world: World, caller: Client, callee: Client, end: str
) -> None:
    reached = end not in ("no callee", "meta")
    if reached:
        callee.register(PROCEDURE)
    procedure = "wamp.session.count" if end == "meta" else PROCEDURE
    request_id = caller.call(procedure, options={**MORE, "timeout": 1000})
    invocation = callee.expect(Invocation) if reached else Invocation(0, 0, {})
    if end == "answer":
        callee.answer(invocation)
    elif end == "error":
        callee.fail(invocation, "com.example.error")
    elif end == "cancel":
        caller.cancel(request_id)
    elif end == "callee gone":
        callee.drop()
    elif end == "timeout":
        world.pass_time(2)
    assert len(caller.received()) == 1
    callee.received()
    more(caller, request_id, 2, progress=True)
    more(caller, request_id, 3)
    assert caller.received() == callee.received() == []
    assert "calls_in_flight" not in world.statistics()


@pytest.mark.checklist("PCI-R5")
def test_after_the_last_late_input_an_id_is_what_it_was(world: World, caller: Client, callee: Client) -> None:
    request_id, invocation = begin(caller, callee)
    callee.answer(invocation)
    more(caller, request_id)
    caller.received()
    more(caller, request_id)
    if world.router.options.strict_request_ids:
        assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    else:
        assert callee.expect(Invocation).request_id == 2


@pytest.mark.checklist("PCI-R5")
def test_an_input_for_another_procedure_is_no_input_of_this_call(world: World, caller: Client, callee: Client) -> None:
    request_id, _ = begin(caller, callee)
    caller.send(Call(request_id, {}, "com.example.other"))
    if world.router.options.strict_request_ids:
        assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    else:
        assert callee.received() == caller.received() == []
        more(caller, request_id)
        assert callee.expect(Invocation).details == {}


@pytest.mark.checklist("PCI-R6", "BP-R12")
def test_the_callee_is_interrupted_when_the_caller_leaves(caller: Client, callee: Client) -> None:
    _, invocation = begin(caller, callee)
    caller.drop()
    assert callee.expect(Interrupt).request_id == invocation.request_id


def test_an_input_that_the_callee_cannot_get_ends_the_call(world: World, caller: Client) -> None:
    callee = world.join(features=FEATURES, serializer="json")
    request_id, invocation = begin(caller, callee)
    more(caller, request_id, "\0looks like octets in JSON", progress=True)
    caller.expect_error(uris.ERROR_INVALID_ARGUMENT)
    assert callee.expect(Interrupt) == Interrupt(invocation.request_id, {"mode": "killnowait"})
    more(caller, request_id)
    assert callee.received() == caller.received() == []


def test_what_is_remembered_of_calls_that_are_over_is_bounded(
    world: World, caller: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trowamp.router._inputs._MAX_LATE", 10)
    for _ in range(11):
        caller.call(PROCEDURE, options=MORE)
    (session,) = world.router._realms["realm1"].sessions.values()
    assert list(session.late_inputs) == list(range(2, 12))


# ---- with an authorizer


YES, NO = Verdict(allow=True), Verdict(allow=False)


@pytest.fixture(params=[False, True], ids=["any ids", "strict ids"])
def guarded(request: pytest.FixtureRequest) -> World:
    return World(strict_request_ids=request.param, roles=[Role(name="anonymous", rules=[RULE])])


RULE = Rule(uri="*", allow=["register"], ask=["call"])


def decide(world: World, verdict: Verdict) -> None:
    (question,) = world.router.take_questions()
    world.router.answer(question, verdict, world.now)


@pytest.mark.checklist("AZ-R7")
def test_inputs_wait_with_their_call_and_are_not_asked_about(guarded: World) -> None:
    caller, callee = guarded.join(features=FEATURES), guarded.join(features=FEATURES)
    callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, 1, options=MORE)
    more(caller, request_id, 2, progress=True)
    assert callee.received() == []
    decide(guarded, YES)
    more(caller, request_id, 3)
    invocations = [message for message in callee.received() if isinstance(message, Invocation)]
    assert [invocation.args for invocation in invocations] == [[1], [2], [3]]
    assert guarded.router.take_questions() == []


@pytest.mark.checklist("AZ-R2", "PCI-R5")
def test_inputs_of_a_call_that_is_denied_are_dropped(guarded: World) -> None:
    caller = guarded.join(features=FEATURES)
    request_id = caller.call(PROCEDURE, 1, options=MORE)
    more(caller, request_id, 2, progress=True)
    decide(guarded, NO)
    caller.expect_error(uris.ERROR_NOT_AUTHORIZED)
    more(caller, request_id, 3)
    assert caller.received() == []
    assert guarded.router.take_questions() == []


@pytest.mark.checklist("CC-R8", "PCI-R5", "ID-R1")
@pytest.mark.parametrize("is_first", [True, False])
def test_a_call_that_is_cancelled_before_it_is_routed_takes_its_inputs_along(guarded: World, is_first: bool) -> None:
    caller, callee = guarded.join(features=FEATURES), guarded.join(features=FEATURES)
    callee.register(PROCEDURE)
    if not is_first:
        caller.call("com.example.held")
    request_id = caller.call(PROCEDURE, 1, options=MORE)
    more(caller, request_id, 2, progress=True)
    for _ in range(2):
        caller.cancel(request_id)
    caller.expect_error(uris.ERROR_CANCELED)
    more(caller, request_id, 3)
    decide(guarded, NO)
    assert callee.received() == []
    caller.received()
    following = caller.call(PROCEDURE, 4)
    decide(guarded, YES)
    assert callee.expect(Invocation).args == [4]
    assert following == request_id + 1


def test_a_call_in_flight_is_cancelled_while_its_inputs_wait(guarded: World) -> None:
    caller, callee = guarded.join(features=FEATURES), guarded.join(features=FEATURES)
    callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, 1, options=MORE)
    decide(guarded, YES)
    invocation = callee.expect(Invocation)
    caller.call("com.example.held")
    more(caller, request_id, 2)
    caller.cancel(request_id)
    caller.expect_error(uris.ERROR_CANCELED)
    assert callee.expect(Interrupt).request_id == invocation.request_id
    decide(guarded, NO)
    assert callee.received() == []
