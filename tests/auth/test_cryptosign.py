"""Cryptosign, with the specification's vectors."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from tests.auth.tools import (
    NONCE,
    PRINCIPALS,
    ROUTER_SEED,
    SEED,
    answered,
    attempt,
    challenge,
    directory,
    extras,
    method,
    sources,
)
from trowamp.auth import Accept, Challenge, ChannelBinding, Cryptosign, CryptosignAuthenticator, Deny, Skip, Work
from trowamp.auth._cryptosign import CryptosignCredential, bound, is_signed, signed
from trowamp.auth._router import REFUSED
from trowamp.messages import Authenticate
from trowamp.messages import Challenge as ChallengeMessage

CHANNEL_ID = "62e935ae755f3d48f80d4d59f6121358c435722a67e859cc0caa8b539027f2ff"
KEYS = (
    "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510",
    "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd",
    "6e1fde9cf9e2359a87420b65a87dc0c66136e66945196ba2475990d8a0c3a25b",
)
CHALLENGES = (
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "b26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d",
    "b05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2",
)
# The signatures of the six vectors in the specification's chapter on cryptosign: without and with a channel id.
SIGNATURES = (
    (
        "b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0cae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03"
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    ),
    (
        "d4209ad10d5aff6bfbc009d7e924795de138a63515efc7afc6b01b7fe5201372190374886a70207b042294af5bd64ce725cd8dceb344e6d11c09d1aaaf4d660f"
        "b26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d"
    ),
    (
        "7beb282184baadd08f166f16dd683b39cab53816ed81e6955def951cb2ddad1ec184e206746fd82bda075af03711d3d5658fc84a76196b0fa8d1ebc92ef9f30b"
        "b05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2"
    ),
)
BOUND_SIGNATURES = (
    (
        "9b6f41540c9b95b4b7b281c3042fa9c54cef43c842d62ea3fd6030fcb66e70b3e80d49d44c29d1635da9348d02ec93f3ed1ef227dfb59a07b580095c2b82f80f"
        "9d16ca518aa0c2b707f2b2a609edeca73bca8dd59817a633f35574ac6fd80d00"
    ),
    (
        "305aaa3ac25e98f651427688b3fc43fe7d8a68a7ec1d7d61c61517c519bd4a427c3015599d83ca28b4c652333920223844ef0725eb5dc2febfd6af7677b73f01"
        "d0852a29b460fc92ec943242ac638a053bbacc200512b18b30d15083cbdc9282"
    ),
    (
        "ee3c7644fd8070532bc1fde3d70d742267da545d8c8f03e63bda63f1ad4214f4d2c4bfdb4eb9526def42deeb7e31602a6ff99eba893e0a4ad4d45892ca75e608"
        "d2b75e24a189a7f78ca776ba36fc53f6c3e31c32f251f2c524f0a44202f2902d"
    ),
)
VECTORS = [
    *zip(KEYS, CHALLENGES, SIGNATURES, [None] * 3, strict=True),
    *zip(KEYS, CHALLENGES, BOUND_SIGNATURES, [CHANNEL_ID] * 3, strict=True),
]


@pytest.mark.checklist("CS-C1")
@pytest.mark.parametrize(("key", "asked", "signature", "channel_id"), VECTORS)
def test_the_specifications_vectors_are_reproduced(
    key: str, asked: str, signature: str, channel_id: str | None
) -> None:
    channel = None if channel_id is None else bytes.fromhex(channel_id)
    assert signed(SigningKey(bytes.fromhex(key)), bytes.fromhex(asked), channel) == signature
    binding = None if channel is None else ChannelBinding("tls-unique", lambda: bytes(channel))
    client = Cryptosign(private_key=key, channel_binding=binding).begin(NONCE)
    extra = {"challenge": asked, "channel_binding": binding and binding.kind}
    assert client.answer(challenge("cryptosign", **extra)) == Authenticate(signature, {})
    public_key = bytes.fromhex(Cryptosign(private_key=key).public_key)
    assert is_signed(public_key, bound(bytes.fromhex(asked), channel), bytes.fromhex(signature))


def test_the_client_says_which_key_it_has() -> None:
    key = Cryptosign("joe", private_key=SEED)
    client = key.begin(NONCE)
    assert (client.method, client.authid, client.authrole) == ("cryptosign", "joe", None)
    assert client.authextra() == {"pubkey": key.public_key}
    client.check_welcome({})


def prove(asked: CryptosignAuthenticator | Any, client: Any, authid: str | None = "joe") -> Any:
    """Carry a whole handshake; return its outcome."""
    joining = attempt(authid, **client.authextra())
    outcome = asked.begin(joining)
    assert isinstance(outcome, Challenge)
    answer = client.answer(challenge("cryptosign", **outcome.extra))
    return asked.answer(joining, answer.signature, answer.extra)


@pytest.mark.checklist("CS-R1", "AU-R1")
@pytest.mark.parametrize("authid", ["joe", None])
def test_who_has_the_key_joins(authid: str | None) -> None:
    client = Cryptosign(authid, private_key=SEED).begin(NONCE)
    assert prove(method("cryptosign"), client, authid) == Accept(authid="joe", role="user", provider="static")


@pytest.mark.checklist("CS-R3", "AU-R5")
@pytest.mark.parametrize("authid", ["joe", "jim", None])
def test_another_key_is_refused_whoever_claims_to_have_it(authid: str | None) -> None:
    client = Cryptosign(authid, private_key=b"x" * 32).begin(NONCE)
    assert prove(method("cryptosign"), client, authid) is REFUSED


@pytest.mark.checklist("CS-R3")
def test_somebody_elses_identity_is_not_to_be_had_with_ones_own_key() -> None:
    mapping = {**PRINCIPALS, "eve": {"role": "user", "cryptosign": Cryptosign(private_key=b"e" * 32).public_key}}
    eve = Cryptosign(private_key=b"e" * 32).begin(NONCE)
    assert prove(method("cryptosign", mapping), eve, "joe") is REFUSED
    assert prove(method("cryptosign", mapping), eve, "eve").authid == "eve"


@pytest.mark.checklist("CS-R2")
def test_a_key_of_two_principals_names_neither() -> None:
    mapping = {**PRINCIPALS, "jim": {"role": "user", "cryptosign": PRINCIPALS["joe"]["cryptosign"]}}
    client = Cryptosign(private_key=SEED).begin(NONCE)
    assert prove(method("cryptosign", mapping), client, None) is REFUSED
    assert prove(method("cryptosign", mapping), client, "jim").authid == "jim"


@pytest.mark.checklist("CS-R2")
def test_a_key_of_two_principals_names_the_one_that_may_join_the_realm() -> None:
    key = PRINCIPALS["joe"]["cryptosign"]
    mapping = {
        "joe": {"role": "user", "realms": ["realm1"], "cryptosign": key},
        "jim": {"role": "user", "realms": ["realm2"], "cryptosign": key},
    }
    assert prove(method("cryptosign", mapping), Cryptosign(private_key=SEED).begin(NONCE), None).authid == "joe"


def test_a_principal_may_have_several_keys() -> None:
    keys = [Cryptosign(private_key=bytes([i]) * 32).public_key for i in range(3)]
    asked = method("cryptosign", {"joe": {"role": "user", "cryptosign": keys}})
    for i in range(3):
        assert isinstance(prove(asked, Cryptosign(private_key=bytes([i]) * 32).begin(NONCE), "joe"), Accept)


@pytest.mark.checklist("CS-R1")
def test_a_signature_of_something_else_is_refused() -> None:
    asked, client = method("cryptosign"), Cryptosign(private_key=SEED).begin(NONCE)
    joining = attempt("joe", **client.authextra())
    outcome = asked.begin(joining)
    assert isinstance(outcome, Challenge)
    other = signed(SigningKey(bytes.fromhex(SEED)), b"o" * 32)
    assert asked.answer(joining, other, {}) is REFUSED
    answer = client.answer(challenge("cryptosign", **outcome.extra))
    assert isinstance(answer, Authenticate)
    right = answer.signature
    assert asked.answer(joining, right[:128] + "00" * 32, {}) is REFUSED
    assert asked.answer(joining, "00" + right[2:], {}) is REFUSED
    assert isinstance(asked.answer(joining, right.upper(), {}), Accept)


@pytest.mark.checklist("CS-R4")
@pytest.mark.parametrize("signature", ["", "00", "x" * 192, "00" * 97, "é" * 192])
def test_signatures_of_another_form_are_refused_with_words(signature: str) -> None:
    asked, client = method("cryptosign"), Cryptosign(private_key=SEED).begin(NONCE)
    joining = attempt("joe", **client.authextra())
    asked.begin(joining)
    outcome = asked.answer(joining, signature, {})
    assert outcome == Deny("wamp.error.authentication_failed", "the signature is not 192 hexadecimal digits")


@pytest.mark.checklist("CS-R4")
@pytest.mark.parametrize("pubkey", [None, 5, "", "00", "zz" * 32, "00" * 33])
def test_a_hello_without_a_proper_key_is_refused_with_words(pubkey: Any) -> None:
    outcome = method("cryptosign").begin(attempt("joe", pubkey=pubkey))
    assert outcome == Deny("wamp.error.authentication_failed", "authextra.pubkey is not 64 hexadecimal digits")


@pytest.mark.checklist("CS-R4")
@pytest.mark.parametrize("asked", [None, 5, "", "00", "zz" * 32, "00" * 33])
def test_a_challenge_of_another_form_is_refused(asked: Any) -> None:
    with pytest.raises(ValueError, match="challenge is not 64 hexadecimal digits"):
        Cryptosign(private_key=SEED).begin(NONCE).answer(challenge("cryptosign", challenge=asked))


@pytest.mark.checklist("AU-R2")
def test_the_method_is_skipped_for_principals_without_a_key() -> None:
    asked = method("cryptosign", {"joe": {"role": "user", "ticket": "x"}})
    joining = attempt("joe", pubkey="00" * 32)
    assert asked.begin(joining) == Skip("cryptosign is not available for this identity")


# ---- the router's own key


ROUTER_KEY = Cryptosign(private_key=ROUTER_SEED).public_key


@pytest.mark.checklist("CS-C3")
def test_a_router_proves_its_key_to_clients_that_want_it() -> None:
    client = Cryptosign("joe", private_key=SEED, router_key=ROUTER_KEY).begin(NONCE)
    assert client.authextra()["challenge"] == NONCE.hex()
    assert isinstance(prove(method("cryptosign", private_key=ROUTER_SEED), client), Accept)
    client.check_welcome({})


@pytest.mark.checklist("CS-C3")
def test_a_router_with_another_key_is_refused() -> None:
    client = Cryptosign("joe", private_key=SEED, router_key=ROUTER_KEY).begin(NONCE)
    with pytest.raises(ValueError, match="impostor"):
        prove(method("cryptosign", private_key=b"r" * 32), client)


@pytest.mark.checklist("CS-C3")
@pytest.mark.parametrize("signature", [None, 5, "", "00" * 96, "00" * 95])
def test_a_router_without_a_proper_proof_is_refused(signature: Any) -> None:
    client = Cryptosign("joe", private_key=SEED, router_key=ROUTER_KEY).begin(NONCE)
    with pytest.raises(ValueError, match="the router's signature"):
        client.answer(challenge("cryptosign", challenge="00" * 32, signature=signature))


@pytest.mark.checklist("CS-C3")
def test_a_router_that_welcomes_without_a_challenge_is_refused() -> None:
    client = Cryptosign("joe", private_key=SEED, router_key=ROUTER_KEY).begin(NONCE)
    with pytest.raises(ValueError, match="did not prove"):
        client.check_welcome({})


def test_a_router_without_a_key_of_its_own_is_of_no_use_to_a_client_that_wants_it_proved() -> None:
    client = Cryptosign("joe", private_key=SEED, router_key=ROUTER_KEY).begin(NONCE)
    assert method("cryptosign").begin(attempt("joe", **client.authextra())) == Skip(
        "this router has no key that it could prove"
    )


def test_the_router_signs_only_what_has_the_form_of_a_challenge() -> None:
    asked = method("cryptosign", private_key=ROUTER_SEED)
    outcome = asked.begin(attempt("joe", pubkey="00" * 32, challenge="00" * 31))
    assert outcome == Deny("wamp.error.authentication_failed", "authextra.challenge is not 64 hexadecimal digits")


# ---- channel binding


def bound_router(channel_id: bytes | None) -> CryptosignAuthenticator:
    return CryptosignAuthenticator(
        directory(), sources(), private_key=ROUTER_SEED, channel_ids=lambda transport, kind: channel_id
    )


@pytest.mark.checklist("CS-C2", "CS-C3")
def test_both_sides_bind_their_proofs_to_the_same_channel() -> None:
    binding = ChannelBinding("tls-exporter", lambda: b"c" * 32)
    client = Cryptosign("joe", private_key=SEED, router_key=ROUTER_KEY, channel_binding=binding).begin(NONCE)
    assert client.authextra()["channel_binding"] == "tls-exporter"
    assert isinstance(prove(bound_router(b"c" * 32), client), Accept)


@pytest.mark.checklist("CS-C1")
def test_a_proof_that_was_relayed_over_another_channel_is_refused() -> None:
    binding = ChannelBinding("tls-exporter", lambda: b"c" * 32)
    client = Cryptosign("joe", private_key=SEED, channel_binding=binding).begin(NONCE)
    assert prove(bound_router(b"d" * 32), client) is REFUSED


@pytest.mark.checklist("CS-C2")
@pytest.mark.parametrize("wanted", [None, ChannelBinding("tls-unique", lambda: b"c" * 32)])
@pytest.mark.parametrize("used", [None, "tls-unique", "tls-exporter", 5])
def test_the_binding_in_use_is_the_one_that_was_asked_for(wanted: ChannelBinding | None, used: Any) -> None:
    client = Cryptosign(private_key=SEED, channel_binding=wanted).begin(NONCE)
    answer = answered(client, challenge("cryptosign", challenge="00" * 32, channel_binding=used))
    assert isinstance(answer, Authenticate) is ((wanted and wanted.kind) == used)


def test_a_router_that_cannot_bind_leaves_it_to_the_client() -> None:
    joining = attempt("joe", pubkey="00" * 32, channel_binding="tls-unique")
    for asked in (method("cryptosign"), bound_router(None)):
        outcome = asked.begin(joining)
        assert isinstance(outcome, Challenge)
        assert outcome.extra["channel_binding"] is None


def test_a_channel_id_of_another_length_is_no_channel_id() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        bound(bytes(32), b"short")


# ---- anything at all


@settings(deadline=None)
@given(extras("challenge", "channel_binding", "signature", challenge=st.just("00" * 32), signature=st.just("00" * 96)))
def test_whatever_a_router_asks_is_answered_or_refused(extra: dict[str, Any]) -> None:
    client = Cryptosign(private_key=SEED).begin(NONCE)
    answer = answered(client, challenge("cryptosign", **extra))
    assert isinstance(answer, Authenticate | ValueError)
    assert SEED not in str(answer)


@settings(deadline=None)
@given(
    authextra=extras("pubkey", "channel_binding", "challenge", pubkey=st.just("00" * 32), challenge=st.just("00" * 32)),
    signature=st.text() | st.just("00" * 96),
)
def test_whatever_a_client_says_there_is_an_outcome(authextra: dict[str, Any], signature: str) -> None:
    joining, asked = attempt("joe", **authextra), bound_router(None)
    if isinstance(asked.begin(joining), Challenge):
        assert isinstance(asked.answer(joining, signature, {}), Deny)


@pytest.mark.parametrize("value", [None, 5, "", "00", [], ["00"], [5], {}, "zz" * 32])
def test_what_is_no_key_in_a_configuration_is_told_with_its_place(value: Any) -> None:
    with pytest.raises(ValueError, match=re.escape("principals.joe.cryptosign")):
        CryptosignCredential.read(value, "principals.joe.cryptosign")


@pytest.mark.parametrize("router_key", ["", "00", SEED + "0"])
def test_a_router_key_that_is_none_is_refused_at_once(router_key: str) -> None:
    with pytest.raises(ValueError, match="router_key is not 64 hexadecimal digits"):
        Cryptosign(private_key=SEED, router_key=router_key)


def test_a_nonce_of_another_length_is_not_used_as_a_challenge() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        Cryptosign(private_key=SEED, router_key=ROUTER_KEY).begin(b"short")


def test_a_key_is_here_or_elsewhere() -> None:
    with pytest.raises(ValueError, match="give one of private_key and signer"):
        Cryptosign("joe")
    with pytest.raises(ValueError, match="give one of private_key and signer"):
        Cryptosign("joe", private_key=SEED, signer=Elsewhere())


class Elsewhere:
    """A key that is not here."""

    public_key = Cryptosign(private_key=SEED).public_key

    def sign(self, message: bytes) -> bytes:
        return bytes.fromhex(signed(SigningKey(bytes.fromhex(SEED)), message))[:64]


def test_a_key_that_is_elsewhere_is_asked_in_a_thread_and_signs_the_same() -> None:
    challenge = ChallengeMessage("cryptosign", {"challenge": "ab" * 32})
    work = Cryptosign(signer=Elsewhere()).begin(NONCE).answer(challenge)
    assert isinstance(work, Work)
    assert work.run() == Cryptosign(private_key=SEED).begin(NONCE).answer(challenge)
