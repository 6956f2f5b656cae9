"""trowamp/_uri_pattern.py: what is a URI, and what a declared pattern becomes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trowamp import uris
from trowamp._uri_pattern import Match, UriPattern, is_pattern, is_reserved, is_uri

# The rules of the specification as it writes them, to be matched against the whole text.
SPECIFIED = {
    ("exact", False): r"([^\s\.#]+\.)*([^\s\.#]+)",
    ("exact", True): r"([0-9a-z_]+\.)*([0-9a-z_]+)",
    ("prefix", False): r"([^\s\.#]+\.)*([^\s\.#]*)",
    ("prefix", True): r"([0-9a-z_]+\.)*([0-9a-z_]*)",
    ("wildcard", False): r"(([^\s\.#]+\.)|\.)*([^\s\.#]+)?",
    ("wildcard", True): r"(([0-9a-z_]+\.)|\.)*([0-9a-z_]+)?",
}

near_uris = st.text(st.sampled_from("ab0_.A-#é \n\u2028<>"), max_size=12)
component_text = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)


@pytest.mark.checklist("URI-B1")
@pytest.mark.parametrize(("match", "strict"), SPECIFIED)
@given(text=near_uris)
@example(text="")
@example(text="com.example\n")
@example(text=".")
@example(text="com..example")
@example(text="com.example.")
@example(text=".com")
def test_checks_accept_exactly_what_the_specification_does(match: str, strict: bool, text: str) -> None:
    expected = re.fullmatch(SPECIFIED[match, strict], text) is not None
    assert is_pattern(text, match, strict=strict) is expected
    if match == "exact":
        assert is_uri(text, strict=strict) is expected


@pytest.mark.checklist("URI-B1")
@pytest.mark.parametrize("text", ["com.example\n", "com.example\r\n", "com.\nexample", "com.ex ample", "com.example#x"])
def test_whitespace_and_hashes_have_no_place_anywhere(text: str) -> None:
    assert not any(is_pattern(text, match) for match in ("exact", "prefix", "wildcard"))
    assert not is_uri(text)


@pytest.mark.checklist("URI-B1")
def test_an_empty_text_is_a_pattern_but_no_uri() -> None:
    assert not is_uri("")
    assert is_pattern("", "prefix")
    assert is_pattern("", "wildcard")


def test_a_long_illegal_text_is_refused_quickly() -> None:
    assert not is_uri("a" * 100_000 + "\n")
    assert not is_pattern("a." * 50_000 + "\n", "prefix")


def test_an_unknown_matching_policy_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no such matching policy: 'glob' \(exact, prefix or wildcard\)"):
        is_pattern("com.example", "glob")


@pytest.mark.checklist("URI-B2")
@pytest.mark.parametrize(
    ("uri", "reserved"),
    [
        ("wamp", True),
        ("wamp.", True),
        ("wamp.session.count", True),
        ("wamp..x", True),
        ("wampum.x", False),
        ("com.wamp.x", False),
        ("", False),
    ],
)
def test_the_first_component_decides_what_is_reserved(uri: str, reserved: bool) -> None:
    assert is_reserved(uri) is reserved


@pytest.mark.parametrize(
    ("text", "uri", "match", "binds"),
    [
        ("com.myapp.hello", "com.myapp.hello", "exact", False),
        ("com.myapp.task.<taskId>.delete", "com.myapp.task..delete", "wildcard", True),
        ("com.myapp.task..delete", "com.myapp.task..delete", "wildcard", True),
        ("com.myapp.item.<int:id>.get_name", "com.myapp.item..get_name", "wildcard", True),
        ("com.myapp.item.<id:int>.get_name", "com.myapp.item..get_name", "wildcard", True),
        ("com.myapp.<string:obj_type>.<id:int>.get_name", "com.myapp...get_name", "wildcard", True),
        ("<first>.x", ".x", "wildcard", True),
        ("com.myapp.<path:suffix>", "com.myapp.", "prefix", True),
        ("com.myapp.<suffix:path>", "com.myapp.", "prefix", True),
        ("com.myapp.", "com.myapp.", "prefix", True),
        ("<suffix:everything>", "", "prefix", True),
        ("com..", "com..", "wildcard", True),
        ("com.<x>.", "com..", "wildcard", True),
    ],
)
def test_the_form_of_a_pattern_tells_how_it_matches(text: str, uri: str, match: Match, binds: bool) -> None:
    pattern = UriPattern(text)
    assert (pattern.text, pattern.uri, pattern.match, pattern.binds) == (text, uri, match, binds)


@pytest.mark.parametrize(
    ("text", "match", "uri"),
    [
        ("com.myapp", "exact", "com.myapp"),
        ("com.myapp", "prefix", "com.myapp"),
        ("com.myapp.", "prefix", "com.myapp."),
        ("", "prefix", ""),
        ("com.myapp", "wildcard", "com.myapp"),
        ("com..delete", "wildcard", "com..delete"),
        ("", "wildcard", ""),
    ],
)
def test_with_a_policy_given_the_text_is_what_wamp_knows(text: str, match: Match, uri: str) -> None:
    pattern = UriPattern(text, match)
    assert (pattern.uri, pattern.match, pattern.binds) == (uri, match, False)


def test_named_components_bind_under_the_policy_that_fits_them() -> None:
    assert UriPattern("com.<x>", "wildcard").bind("com.a") == ((), {"x": "a"})
    assert UriPattern("com.<x:suffix>", "prefix").bind("com.a.b") == ((), {"x": "a.b"})
    assert UriPattern("com..<x>", "wildcard").bind("com.a.b") == ((), {"x": "b"})


@pytest.mark.parametrize(
    ("text", "uri", "positional", "named"),
    [
        ("com.<country>.<state>.on_concert", "com.us.montana.on_concert", (), {"country": "us", "state": "montana"}),
        ("com...on_concert", "com.us.montana.on_concert", ("us", "montana"), {}),
        ("com..<state>.on_concert", "com.us.montana.on_concert", ("us",), {"state": "montana"}),
        ("com.item.<int:id>", "com.item.103", (), {"id": 103}),
        ("com.item.<id:int>", "com.item.-7", (), {"id": -7}),
        ("com.item.<str:id>", "com.item.103", (), {"id": "103"}),
        (
            "com.us.<suffix:path>",
            "com.us.newmexico.albuquerque.on_concert",
            (),
            {"path": "newmexico.albuquerque.on_concert"},
        ),
        ("com.us.", "com.us.newmexico.albuquerque", ("newmexico.albuquerque",), {}),
        ("com.exact", "com.exact", (), {}),
    ],
)
def test_components_become_arguments(text: str, uri: str, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    assert UriPattern(text).bind(uri) == (positional, named)


@pytest.mark.checklist("PB-R2")
@pytest.mark.parametrize(
    "uri",
    [
        "com.myapp.us.montana.billings",
        "com.myapp.us.montana.billings.on_challenge",
        "com.myapp.us.newmexico.albuquerque.citycenter.on_concert",
        "com_myapp.us.montana.billings.on_concert",
        "com.myapp.us.montana.billings.on_concert\n",
    ],
)
def test_a_uri_that_does_not_match_binds_nothing(uri: str) -> None:
    pattern = UriPattern("com.myapp.<country>.<state>.<city>.on_concert")
    assert pattern.bind("com.myapp.us.montana.billings.on_concert")[1]["city"] == "billings"
    with pytest.raises(ValueError, match="does not match 'com.myapp.<country>"):
        pattern.bind(uri)


@pytest.mark.parametrize(("pattern", "uri"), [(UriPattern("com.a"), "com.b"), (UriPattern("com.a", "prefix"), "com.b")])
def test_patterns_without_arguments_are_compared_too(pattern: UriPattern, uri: str) -> None:
    assert pattern.bind("com.a") == ((), {})
    with pytest.raises(ValueError, match="does not match"):
        pattern.bind(uri)


def test_a_plain_prefix_matches_within_a_component() -> None:
    assert UriPattern("com.my", "prefix").bind("com.myapp.x") == ((), {})


@pytest.mark.parametrize("component", ["x", "1_000", "+1", "1e3", "--1", "-", "٣"])
def test_a_component_that_is_no_integer_is_refused(component: str) -> None:
    with pytest.raises(ValueError, match="not an integer"):
        UriPattern("com.<int:id>").bind(f"com.{component}")


@pytest.mark.parametrize(
    ("text", "match", "complaint"),
    [
        ("", None, "an empty URI; to match everything, say match='prefix'"),
        ("", "exact", "not a legal URI"),
        ("com example", None, "not a legal URI"),
        ("com.example\n", None, "not a legal URI"),
        ("com..example", "exact", "not a legal URI"),
        ("com..example", "prefix", "not a legal URI"),
        ("com.<x>", "exact", "is a wildcard pattern and cannot be used with match='exact'"),
        ("com.<x>", "prefix", "is a wildcard pattern"),
        ("com.<x:suffix>", "wildcard", "is a prefix pattern"),
        ("com.<x:suffix>.y", None, "a suffix can only be the last component"),
        ("com.<x>.<y:suffix>", None, "no WAMP pattern has both"),
        ("com..<y:suffix>", None, "no WAMP pattern has both"),
        ("com.<x>.<x>", None, "same name"),
        ("com.<x", None, "must enclose a whole component"),
        ("com.a<x>", None, "must enclose a whole component"),
        ("com.<>", None, "not a name"),
        ("com.<1st>", None, "not a name"),
        ("com.<int:>", None, "not a name"),
        ("com.<float:x>", None, "no known type"),
        ("com.<int:str>", None, "two types"),
        ("com.example", "glob", "no such matching policy"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_at_once(text: str, match: Match | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        UriPattern(text, match)


def test_a_pattern_shows_what_it_is() -> None:
    assert repr(UriPattern("com.<x>")) == "<UriPattern 'com.<x>' (wildcard)>"


@given(parts=st.lists(st.tuples(st.booleans(), component_text), min_size=1, max_size=6))
def test_what_was_put_into_a_wildcard_comes_out(parts: list[tuple[bool, str]]) -> None:
    declared = [f"<n{index}>" if bound else part for index, (bound, part) in enumerate(parts)]
    uri = ".".join(part for _, part in parts)
    pattern = UriPattern(".".join(declared))
    assert is_pattern(pattern.uri, pattern.match)
    assert pattern.bind(uri) == ((), {f"n{index}": part for index, (bound, part) in enumerate(parts) if bound})


@given(head=st.lists(component_text, max_size=3), tail=st.lists(component_text, min_size=1, max_size=3))
def test_a_suffix_is_what_remains(head: list[str], tail: list[str]) -> None:
    pattern = UriPattern(".".join([*head, "<rest:suffix>"]))
    assert pattern.uri == "".join(f"{part}." for part in head)
    assert pattern.bind(".".join([*head, *tail])) == ((), {"rest": ".".join(tail)})


@given(text=near_uris)
def test_any_text_is_a_pattern_or_a_value_error(text: str) -> None:
    try:
        pattern = UriPattern(text)
    except ValueError:
        return
    assert is_pattern(pattern.uri, pattern.match)


def test_the_rules_are_public_beside_the_uris() -> None:
    assert (uris.UriPattern, uris.is_uri, uris.is_pattern) == (UriPattern, is_uri, is_pattern)
