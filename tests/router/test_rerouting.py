"""trowamp/router/_rerouting.py: a callee that is unavailable has its calls passed on."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import Invocation, Result

from .harness import ALL_FEATURES, PROCEDURE, PROGRESS, Client, World

REROUTE = (*ALL_FEATURES, "call_reroute", "progressive_call_invocations")


def callees_of(world: World, count: int, invoke: str, **options: Any) -> list[Client]:
    """Return callees of one registration in the order of registering."""
    callees = [world.join(features=REROUTE) for _ in range(count)]
    for callee in callees:
        callee.register(PROCEDURE, invoke=invoke, **options)
    return callees


def pending(callees: list[Client]) -> tuple[int, Invocation]:
    """Return which callee has been invoked, and with what."""
    ((index, message),) = [(index, message) for index, each in enumerate(callees) for message in each.received()]
    assert isinstance(message, Invocation)
    return index, message


def decline(callee: Client, invocation: Invocation) -> None:
    callee.fail(invocation, uris.ERROR_UNAVAILABLE)


@pytest.mark.checklist("RR-R2", "RR-R3")
@pytest.mark.parametrize(
    ("invoke", "expected"), [("first", [0, 1, 2]), ("last", [2, 1, 0]), ("roundrobin", [0, 1, 2]), ("single", [0])]
)
def test_every_callee_is_tried_once_in_the_order_of_the_policy(
    world: World, caller: Client, invoke: str, expected: list[int]
) -> None:
    callees = callees_of(world, 1 if invoke == "single" else 3, invoke)
    caller.call(PROCEDURE, 1, key="value")
    tried = []
    while (messages := [(i, m) for i, each in enumerate(callees) for m in each.received()]) != []:
        ((index, invocation),) = messages
        assert isinstance(invocation, Invocation)
        assert (invocation.args, invocation.kwargs) == ([1], {"key": "value"})
        tried.append(index)
        decline(callees[index], invocation)
    assert tried == expected
    caller.expect_error(uris.ERROR_NO_AVAILABLE_CALLEE)
    assert "calls_in_flight" not in world.statistics()


@pytest.mark.checklist("RR-R2", "RR-R3")
def test_random_callees_are_each_tried_once(world: World, caller: Client) -> None:
    callees = callees_of(world, 4, "random")
    caller.call(PROCEDURE)
    tried = set()
    for _ in callees:
        index, invocation = pending(callees)
        tried.add(index)
        decline(callees[index], invocation)
    assert tried == {0, 1, 2, 3}
    caller.expect_error(uris.ERROR_NO_AVAILABLE_CALLEE)


@pytest.mark.checklist("RR-R2")
def test_round_robin_goes_on_after_the_one_that_was_unavailable(world: World, caller: Client) -> None:
    callees = callees_of(world, 3, "roundrobin")
    for expected in ([0, 1], [1, 2], [2, 0]):
        caller.call(PROCEDURE)
        seen = []
        for answers in (False, True):
            index, invocation = pending(callees)
            seen.append(index)
            if answers:
                callees[index].answer(invocation, index)
            else:
                decline(callees[index], invocation)
        assert seen == expected
        assert caller.expect(Result).args == [expected[1]]


@pytest.mark.checklist("RR-R1")
def test_a_callee_that_did_not_announce_it_has_its_error_forwarded(world: World, caller: Client) -> None:
    (able,) = callees_of(world, 1, "first")
    plain = world.join()
    plain.register(PROCEDURE, invoke="first")
    caller.call(PROCEDURE)
    decline(able, able.expect(Invocation))
    plain.fail(plain.expect(Invocation), uris.ERROR_UNAVAILABLE, "no")
    assert caller.expect_error(uris.ERROR_UNAVAILABLE).args == ["no"]


def test_other_errors_are_forwarded(world: World, caller: Client) -> None:
    callees = callees_of(world, 2, "first")
    caller.call(PROCEDURE)
    callees[0].fail(callees[0].expect(Invocation), "com.example.error")
    caller.expect_error("com.example.error")
    assert callees[1].received() == []


@pytest.mark.checklist("RR-R4")
def test_a_call_with_a_progressive_result_is_not_passed_on(world: World, caller: Client) -> None:
    callees = callees_of(world, 2, "first")
    caller.call(PROCEDURE, options=PROGRESS)
    invocation = callees[0].expect(Invocation)
    callees[0].progress(invocation, 1)
    caller.expect(Result)
    decline(callees[0], invocation)
    caller.expect_error(uris.ERROR_UNAVAILABLE)
    assert callees[1].received() == []


@pytest.mark.checklist("RR-R4")
def test_a_call_with_progressive_inputs_is_not_passed_on(world: World) -> None:
    caller = world.join(features=REROUTE)
    callees = callees_of(world, 2, "first")
    caller.call(PROCEDURE, options={"progress": True})
    decline(callees[0], callees[0].expect(Invocation))
    caller.expect_error(uris.ERROR_UNAVAILABLE)
    assert callees[1].received() == []


def test_a_call_that_is_killed_is_not_passed_on(world: World, caller: Client) -> None:
    callees = callees_of(world, 2, "first")
    call_id = caller.call(PROCEDURE)
    invocation = callees[0].expect(Invocation)
    caller.cancel(call_id, "kill")
    decline(callees[0], invocation)
    caller.expect_error(uris.ERROR_UNAVAILABLE)
    assert callees[1].received() == []


def test_the_next_callee_is_cancelled_and_leaves_like_any_other(world: World, caller: Client) -> None:
    callees = callees_of(world, 2, "first")
    for way in ("cancel", "drop"):
        call_id = caller.call(PROCEDURE)
        invocation = callees[0].expect(Invocation)
        decline(callees[0], invocation)
        decline(callees[0], invocation)  # too late
        second = callees[1].expect(Invocation)
        if way == "cancel":
            caller.cancel(call_id, "skip")
            callees[1].answer(second)
        else:
            callees[1].drop()
        caller.expect_error(uris.ERROR_CANCELED)
    assert "calls_in_flight" not in world.statistics()


def test_a_registration_that_is_gone_has_nobody_left(world: World, caller: Client) -> None:
    callees = callees_of(world, 2, "first")
    caller.call(PROCEDURE)
    invocation = callees[0].expect(Invocation)
    callees[1].drop()
    callees[0].say(66, 99, invocation.registration_id)
    callees[0].received()
    decline(callees[0], invocation)
    caller.expect_error(uris.ERROR_NO_AVAILABLE_CALLEE)


def test_the_timer_goes_on_and_details_are_made_anew(world: World, caller: Client) -> None:
    callees = callees_of(world, 2, "first", match="prefix", disclose_caller=True)
    caller.call(PROCEDURE + ".x", options={"timeout": 3000, **PROGRESS})
    first = callees[0].expect(Invocation)
    world.pass_time(2)
    decline(callees[0], first)
    second = callees[1].expect(Invocation)
    assert second.details == first.details
    assert second.details["caller"] == caller.session_id
    world.pass_time(1)
    caller.expect_error(uris.ERROR_TIMEOUT)
    assert world.router.next_deadline() is None


def test_the_router_runs_the_timer_when_the_next_callee_does_not(world: World, caller: Client) -> None:
    callees_of(world, 1, "first", forward_timeout=True)
    first, second = world.join(features=REROUTE), world.join(features=REROUTE)
    first.register("a", invoke="first", forward_timeout=True)
    second.register("a", invoke="first")
    caller.call("a", options={"timeout": 3000})
    assert world.router.next_deadline() is None
    decline(first, first.expect(Invocation))
    assert "timeout" not in second.expect(Invocation).details
    world.pass_time(3)
    caller.expect_error(uris.ERROR_TIMEOUT)


def test_a_callee_whose_connection_cannot_carry_the_call_is_passed_over(world: World, caller: Client) -> None:
    first = world.join(features=REROUTE)
    narrow = world.join(features=REROUTE, max_send_size=1500)
    last = world.join(features=REROUTE)
    for callee in (first, narrow, last):
        callee.register(PROCEDURE, invoke="first")
    caller.call(PROCEDURE, "x" * 2000)
    decline(first, first.expect(Invocation))
    assert narrow.received() == []
    last.answer(last.expect(Invocation), 3)
    assert caller.expect(Result).args == [3]
