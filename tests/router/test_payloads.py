"""trowamp/router/_invocations.py: calls and answers that a receiver's serializer or size limit cannot carry."""

from __future__ import annotations

import pytest

from trowamp import uris
from trowamp.messages import (
    Interrupt,
    Invocation,
)

from .harness import PROCEDURE, PROGRESS, Client, World, again, begin


def test_a_call_that_the_callees_serializer_cannot_carry_is_refused(world: World, caller: Client) -> None:
    callee = world.join(serializer="json")
    callee.register(PROCEDURE)
    request_id = caller.call(PROCEDURE, "\0looks like octets in JSON")
    assert caller.expect_error(uris.ERROR_INVALID_ARGUMENT).request_id == request_id
    assert callee.received() == []
    caller.call(PROCEDURE, 1)
    assert callee.expect(Invocation).request_id == 1  # the refused call burned no id


def test_a_result_that_the_callers_serializer_cannot_carry_fails_the_call(world: World, callee: Client) -> None:
    caller = world.join(serializer="json")
    _, invocation = begin(caller, callee)
    callee.answer(invocation, "\0")
    caller.expect_error(uris.ERROR_INVALID_ARGUMENT)
    assert "calls_in_flight" not in world.statistics()
    _, invocation = again(caller, callee)
    callee.fail(invocation, "com.example.error", "\0")
    caller.expect_error(uris.ERROR_INVALID_ARGUMENT)
    assert callee.received() == []


def test_a_call_too_large_for_the_callee_is_refused(world: World, caller: Client) -> None:
    callee = world.join(max_send_size=2000)
    callee.register(PROCEDURE)
    caller.call(PROCEDURE, "x" * 3000)
    caller.expect_error(uris.ERROR_PAYLOAD_SIZE_EXCEEDED)
    assert callee.received() == []


@pytest.mark.parametrize("kind", ["result", "error", "progress"])
def test_an_answer_too_large_for_the_caller_fails_the_call(world: World, callee: Client, kind: str) -> None:
    caller = world.join(max_send_size=2000)
    _, invocation = begin(caller, callee, **PROGRESS)
    if kind == "result":
        callee.answer(invocation, "x" * 3000)
    elif kind == "error":
        callee.fail(invocation, "com.example.error", "x" * 3000)
    else:
        callee.progress(invocation, "x" * 3000)
    caller.expect_error(uris.ERROR_PAYLOAD_SIZE_EXCEEDED)
    assert [type(message) for message in callee.received()] == ([Interrupt] if kind == "progress" else [])
    assert "calls_in_flight" not in world.statistics()
