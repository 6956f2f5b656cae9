"""SASLprep, with the examples of RFC 4013 section 3."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp.auth._saslprep import saslprep


@pytest.mark.checklist("SC-C3")
@pytest.mark.parametrize(
    ("given_text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("", ""),
        ("\u0627\u0628", "\u0627\u0628"),
    ],
)
def test_texts_that_look_alike_become_alike(given_text: str, prepared: str) -> None:
    assert saslprep(given_text, "x") == prepared


@pytest.mark.checklist("SC-C3")
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("\u0007", "prohibits"),
        ("a\nb", "prohibits"),
        ("\ud800", "prohibits"),
        ("\u0627\u0031", "right to left"),
        ("\u0627a\u0627", "right to left"),
        ("\U0001f600", "Unicode 3.2"),
    ],
)
def test_texts_that_must_not_be_used_are_refused_and_not_shown(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"the password .*{complaint}") as caught:
        saslprep(text + "canary" * (complaint == "prohibits"), "the password")
    assert "canary" not in str(caught.value)


@settings(deadline=None)
@given(st.text())
def test_preparing_twice_is_preparing_once(text: str) -> None:
    try:
        once = saslprep(text, "x")
    except ValueError as error:
        assert str(error).startswith("x ")  # noqa: PT017  # either of the two is right
    else:
        assert saslprep(once, "x") == once
