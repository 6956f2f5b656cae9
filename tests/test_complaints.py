"""trowamp/_complaints.py: what peers can cause at will fills no log, and nothing is left out in silence."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trowamp import ApplicationError, JoinError, Role, RouterAuth, RouterOptions, Rule, auth, open_router
from trowamp._complaints import Complaints
from trowamp.auth import Claim

from .serve_tools import REALM, open_joined_peer, open_peer

LOG = logging.getLogger("trowamp.router")
REFUSED = "connection from %s refused: %s"


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> tuple[Complaints, list[float]]:
    caplog.set_level(logging.INFO)
    now = [100.0]
    return Complaints(LOG, lambda: now[0]), now


def test_there_is_one_line_a_second_and_the_next_one_counts_the_others(
    complaints: tuple[Complaints, list[float]], caplog: pytest.LogCaptureFixture
) -> None:
    teller, now = complaints
    for number in range(1000):
        now[0] = 100 + number * 0.0025  # two and a half seconds
        teller.tell(logging.WARNING, REFUSED, number, "too many")
    assert caplog.messages == [
        "connection from 0 refused: too many",
        "connection from 400 refused: too many (399 more like this were left out)",
        "connection from 800 refused: too many (399 more like this were left out)",
    ]
    teller.finish()
    teller.finish()
    assert caplog.messages[3:] == [f"199 more were left out of: {REFUSED}"]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_kinds_do_not_silence_each_other_and_what_is_rare_is_never_left_out(
    complaints: tuple[Complaints, list[float]], caplog: pytest.LogCaptureFixture
) -> None:
    teller, now = complaints
    for _ in range(3):
        teller.tell(logging.INFO, "%s failed", "a")
        teller.tell(logging.INFO, "%s is late", "b")
        now[0] += 1
    assert caplog.messages == ["a failed", "b is late"] * 3


async def test_a_crowd_that_is_refused_is_a_line_a_second(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_router([REALM], max_connections=1, close_timeout=0) as router, open_joined_peer(router):
        for _ in range(30):
            for _ in range(10):
                async with open_peer(router):
                    await trio.testing.wait_all_tasks_blocked()
            await trio.sleep(0.1)
        refused = router.statistics().refused_connections
    assert refused == 300
    lines = [line for line in caplog.messages if "refused" in line]
    assert len(lines) == 4
    left_out = [int(number) for line in lines for number in re.findall(r"(\d+) more", line)]
    assert len(lines) - 1 + sum(left_out) == refused  # the last line tells only what was left out


async def test_what_is_wrong_with_an_authenticator_is_a_line_a_second_however_many_ask(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def decide(claim: Claim) -> None:
        raise LookupError("a bug")

    async with open_router([REALM], auth=RouterAuth(authenticator=decide, methods=["ticket"])) as router:
        for _ in range(5):
            with pytest.raises(JoinError):
                async with router.open_session(realm=REALM, auth=auth.Ticket("joe", "canary")):
                    raise AssertionError("nobody can join")
    first, last = (line for line in caplog.messages if "the authenticator failed" in line)
    assert (first, last[:2]) == ("the authenticator failed for <Claim by ticket: 'joe' in 'realm1'>", "4 ")
    assert caplog.text.count("LookupError: a bug") == 1


async def test_what_is_wrong_with_an_authorizer_is_a_line_a_second_however_many_ask(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def decide(*_: Any) -> bool:
        raise LookupError("a bug")

    limits = RouterOptions(roles=[Role(name="anonymous", rules=[Rule(uri="", match="prefix", ask=["call"])])])
    async with (
        open_router([REALM], authorizer=decide, limits=limits) as router,
        router.open_session(realm=REALM) as session,
    ):
        for _ in range(5):
            with pytest.raises(ApplicationError):
                await session.call("com.example.add")
    assert sum("the authorizer failed" in line for line in caplog.messages) == 2
    assert caplog.text.count("LookupError: a bug") == 1


async def test_who_does_not_join_is_told_of_at_the_level_info(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_router([REALM], limits=RouterOptions(hello_timeout=2), close_timeout=0) as router:
        for _ in range(50):
            async with open_peer(router) as peer:
                await peer.transport.send_all(b"\x7f\xf0\0\0")
                await peer.is_cut_off()
        assert "did not join" in caplog.messages[0]
        assert len(caplog.messages) == 1
    assert caplog.messages[1].startswith("49 more")
    assert all(record.levelno == logging.INFO and not record.exc_info for record in caplog.records)
