"""What SCRAM computes, by published vectors."""

from __future__ import annotations

import pytest

from trowamp.auth._octets import from_base64, to_base64
from trowamp.auth._scram_keys import (
    Costs,
    Keys,
    auth_message,
    client_proof,
    recovered_stored_key,
    salted_password,
    server_signature,
)

SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
NONCE = CLIENT_NONCE + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"


@pytest.mark.checklist("SC-C5")
def test_rfc_7677_has_the_same_proofs() -> None:
    keys = Keys.of(salted_password("pencil", from_base64(SALT, "salt"), Costs("pbkdf2", 4096)))
    message = auth_message("user", CLIENT_NONCE, NONCE, salt=SALT, iterations=4096, binding="biws")
    proof = client_proof(keys, message)
    assert to_base64(proof) == "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert to_base64(server_signature(keys.server_key, message)) == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert recovered_stored_key(keys.stored_key, message, proof) == keys.stored_key


@pytest.mark.checklist("SC-C5")
def test_argon2_is_the_variant_that_the_specification_names() -> None:
    """The vector is one of the reference implementation's: Argon2id v=19, t=2, m=65536, p=1, "password", "somesalt"."""
    expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
    assert salted_password("password", b"somesalt", Costs("argon2id13", 2, 65536)).hex() == expected


def test_names_are_escaped_in_what_is_signed() -> None:
    message = auth_message("a,b=c", "n", "nm", salt="s", iterations=5, binding="")
    assert message == b"n=a=2Cb=3Dc,r=n,r=nm,s=s,i=5,c=,r=nm"


def test_keys_are_not_shown() -> None:
    assert repr(Keys.of(b"x")) == "<Keys>"


@pytest.mark.parametrize("costs", [Costs("argon2i", 4, 8192), Costs("", 4096)])
def test_unknown_functions_are_refused(costs: Costs) -> None:
    with pytest.raises(ValueError, match="unknown key derivation function"):
        costs.check()
