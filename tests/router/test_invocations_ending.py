"""Calls that end before their callee has answered: cancelling and time-outs."""

from __future__ import annotations

import pytest

from trowamp import uris
from trowamp.messages import Abort, Interrupt, Result

from .harness import NO_FEATURES, PROCEDURE, PROGRESS, Client, World, again, begin

# ---- cancelling


@pytest.mark.checklist("CC-R1", "CC-C2")
def test_skip_ends_the_call_and_leaves_the_callee_alone(world: World, caller: Client, callee: Client) -> None:
    request_id, invocation = begin(caller, callee)
    caller.cancel(request_id, "skip")
    assert caller.expect_error(uris.ERROR_CANCELED).request_id == request_id
    assert callee.received() == []
    callee.answer(invocation)
    assert caller.received() == []
    assert world.statistics()["late_answers"] == 1


@pytest.mark.checklist("CC-R3", "CC-C2")
@pytest.mark.parametrize("mode", ["killnowait", None])
def test_killnowait_is_the_default_and_ends_the_call_at_once(caller: Client, callee: Client, mode: str | None) -> None:
    request_id, invocation = begin(caller, callee)
    caller.cancel(request_id, mode)
    caller.expect_error(uris.ERROR_CANCELED)
    assert callee.expect(Interrupt) == Interrupt(invocation.request_id, {"mode": "killnowait"})
    callee.fail(invocation, uris.ERROR_CANCELED)
    assert caller.received() == callee.received() == []


@pytest.mark.checklist("CC-R2", "CC-C3")
@pytest.mark.parametrize("outcome", ["result", "error"])
def test_kill_waits_for_whatever_the_callee_answers(caller: Client, callee: Client, outcome: str) -> None:
    request_id, invocation = begin(caller, callee)
    caller.cancel(request_id, "kill")
    assert caller.received() == []
    assert callee.expect(Interrupt) == Interrupt(invocation.request_id, {"mode": "kill"})
    if outcome == "result":
        callee.answer(invocation, "finished anyway")
        assert caller.expect(Result) == Result(request_id, {}, ["finished anyway"])
    else:
        callee.fail(invocation, "com.example.interrupted", 1)
        assert caller.expect_error("com.example.interrupted").args == [1]


@pytest.mark.checklist("CC-R4")
@pytest.mark.parametrize("mode", ["skip", "kill", "killnowait", None])
def test_every_mode_is_skip_for_a_callee_that_cannot_cancel(world: World, caller: Client, mode: str | None) -> None:
    callee = world.join(features=NO_FEATURES)
    request_id, _ = begin(caller, callee)
    caller.cancel(request_id, mode)
    caller.expect_error(uris.ERROR_CANCELED)
    assert callee.received() == []


@pytest.mark.checklist("CC-R5", "CC-C4")
def test_cancelling_what_is_over_or_not_ones_own_is_ignored(world: World, caller: Client, callee: Client) -> None:
    request_id, invocation = begin(caller, callee)
    other = world.join()
    other.cancel(request_id, "kill")
    callee.answer(invocation)
    caller.expect(Result)
    caller.cancel(request_id, "kill")
    caller.cancel(999, "skip")
    assert caller.received() == callee.received() == other.received() == []
    assert not caller.peer.is_closing
    assert not other.peer.is_closing


@pytest.mark.checklist("CC-R6")
@pytest.mark.parametrize("mode", ["skip", "killnowait"])
def test_a_second_cancel_does_not_interrupt_again_but_can_end_the_waiting(
    caller: Client, callee: Client, mode: str
) -> None:
    request_id, invocation = begin(caller, callee)
    caller.cancel(request_id, "kill")
    callee.expect(Interrupt)
    caller.cancel(request_id, "kill")
    assert caller.received() == callee.received() == []
    caller.cancel(request_id, mode)
    caller.expect_error(uris.ERROR_CANCELED)
    caller.cancel(request_id, mode)
    callee.answer(invocation)
    assert caller.received() == callee.received() == []


@pytest.mark.checklist("CC-R6", "BP-R12")
def test_a_callee_that_was_interrupted_is_not_interrupted_again_when_the_caller_vanishes(
    caller: Client, callee: Client
) -> None:
    request_id, invocation = begin(caller, callee)
    caller.cancel(request_id, "kill")
    assert callee.expect(Interrupt).options == {"mode": "kill"}
    caller.drop()
    callee.answer(invocation)
    assert callee.received() == []


@pytest.mark.checklist("CC-R7", "MSG-B4")
def test_an_unknown_mode_is_a_violation(caller: Client) -> None:
    caller.say(49, 1, {"mode": "softly"})
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION


# ---- time-outs


@pytest.mark.checklist("CT-R1", "CT-R2", "CT-C1")
def test_the_router_ends_a_call_that_takes_too_long(world: World, caller: Client, callee: Client) -> None:
    request_id, invocation = begin(caller, callee, timeout=1500)
    assert invocation.details == {}
    assert world.router.next_deadline() == world.now + 1.5
    world.pass_time(1.4)
    assert caller.received() == []
    world.pass_time(0.1)
    assert caller.expect_error(uris.ERROR_TIMEOUT).request_id == request_id
    assert callee.expect(Interrupt) == Interrupt(invocation.request_id, {"mode": "killnowait"})
    callee.answer(invocation)
    assert caller.received() == []
    assert world.router.next_deadline() is None
    assert world.statistics()["call_timeouts"] == 1


@pytest.mark.checklist("CT-R2")
def test_a_callee_that_cannot_cancel_is_left_alone_after_a_timeout(world: World, caller: Client) -> None:
    callee = world.join(features=NO_FEATURES)
    begin(caller, callee, timeout=1)
    world.pass_time(1)
    caller.expect_error(uris.ERROR_TIMEOUT)
    assert callee.received() == []


@pytest.mark.checklist("CT-C1")
def test_no_timeout_and_timeout_zero_wait_for_ever(world: World, caller: Client, callee: Client) -> None:
    begin(caller, callee, timeout=0)
    again(caller, callee)
    assert world.router.next_deadline() is None


def test_a_callee_that_was_interrupted_already_is_not_interrupted_again_by_the_timeout(
    world: World, caller: Client, callee: Client
) -> None:
    request_id, _ = begin(caller, callee, timeout=1000)
    caller.cancel(request_id, "kill")
    assert callee.expect(Interrupt).options == {"mode": "kill"}
    world.pass_time(1)
    caller.expect_error(uris.ERROR_TIMEOUT)
    assert callee.received() == []


def test_an_answer_takes_the_deadline_away(world: World, caller: Client, callee: Client) -> None:
    _, invocation = begin(caller, callee, timeout=1000)
    callee.answer(invocation)
    caller.expect(Result)
    assert world.router.next_deadline() is None
    world.pass_time(10)
    assert caller.received() == callee.received() == []


@pytest.mark.checklist("PCR-R6")
def test_with_progress_the_timeout_counts_from_one_result_to_the_next(
    world: World, caller: Client, callee: Client
) -> None:
    _, invocation = begin(caller, callee, timeout=1000, **PROGRESS)
    for _ in range(5):
        world.pass_time(0.9)
        callee.progress(invocation)
        assert caller.expect(Result).details == {"progress": True}
    assert world.router.next_deadline() == world.now + 1.0
    world.pass_time(1.0)
    caller.expect_error(uris.ERROR_TIMEOUT)


@pytest.mark.checklist("CT-R3", "CT-C4")
def test_a_callee_that_asked_for_it_gets_the_timeout_and_the_router_runs_none(
    world: World, caller: Client, callee: Client
) -> None:
    callee.register(PROCEDURE, forward_timeout=True)
    _, invocation = again(caller, callee, timeout=1500)
    assert invocation.details == {"timeout": 1500}
    world.pass_time(10)
    assert caller.received() == []
    callee.fail(invocation, uris.ERROR_TIMEOUT)
    caller.expect_error(uris.ERROR_TIMEOUT)


@pytest.mark.checklist("CT-R5", "CT-R1")
def test_a_timeout_is_not_forwarded_to_a_callee_without_the_feature(world: World, caller: Client) -> None:
    callee = world.join(features=("call_canceling",))
    callee.register(PROCEDURE, forward_timeout=True)
    _, invocation = again(caller, callee, timeout=1000)
    assert invocation.details == {}
    world.pass_time(1)
    caller.expect_error(uris.ERROR_TIMEOUT)


@pytest.mark.checklist("CT-R4")
@pytest.mark.parametrize("timeout", [-1, 1.5, "1000", True])
def test_a_timeout_that_is_no_number_of_milliseconds_is_a_violation(caller: Client, timeout: object) -> None:
    caller.say(48, 1, {"timeout": timeout}, PROCEDURE)
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
