"""Principals, their shadows, and tables of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.auth.tools import PASSWORD, PRINCIPALS, SECRET, SEED, TICKET, attempt, claim, directory, principal, sources
from trowamp.auth import (
    Accept,
    ClientAuthenticator,
    CrossbarScram,
    Cryptosign,
    Inquiry,
    Pending,
    Principal,
    Principals,
    Scram,
    Shadows,
    Ticket,
    WampCra,
    principals_from_mapping,
)
from trowamp.auth._methods import METHODS, model_principal, principal_from_answer, router_authenticators
from trowamp.auth._principals import accepted, ask
from trowamp.auth._router import REFUSED
from trowamp.auth._ticket import TicketCredential


def test_a_principal_is_found_by_its_name() -> None:
    found = directory().find(claim("joe"))
    assert (found.authid, found.role, found.is_shadow) == ("joe", "user", False)


@pytest.mark.checklist("AU-R5")
def test_who_does_not_exist_looks_like_somebody_who_does() -> None:
    table = directory()
    shadow, real = table.find(claim("jim")), table.find(claim("joe"))
    assert shadow.is_shadow
    assert (shadow.authid, shadow.role, shadow.provider) == ("jim", real.role, real.provider)
    assert {name: type(value) for name, value in shadow.credentials.items()} == {
        name: type(value) for name, value in real.credentials.items()
    }
    assert all(shadow.credentials[name] != real.credentials[name] for name in METHODS)
    assert table.find(claim("jim")) == shadow


def test_with_another_secret_shadows_are_others() -> None:
    one, other = (directory(secret=secret).find(claim("jim")) for secret in (b"a" * 32, b"b" * 32))
    assert one.credentials != other.credentials


def test_shadows_look_like_each_of_the_principals() -> None:
    table = Principals(
        principals_from_mapping({name: {"role": name, "ticket": name} for name in ("red", "green", "blue")}), b"s" * 32
    )
    assert {table.find(claim(f"nobody{number}")).role for number in range(50)} == {"red", "green", "blue"}


def test_in_an_empty_table_nobody_has_any_method() -> None:
    assert directory({}).find(claim("joe")).credentials == {}


@pytest.mark.checklist("AU-R5")
def test_a_shadow_is_never_accepted() -> None:
    shadow = directory().find(claim("jim"))
    assert accepted(shadow, attempt("jim")) is REFUSED


def test_a_principal_is_accepted_in_its_realms_only() -> None:
    somebody = Principal(authid="joe", role="user", realms=("realm1", "realm2"), credentials={})
    assert isinstance(accepted(somebody, attempt("joe", "realm2")), Accept)
    assert accepted(somebody, attempt("joe", "realm3")) is REFUSED


def test_what_a_principal_brings_goes_into_welcome() -> None:
    somebody = Principal(authid="joe", role="user", realm="home", provider="db", extra={"x": 1}, credentials={})
    outcome = accepted(somebody, attempt("joe"), verifier="v")
    assert outcome == Accept(authid="joe", role="user", realm="home", provider="db", extra={"x": 1, "verifier": "v"})


def test_two_principals_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two principals have the authid 'joe'"):
        Principals([principal("joe"), principal("joe")], b"s" * 32)


@pytest.mark.checklist("DA-R1")
def test_an_inquiry_asks_about_those_whom_its_table_does_not_have() -> None:
    inquiry = Inquiry(directory(), Shadows(b"s" * 32, [model_principal()]), ["ticket"])
    found = inquiry.find(claim("joe"))
    assert found is not None
    assert found.authid == "joe"
    assert inquiry.find(claim("jim")) is None
    other = inquiry.find(claim("jim", method="wampcra"))
    assert other is not None
    assert other.is_shadow


def test_judging_waits_for_whoever_has_to_be_asked() -> None:
    inquiry = Inquiry(directory({}), Shadows(b"s" * 32, [model_principal()]), METHODS)
    pending = ask(inquiry, claim("jim"), lambda somebody: accepted(somebody, attempt("jim")))
    assert isinstance(pending, Pending)
    assert pending.judge(principal("jim")) == Accept(authid="jim", role="user", provider="static")
    assert pending.judge(inquiry.unknown(claim("jim"))) is REFUSED


def test_nothing_secret_is_shown() -> None:
    table = directory()
    shown = repr(table) + repr(table.find(claim("joe"))) + repr(table.find(claim("joe")).credentials)
    shown += repr(claim("joe", ticket=TICKET))
    assert not [secret for secret in (TICKET, SECRET, PASSWORD) if secret in shown]
    assert repr(table) == "<1 principals>"


def test_what_clients_and_their_attempts_show_of_themselves_is_no_secret() -> None:
    methods: list[ClientAuthenticator] = [
        Ticket("joe", TICKET),
        WampCra("joe", SECRET),
        Scram("joe", PASSWORD),
        CrossbarScram("joe", PASSWORD),
        Cryptosign("joe", private_key=SEED),
    ]
    shown = [repr(method) for method in methods] + [repr(method.begin(bytes(32))) for method in methods]
    assert all("'joe'" in text for text in shown)
    assert not [secret for secret in (TICKET, SECRET, PASSWORD, SEED) if secret in str(shown)]


# ---- mappings


def test_principals_are_read_with_everything_they_may_have() -> None:
    given = {"role": "user", "realms": ["a", "b"], "realm": "a", "provider": "db", "extra": {"x": 1}, "ticket": "t"}
    (read,) = principals_from_mapping({"joe": given})
    assert read == Principal(
        authid="joe",
        role="user",
        realms=("a", "b"),
        realm="a",
        provider="db",
        extra={"x": 1},
        credentials={"ticket": TicketCredential.read("t", "x")},
    )


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ([], "principals must be a table"),
        ({"": {}}, "principals: an authid must be a text that is not empty"),
        ({5: {}}, "principals: an authid must be a text that is not empty"),
        ({"joe": "x"}, "principals.joe must be a table"),
        ({"joe": {}}, "principals.joe.role must be a text that is not empty"),
        ({"joe": {"role": 5}}, "principals.joe.role must be a text that is not empty"),
        ({"joe": {"role": "x"}}, "principals.joe needs one of ticket, wampcra, wamp-scram, scram, cryptosign"),
        ({"joe": {"rôle": "x"}}, "unknown key principals.joe.rôle (did you mean role?)"),
        ({"joe": {"role": "x", "password": "y"}}, "unknown key principals.joe.password (known: role, realms,"),
        ({"joe": {"role": "x", "realms": "y"}}, "principals.joe.realms must be a list of texts"),
        ({"joe": {"role": "x", "realms": [5]}}, "principals.joe.realms must be a list of texts"),
        ({"joe": {"role": "x", "extra": 5}}, "principals.joe.extra must be a table"),
        (
            {"joe": {"role": "x", "ticket": True}},
            "principals.joe.ticket must be a text, or a table with the key sha256",
        ),
        ({"joe": {"role": "x", "wamp-scram": {}}}, "principals.joe.wamp-scram.kdf is missing"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_told_with_its_place(mapping: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(complaint)):
        principals_from_mapping(mapping)


def test_the_place_of_the_mapping_can_be_named() -> None:
    with pytest.raises(ValueError, match=r"^router\.principals\.joe must be a table$"):
        principals_from_mapping({"joe": 5}, "router.principals")


def test_a_wrong_secret_in_a_mapping_is_not_shown() -> None:
    for name in METHODS:
        mapping = {"joe": {"role": "x", name: {"canary": "canary"} | PRINCIPALS["joe"], "extra": {}}}
        with pytest.raises(ValueError, match=r"principals\.joe") as caught:
            principals_from_mapping(mapping)
        assert not [secret for secret in (TICKET, SECRET, PASSWORD) if secret in str(caught.value)]


# ---- what a dynamic authenticator answers


def test_an_answer_is_a_principal_of_the_claimed_name_unless_it_names_another() -> None:
    assert principal_from_answer("joe", {"role": "x", "wampcra": "y"}, "wampcra").authid == "joe"
    answered = principal_from_answer("joe", {"role": "x", "authid": "j17", "realm": "home"}, "wampcra")
    assert (answered.authid, answered.realm, answered.provider) == ("j17", "home", "dynamic")


@pytest.mark.parametrize("is_right", [True, False])
def test_an_answer_may_say_that_a_ticket_is_right_or_wrong(is_right: bool) -> None:
    answered = principal_from_answer("joe", {"role": "x", "ticket": is_right}, "ticket")
    assert answered.credentials == ({"ticket": True} if is_right else {})


def test_that_a_ticket_is_right_says_nothing_for_other_methods() -> None:
    assert principal_from_answer("joe", {"role": "x", "ticket": True}, "wampcra").credentials == {}


@pytest.mark.parametrize(
    ("authid", "answer", "complaint"),
    [
        ("joe", 5, "the answer must be a table"),
        ("joe", {}, "the answer.role must be a text"),
        (None, {"role": "x"}, "the answer.authid is missing"),
        ("joe", {"role": "x", "authid": 5}, "the answer.authid must be a text"),
        ("joe", {"role": "x", "wampcra": True}, "the answer.wampcra must be a text"),
        ("joe", {"role": "x", "rol": True}, "unknown key the answer.rol (did you mean role?)"),
    ],
)
def test_an_answer_that_is_none_is_told_with_its_place(authid: str | None, answer: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(complaint)):
        principal_from_answer(authid, answer, "ticket")


def test_there_are_no_other_methods() -> None:
    with pytest.raises(ValueError, match="unknown authentication method 'magic' \\(known: ticket, wampcra"):
        router_authenticators(directory(), sources(), methods=["ticket", "magic"])
    assert [made.method for made in router_authenticators(directory(), sources())] == list(METHODS)
