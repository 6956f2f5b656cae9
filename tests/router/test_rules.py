"""trowamp/router/_rules.py: what a role may do with a URI or pattern."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp.router import Role, Rule
from trowamp.router._grants import Grant, Need, Verdict, verdict_from_answer
from trowamp.router._rules import RoleRules


def rules_of(*rules: Rule) -> RoleRules:
    return RoleRules(Role(name="user", rules=rules), "on_request")


def may_subscribe(rules: RoleRules, uri: str, match: str = "exact") -> bool:
    return rules.decide(("subscribe", uri, match)).allow


def allowing(uri: str, **more: Any) -> Rule:
    return Rule(uri=uri, allow=["subscribe"], **more)


def denying(uri: str, **more: Any) -> Rule:
    return Rule(uri=uri, **more)


@pytest.mark.checklist("AZ-R6")
@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        (Rule(uri="a.b"), ("a.b", "exact")),
        (Rule(uri="*"), ("", "prefix")),
        (Rule(uri="a.*"), ("a.", "prefix")),
        (Rule(uri="a*"), ("a", "prefix")),
        (Rule(uri="a..c"), ("a..c", "wildcard")),
        (Rule(uri="a."), ("a.", "wildcard")),
        (Rule(uri="a.", match="prefix"), ("a.", "prefix")),
        (Rule(uri="a*", match="exact"), ("a*", "exact")),
    ],
)
def test_the_form_of_a_uri_says_how_it_is_matched(rule: Rule, pattern: tuple[str, str]) -> None:
    assert rule.pattern == pattern


@pytest.mark.checklist("AZ-R1", "AZ-R6")
def test_each_action_is_allowed_on_its_own() -> None:
    rules = rules_of(Rule(uri="a.*", allow=["call", "publish"]))
    needs: list[Need] = [(action, "a.b", "exact") for action in ("call", "register", "publish", "subscribe")]
    assert [rules.decide(need).allow for need in needs] == [True, False, True, False]
    assert not rules.decide(("call", "b", "exact")).allow
    assert not rules_of().decide(("call", "b", "exact")).allow


@pytest.mark.checklist("AZ-R6")
def test_the_best_rule_decides_alone() -> None:
    rules = rules_of(
        denying("a."),
        allowing("a.*"),
        denying("a.b.*"),
        allowing("a.b.c"),
        denying(".z"),
        allowing("*"),
        allowing("z.z"),
    )
    allowed = ["a.a", "a.z", "a.b.c", "b", "z.z"]
    denied = ["a.b.d", "a.b."]
    assert [uri for uri in (*allowed, *denied) if may_subscribe(rules, uri)] == allowed


@pytest.mark.checklist("AZ-R1")
@pytest.mark.parametrize(
    ("rules", "pattern", "expected"),
    [
        ([allowing("a.*")], ("a.", "prefix"), True),
        ([allowing("a.*")], ("a.b", "prefix"), True),
        ([allowing("a.*")], ("a..c", "wildcard"), True),
        ([allowing("a.*")], ("a", "prefix"), False),
        ([allowing("a.*")], ("", "prefix"), False),
        ([allowing("a.*")], (".b", "wildcard"), False),
        ([allowing("a.b")], ("a.b", "prefix"), False),
        ([allowing("a.b")], ("a.", "wildcard"), False),
        ([allowing("a..c")], ("a..c", "wildcard"), True),
        ([allowing("a..c")], ("a.b.c", "wildcard"), True),
        ([allowing("a..c")], ("..c", "wildcard"), False),
        ([allowing("a..c")], ("a.", "prefix"), False),
        # a part of the pattern is denied
        ([allowing("a.*"), denying("a.secret")], ("a.", "prefix"), False),
        ([allowing("a.*"), denying("a.secret")], ("a.b", "prefix"), True),
        ([allowing("a.*"), denying("a.secret")], ("a.", "wildcard"), False),
        ([allowing("a.*"), denying("a.secret")], ("a..c", "wildcard"), True),
        ([allowing("a.*"), denying("a.secret.*")], ("a..c", "wildcard"), False),
        ([allowing("a.*"), denying("a.secret.*")], ("a.b.*".rstrip("*"), "prefix"), True),
        ([allowing("a.*"), denying("..c")], ("a.", "prefix"), True),  # the prefix is the better rule everywhere
        ([allowing(".."), denying("a..")], ("..", "wildcard"), False),
        ([allowing(".."), denying("a.b.*")], ("..", "wildcard"), False),
        ([allowing(".."), denying("a.b.*")], ("b..", "wildcard"), True),
        ([denying("*"), allowing("a.*")], ("a.", "prefix"), True),
        ([denying("*"), allowing("a.*")], ("", "prefix"), False),
        ([allowing("*"), allowing("a.*"), allowing("a.b")], ("", "prefix"), True),
    ],
)
def test_a_pattern_reaches_no_further_than_the_rights_to_what_it_matches(
    rules: list[Rule], pattern: tuple[str, str], expected: bool
) -> None:
    assert may_subscribe(rules_of(*rules), *pattern) is expected


def test_where_a_part_has_to_be_asked_about_the_whole_is() -> None:
    rules = rules_of(allowing("a.*"), Rule(uri="a.b", ask=["subscribe"]))
    grant = rules.decide(("subscribe", "a.", "prefix"))
    assert (grant.allow, grant.ask) == (False, True)


def test_disclosure_is_the_rules_or_the_routers() -> None:
    rules = RoleRules(
        Role(
            name="user",
            rules=[
                Rule(uri="a", allow=["call", "publish"], disclose_caller="always"),
                Rule(uri="b", allow=["call", "publish"], disclose_publisher="on_request"),
            ],
        ),
        "never",
    )

    def disclosure(action: Any, uri: str) -> tuple[bool, bool]:
        grant = rules.decide((action, uri, "exact"))
        return grant.never_discloses, grant.always_discloses

    assert disclosure("call", "a") == (False, True)
    assert disclosure("publish", "a") == (True, False)
    assert disclosure("publish", "b") == (False, False)


def test_decisions_are_remembered_but_not_without_end() -> None:
    rules = rules_of(allowing("*"))
    first = rules.decide(("subscribe", "a", "exact"))
    assert rules.decide(("subscribe", "a", "exact")) is first
    for number in range(20_000):
        rules.decide(("subscribe", str(number), "exact"))
    assert len(rules._memo) <= 10_000


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"uri": "a..b", "match": "prefix"}, "a..b"),
        ({"uri": "a b"}, "a b"),
        ({"uri": "a", "match": "regex"}, "regex"),
        ({"uri": "a", "allow": "call"}, "lists of call"),
        ({"uri": "a", "allow": ["kill"]}, "kill"),
        ({"uri": "a", "ask": ["kill"]}, "kill"),
        ({"uri": "a", "disclose_caller": "sometimes"}, "sometimes"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rule: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Rule(**rule)


def test_two_rules_for_one_pattern_are_refused() -> None:
    with pytest.raises(ValueError, match="two rules"):
        Role(name="user", rules=[Rule(uri="a.*"), Rule(uri="a.", match="prefix")])


# ---- what authorizers answer


@pytest.mark.checklist("AZ-R5")
@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (True, Verdict(allow=True)),
        (False, Verdict(allow=False)),
        ({"allow": True}, Verdict(allow=True)),
        ({"allow": True, "disclose": True, "cache": False}, Verdict(allow=True, disclose=True, cache=False)),
        ({"allow": False, "disclose": None}, Verdict(allow=False)),
    ],
)
def test_an_authorizer_answers_with_a_bool_or_a_dict(answer: Any, verdict: Verdict) -> None:
    assert verdict_from_answer(answer) == verdict


@pytest.mark.checklist("AZ-R5")
@pytest.mark.parametrize("answer", [None, 1, "yes", {}, {"allow": 1}, {"allow": True, "novel": 1}, [True]])
def test_anything_else_is_no_answer(answer: Any) -> None:
    with pytest.raises(ValueError, match="authorizer"):
        verdict_from_answer(answer)


def test_an_answer_is_applied_to_what_the_rule_says() -> None:
    asked = Grant(allow=False, ask=True, cache=True, never_discloses=True, take_over="anybody")
    assert Verdict(allow=True).apply(asked) == Grant(cache=True, never_discloses=True, take_over="anybody")
    assert Verdict(allow=True, disclose=True, cache=False).apply(asked) == Grant(
        always_discloses=True, take_over="anybody"
    )
    assert Verdict(allow=False, disclose=False).apply(Grant(ask=True)) == Grant(allow=False, never_discloses=True)
