"""Keys for cryptosign, and seed phrases."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from trowamp_compat.util import write_keyfile
from trowamp_compat.wamp.cryptosign import HAS_CRYPTOSIGN, CryptosignAuthextra, CryptosignKey, format_challenge
from trowamp_compat.wamp.interfaces import ICryptosignKey, IKey
from trowamp_compat.wamp.mnemonic import mnemonic_to_bip39seed, mnemonic_to_private_key, parse_derivation_path
from trowamp_compat.wamp.types import Challenge

PUBLIC = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
KEY = CryptosignKey.from_bytes(b"\0" * 32, "mine")
PLAIN = Challenge("cryptosign", {"challenge": "ff" * 32, "channel_binding": None})
BOUND = Challenge("cryptosign", {"challenge": "ff" * 32, "channel_binding": "tls-unique"})


@pytest.mark.autobahn("C-32")
def test_a_key_tells_what_it_is() -> None:
    assert HAS_CRYPTOSIGN
    assert (KEY.public_key(), KEY.public_key(binary=True).hex()) == (PUBLIC, PUBLIC)
    assert (KEY.can_sign, KEY.comment, KEY.key_type, KEY.key_no, KEY.security_module) == (
        True,
        "mine",
        "cryptosign",
        None,
        None,
    )
    assert repr(KEY) == f"<CryptosignKey {PUBLIC!r}>"
    assert isinstance(KEY, ICryptosignKey)
    assert isinstance(KEY, IKey)


async def test_signatures_can_be_awaited_and_used_as_they_are() -> None:
    signature = KEY.sign(b"data")
    assert await signature == signature == bytes(SigningKey(b"\0" * 32).sign(b"data").signature)
    answer = KEY.sign_challenge(PLAIN)
    assert await answer == answer
    assert answer.endswith("ff" * 32)
    assert KEY.verify_challenge(PLAIN, answer)


def test_a_challenge_is_combined_with_the_id_of_the_channel() -> None:
    assert format_challenge(BOUND, b"\x0f" * 32, "tls-unique") == b"\xf0" * 32
    assert format_challenge(BOUND) == b"\xff" * 32
    answer = KEY.sign_challenge(BOUND, b"\x0f" * 32, "tls-unique")
    assert KEY.verify_challenge(BOUND, answer, b"\x0f" * 32, "tls-unique")
    assert not KEY.verify_challenge(BOUND, answer, b"\x00" * 32, "tls-unique")
    assert not KEY.verify_challenge(BOUND, b"short")


@pytest.mark.parametrize(
    ("challenge", "channel", "words"),
    [
        (Challenge("ticket", {"challenge": "ff" * 32}), (), "by cryptosign"),
        (Challenge("cryptosign", {}), (), "64 hexadecimal"),
        (Challenge("cryptosign", {"challenge": "zz"}), (), "64 hexadecimal"),
        (PLAIN, (b"\0" * 32, "tls-unique"), "bound to None"),
        (BOUND, (None, "tls-unique"), "32 octets"),
        (BOUND, (b"short", "tls-unique"), "32 octets"),
    ],
)
def test_a_challenge_that_is_not_acceptable_is_told(challenge: Challenge, channel: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        KEY.sign_challenge(challenge, *channel)


def test_a_public_key_cannot_sign() -> None:
    public = CryptosignKey.from_pubkey(bytes.fromhex(PUBLIC), "theirs")
    assert (public.can_sign, public.public_key(), public.comment) == (False, PUBLIC, "theirs")
    assert public.verify_challenge(PLAIN, KEY.sign_challenge(PLAIN))
    assert "public only" in repr(public)
    with pytest.raises(ValueError, match="signing key"):
        public.sign(b"data")
    with pytest.raises(NotImplementedError):
        public.recover(b"data", b"signature")


@pytest.mark.parametrize(
    "make",
    [
        lambda: CryptosignKey.from_bytes(b"short"),
        lambda: CryptosignKey.from_bytes("text"),  # type: ignore[arg-type]
        lambda: CryptosignKey.from_pubkey(b"short"),
        lambda: CryptosignKey(SigningKey(b"\0" * 32), can_sign=False),
        lambda: CryptosignKey(3, can_sign=True),
        lambda: CryptosignKey.from_ssh_bytes("ssh-rsa AAAA"),
        lambda: CryptosignKey.from_ssh_bytes(""),
        lambda: KEY.sign("text"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_key_is_told(make: Any) -> None:
    with pytest.raises(ValueError, match=r"key|octets"):
        make()


def test_keys_are_read_from_files(tmp_path: Path) -> None:
    raw, keyfile = tmp_path / "raw", tmp_path / "keyfile"
    raw.write_bytes(b"\0" * 32)
    write_keyfile(str(keyfile), {"public-key-ed25519": PUBLIC, "private-key-ed25519": "00" * 32}, "Mine")
    assert CryptosignKey.from_file(str(raw)).public_key() == PUBLIC
    assert CryptosignKey.from_file(str(raw), "words").comment == "words"
    assert CryptosignKey.from_keyfile(str(keyfile)).public_key() == PUBLIC
    with pytest.raises(OSError, match="missing"):
        CryptosignKey.from_file(str(tmp_path / "missing"))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen")
def test_keys_of_openssh_are_read_with_their_comments(tmp_path: Path) -> None:
    path = tmp_path / "id"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "joe@example.com", "-f", str(path)],
        check=True,
        timeout=30,
    )
    private, public = (CryptosignKey.from_ssh_file(str(each)) for each in (path, path.with_suffix(".pub")))
    assert (private.can_sign, public.can_sign) == (True, False)
    assert private.public_key() == public.public_key()
    assert private.comment == public.comment == "joe@example.com"


PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def test_the_seed_of_a_phrase_is_that_of_the_standard() -> None:
    assert (
        mnemonic_to_bip39seed(PHRASE, "TREZOR")
        .hex()
        .startswith("2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8")
    )


def test_keys_of_a_phrase_follow_from_their_place() -> None:
    phrase = "myth like bonus scare over problem client lizard pioneer submit female collect"
    assert mnemonic_to_private_key(phrase).hex().startswith("89ed594b75ad9c06")
    keys = [CryptosignKey.from_seedphrase(phrase, index).public_key() for index in (0, 3)]
    assert [key[:16] for key in keys] == ["30b2e1af1406c5f5", "fab0eab3e14b2428"]
    assert mnemonic_to_private_key(phrase, passphrase="x") != mnemonic_to_private_key(phrase)


def test_a_place_in_the_tree_is_read() -> None:
    assert parse_derivation_path("m/44'/0/1") == [2**31 + 44, 0, 1]
    for wrong in ("44/0", "m/x", "m/1''", "m//1", ""):
        with pytest.raises(ValueError, match="not a derivation path"):
            parse_derivation_path(wrong)


def test_what_is_added_to_hello_comes_back() -> None:
    extra = CryptosignAuthextra(
        b"a" * 32, b"b" * 32, "tls-unique", b"c" * 32, b"t" * 20, b"r" * 20, 1, 2, b"d" * 20, b"s" * 20, 3, b"z" * 65
    )
    told = extra.marshal()
    assert told["reservation"] == {
        "chain_id": 1,
        "block_no": 2,
        "realm": "0x" + "72" * 20,
        "delegate": "0x" + "64" * 20,
        "seeder": "0x" + "73" * 20,
        "bandwidth": 3,
    }
    assert (told["pubkey"], told["trustroot"], told["signature"]) == ("61" * 32, "0x" + "74" * 20, "7a" * 65)
    again = CryptosignAuthextra.parse({**told, "more": 1})
    assert again.marshal() == told
    assert (again.pubkey, again.bandwidth) == (b"a" * 32, 3)
    assert CryptosignAuthextra.parse({}).marshal() == {}


@pytest.mark.parametrize(
    "data",
    [
        {"pubkey": 3},
        {"pubkey": "zz" * 32},
        {"challenge": "aa"},
        {"channel_binding": "string"},
        {"trustroot": "aa" * 20},
        {"trustroot": "0xaa"},
        {"reservation": 3},
        {"reservation": {"bandwidth": "x"}},
        {"reservation": {"realm": "realm1"}},
    ],
)
def test_what_cannot_be_added_to_hello_is_told(data: dict[str, Any]) -> None:
    (name,) = data
    with pytest.raises(ValueError, match=rf"{name}|bandwidth|realm"):
        CryptosignAuthextra.parse(data)
    with pytest.raises(ValueError, match="pubkey must be 32 octets"):
        CryptosignAuthextra(b"short")
