"""The client's handshake: HELLO, challenges, and every way in which it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.fake_link import FakeLink
from trowamp._exceptions import (
    AuthenticationDenied,
    AuthenticationRequired,
    JoinError,
    NoMatchingAuthMethod,
    NoSuchRealm,
    RemoteProtocolError,
    SerializationError,
)
from trowamp._types import SessionDetails
from trowamp.auth import Work
from trowamp.messages import MESSAGE_BY_CODE, Authenticate, Challenge, parse
from trowamp.protocol import Join

ROLES = {
    "broker": {"features": {"event_retention": True}},
    "dealer": {"features": {"call_canceling": True, "x": False}},
}
WELCOME: list[Any] = [2, 77, {"roles": ROLES}]


class FakeMethod:
    """Answers with its own name; can be told to refuse a challenge or a WELCOME."""

    def __init__(
        self,
        method: str = "ticket",
        authid: str | None = None,
        authrole: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.method = method
        self.authid = authid
        self.authrole = authrole
        self.extra = extra or {}
        self.refuses_challenge = False
        self.refuses_welcome = False
        self.challenges: list[dict[str, Any]] = []
        self.welcomes: list[dict[str, Any]] = []

    def authextra(self) -> dict[str, Any]:
        return self.extra

    def answer(self, challenge: Challenge) -> Authenticate:
        self.challenges.append(challenge.extra)
        if self.refuses_challenge:
            raise ValueError("the challenge is too weak")
        return Authenticate(f"{self.method} {len(self.challenges)}", {})

    def check_welcome(self, authextra: dict[str, Any]) -> None:
        self.welcomes.append(authextra)
        if self.refuses_welcome:
            raise ValueError("the proof is wrong")


def join(link: FakeLink, *methods: FakeMethod, **options: Any) -> Join:
    """Begin a handshake; the HELLO is taken off the link."""
    begun = Join(link, "com.example.realm", authenticators=methods, agent="test-1", **options)
    link.take()
    return begun


def hello(link: FakeLink, *methods: FakeMethod, **options: Any) -> dict[str, Any]:
    """Return the Details of the HELLO, without what is always there."""
    Join(link, "com.example.realm", authenticators=methods, agent="test-1", **options)
    ((code, realm, details),) = link.take()
    assert (code, realm, details.pop("agent")) == (1, "com.example.realm", "test-1")
    assert details.pop("roles")
    return dict(details)


def hears(begun: Join, *raw: Any) -> SessionDetails | JoinError | RemoteProtocolError | None:
    outcome = begun.receive(parse(list(raw)))
    assert not isinstance(outcome, Work)
    return outcome


PASSTHRU = {"payload_passthru_mode": True, "payload_transparency": True, "payload_encryption_cryptobox": True}


@pytest.mark.checklist("SES-C1", "FEAT-B1", "PCR-C6", "SH-B1")
def test_hello_comes_first_and_announces_the_roles_and_features_of_this_client(link: FakeLink) -> None:
    Join(link, "com.example.realm", agent="test-1")
    assert link.take() == [
        [
            1,
            "com.example.realm",
            {
                "roles": {
                    "caller": {
                        "features": {
                            "progressive_call_results": True,
                            "call_canceling": True,
                            "call_timeout": True,
                            "caller_identification": True,
                            "progressive_call_invocations": True,
                            **PASSTHRU,
                        }
                    },
                    "callee": {
                        "features": {
                            "progressive_call_results": True,
                            "progressive_call_invocations": True,
                            "call_canceling": True,
                            "call_timeout": True,
                            "caller_identification": True,
                            "pattern_based_registration": True,
                            "shared_registration": True,
                            "registration_revocation": True,
                            "call_reroute": True,
                            "call_trustlevels": True,
                            **PASSTHRU,
                        }
                    },
                    "publisher": {
                        "features": {
                            "publisher_identification": True,
                            "publisher_exclusion": True,
                            "subscriber_blackwhite_listing": True,
                            **PASSTHRU,
                        }
                    },
                    "subscriber": {
                        "features": {
                            "publisher_identification": True,
                            "pattern_based_subscription": True,
                            "subscription_revocation": True,
                            "publication_trustlevels": True,
                            **PASSTHRU,
                        }
                    },
                },
                "agent": "test-1",
            },
        ]
    ]


def test_without_authentication_nothing_is_offered(link: FakeLink) -> None:
    assert hello(link) == {}


def test_an_identity_can_be_claimed_without_a_method(link: FakeLink) -> None:
    offered = {"authid": "joe", "authrole": "user", "authextra": {"_custom": 1}}
    assert hello(link, **offered) == offered


def test_more_can_be_told_but_instead_of_nothing_that_is_told_anyway(link: FakeLink) -> None:
    more = {"resumable": True, "roles": {}, "agent": "another", "authid": "jim"}
    assert hello(link, more=more, authid="joe") == {"resumable": True, "authid": "joe"}


def test_methods_are_offered_in_the_order_of_preference_with_all_they_add(link: FakeLink) -> None:
    first = FakeMethod("cryptosign", "joe", extra={"pubkey": "00ff", "shared": "first"})
    second = FakeMethod("ticket", "jim", "user", extra={"_b": 2, "shared": "second"})
    assert hello(link, first, second, authid="jane", authrole="admin", authextra={"shared": "own", "_own": 3}) == {
        "authmethods": ["cryptosign", "ticket"],
        "authid": "joe",
        "authrole": "user",
        "authextra": {"pubkey": "00ff", "shared": "first", "_b": 2, "_own": 3},
    }


def test_what_the_application_adds_to_authextra_is_not_changed(link: FakeLink) -> None:
    own = {"_own": 1}
    hello(link, FakeMethod(extra={"more": 2}), authextra=own)
    assert own == {"_own": 1}


def test_a_hello_that_cannot_be_sent_is_the_callers_error(link: FakeLink) -> None:
    link.refuse(SerializationError("details.authextra: NaN"))
    with pytest.raises(SerializationError):
        Join(link, "com.example.realm", agent="test-1", authextra={"x": float("nan")})
    assert link.take() == []


@pytest.mark.checklist("SES-R1", "FEAT-B2")
def test_a_welcome_makes_the_session(link: FakeLink) -> None:
    outcome = hears(join(link), *WELCOME)
    assert isinstance(outcome, SessionDetails)
    assert (outcome.session_id, outcome.realm, outcome.authextra) == (77, "com.example.realm", {})
    assert [outcome.authid, outcome.authrole, outcome.authmethod, outcome.authprovider, outcome.agent] == [None] * 5
    assert outcome.features == {"broker": {"event_retention"}, "dealer": {"call_canceling"}}
    assert outcome.supports("dealer", "call_canceling")
    assert not outcome.supports("dealer", "x")
    assert link.take() == []


@pytest.mark.checklist("FEAT-B2")
@pytest.mark.parametrize("roles", [{"broker": {}}, {"dealer": {"features": {}}}, {"dealer": {}, "callee": {}}])
def test_one_role_of_a_router_is_enough_and_others_do_no_harm(link: FakeLink, roles: dict[str, Any]) -> None:
    outcome = hears(join(link), 2, 77, {"roles": roles})
    assert isinstance(outcome, SessionDetails)
    assert outcome.features == dict.fromkeys(roles, frozenset())


def test_the_router_has_the_last_word_about_realm_and_identity(link: FakeLink) -> None:
    given = {
        "realm": "com.example.other",
        "authid": "joe",
        "authrole": "user",
        "authmethod": "ticket",
        "authprovider": "static",
        "authextra": {"a": 1},
        "agent": "router-1",
    }
    outcome = hears(join(link, authid="jim"), 2, 77, {"roles": ROLES, "_custom": 1, **given})
    assert isinstance(outcome, SessionDetails)
    assert {key: getattr(outcome, key) for key in given} == given
    assert outcome.details == {"roles": ROLES, "_custom": 1, **given}


@pytest.mark.checklist("SES-R1", "PV-B2")
def test_a_welcome_without_a_role_of_a_router_breaks_the_protocol(link: FakeLink) -> None:
    outcome = hears(join(link), 2, 77, {"roles": {"callee": {}}})
    assert isinstance(outcome, RemoteProtocolError)
    assert [raw[2] for raw in link.take()] == ["wamp.error.protocol_violation"]


@pytest.mark.checklist("SES-B1", "SES-C2")
@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("wamp.error.no_such_realm", NoSuchRealm),
        ("wamp.error.no_auth_method", NoMatchingAuthMethod),
        ("wamp.error.authentication_required", AuthenticationRequired),
        ("wamp.error.not_authorized", AuthenticationDenied),
        ("com.example.whatever", JoinError),
    ],
)
@pytest.mark.parametrize("payload", [[], [["text"]], [["text"], {"a": 1}]])
@pytest.mark.parametrize("is_challenged", [False, True])
def test_any_abort_refuses_the_session_with_its_reason_and_is_not_answered(
    link: FakeLink, reason: str, expected: type[JoinError], payload: list[Any], is_challenged: bool
) -> None:
    begun = join(link, FakeMethod())
    if is_challenged:
        assert hears(begun, 4, "ticket", {}) is None
        link.take()
    outcome = hears(begun, 3, {"message": "no entry", "_custom": 1}, reason, *payload)
    assert type(outcome) is expected
    assert (outcome.reason, outcome.message) == (reason, "no entry")
    assert outcome.details == {"message": "no entry", "_custom": 1}
    assert link.take() == []


@pytest.mark.checklist("AU-R1")
def test_a_challenge_is_answered_by_its_method(link: FakeLink) -> None:
    ticket, other = FakeMethod("ticket"), FakeMethod("wampcra")
    begun = join(link, other, ticket)
    assert hears(begun, 4, "ticket", {"challenge": "x"}) is None
    assert link.take() == [[5, "ticket 1", {}]]
    assert isinstance(hears(begun, 2, 77, {"roles": ROLES, "authextra": {"proof": 1}}), SessionDetails)
    assert (ticket.challenges, ticket.welcomes) == ([{"challenge": "x"}], [{"proof": 1}])
    assert (other.challenges, other.welcomes) == ([], [])


@pytest.mark.checklist("AU-R1")
def test_further_rounds_of_challenges_are_answered_and_each_method_checks_the_welcome(link: FakeLink) -> None:
    scram, ticket = FakeMethod("wamp-scram"), FakeMethod("ticket")
    begun = join(link, scram, ticket)
    for method in ("wamp-scram", "ticket", "ticket"):
        assert hears(begun, 4, method, {}) is None
    assert link.take() == [[5, "wamp-scram 1", {}], [5, "ticket 1", {}], [5, "ticket 2", {}]]
    scram.refuses_welcome = True
    assert isinstance(hears(begun, *WELCOME), JoinError)
    assert scram.welcomes == [{}]


@pytest.mark.checklist("AU-C1")
@pytest.mark.parametrize("methods", [[], [FakeMethod("ticket")]])
def test_a_challenge_for_a_method_that_was_not_offered_is_refused(link: FakeLink, methods: list[FakeMethod]) -> None:
    outcome = hears(join(link, *methods), 4, "wampcra", {})
    assert isinstance(outcome, RemoteProtocolError)
    assert "wampcra" in str(outcome)
    assert link.take() == [[3, {"message": str(outcome)}, "wamp.error.protocol_violation"]]


@pytest.mark.checklist("AU-C2")
def test_a_challenge_that_the_method_refuses_gives_the_session_up(link: FakeLink) -> None:
    method = FakeMethod()
    method.refuses_challenge = True
    outcome = hears(join(link, method), 4, "ticket", {})
    assert isinstance(outcome, JoinError)
    assert (outcome.reason, outcome.message) == ("wamp.error.cannot_authenticate", "the challenge is too weak")
    ((code, details, reason),) = link.take()
    assert (code, reason) == (3, "wamp.error.cannot_authenticate")
    assert "weak" not in details["message"]


@pytest.mark.checklist("AU-C2")
def test_an_answer_that_cannot_be_sent_gives_the_session_up(link: FakeLink) -> None:
    begun = join(link, FakeMethod())
    link.refuse(SerializationError("signature"))
    outcome = hears(begun, 4, "ticket", {})
    assert isinstance(outcome, JoinError)
    assert [raw[0] for raw in link.take()] == [3]


@pytest.mark.checklist("SC-C4")
@pytest.mark.parametrize("is_challenged", [False, True])
def test_a_router_that_does_not_prove_itself_is_left_even_if_it_asked_for_nothing(
    link: FakeLink, is_challenged: bool
) -> None:
    method = FakeMethod("wamp-scram")
    method.refuses_welcome = True
    begun = join(link, method)
    if is_challenged:
        hears(begun, 4, "wamp-scram", {})
        link.take()
    outcome = hears(begun, *WELCOME)
    assert isinstance(outcome, JoinError)
    assert (outcome.reason, outcome.message) == ("wamp.error.cannot_authenticate", "the proof is wrong")
    assert [raw[2] for raw in link.take()] == ["wamp.error.cannot_authenticate"]


BEFORE_WELCOME: list[list[Any]] = [
    [1, "com.example.realm", {"roles": {"caller": {}}}],
    [5, "signature", {}],
    [6, {}, "wamp.close.close_realm"],
    [8, 48, 1, {}, "com.example.error"],
    [16, 1, {}, "com.example.topic"],
    [17, 1, 900],
    [32, 1, {}, "com.example.topic"],
    [33, 1, 600],
    [34, 1, 600],
    [35, 1],
    [36, 600, 900, {}],
    [48, 1, {}, "com.example.f"],
    [49, 1, {}],
    [50, 1, {}],
    [64, 1, {}, "com.example.f"],
    [65, 1, 500],
    [66, 1, 500],
    [67, 1],
    [68, 1, 500, {}],
    [69, 1, {}],
    [70, 1, {}],
    [337, 900],
]


def test_every_message_but_three_is_illegal_before_welcome() -> None:
    assert {raw[0] for raw in BEFORE_WELCOME} == set(MESSAGE_BY_CODE) - {2, 3, 4}


@pytest.mark.checklist("PV-C", "PV-B2")
@pytest.mark.parametrize("raw", BEFORE_WELCOME, ids=lambda raw: MESSAGE_BY_CODE[raw[0]].name)
@pytest.mark.parametrize("is_challenged", [False, True])
def test_any_other_message_before_welcome_breaks_the_protocol(
    link: FakeLink, raw: list[Any], is_challenged: bool
) -> None:
    begun = join(link, FakeMethod())
    if is_challenged:
        hears(begun, 4, "ticket", {})
        link.take()
    outcome = hears(begun, *raw)
    assert isinstance(outcome, RemoteProtocolError)
    text = f"{MESSAGE_BY_CODE[raw[0]].name} before WELCOME"
    assert str(outcome) == text
    assert link.take() == [[3, {"message": text}, "wamp.error.protocol_violation"]]


def test_the_client_can_give_up_at_any_time(link: FakeLink) -> None:
    begun = join(link)
    begun.give_up("wamp.close.close_realm", "it took too long")
    assert link.take() == [[3, {"message": "it took too long"}, "wamp.close.close_realm"]]


# ---- answers that take time


class SlowMethod(FakeMethod):
    """Leaves its answer to somebody else."""

    def answer(self, challenge: Challenge) -> Any:
        return Work(lambda: super(SlowMethod, self).answer(challenge))


@pytest.mark.checklist("AU-R1")
def test_an_answer_that_takes_time_is_handed_back(link: FakeLink) -> None:
    begun = join(link, SlowMethod())
    work = begun.receive(Challenge("ticket", {"x": 1}))
    assert isinstance(work, Work)
    assert link.take() == []
    begun.resume(work.run())
    assert link.take() == [[5, "ticket 1", {}]]
    assert isinstance(hears(begun, *WELCOME), SessionDetails)


@pytest.mark.checklist("AU-C2")
def test_an_answer_that_takes_time_may_find_that_the_challenge_is_not_acceptable(link: FakeLink) -> None:
    method = SlowMethod()
    method.refuses_challenge = True
    begun = join(link, method)
    work = begun.receive(Challenge("ticket", {}))
    assert isinstance(work, Work)
    with pytest.raises(ValueError, match="too weak") as caught:
        work.run()
    refusal = begun.refuse(caught.value)
    assert (refusal.reason, refusal.message) == ("wamp.error.cannot_authenticate", "the challenge is too weak")
    assert link.take() == [[3, {"message": "the challenge was refused"}, "wamp.error.cannot_authenticate"]]
