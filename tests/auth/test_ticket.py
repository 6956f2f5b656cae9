"""Tickets."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.tools import NONCE, TICKET, attempt, challenge, directory, extras, method
from trowamp import uris
from trowamp.auth import Accept, Challenge, Deny, Skip, Ticket, TicketAuthenticator
from trowamp.auth._router import REFUSED
from trowamp.auth._ticket import TicketCredential
from trowamp.messages import Authenticate


@pytest.mark.checklist("TK-B1")
def test_the_client_claims_an_identity_and_shows_its_ticket() -> None:
    begun = Ticket("joe", "secret").begin(NONCE)
    assert (begun.method, begun.authid, begun.authrole, begun.authextra()) == ("ticket", "joe", None, {})
    assert begun.answer(challenge("ticket")) == Authenticate("secret", {})
    begun.check_welcome({})


@pytest.mark.checklist("TK-B1", "AU-R1")
def test_the_router_asks_with_an_empty_challenge_and_accepts_the_ticket() -> None:
    ticket, joining = method("ticket"), attempt()
    assert ticket.begin(joining) == Challenge({})
    assert ticket.answer(joining, TICKET, {}) == Accept(authid="joe", role="user", provider="static")


@pytest.mark.checklist("TK-R1", "AU-R5")
@pytest.mark.parametrize("authid", ["joe", "jim"])
@pytest.mark.parametrize("ticket", ["", "x", TICKET[:-1], TICKET + "x", "\ud800", "ä"])
def test_a_wrong_ticket_and_an_unknown_identity_are_refused_alike(authid: str, ticket: str) -> None:
    asked, joining = method("ticket"), attempt(authid)
    assert asked.begin(joining) == Challenge({})
    assert asked.answer(joining, ticket, {}) is REFUSED


def test_the_right_ticket_of_somebody_else_is_wrong() -> None:
    joining = attempt("jim")
    assert method("ticket").answer(joining, TICKET, {}) is REFUSED


@pytest.mark.checklist("AU-R2")
@pytest.mark.parametrize("authid", [None, ""])
def test_without_an_identity_the_clients_next_method_is_tried(authid: str | None) -> None:
    assert method("ticket").begin(attempt(authid)) == Skip("ticket needs an authid")


@pytest.mark.checklist("AU-R2")
def test_the_method_is_skipped_for_principals_that_have_no_ticket() -> None:
    asked = method("ticket", {"joe": {"role": "user", "wampcra": "x"}})
    assert asked.begin(attempt()) == Skip("ticket is not available for this identity")


def test_a_configuration_may_hold_the_digest_instead_of_the_ticket() -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    assert TicketCredential.read({"sha256": digest.upper()}, "x") == TicketCredential.read("secret", "x")


@pytest.mark.parametrize("value", ["", 5, None, True, [], {}, {"sha256": "x"}, {"sha256": 5}, {"md5": "x"}])
def test_what_is_no_ticket_in_a_configuration_is_told_with_its_place(value: Any) -> None:
    with pytest.raises(ValueError, match=r"principals\.joe\.ticket"):
        TicketCredential.read(value, "principals.joe.ticket")


@settings(deadline=None)
@given(authextra=extras("x"), extra=extras("x"), signature=st.text())
def test_whatever_a_client_says_there_is_an_outcome(authextra: Any, extra: Any, signature: str) -> None:
    joining = attempt("joe", **authextra)
    asked = TicketAuthenticator(directory())
    assert isinstance(asked.begin(joining), Challenge)
    outcome = asked.answer(joining, signature, extra)
    assert isinstance(outcome, Deny)
    assert outcome.reason == uris.ERROR_AUTHENTICATION_DENIED
