"""Calls through the router: routing, progress, cancelling, time-outs, and everybody leaving at the wrong moment."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.messages import (
    Abort,
    Call,
    Error,
    Interrupt,
    Invocation,
    Register,
    Registered,
    Result,
    Unregister,
    Unregistered,
    Yield,
)

from .harness import NO_FEATURES, PROCEDURE, PROGRESS, Client, World, again, begin

# ---- basic calls


@pytest.mark.checklist("BP-R14", "SER-R1")
@pytest.mark.parametrize("caller_speaks", ["json", "msgpack", "cbor"])
@pytest.mark.parametrize("callee_speaks", ["json", "msgpack", "cbor"])
def test_a_payload_passes_unchanged_between_any_serializers(
    world: World, caller_speaks: str, callee_speaks: str
) -> None:
    caller, callee = world.join(serializer=caller_speaks), world.join(serializer=callee_speaks)
    args = [1, 2.5, "grüße", b"\0\xff", None, True, [], {"a": [-1]}]
    registration_id = callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, *args, key={"x": b""})
    invocation = callee.expect(Invocation)
    assert invocation == Invocation(1, registration_id, {}, args, {"key": {"x": b""}})
    callee.answer(invocation, *args, other=1)
    assert caller.expect(Result) == Result(request_id, {}, args, {"other": 1})


@pytest.mark.checklist("BP-R14", "SER-B4")
def test_absent_payloads_stay_absent(caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE)
    caller.send(Call(1, {}, PROCEDURE))
    invocation = callee.expect(Invocation)
    assert (invocation.args, invocation.kwargs) == (None, None)
    callee.send(Yield(invocation.request_id, {}))
    result = caller.expect(Result)
    assert (result.args, result.kwargs) == (None, None)


@pytest.mark.checklist("BP-C7")
def test_an_error_reaches_the_caller_with_its_payload(caller: Client, callee: Client) -> None:
    request_id, invocation = begin(caller, callee)
    callee.fail(invocation, "com.example.error", 1, 2, why="so")
    assert caller.expect(Error) == Error(48, request_id, {}, "com.example.error", [1, 2], {"why": "so"})


@pytest.mark.checklist("URI-B3")
def test_an_error_without_a_legal_uri_becomes_one_of_the_routers(caller: Client, callee: Client) -> None:
    _, invocation = begin(caller, callee)
    callee.fail(invocation, "no uri at all", 1)
    caller.expect_error(uris.ERROR_INVALID_URI)


def test_a_call_that_nobody_serves_is_refused(caller: Client) -> None:
    request_id = caller.call(PROCEDURE)
    error = caller.expect_error(uris.ERROR_NO_SUCH_PROCEDURE)
    assert (error.request_type, error.request_id) == (48, request_id)
    assert PROCEDURE in str(error.args)


@pytest.mark.checklist("URI-B3")
@pytest.mark.parametrize("uri", ["", "a..b", "a b", ".a", "a#b", "com.example\n"])
def test_a_call_without_a_legal_uri_is_refused(caller: Client, uri: str) -> None:
    caller.call(uri)
    caller.expect_error(uris.ERROR_INVALID_URI)


@pytest.mark.checklist("BP-R13")
def test_a_session_can_call_itself(caller: Client) -> None:
    caller.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, 5)
    invocation = caller.expect(Invocation)
    caller.answer(invocation, 6)
    assert caller.expect(Result) == Result(request_id, {}, [6])


@pytest.mark.checklist("ID-R3", "ORD-R3")
def test_invocations_keep_the_order_of_the_calls_and_count_from_one(caller: Client, callee: Client) -> None:
    other = caller.world.join()
    callee.register("com.example.a")
    callee.register("com.example.b")
    for number in range(5):
        caller.call("com.example.a" if number % 2 else "com.example.b", number)
        other.call("com.example.a", "other")
    invocations = callee.received()
    assert all(isinstance(message, Invocation) for message in invocations)
    assert [message.request_id for message in invocations if isinstance(message, Invocation)] == list(range(1, 11))
    assert [message.args for message in invocations[::2] if isinstance(message, Invocation)] == [
        [number] for number in range(5)
    ]


@pytest.mark.checklist("ORD-R5")
def test_results_come_in_the_order_of_the_answers(caller: Client, callee: Client) -> None:
    first, slow = begin(caller, callee)
    second, fast = again(caller, callee)
    callee.answer(fast)
    callee.answer(slow)
    assert [message.request_id for message in caller.received() if isinstance(message, Result)] == [second, first]


@pytest.mark.checklist("ID-R2", "PCI-R5")
def test_the_id_of_a_call_in_flight_cannot_be_used_again(world: World, caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE)
    caller.send(Call(7, {}, PROCEDURE))
    callee.expect(Invocation)
    caller.send(Call(7, {}, PROCEDURE))
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    assert callee.expect(Interrupt).options == {"mode": "killnowait"}
    assert world.statistics()["sessions"] == 1


@pytest.mark.checklist("ID-R2")
def test_an_id_can_be_used_again_after_the_answer(caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE)
    for _ in range(2):
        caller.send(Call(7, {}, PROCEDURE))
        callee.answer(callee.expect(Invocation))
        assert caller.expect(Result).request_id == 7


# ---- leaving


@pytest.mark.checklist("BP-R10")
def test_an_invocation_survives_unregister(caller: Client, callee: Client) -> None:
    _, invocation = begin(caller, callee)
    callee.send(Unregister(callee.next_id(), invocation.registration_id))
    callee.expect(Unregistered)
    callee.answer(invocation, "done")
    assert caller.expect(Result).args == ["done"]


@pytest.mark.checklist("BP-R11", "PCR-R5", "SES-R3")
@pytest.mark.parametrize("leave", [Client.drop, Client.goodbye], ids=["drop", "goodbye"])
def test_a_call_fails_when_its_callee_leaves(world: World, caller: Client, callee: Client, leave: Any) -> None:
    request_id, invocation = begin(caller, callee, **PROGRESS)
    callee.progress(invocation, 1)
    caller.expect(Result)
    leave(callee)
    assert caller.expect_error(uris.ERROR_CANCELED).request_id == request_id
    assert "calls_in_flight" not in world.statistics()


@pytest.mark.checklist("BP-R12", "PCR-R4", "SES-R3")
@pytest.mark.parametrize("leave", [Client.drop, Client.goodbye], ids=["drop", "goodbye"])
def test_the_callee_is_interrupted_when_the_caller_leaves(
    world: World, caller: Client, callee: Client, leave: Any
) -> None:
    _, invocation = begin(caller, callee, **PROGRESS)
    leave(caller)
    assert callee.expect(Interrupt) == Interrupt(invocation.request_id, {"mode": "killnowait"})
    callee.progress(invocation, 1)
    callee.answer(invocation, 1)
    callee.fail(invocation, "com.example.error")
    assert callee.received() == []
    assert world.statistics()["late_answers"] == 3


@pytest.mark.checklist("BP-R12")
def test_a_callee_that_cannot_cancel_is_not_interrupted_when_the_caller_leaves(world: World, caller: Client) -> None:
    callee = world.join(features=NO_FEATURES)
    _, invocation = begin(caller, callee)
    caller.drop()
    callee.answer(invocation)
    assert callee.received() == []
    assert not callee.peer.is_closing


@pytest.mark.checklist("SES-B3", "BP-R13")
def test_a_session_that_calls_itself_hears_nothing_of_it_after_goodbye(caller: Client, world: World) -> None:
    caller.register(PROCEDURE)
    caller.call(PROCEDURE)
    caller.expect(Invocation)
    caller.goodbye()
    assert [message.name for message in caller.received()] == ["GOODBYE"]
    assert "calls_in_flight" not in world.statistics()


# ---- progressive results


@pytest.mark.checklist("PCR-R2", "PCR-C2")
def test_progress_reaches_the_caller_at_once_and_before_the_result(caller: Client, callee: Client) -> None:
    request_id, invocation = begin(caller, callee, **PROGRESS)
    assert invocation.details == PROGRESS
    for number in range(3):
        callee.progress(invocation, number)
        assert caller.expect(Result) == Result(request_id, {"progress": True}, [number])
    callee.send(Yield(invocation.request_id, {"progress": True}))
    callee.answer(invocation)
    assert caller.received() == [Result(request_id, {"progress": True}), Result(request_id, {})]


@pytest.mark.checklist("PCR-R1", "PCR-C6")
@pytest.mark.parametrize("features", [NO_FEATURES, ("progressive_call_results",), ("call_canceling",)])
def test_progress_is_only_asked_of_callees_that_can_also_be_cancelled(
    world: World, caller: Client, features: tuple[str, ...]
) -> None:
    callee = world.join(features=features)
    _, invocation = begin(caller, callee, **PROGRESS)
    assert invocation.details == {}


@pytest.mark.checklist("PCR-R1")
def test_the_misspelled_name_of_call_canceling_counts(world: World, caller: Client) -> None:
    callee = world.join(features=("progressive_call_results", "call_cancelling"))
    _, invocation = begin(caller, callee, **PROGRESS)
    assert invocation.details == PROGRESS


@pytest.mark.checklist("PCR-R3")
def test_progress_that_nobody_asked_for_is_dropped(world: World, caller: Client, callee: Client) -> None:
    _, invocation = begin(caller, callee)
    callee.progress(invocation, 1)
    assert caller.received() == callee.received() == []
    assert world.statistics()["unwanted_progress"] == 1
    callee.answer(invocation, 2)
    assert caller.expect(Result).args == [2]


@pytest.mark.checklist("PCR-R7")
def test_progress_that_the_caller_cannot_get_ends_the_call(world: World, callee: Client) -> None:
    caller = world.join(serializer="json")
    _, invocation = begin(caller, callee, **PROGRESS)
    callee.progress(invocation, "\0looks like octets in JSON")
    caller.expect_error(uris.ERROR_INVALID_ARGUMENT)
    assert callee.expect(Interrupt) == Interrupt(invocation.request_id, {"mode": "killnowait"})
    callee.progress(invocation, 1)
    assert caller.received() == callee.received() == []


@pytest.mark.checklist("PCI-R1", "FEAT-R1")
def test_further_inputs_are_not_accepted_from_callers_that_did_not_announce_them(
    caller: Client, callee: Client
) -> None:
    callee.register(PROCEDURE)
    caller.call(PROCEDURE, options={"progress": True})
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    assert callee.received() == []


# ---- late and false answers


@pytest.mark.checklist("PV-R", "ID-R3")
@pytest.mark.parametrize("kind", ["yield", "error"])
def test_an_answer_to_an_invocation_that_never_was_is_a_violation(caller: Client, callee: Client, kind: str) -> None:
    begin(caller, callee)
    if kind == "yield":
        caller.send(Yield(1, {}))  # the callee's invocation, not the caller's
    else:
        caller.send(Error(68, 1, {}, "com.example.error"))
    assert caller.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    callee.expect(Interrupt)


def test_a_second_answer_is_counted_and_ignored(world: World, caller: Client, callee: Client) -> None:
    _, invocation = begin(caller, callee)
    callee.answer(invocation)
    caller.expect(Result)
    callee.answer(invocation)
    callee.fail(invocation, "com.example.error")
    assert caller.received() == callee.received() == []
    assert world.statistics()["late_answers"] == 2


# ---- identification


@pytest.mark.checklist("CI-R1", "CI-R5", "CI-C1")
def test_a_caller_that_wants_to_be_known_is_disclosed(world: World, caller: Client) -> None:
    callee = world.join(features=NO_FEATURES)
    _, invocation = begin(caller, callee, disclose_me=True)
    session = caller.peer.session
    assert session is not None
    assert invocation.details == {
        "caller": caller.session_id,
        "caller_authid": session.authid,
        "caller_authrole": "anonymous",
    }


@pytest.mark.checklist("CI-R3")
def test_a_caller_is_not_disclosed_unasked(caller: Client, callee: Client) -> None:
    _, invocation = begin(caller, callee, disclose_me=False)
    assert invocation.details == {}


@pytest.mark.checklist("CI-R1", "CI-C3")
def test_a_registration_can_ask_for_its_callers(caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE, disclose_caller=True)
    _, invocation = again(caller, callee)
    assert invocation.details["caller"] == caller.session_id


@pytest.mark.checklist("CI-R1")
def test_a_router_can_disclose_all_callers() -> None:
    world = World(disclosure="always")
    caller, callee = world.join(), world.join()
    _, invocation = begin(caller, callee)
    assert invocation.details["caller"] == caller.session_id


@pytest.mark.checklist("CI-R2", "CI-R3")
def test_a_router_can_refuse_disclosure() -> None:
    world = World(disclosure="never")
    caller, callee = world.join(), world.join()
    callee.register(PROCEDURE)
    caller.call(PROCEDURE, options={"disclose_me": True})
    caller.expect_error(uris.ERROR_DISCLOSE_ME_DISALLOWED)
    assert callee.received() == []
    _, invocation = again(caller, callee)
    assert invocation.details == {}
    callee.send(Register(callee.next_id(), {"disclose_caller": True}, "com.example.other"))
    callee.expect_error(uris.ERROR_OPTION_NOT_ALLOWED)


@pytest.mark.checklist("ORD-R4")
def test_registered_comes_before_the_first_invocation(world: World, caller: Client, callee: Client) -> None:
    callee.send(Register(1, {}, PROCEDURE))
    caller.call(PROCEDURE)
    assert [type(message) for message in callee.received()] == [Registered, Invocation]
