"""Identities that do not exist cost a router what the others cost: counted in calls of functions, which no busy machine changes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

import pytest

from trowamp import auth
from trowamp.auth import METHODS, Attempt, Challenge, ClientAuthenticator, Deny, Work
from trowamp.messages import Challenge as ChallengeMessage

from .tools import NONCE, SEED, method

GUESSES: dict[str, Callable[[str], ClientAuthenticator]] = {
    "ticket": lambda authid: auth.Ticket(authid, "guess"),
    "wampcra": lambda authid: auth.WampCra(authid, "guess"),
    "wamp-scram": lambda authid: auth.Scram(authid, "guess"),
    "scram": lambda authid: auth.CrossbarScram(authid, "guess"),
    "cryptosign": lambda authid: auth.Cryptosign(authid, private_key="ab" + SEED[2:]),
}


class Cost:
    """Counts what is called in a block."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __enter__(self) -> Self:
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        del self.calls["setprofile"], self.calls["__exit__"]

    def _count(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self.calls[frame.f_code.co_name] += 1
        elif event == "c_call":
            self.calls[argument.__name__] += 1


def cost_of_a_guess(name: str, authid: str) -> Counter[str]:
    """Return what a router calls from HELLO to the refusal."""
    authenticator = method(name)
    client: Any = GUESSES[name](authid).begin(NONCE)
    details = {"authid": authid, "authextra": client.authextra()}
    attempt = Attempt(realm="realm1", details=details, transport={}, session_id=1)
    with Cost() as asking:
        challenge = authenticator.begin(attempt)
    assert isinstance(challenge, Challenge)
    answer = client.answer(ChallengeMessage(name, challenge.extra))
    answer = answer.run() if isinstance(answer, Work) else answer
    with Cost() as judging:
        verdict = authenticator.answer(attempt, answer.signature, answer.extra)
    assert isinstance(verdict, Deny)
    return asking.calls + judging.calls


@pytest.mark.checklist("AU-R5")
@pytest.mark.parametrize("name", METHODS)
def test_a_guess_at_somebody_who_does_not_exist_costs_what_any_guess_costs(name: str) -> None:
    for authid in ("joe", "jim"):
        cost_of_a_guess(name, authid)  # what is imported or remembered the first time
    known, unknown = cost_of_a_guess(name, "joe"), cost_of_a_guess(name, "jim")
    assert sum(known.values()) > 10
    assert known == unknown
