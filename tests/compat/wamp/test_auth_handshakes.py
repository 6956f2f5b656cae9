"""Every authenticator against the router's side of its method, without a connection between them."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp.auth import create_authenticator
from trowamp_compat.wamp.types import Challenge

from tests.auth.tools import PASSWORD, SECRET, SEED, TICKET, attempt, method
from trowamp.auth import Accept, Deny
from trowamp.auth import Challenge as CoreChallenge

RIGHT: dict[str, dict[str, Any]] = {
    "ticket": {"ticket": TICKET},
    "wampcra": {"secret": SECRET},
    "cryptosign": {"privkey": SEED},
    "scram": {"password": PASSWORD},
}
WRONG: dict[str, dict[str, Any]] = {
    "ticket": {"ticket": "another"},
    "wampcra": {"secret": "another"},
    "cryptosign": {"privkey": "01" * 32},
    "scram": {"password": "another"},
}


def outcome_of(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return the authenticator and what the router says in the end."""
    client = create_authenticator(name, authid="joe", **options)
    router, joining = method(name), attempt("joe", **client.authextra)
    asked = router.begin(joining)
    assert isinstance(asked, CoreChallenge)
    return client, router.answer(joining, client.on_challenge(None, Challenge(name, asked.extra)), {})


@pytest.mark.autobahn("S-36", "S-37", "S-38", "S-39", "S-40")
@pytest.mark.parametrize("name", RIGHT)
def test_who_knows_the_secret_is_accepted_and_the_router_is_checked(name: str) -> None:
    client, outcome = outcome_of(name, RIGHT[name])
    assert isinstance(outcome, Accept)
    assert (outcome.authid, outcome.role) == ("joe", "user")
    assert client.on_welcome(None, outcome.extra) is None


@pytest.mark.parametrize("name", WRONG)
def test_who_does_not_know_the_secret_is_refused(name: str) -> None:
    _, outcome = outcome_of(name, WRONG[name])
    assert isinstance(outcome, Deny)
