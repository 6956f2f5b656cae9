"""Authenticators: their options, and what they answer to the router's side of `trowamp.auth`."""

from __future__ import annotations

import base64
import time
from types import SimpleNamespace
from typing import Any

import pytest
from trowamp_compat.wamp import auth
from trowamp_compat.wamp.auth import AuthScram, create_authenticator
from trowamp_compat.wamp.interfaces import IAuthenticator
from trowamp_compat.wamp.types import Challenge, TransportDetails

SEED = "00" * 32
PUBLIC = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
NONCE = "AAAAAAAAAAAAAAAAAAAAAAAA"  # 18 octets
SALT = base64.b64encode(b"0123456789abcdef").decode()
SCRAM: dict[str, Any] = {"authid": "joe", "password": "secret"}


def scram_challenge(nonce: str = NONCE, **extra: Any) -> Challenge:
    known = {"nonce": nonce + "c2VydmVy", "salt": SALT, "kdf": "argon2id-13", "iterations": 64, "memory": 512}
    return Challenge("scram", known | extra)


@pytest.mark.autobahn("S-36")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("anonymous", {}),
        ("anonymous-proxy", {}),
        ("ticket", {"ticket": "t"}),
        ("wampcra", {"secret": "s"}),
        ("cryptosign", {"privkey": SEED}),
        ("cryptosign-proxy", {"privkey": SEED}),
        ("scram", {"password": "p"}),
    ],
)
def test_every_method_takes_the_common_options(name: str, options: dict[str, Any]) -> None:
    made = create_authenticator(name, authid="joe", authrole="user", authextra={"a": 1}, **options)
    assert (made.name, made.authid, made.authrole, made.authextra["a"]) == (name, "joe", "user", 1)
    assert isinstance(made, IAuthenticator)


@pytest.mark.autobahn("S-41")
@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("magic", {}, "Unknown authenticator 'magic'"),
        ("ticket", {}, "ticket"),
        ("wampcra", {}, "secret"),
        ("wampcra", {"secret": "s"}, "authid"),
        ("wampcra", {"secret": "s", "authid": "joe", "colour": "red"}, "Unexpected key 'colour'"),
        ("wampcra", {"secret": b"\xff", "authid": "joe"}, "utf-8"),
        ("cryptosign", {}, "privkey"),
        ("cryptosign", {"privkey": "zz"}, "private key"),
        ("cryptosign", {"privkey": SEED, "colour": "red"}, "Unexpected key 'colour'"),
        ("cryptosign", {"privkey": SEED, "authextra": {"pubkey": "00"}}, "public key"),
        ("scram", {"password": "p"}, "authid"),
        ("scram", {"authid": "joe"}, "password"),
        ("scram", SCRAM | {"colour": "red"}, "Unexpected key 'colour'"),
    ],
)
def test_an_option_that_is_missing_or_unknown_is_told(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        create_authenticator(name, **options)


def test_an_anonymous_session_is_not_challenged() -> None:
    with pytest.raises(RuntimeError, match="anonymous"):
        create_authenticator("anonymous").on_challenge(None, Challenge("anonymous"))


@pytest.mark.autobahn("S-40", "C-20")
def test_a_ticket_is_shown_as_it_is() -> None:
    made = create_authenticator("ticket", ticket="open sesame", authid="joe")
    assert made.on_challenge(None, Challenge("ticket")) == "open sesame"
    assert made.on_welcome(None, {}) is None


@pytest.mark.autobahn("S-37")
@pytest.mark.parametrize("secret", ["grüezi", "grüezi".encode()])
def test_a_secret_signs_a_challenge_plain_or_salted(secret: str | bytes) -> None:
    made = create_authenticator("wampcra", authid="joe", secret=secret)
    plain = made.on_challenge(None, Challenge("wampcra", {"challenge": "text"}))
    assert plain.encode() == auth.compute_wcs("grüezi", "text")
    salted = made.on_challenge(
        None, Challenge("wampcra", {"challenge": "text", "salt": "x", "iterations": 100, "keylen": 16})
    )
    assert salted.encode() == auth.compute_wcs(auth.derive_key("grüezi", "x", 100, 16), "text")
    with pytest.raises(ValueError, match="no text to sign"):
        made.on_challenge(None, Challenge("wampcra"))


def test_what_takes_long_is_computed_by_the_face_of_the_session() -> None:
    computed: list[Any] = []

    def in_thread(work: Any) -> str:
        computed.append(work)
        return "future"

    session = SimpleNamespace(_face=SimpleNamespace(in_thread=in_thread))
    made = create_authenticator("wampcra", authid="joe", secret="s")
    extra = {"challenge": "text", "salt": "x", "iterations": 5000}
    assert made.on_challenge(session, Challenge("wampcra", extra)) == "future"
    (work,) = computed
    assert work().encode() == auth.compute_wcs(auth.derive_key("s", "x", 5000), "text")


@pytest.mark.autobahn("S-38")
def test_a_key_signs_a_challenge_and_its_public_part_is_told() -> None:
    made = create_authenticator("cryptosign", privkey=SEED, authid="joe")
    assert made.authextra == {"pubkey": PUBLIC}
    signature = made.on_challenge(None, Challenge("cryptosign", {"challenge": "ff" * 32, "channel_binding": None}))
    assert signature.endswith("ff" * 32)
    assert len(signature) == 192


@pytest.mark.autobahn("S-38")
def test_what_is_bound_to_a_channel_needs_the_id_of_the_channel() -> None:
    made = create_authenticator("cryptosign", privkey=SEED, authextra={"channel_binding": "tls-unique"})
    challenge = Challenge("cryptosign", {"challenge": "ff" * 32, "channel_binding": "tls-unique"})
    details = TransportDetails(channel_id={"tls-unique": b"\x0f" * 32})
    session = SimpleNamespace(transport=SimpleNamespace(transport_details=details))
    assert made.on_challenge(session, challenge).endswith("f0" * 32)
    for lacking in (None, SimpleNamespace(transport=None)):
        with pytest.raises(ValueError, match="channel id"):
            made.on_challenge(lacking, challenge)
    with pytest.raises(ValueError, match="another channel binding"):
        made.on_challenge(session, Challenge("cryptosign", {"challenge": "ff" * 32}))


@pytest.mark.autobahn("S-39", "C-19")
def test_a_password_is_proved_and_the_router_has_to_prove_itself() -> None:
    made = AuthScram(**SCRAM, nonce=NONCE, authextra={"a": 1})
    assert made.authextra == {"a": 1, "nonce": NONCE}
    assert len(base64.b64decode(made.on_challenge(None, scram_challenge()))) == 32
    assert "impostor" in str(made.on_welcome(None, {"scram_server_signature": SALT}))
    assert made.on_welcome(None, None) is not None


def test_each_handshake_has_a_nonce_of_its_own() -> None:
    made = AuthScram(**SCRAM)
    first = made.authextra["nonce"]
    assert made.authextra["nonce"] == first
    made.on_challenge(None, scram_challenge(first))
    assert made.authextra["nonce"] != first


@pytest.mark.autobahn("S-39", "C-19")
@pytest.mark.parametrize(
    "options",
    [
        {"kdf": "argon2id-13"},
        {"kdf": "argon2id13"},
        {"salt": SALT},
        {"iterations": 64},
        {"memory": 256, "iterations": 1},
        {"channel_binding": None},
    ],
)
def test_documented_options_of_scram_are_expectations_that_can_be_met(options: dict[str, Any]) -> None:
    made = AuthScram(**SCRAM, nonce=NONCE, **options)
    assert made.authextra["nonce"] == NONCE
    assert made.on_challenge(None, scram_challenge())


@pytest.mark.autobahn("C-19")
@pytest.mark.parametrize(
    "options",
    [{"kdf": "pbkdf2"}, {"salt": "eA=="}, {"iterations": 65}, {"memory": 1024}, {"channel_binding": "tls-unique"}],
)
def test_a_challenge_that_falls_short_of_what_is_expected_is_refused(options: dict[str, Any]) -> None:
    made = AuthScram(**SCRAM, nonce=NONCE, **options)
    assert made.authextra["nonce"] == NONCE
    with pytest.raises(ValueError, match=f"{next(iter(options))}="):
        made.on_challenge(None, scram_challenge())


def test_a_challenge_that_nothing_was_sent_for_is_refused() -> None:
    made = AuthScram(**SCRAM)
    with pytest.raises(ValueError, match="before HELLO"):
        made.on_challenge(None, scram_challenge())
    assert made.on_welcome(None, {}) == "the router did not prove itself"


@pytest.mark.autobahn("W-2")
def test_secrets_are_random_and_of_the_wanted_length() -> None:
    assert len({auth.generate_wcs() for _ in range(50)}) == 50
    assert len(auth.generate_wcs(5)) == 5
    assert set(auth.generate_wcs(200).decode()) <= set(auth.WCS_SECRET_CHARSET)
    assert len(base64.b32decode(auth.generate_totp_secret(20))) == 20


def test_keys_are_derived_of_octets() -> None:
    assert (
        auth.pbkdf2(b"password", b"salt", 1, 20, "sha1").hex() == "0c60c80f961f0e71f3a9b524af6012062fe037a6"
    )  # RFC 6070
    assert base64.b64decode(auth.derive_key(b"secret", "salt", 10)) == auth.pbkdf2(b"secret", b"salt", 10)
    with pytest.raises(ValueError, match="types"):
        auth.pbkdf2("password", b"salt")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="int"):
        auth.compute_wcs(3, "text")  # type: ignore[arg-type]


@pytest.mark.parametrize(("at", "password"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")])
def test_one_time_passwords_are_those_of_the_rfc(monkeypatch: pytest.MonkeyPatch, at: int, password: str) -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()  # RFC 6238, appendix B
    monkeypatch.setattr(time, "time", lambda: at)
    assert auth.compute_totp(secret) == password
    assert auth.check_totp(secret, password)
    monkeypatch.setattr(time, "time", lambda: at + 30)
    assert auth.check_totp(secret, password)
    monkeypatch.setattr(time, "time", lambda: at + 90)
    assert not auth.check_totp(secret, password)


def test_a_credential_for_the_router_follows_from_the_identity_and_the_password() -> None:
    made = auth.derive_scram_credential("carol", "pepper")
    assert made["salt"] == "4c26d9074c27d89ede59270c0ac14b71"
    assert made["stored-key"] == "6da886bbf1118d6d3aafa255b8859e25de33964b56507b2de536a9d166389489"
    assert made["server-key"] == "724f5c808831142013f416c88c25311eb4cfe075ebfca8b58c84a0b0aa96a9eb"
    with pytest.raises(ValueError, match="16 octets"):
        auth.derive_scram_credential("carol", "pepper", b"short")
