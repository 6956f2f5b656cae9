"""What an operator says of who may join, without I/O: the methods, whom to ask, and what an answer or its absence leads to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.auth.tools import attempt, claim, sources
from trowamp import ApplicationError, RouterAuth, uris
from trowamp.auth import Accept, Authority, Challenge, Deny, Pending, claim_arguments


async def nobody(claim: Any) -> None:
    raise AssertionError("nothing here asks")


ASKS = RouterAuth(
    principals={"joe": {"role": "user", "ticket": "of joe"}}, authenticator=nobody, methods=["ticket", "wampcra"]
)


def begun(authority: Authority, authid: str, ticket: str) -> Any:
    """Return what comes of a ticket that is shown."""
    (method,) = (each for each in authority.authenticators if each.method == "ticket")
    asked = attempt(authid)
    assert isinstance(method.begin(asked), Challenge)
    return method.answer(asked, ticket, {})


def test_the_methods_are_those_of_the_principals_and_those_that_somebody_is_asked_about() -> None:
    auth = RouterAuth(principals={"joe": {"role": "user", "scram": {"password": "x"}}}, anonymous_role="guest")
    with pytest.raises(ValueError, match="principals.joe"):
        Authority(auth, sources())
    authority = Authority(RouterAuth(principals=ASKS.principals, anonymous_role="guest"), sources())
    assert [each.method for each in authority.authenticators] == ["ticket", "anonymous"]
    assert [each.method for each in Authority(ASKS, sources()).authenticators] == ["ticket", "wampcra"]


def test_who_is_in_the_table_is_not_asked_about_and_everybody_else_is() -> None:
    authority = Authority(ASKS, sources())
    assert isinstance(begun(authority, "joe", "of joe"), Accept)
    pending = begun(authority, "jim", "of jim")
    assert isinstance(pending, Pending)
    assert (pending.claim.authid, pending.claim.ticket) == ("jim", "of jim")


def test_an_answer_is_judged_and_no_answer_is_nobody() -> None:
    authority = Authority(ASKS, sources())
    pending = begun(authority, "jim", "of jim")
    accepted = authority.outcome(pending, {"role": "user", "ticket": True})
    assert isinstance(accepted, Accept)
    assert (accepted.authid, accepted.role, accepted.provider) == ("jim", "user", "dynamic")
    for answer in (None, {"role": "user", "ticket": False}):
        denied = authority.outcome(pending, answer)
        assert isinstance(denied, Deny)
        assert denied.reason == uris.ERROR_AUTHENTICATION_DENIED
    with pytest.raises(ValueError, match="role"):
        authority.outcome(pending, {"role": 7})


@pytest.mark.parametrize(
    ("error", "reason", "is_meant"),
    [
        (ApplicationError("com.example.error.unpaid", "pay first"), "com.example.error.unpaid", True),
        (ApplicationError(uris.ERROR_NO_SUCH_ROLE), uris.ERROR_NO_SUCH_ROLE, True),
        (ApplicationError(uris.ERROR_NO_SUCH_PROCEDURE, "secret"), uris.ERROR_AUTHENTICATION_FAILED, False),
        (ZeroDivisionError("secret"), uris.ERROR_AUTHENTICATION_FAILED, False),
    ],
    ids=["of the application", "a verdict of WAMP", "a failure of WAMP", "a bug"],
)
def test_an_error_is_a_verdict_or_a_failure_that_tells_nothing(error: Exception, reason: str, is_meant: bool) -> None:
    refusal, was_meant = Authority(ASKS, sources()).refusal(error)
    assert (refusal.reason, was_meant) == (reason, is_meant)
    assert "secret" not in refusal.message


def test_a_procedure_is_told_what_is_known_of_a_claim() -> None:
    realm, authid, details = claim_arguments(claim("joe", ticket="of joe"))
    assert (realm, authid) == ("realm1", "joe")
    assert details == {
        "authmethod": "ticket",
        "authextra": {},
        "ticket": "of joe",
        "session": 4711,
        "transport": {"type": "test"},
    }


def test_a_secret_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        Authority(RouterAuth(secret=b"x" * 31), sources())
