"""Guessing is slow: failed attempts are counted, and what is remembered of them is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import uris
from trowamp.auth import Accept, Challenge, Deny
from trowamp.auth._router import Attempt, Outcome
from trowamp.messages import Abort, Authenticate, Welcome
from trowamp.messages import Challenge as ChallengeMessage
from trowamp.router._failures import Attempts, Failures, address_of

from .harness import Client, World

NOBODY: dict[str, Any] = {}


def fail(failures: Failures, times: int, now: float) -> None:
    for _ in range(times):
        failures.add("joe", now)


def test_a_few_failures_cost_nothing() -> None:
    failures = Failures(10)
    fail(failures, 9, 100.0)
    assert not failures.is_blocked("joe", 100.0)
    assert not failures.is_blocked("jim", 100.0)


def test_the_delay_begins_with_a_second_and_doubles_up_to_a_minute() -> None:
    failures, now, delays = Failures(10), 100.0, []
    fail(failures, 9, now)
    for _ in range(9):
        failures.add("joe", now)
        begun = now
        while failures.is_blocked("joe", now):
            now += 0.5
        delays.append(now - begun)
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_a_quiet_minute_counting_begins_anew() -> None:
    failures = Failures(10)
    fail(failures, 9, 100.0)
    fail(failures, 9, 160.0)
    assert not failures.is_blocked("joe", 160.0)
    failures.add("joe", 161.0)
    assert failures.is_blocked("joe", 161.9)
    assert not failures.is_blocked("joe", 162.0)
    fail(failures, 9, 222.0)
    assert not failures.is_blocked("joe", 222.0)


def test_a_success_is_a_new_beginning() -> None:
    failures = Failures(10)
    fail(failures, 10, 100.0)
    failures.forget("joe")
    assert not failures.is_blocked("joe", 100.0)
    failures.forget("joe")
    assert len(failures) == 0


def test_who_failed_longest_ago_is_forgotten_when_there_are_too_many() -> None:
    failures = Failures(1, size=3)
    for name in ("a", "b", "c", "a", "d"):
        failures.add(name, 100.0)
    assert len(failures) == 3
    assert [name for name in "abcd" if failures.is_blocked(name, 100.0)] == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("transport", "address"),
    [
        ({"type": "tcp", "peer": "192.0.2.1:54321"}, "192.0.2.1"),
        ({"type": "tcp", "peer": "[2001:db8:1:2::3]:54321"}, "20010db800010002::/64"),
        ({"type": "tcp", "peer": "[2001:db8:1:2:ffff::9]:1"}, "20010db800010002::/64"),
        ({"type": "tcp", "peer": "[fe80::1%eth0]:1"}, "fe80000000000000::/64"),
        ({"type": "unix", "peer": "unix"}, "unix"),
        ({"type": "memory"}, "memory"),
        ({"type": "websocket", "peer": None}, "websocket"),
    ],
)
def test_an_address_has_no_port_and_is_a_network_for_ipv6(transport: dict[str, Any], address: str) -> None:
    assert address_of(transport) == address


def test_identities_are_counted_apart_and_the_address_as_a_whole() -> None:
    attempts, home, away = Attempts(10), {"peer": "192.0.2.1:1"}, {"peer": "192.0.2.2:1"}
    for _ in range(10):
        attempts.failed(home, {"authid": "joe"}, 100.0)
    assert attempts.are_blocked({"peer": "192.0.2.1:2"}, {"authid": "joe"}, 100.0)
    assert not attempts.are_blocked(home, {"authid": "jim"}, 100.0)
    assert not attempts.are_blocked(home, NOBODY, 100.0)
    assert not attempts.are_blocked(away, {"authid": "joe"}, 100.0)
    for number in range(90):
        attempts.failed(home, {"authid": f"guess {number}"}, 100.0)
    assert attempts.are_blocked(home, {"authid": "jim"}, 100.0)
    assert attempts.are_blocked(home, NOBODY, 100.0)
    assert not attempts.are_blocked(away, {"authid": "jim"}, 100.0)


def test_somebody_without_a_name_is_counted_by_key() -> None:
    attempts, home = Attempts(10), {"peer": "192.0.2.1:1"}
    for _ in range(10):
        attempts.failed(home, {"authid": None, "authextra": {"pubkey": "00"}}, 100.0)
    assert attempts.are_blocked(home, {"authextra": {"pubkey": "00"}}, 100.0)
    assert not attempts.are_blocked(home, {"authextra": {"pubkey": "11"}}, 100.0)


# ---- in a router


class Door:
    """An authentication method that opens for one word."""

    method = "ticket"

    def __init__(self) -> None:
        self.looked_at = 0

    def begin(self, attempt: Attempt) -> Outcome:
        return Challenge({})

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        self.looked_at += 1
        if signature == "sesame":
            return Accept(authid=attempt.details["authid"], role="user")
        if signature == "odd":
            return Deny(uris.ERROR_AUTHENTICATION_FAILED, "odd")
        return Deny(uris.ERROR_AUTHENTICATION_DENIED, "no")


def challenged(world: World, authid: str = "joe") -> Client:
    client = world.connect()
    client.hello(authmethods=["ticket"], authid=authid)
    client.expect(ChallengeMessage)
    return client


def try_word(world: World, word: str, authid: str = "joe") -> str | None:
    """Try one word; return why it was refused, or None."""
    client = world.connect()
    client.hello(authmethods=["ticket"], authid=authid)
    (message,) = client.received()
    if isinstance(message, ChallengeMessage):
        client.send(Authenticate(word, {}))
        (message,) = client.received()
    if isinstance(message, Welcome):
        client.drop()
        return None
    assert isinstance(message, Abort)
    return message.reason


def test_an_attacker_has_few_guesses_in_a_minute() -> None:
    door = Door()
    world = World(authenticators=[door])
    for _ in range(600):
        assert try_word(world, "guess") in {uris.ERROR_AUTHENTICATION_DENIED, uris.ERROR_AUTHENTICATION_FAILED}
        world.pass_time(0.1)
    assert 10 <= door.looked_at <= 20


def test_even_the_right_word_is_not_heard_while_the_delay_lasts() -> None:
    world = World(authenticators=[Door()])
    for _ in range(10):
        try_word(world, "guess")
    assert try_word(world, "sesame") == uris.ERROR_AUTHENTICATION_FAILED
    assert try_word(world, "sesame", "jim") is None
    world.pass_time(1.0)
    assert try_word(world, "sesame") is None


def test_many_connections_at_a_time_have_no_more_guesses() -> None:
    door = Door()
    world = World(authenticators=[door])
    clients = [challenged(world) for _ in range(100)]
    for client in clients:
        client.send(Authenticate("guess", {}))
    assert door.looked_at == 10


def test_a_success_makes_up_for_what_one_mistyped() -> None:
    world = World(authenticators=[Door()])
    for _ in range(5):
        for _ in range(9):
            assert try_word(world, "guess") == uris.ERROR_AUTHENTICATION_DENIED
        assert try_word(world, "sesame") is None


def test_what_was_no_guess_does_not_count() -> None:
    world = World(authenticators=[Door()])
    for _ in range(50):
        assert try_word(world, "odd") == uris.ERROR_AUTHENTICATION_FAILED
    assert try_word(world, "sesame") is None


def test_the_limit_can_be_chosen() -> None:
    door = Door()
    world = World(authenticators=[door], max_failed_attempts=2)
    for _ in range(5):
        try_word(world, "guess")
    assert door.looked_at == 2
