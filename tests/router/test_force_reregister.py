"""trowamp/router/_dealer.py: REGISTER with `force_reregister` takes a procedure over, as a component does after a reconnect."""

from __future__ import annotations

import pytest

from trowamp import uris
from trowamp.messages import Invocation, Register, Registered, Result, Unregistered

from .harness import NO_FEATURES, Client, World

PROCEDURE = "com.example.add2"
TAKEN = "wamp.error.unregistered"


def test_a_free_procedure_is_simply_registered(caller: Client, callee: Client) -> None:
    callee.register(PROCEDURE, force_reregister=True)
    caller.call(PROCEDURE)
    assert callee.expect(Invocation).request_id == 1


def test_the_holder_is_told_and_calls_go_to_the_new_callee(world: World, caller: Client) -> None:
    old, new = world.join(), world.join()
    old_id = old.register(PROCEDURE)
    new_id = new.register(PROCEDURE, force_reregister=True)
    assert new_id != old_id
    assert old.expect(Unregistered) == Unregistered(0, {"registration": old_id, "reason": TAKEN})
    caller.call(PROCEDURE)
    new.answer(new.expect(Invocation), "new")
    assert caller.expect(Result).args == ["new"]
    assert old.received() == []


def test_calls_that_the_holder_works_on_are_finished_by_it(world: World, caller: Client) -> None:
    old, new = world.join(), world.join()
    old.register(PROCEDURE)
    caller.call(PROCEDURE)
    invocation = old.expect(Invocation)
    new.register(PROCEDURE, force_reregister=True)
    old.answer(invocation, "old")
    assert old.expect(Unregistered).request_id == 0
    assert caller.expect(Result).args == ["old"]


def test_all_callees_of_a_shared_registration_lose_it(world: World) -> None:
    holders = [world.join(), world.join(features=NO_FEATURES)]
    for holder in holders:
        holder.register(PROCEDURE, invoke="roundrobin")
    world.join().register(PROCEDURE, invoke="first", force_reregister=True)
    assert holders[0].expect(Unregistered).request_id == 0
    assert holders[1].received() == []  # it did not announce that it understands
    assert world.router.statistics().registrations == 1


def test_a_session_can_take_over_from_itself(callee: Client) -> None:
    old_id = callee.register(PROCEDURE)
    callee.send(Register(callee.next_id(), {"force_reregister": True}, PROCEDURE))
    told, answer = callee.received()
    assert told == Unregistered(0, {"registration": old_id, "reason": TAKEN})
    assert isinstance(answer, Registered)


def test_other_patterns_for_the_same_uri_are_left_alone(world: World) -> None:
    old = world.join()
    old.register(PROCEDURE, match="prefix")
    world.join().register(PROCEDURE, force_reregister=True)
    assert old.received() == []


@pytest.mark.parametrize("procedure", ["wamp.session.count", "not a uri"])
def test_what_nobody_may_register_cannot_be_taken(callee: Client, procedure: str) -> None:
    callee.send(Register(callee.next_id(), {"force_reregister": True}, procedure))
    callee.expect_error(uris.ERROR_INVALID_URI)


def test_without_the_option_the_holder_keeps_the_procedure(world: World, callee: Client) -> None:
    world.join().register(PROCEDURE)
    callee.send(Register(callee.next_id(), {"force_reregister": False}, PROCEDURE))
    callee.expect_error(uris.ERROR_PROCEDURE_ALREADY_EXISTS)


def test_the_session_of_a_former_holder_ends_without_a_trace(world: World) -> None:
    old, new = world.join(), world.join()
    old.register(PROCEDURE)
    new.register(PROCEDURE, force_reregister=True)
    old.drop()
    assert world.router.statistics().registrations == 1
    new.drop()
    assert world.router.statistics().registrations == 0
