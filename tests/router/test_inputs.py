"""Progressive call invocations: CALLs with the same id, and where each of them goes."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Abort, Call, Interrupt, Invocation, Result

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


def test_what_is_remembered_of_calls_that_are_over_is_bounded(world: World, caller: Client) -> None:
    for _ in range(1001):
        caller.call(PROCEDURE, options=MORE)
    caller.received()
    (session,) = (each for each in world.router._realms["realm1"].sessions.values() if each.calls == {})
    assert len(session.late_inputs) == 1000
    assert 1 not in session.late_inputs
