"""Anonymous sessions."""

from __future__ import annotations

import pytest

from trowamp import uris
from trowamp.auth import Anonymous
from trowamp.auth._anonymous import AnonymousAuthenticator
from trowamp.auth._router import Accept, Attempt, Deny
from trowamp.messages import Challenge

ATTEMPT = Attempt("realm1", {"roles": {"caller": {}}, "authid": "root", "authrole": "admin"}, {}, 1)


def test_everybody_is_let_in_with_an_identity_of_their_own() -> None:
    numbers = iter([1, 2, 2**53])
    authenticator = AnonymousAuthenticator(lambda: next(numbers))
    accepted = [authenticator.begin(ATTEMPT) for _ in range(3)]
    assert all(isinstance(outcome, Accept) and outcome.role == "anonymous" for outcome in accepted)
    authids = {outcome.authid for outcome in accepted if isinstance(outcome, Accept)}
    assert len(authids) == 3
    assert all(len(authid) == 14 for authid in authids)


def test_what_the_client_claims_to_be_does_not_count() -> None:
    outcome = AnonymousAuthenticator(lambda: 7, role="guest").begin(ATTEMPT)
    assert isinstance(outcome, Accept)
    assert outcome.authid != "root"
    assert outcome.role == "guest"


def test_there_is_nothing_to_answer() -> None:
    outcome = AnonymousAuthenticator(lambda: 7).answer(ATTEMPT, "secret", {})
    assert isinstance(outcome, Deny)
    assert outcome.reason == uris.ERROR_AUTHENTICATION_DENIED


def test_a_client_may_ask_for_anonymity_explicitly_with_hints() -> None:
    begun = Anonymous("joe", "guest").begin(bytes(32))
    assert (begun.method, begun.authid, begun.authrole, begun.authextra()) == ("anonymous", "joe", "guest", {})
    assert (Anonymous().authid, Anonymous().authrole) == (None, None)
    assert repr(Anonymous("joe", "guest")) == "Anonymous(authid='joe', authrole='guest')"
    begun.check_welcome({})


@pytest.mark.checklist("AU-C2")
def test_a_router_that_challenges_an_anonymous_client_is_refused() -> None:
    with pytest.raises(ValueError, match="challenges an anonymous session"):
        Anonymous().begin(bytes(32)).answer(Challenge("anonymous", {}))
