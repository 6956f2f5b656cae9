"""WAMP-CRA, plain and salted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.tools import NONCE, SECRET, answered, attempt, challenge, extras, finished, method
from trowamp.auth import Accept, Challenge, Skip, WampCra, Work
from trowamp.auth._octets import to_base64
from trowamp.auth._router import REFUSED
from trowamp.auth._wampcra import WampCraCredential, derive_key, shadow_text, sign
from trowamp.messages import Authenticate

SALTED: dict[str, Any] = {
    "joe": {
        "role": "user",
        "wampcra": {
            "key": derive_key("secret", "salt123").decode(),
            "salt": "salt123",
            "iterations": 1000,
            "keylen": 32,
        },
    }
}


@pytest.mark.checklist("CRA-C2")
def test_the_derived_key_is_the_one_that_everybody_derives() -> None:
    assert derive_key("L3L1YUE8Txlw", "salt123") == b"qzcdsr9uu/L5hnss3kjNTRe490ETgA70ZBaB5rvnJ5Y="


@pytest.mark.checklist("CRA-C1")
def test_the_signature_is_the_one_that_everybody_computes() -> None:
    assert sign(b"L3L1YUE8Txlw", json.dumps([1, 2, 3])) == "1njQtmmeYO41N5EWEzD2kAjjEKRZ5kPZt/TzpYXOzR0="
    begun = WampCra("joe", "L3L1YUE8Txlw").begin(NONCE)
    answer = begun.answer(challenge("wampcra", challenge="[1, 2, 3]"))
    assert answer == Authenticate("1njQtmmeYO41N5EWEzD2kAjjEKRZ5kPZt/TzpYXOzR0=", {})
    begun.check_welcome({})


def challenged(mapping: dict[str, Any] | None = None, authid: str = "joe") -> tuple[Any, Any, dict[str, Any]]:
    """Return an authenticator, an attempt and its challenge."""
    asked, joining = method("wampcra", mapping), attempt(authid)
    outcome = asked.begin(joining)
    assert isinstance(outcome, Challenge)
    return asked, joining, outcome.extra


@pytest.mark.checklist("CRA-R1")
def test_what_is_to_be_signed_says_who_will_join_and_when() -> None:
    _, _, extra = challenged()
    assert list(extra) == ["challenge"]
    text = json.loads(extra["challenge"])
    nonce = text.pop("nonce")
    assert len(nonce) == 32
    assert text == {
        "authid": "joe",
        "authrole": "user",
        "authmethod": "wampcra",
        "authprovider": "static",
        "timestamp": "2026-02-03T04:05:06.789Z",
        "session": 4711,
    }


def test_no_two_challenges_are_the_same() -> None:
    asked = method("wampcra")
    first, second = asked.begin(attempt()), asked.begin(attempt())
    assert first != second


@pytest.mark.checklist("CRA-C2", "CRA-R2")
@pytest.mark.parametrize(("mapping", "secret"), [(None, SECRET), (SALTED, "secret")])
def test_who_knows_the_secret_joins_and_who_does_not_is_refused(mapping: dict[str, Any] | None, secret: str) -> None:
    for tried, outcome in ((secret, Accept(authid="joe", role="user", provider="static")), (secret + "x", REFUSED)):
        asked, joining, extra = challenged(mapping)
        answer = finished(WampCra("joe", tried).begin(NONCE).answer(challenge("wampcra", **extra)))
        assert asked.answer(joining, answer.signature, answer.extra) == outcome


@pytest.mark.checklist("CRA-R2")
def test_a_recorded_answer_is_worth_nothing_for_another_challenge() -> None:
    asked, joining, extra = challenged()
    answer = finished(WampCra("joe", SECRET).begin(NONCE).answer(challenge("wampcra", **extra)))
    assert isinstance(asked.answer(joining, answer.signature, {}), Accept)
    again = attempt()
    assert isinstance(asked.begin(again), Challenge)
    assert asked.answer(again, answer.signature, {}) is REFUSED


@pytest.mark.checklist("AU-R5")
@pytest.mark.parametrize("mapping", [None, SALTED])
def test_an_identity_that_does_not_exist_is_challenged_like_one_that_does(mapping: dict[str, Any] | None) -> None:
    asked, joining, extra = challenged(mapping, "jim")
    _, _, real = challenged(mapping)
    assert {key: type(value) for key, value in extra.items()} == {key: type(value) for key, value in real.items()}
    assert [extra.get(key) for key in ("iterations", "keylen")] == [real.get(key) for key in ("iterations", "keylen")]
    assert len(extra.get("salt", "")) == len(real.get("salt", ""))
    assert challenged(mapping, "jim")[2].get("salt") == extra.get("salt")
    text = json.loads(extra["challenge"])
    assert (text["authid"], text["authrole"], text["authprovider"]) == ("jim", "user", "static")
    for guess in ("", "x", sign(b"", extra["challenge"])):
        assert asked.answer(joining, guess, {}) is REFUSED


@pytest.mark.parametrize(
    ("real", "form"),
    [
        ("salt123", r"[\w+/]{7}"),
        ("x" * 201, r"[\w+/]{201}"),
        (to_base64(bytes(16)), r"[\w+/]{21}[AQgw]=="),
        ("ab" * 16, r"[0-9a-f]{32}"),
    ],
)
def test_a_shadows_salt_looks_like_real_ones(real: str, form: str) -> None:
    assert re.fullmatch(form, shadow_text(b"e" * 32, real), re.ASCII)
    assert shadow_text(b"e" * 32, real) == shadow_text(b"e" * 32, real) != shadow_text(b"f" * 32, real)


@pytest.mark.checklist("AU-R2")
def test_the_method_is_skipped_without_identity_or_secret() -> None:
    assert method("wampcra").begin(attempt(None)) == Skip("wampcra needs an authid")
    asked = method("wampcra", {"joe": {"role": "user", "ticket": "x"}})
    assert asked.begin(attempt()) == Skip("wampcra is not available for this identity")


@pytest.mark.checklist("CRA-C3")
@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ({}, "no text to sign"),
        ({"challenge": 5}, "no text to sign"),
        ({"challenge": ""}, "no text to sign"),
        ({"challenge": "x" * 65537}, "no text to sign"),
        ({"challenge": "x", "salt": 5}, "salt"),
        ({"challenge": "x", "salt": "x", "iterations": 0}, "iterations"),
        ({"challenge": "x", "salt": "x", "iterations": 10_000_001}, "iterations"),
        ({"challenge": "x", "salt": "x", "iterations": True}, "iterations"),
        ({"challenge": "x", "salt": "x", "iterations": "1000"}, "iterations"),
        ({"challenge": "x", "salt": "x", "keylen": 1}, "keylen"),
        ({"challenge": "x", "salt": "x", "keylen": 10**9}, "keylen"),
    ],
)
def test_absurd_challenges_are_refused(extra: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        WampCra("joe", SECRET).begin(NONCE).answer(challenge("wampcra", **extra))
    assert SECRET not in str(caught.value)


def test_much_work_is_left_to_a_thread_and_little_is_not() -> None:
    begun = WampCra("joe", SECRET).begin(NONCE)
    little = begun.answer(challenge("wampcra", challenge="x", salt="y"))
    much = begun.answer(challenge("wampcra", challenge="x", salt="y", iterations=5000))
    assert isinstance(little, Authenticate)
    assert isinstance(much, Work)
    assert much.run() != little


@settings(deadline=None)
@given(
    extras(
        "challenge",
        "salt",
        "iterations",
        "keylen",
        challenge=st.just("x"),
        salt=st.just("y"),
        iterations=st.sampled_from([1, 1000, 10**7]),
        keylen=st.just(32),
    )
)
def test_whatever_a_router_asks_is_answered_or_refused(extra: dict[str, Any]) -> None:
    answer = answered(WampCra("joe", SECRET).begin(NONCE), challenge("wampcra", **extra))
    assert isinstance(answer, Authenticate | Work | ValueError)
    assert SECRET not in str(answer)


@settings(deadline=None)
@given(authextra=extras("x"), extra=extras("x"), signature=st.text())
def test_whatever_a_client_says_there_is_an_outcome(authextra: Any, extra: Any, signature: str) -> None:
    asked, joining = method("wampcra"), attempt("joe", **authextra)
    assert isinstance(asked.begin(joining), Challenge)
    assert asked.answer(joining, signature, extra) is REFUSED


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", "principals.joe.wampcra must be a text, or a table"),
        (5, "principals.joe.wampcra must be a text, or a table"),
        ({"key": "k"}, "principals.joe.wampcra.salt is missing"),
        (
            {"key": "k", "salt": "s", "iteration": 5},
            "unknown key principals.joe.wampcra.iteration (did you mean iterations?)",
        ),
        (
            {"key": "k", "salt": "s", "iterations": "5"},
            "principals.joe.wampcra.iterations must be an integer from 1 to",
        ),
        (
            {"key": "k", "salt": "s", "iterations": 5, "keylen": 4},
            "principals.joe.wampcra.keylen must be an integer from 16",
        ),
        ({"key": 5, "salt": "s", "iterations": 5}, "principals.joe.wampcra.key must be a text"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_told_with_its_place(value: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(complaint)):
        WampCraCredential.read(value, "principals.joe.wampcra")
