"""Anonymous sessions."""

from __future__ import annotations

from trowamp import uris
from trowamp.auth._anonymous import AnonymousAuthenticator
from trowamp.auth._router import Accept, Attempt, Deny

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
