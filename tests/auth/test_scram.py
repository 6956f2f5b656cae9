"""SCRAM in both dialects."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.tools import CHEAP, CHEAP_ARGON2, NONCE, PASSWORD, answered, attempt, challenge, extras, method
from trowamp.auth import Accept, Challenge, CrossbarScram, Deny, Scram, Skip, Work
from trowamp.auth._client import ClientAttempt
from trowamp.auth._octets import from_base64, to_base64
from trowamp.auth._router import REFUSED
from trowamp.auth._scram import ScramCredential
from trowamp.auth._scram_dialects import CROSSBAR, SPECIFICATION, Dialect
from trowamp.auth._scram_keys import Costs
from trowamp.messages import Authenticate

CLIENTS = {"wamp-scram": Scram, "scram": CrossbarScram}
both = pytest.mark.parametrize("name", CLIENTS)
CLIENT_NONCE = to_base64(NONCE[:24])


def begin(name: str, authid: str = "joe", password: str = PASSWORD) -> Any:
    return CLIENTS[name](authid, password).begin(NONCE)


def challenged(name: str, client: ClientAttempt) -> tuple[Any, Any, dict[str, Any]]:
    """Return an authenticator, an attempt and its challenge."""
    asked, joining = method(name), attempt(client.authid, **client.authextra())
    outcome = asked.begin(joining)
    assert isinstance(outcome, Challenge)
    return asked, joining, outcome.extra


def proof(client: ClientAttempt, name: str, extra: dict[str, Any]) -> Authenticate:
    work = client.answer(challenge(name, **extra))
    assert isinstance(work, Work)
    return work.run()


@both
@pytest.mark.checklist("AU-R1", "SC-C4", "SC-R1", "SC-C5")
def test_both_sides_prove_that_they_know_the_password(name: str) -> None:
    client = begin(name)
    asked, joining, extra = challenged(name, client)
    answer = proof(client, name, extra)
    accepted = asked.answer(joining, answer.signature, answer.extra)
    assert isinstance(accepted, Accept)
    assert (accepted.authid, accepted.role) == ("joe", "user")
    client.check_welcome(accepted.extra)


@pytest.mark.checklist("SC-C1", "SC-R1")
def test_the_specifications_messages_look_as_it_says() -> None:
    client = begin("wamp-scram")
    assert (client.method, client.authid, client.authextra()) == ("wamp-scram", "joe", {"nonce": CLIENT_NONCE})
    asked, joining, extra = challenged("wamp-scram", client)
    nonce = extra.pop("nonce")
    assert nonce.startswith(CLIENT_NONCE)
    assert len(nonce) == 2 * len(CLIENT_NONCE)
    assert extra == {"salt": to_base64(b"salt" * 4), "kdf": "pbkdf2", "iterations": 4096}
    answer = proof(client, "wamp-scram", {**extra, "nonce": nonce})
    assert answer.extra == {"nonce": nonce, "channel_binding": None, "cbind_data": None}
    accepted = asked.answer(joining, answer.signature, answer.extra)
    assert list(accepted.extra) == ["verifier"]
    assert accepted.extra["verifier"].startswith("v=")


def test_crossbars_messages_look_as_it_does_it() -> None:
    client = begin("scram")
    assert (client.method, client.authid, client.authextra()) == ("scram", "joe", {"nonce": CLIENT_NONCE})
    asked, joining, extra = challenged("scram", client)
    assert base64.b64decode(extra.pop("nonce")).startswith(NONCE[:24])
    assert extra == {"salt": to_base64(b"salt" * 4), "kdf": "argon2id-13", "iterations": 4, "memory": 8192}
    client = begin("scram")
    asked, joining, extra = challenged("scram", client)
    answer = proof(client, "scram", extra)
    assert answer.extra == {}
    assert list(asked.answer(joining, answer.signature, {}).extra) == ["scram_server_signature"]


def test_nonces_of_other_lengths_are_joined_as_octets_in_crossbars_dialect() -> None:
    for size in (16, 17, 18):
        nonce = to_base64(b"n" * size)
        joined = CROSSBAR.joined(nonce, b"more" * 4)
        assert base64.b64decode(joined) == b"n" * size + b"more" * 4
        assert CROSSBAR.continues(joined, nonce)


@both
@pytest.mark.checklist("SC-R1", "AU-R5")
def test_a_wrong_password_and_an_unknown_identity_are_refused_alike(name: str) -> None:
    for authid, password in (("joe", "wrong"), ("jim", PASSWORD)):
        client = begin(name, authid, password)
        asked, joining, extra = challenged(name, client)
        answer = proof(client, name, extra)
        assert asked.answer(joining, answer.signature, answer.extra) is REFUSED


@both
@pytest.mark.checklist("AU-R5", "SC-R1")
def test_an_identity_that_does_not_exist_is_challenged_like_one_that_does_and_always_with_the_same_salt(
    name: str,
) -> None:
    real = challenged(name, begin(name))[2]
    first, second, other = (challenged(name, begin(name, authid))[2] for authid in ("jim", "jim", "jon"))
    assert first["salt"] == second["salt"] != other["salt"]
    assert len(first["salt"]) == len(real["salt"])
    for extra in (first, real):
        del extra["salt"], extra["nonce"]
    assert first == real


@both
@pytest.mark.checklist("SC-C4")
@pytest.mark.parametrize(
    "authextra",
    [
        {},
        {"verifier": None},
        {"verifier": 5},
        {"verifier": "v="},
        {"verifier": "v=" + to_base64(bytes(32))},
        {"verifier": "?"},
    ],
)
def test_a_router_that_does_not_prove_itself_is_refused(name: str, authextra: dict[str, Any]) -> None:
    client = begin(name)
    _, _, extra = challenged(name, client)
    proof(client, name, extra)
    renamed = {"scram_server_signature": authextra.get("verifier")} if name == "scram" else authextra
    with pytest.raises(ValueError, match="the router"):
        client.check_welcome(renamed)


@both
@pytest.mark.checklist("SC-C4")
def test_a_router_that_welcomes_without_a_challenge_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="proved nothing"):
        begin(name).check_welcome({"verifier": "v=" + to_base64(bytes(32))})


def test_the_proof_may_come_without_its_prefix() -> None:
    client = begin("wamp-scram")
    asked, joining, extra = challenged("wamp-scram", client)
    answer = proof(client, "wamp-scram", extra)
    verifier = asked.answer(joining, answer.signature, answer.extra).extra["verifier"]
    client.check_welcome({"verifier": verifier.removeprefix("v=")})


def good(name: str, **changes: Any) -> dict[str, Any]:
    """Return a challenge, and what is changed in it."""
    kdf = "argon2id13" if name == "wamp-scram" else "argon2id-13"
    joined = (SPECIFICATION if name == "wamp-scram" else CROSSBAR).joined(CLIENT_NONCE, b"more")
    extra = {"nonce": joined, "salt": to_base64(bytes(16)), "kdf": kdf, "iterations": 4, "memory": 8192}
    return {**extra, **changes}


@both
@pytest.mark.checklist("SC-C1", "SC-C2")
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"nonce": None}, "nonce"),
        ({"nonce": 5}, "nonce"),
        ({"nonce": CLIENT_NONCE}, "SC-C1"),
        ({"nonce": to_base64(b"other" * 9)}, "SC-C1"),
        ({"nonce": CLIENT_NONCE + "AAAA" * 1000}, "SC-C1"),
        ({"salt": None}, "salt"),
        ({"salt": "???"}, "salt"),
        ({"salt": to_base64(b"short")}, "salt"),
        ({"salt": to_base64(bytes(300))}, "salt"),
        ({"channel_binding": "tls-unique"}, "channel binding"),
        ({"kdf": None}, "key derivation function"),
        ({"kdf": "argon2i"}, "key derivation function"),
        ({"kdf": ["pbkdf2"]}, "key derivation function"),
        ({"iterations": None}, "how much work"),
        ({"iterations": True}, "how much work"),
        ({"iterations": 4.0}, "how much work"),
        ({"memory": None}, "how much work"),
        ({"iterations": 0}, "SC-C2"),
        ({"iterations": 1, "memory": 8}, "SC-C2"),
        ({"iterations": 10**9}, "SC-C2"),
        ({"memory": 10**9}, "SC-C2"),
        ({"iterations": 4096, "memory": 256 * 1024}, "SC-C2"),
    ],
)
def test_challenges_that_are_not_acceptable_are_refused(name: str, changes: dict[str, Any], complaint: str) -> None:
    assert isinstance(begin(name).answer(challenge(name, **good(name))), Work)
    with pytest.raises(ValueError, match=complaint) as caught:
        begin(name).answer(challenge(name, **good(name, **changes)))
    assert PASSWORD not in str(caught.value)


@pytest.mark.checklist("SC-C2")
@pytest.mark.parametrize(("iterations", "is_fine"), [(4095, False), (4096, True), (10**7, True), (10**7 + 1, False)])
def test_pbkdf2_iterates_often_enough_and_not_too_often(iterations: int, is_fine: bool) -> None:
    extra = good("wamp-scram", kdf="pbkdf2", iterations=iterations, memory=None)
    answer = answered(begin("wamp-scram"), challenge("wamp-scram", **extra))
    assert isinstance(answer, Work) is is_fine


def test_crossbars_dialect_has_no_pbkdf2() -> None:
    with pytest.raises(ValueError, match="key derivation function"):
        begin("scram").answer(challenge("scram", **good("scram", kdf="pbkdf2", iterations=4096)))


@both
def test_a_short_nonce_is_not_used(name: str) -> None:
    with pytest.raises(ValueError, match="16 octets"):
        CLIENTS[name]("joe", "x").begin(b"short")


@pytest.mark.checklist("SC-C3")
def test_identities_and_passwords_are_normalized() -> None:
    assert Scram("jo\u00ade", "x").authid == "joe"
    with pytest.raises(ValueError, match="the authid holds a character"):
        Scram("jo\ne", "x")
    with pytest.raises(ValueError, match="the password holds a character") as caught:
        Scram("joe", "canary\n")
    assert "canary" not in str(caught.value)


@pytest.mark.checklist("SC-C3")
def test_a_password_in_another_form_is_the_same_password() -> None:
    costs = Costs("pbkdf2", 4096)
    assert ScramCredential.of(SPECIFICATION, "\u2168", bytes(16), costs) == ScramCredential.of(
        SPECIFICATION, "IX", bytes(16), costs
    )


@both
@pytest.mark.checklist("SC-R1")
@pytest.mark.parametrize(
    "authextra",
    [{}, {"nonce": None}, {"nonce": 5}, {"nonce": "?"}, {"nonce": "AAAA"}, {"nonce": "A" * 2000},
     {"nonce": CLIENT_NONCE, "channel_binding": "tls-unique"}],
)  # fmt: skip
def test_a_hello_that_is_not_as_the_method_demands_is_refused_with_words(name: str, authextra: dict[str, Any]) -> None:
    outcome = method(name).begin(attempt("joe", **authextra))
    assert isinstance(outcome, Deny)
    assert outcome.reason == "wamp.error.authentication_failed"


@both
def test_the_method_is_skipped_without_identity_or_credential(name: str) -> None:
    assert method(name).begin(attempt(None)) == Skip(f"{name} needs an authid")
    asked = method(name, {"joe": {"role": "user", "ticket": "x"}})
    assert asked.begin(attempt("joe", nonce=CLIENT_NONCE)) == Skip(f"{name} is not available for this identity")


@both
@pytest.mark.checklist("SC-R1")
def test_a_recorded_proof_is_worth_nothing_for_another_challenge(name: str) -> None:
    client = begin(name)
    asked, joining, extra = challenged(name, client)
    answer = proof(client, name, extra)
    assert isinstance(asked.answer(joining, answer.signature, answer.extra), Accept)
    again = attempt("joe", nonce=CLIENT_NONCE)
    second = asked.begin(again)
    assert isinstance(second, Challenge)
    repeated = {**answer.extra, "nonce": second.extra["nonce"]} if answer.extra else {}
    assert asked.answer(again, answer.signature, repeated) is REFUSED


@pytest.mark.checklist("SC-R1")
@pytest.mark.parametrize("changes", [{"nonce": "x"}, {"channel_binding": "tls-unique"}, {"cbind_data": "AAAA"}])
def test_what_the_client_repeats_must_be_what_was_agreed(changes: dict[str, Any]) -> None:
    client = begin("wamp-scram")
    asked, joining, extra = challenged("wamp-scram", client)
    answer = proof(client, "wamp-scram", extra)
    assert isinstance(asked.answer(joining, answer.signature, {**answer.extra, **changes}), Deny)


@both
@settings(deadline=None)
@given(
    extra=extras(
        "nonce",
        "salt",
        "kdf",
        "iterations",
        "memory",
        "channel_binding",
        nonce=st.sampled_from([good("wamp-scram")["nonce"], good("scram")["nonce"]]),
        salt=st.just(to_base64(bytes(16))),
        kdf=st.sampled_from(["argon2id13", "argon2id-13", "pbkdf2"]),
        iterations=st.sampled_from([4, 4096]),
        memory=st.just(8192),
        channel_binding=st.none(),
    )
)
def test_whatever_a_router_asks_is_answered_or_refused(name: str, extra: dict[str, Any]) -> None:
    answer = answered(begin(name), challenge(name, **extra))
    assert isinstance(answer, Work | ValueError)
    assert PASSWORD not in str(answer)


@both
@settings(deadline=None)
@given(
    authextra=extras("nonce", "channel_binding", nonce=st.just(CLIENT_NONCE)),
    signature=st.text(),
    extra=extras("nonce", "cbind_data"),
)
def test_whatever_a_client_says_there_is_an_outcome(name: str, authextra: Any, signature: str, extra: Any) -> None:
    asked, joining = method(name), attempt("joe", **authextra)
    if isinstance(asked.begin(joining), Challenge):
        assert isinstance(asked.answer(joining, signature, extra), Deny)


@pytest.fixture(scope="module", params=list(CLIENTS))
def proved(request: pytest.FixtureRequest) -> ClientAttempt:
    """Return an attempt whose client has proved itself."""
    client: ClientAttempt = begin(request.param)
    proof(client, request.param, good(request.param))
    return client


@settings(deadline=None)
@given(authextra=extras("verifier", "scram_server_signature"))
def test_whatever_a_welcome_holds_it_is_no_proof(proved: ClientAttempt, authextra: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the router"):
        proved.check_welcome(authextra)


# ---- configurations


@pytest.mark.checklist("SC-R2")
@pytest.mark.parametrize(
    ("dialect", "costs"), [(SPECIFICATION, CHEAP), (SPECIFICATION, CHEAP_ARGON2), (CROSSBAR, CHEAP_ARGON2)]
)
def test_what_is_written_is_read_and_holds_no_password(dialect: Dialect, costs: Costs) -> None:
    credential = ScramCredential.of(dialect, PASSWORD, b"s" * 16, costs)
    written = credential.write()
    assert PASSWORD not in str(written)
    assert ScramCredential.read(dialect, written, "x") == credential
    assert len(from_base64(written["stored_key"], "x")) == 32


WRITTEN = ScramCredential.of(SPECIFICATION, PASSWORD, b"s" * 16, CHEAP_ARGON2).write()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kdf": "md5"}, "p.kdf must be one of argon2id13, pbkdf2"),
        ({"kdf": None}, "p.kdf must be a text that is not empty"),
        ({"iterations": "x"}, "p.iterations must be an integer"),
        ({"iterations": 10**6}, "p: argon2id13 with parameters that are out of bounds"),
        ({"memory": None}, "p.memory must be an integer"),
        ({"salt": "?"}, "p.salt is not base64"),
        ({"salt": "AAAA"}, "p.salt has the wrong length"),
        ({"stored_key": "AAAA"}, "p.stored_key has the wrong length"),
        ({"server_key": 5}, "p.server_key is not base64"),
        ({"serverkey": 5}, "unknown key p.serverkey (did you mean server_key?)"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_told_with_its_place(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(complaint)):
        ScramCredential.read(SPECIFICATION, {**WRITTEN, **changes}, "p")


def test_a_plain_password_is_no_credential() -> None:
    with pytest.raises(ValueError, match="^p must be a table$"):
        ScramCredential.read(SPECIFICATION, PASSWORD, "p")
