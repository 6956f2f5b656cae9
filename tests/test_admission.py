"""trowamp/_admission.py: how many connections there may be, in all and from one address, with a session and without."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio

from trowamp import ConnectError, open_router, open_session
from trowamp._admission import Admission, AdmissionLimits

from .serve_tools import open_socket_peer

LOCAL: dict[str, Any] = {"type": "memory"}


def at(address: str) -> dict[str, Any]:
    return {"type": "tcp", "peer": f"{address}:1234"}


def enter(limits: dict[str, int], *details: dict[str, Any]) -> list[str]:
    """Let connections in, one after the other, that never join; return why each is one too many."""
    admission = Admission(AdmissionLimits(**limits))
    return [admission.enter(number, detail) for number, detail in enumerate(details)]


HOME, AWAY = at("192.0.2.1"), at("192.0.2.2")


@pytest.mark.parametrize(
    ("limits", "details", "words"),
    [
        ({"max_connections": 2}, [HOME, AWAY, LOCAL], "2 connections are open"),
        ({"max_pending": 2}, [HOME, LOCAL, AWAY], "2 connections have not joined yet"),
        ({"max_connections_per_address": 2}, [HOME, AWAY, HOME, HOME], "2 connections from its address are open"),
        ({"max_pending_per_address": 1}, [HOME, AWAY, HOME], "1 connections from its address have not joined yet"),
        ({"max_pending_per_address": 1}, [at("[2001:db8::1]"), at("[2001:db8::2]")], "1 connections from its address"),
    ],
)
def test_one_too_many_is_told_why(limits: dict[str, int], details: list[dict[str, Any]], words: str) -> None:
    *before, last = enter(limits, *details)
    assert set(before) == {""}
    assert last.startswith(words)


def test_connections_in_memory_have_no_address() -> None:
    limits = {"max_connections_per_address": 1, "max_pending_per_address": 1}
    assert enter(limits, *[LOCAL] * 5) == [""] * 5


def test_who_starts_over_is_counted_again_once() -> None:
    admission = Admission(AdmissionLimits(max_pending=2, max_pending_per_address=1))
    assert admission.enter("a", HOME) == ""
    assert admission.joined("a")
    assert not admission.joined("a")
    assert admission.enter("b", HOME) == ""
    for _ in range(2):
        assert admission.start_over("a") == "1 connections from its address have not joined yet"
    assert admission.enter("c", AWAY) == "2 connections have not joined yet"
    for name in "abc":
        admission.leave(name)
    assert admission.enter("d", HOME) == ""


def test_who_has_joined_or_left_is_not_counted_any_more() -> None:
    limits = AdmissionLimits(max_connections=3, max_connections_per_address=2, max_pending=1, max_pending_per_address=1)
    admission = Admission(limits)
    for name in "ab":
        assert admission.enter(name, HOME) == ""
        admission.joined(name)
        admission.joined(name)
    assert admission.enter("c", HOME) == "2 connections from its address are open"
    for name in "abc":
        admission.leave(name)
        admission.leave(name)
    for name, where in ("d", HOME), ("e", HOME), ("f", AWAY):  # nobody else is counted in any way
        assert admission.enter(name, where) == ""
        admission.joined(name)


def test_what_is_remembered_of_addresses_goes_with_them() -> None:
    admission = Admission(AdmissionLimits())
    for number in range(100):
        admission.enter(number, at(f"192.0.2.{number}"))
        admission.leave(number)
    assert not admission._by_address
    assert not admission._pending_by_address


async def test_a_crowd_that_does_not_join_is_refused_and_those_with_a_session_stay() -> None:
    async with open_router(listen=["rs://127.0.0.1:0"], max_pending_per_address=3) as router, AsyncExitStack() as stack:
        url = router.urls[0]
        async with open_session(url, realm="realm1") as session:
            for _ in range(3):
                await stack.enter_async_context(open_socket_peer(url))
            with pytest.raises(ConnectError, match="too many connections"):
                async with open_session(url, realm="realm1"):
                    raise AssertionError("it was let in")
            assert router.statistics().refused_connections >= 1
            assert await session.call("wamp.session.count") == 1
            await stack.aclose()
            with trio.fail_after(5):
                while router.connections > 1:
                    await trio.lowlevel.checkpoint()
            async with open_session(url, realm="realm1"):
                assert await session.call("wamp.session.count") == 2
