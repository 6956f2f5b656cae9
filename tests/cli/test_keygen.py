"""`trowamp keygen`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trowamp.auth import Cryptosign
from trowamp.payloads import Key, KeyPair

from .program import Run


def test_a_key_is_made_that_only_its_owner_can_read(here: Run, tmp_path: Path) -> None:
    code, out, err = here("keygen", "joe.key")
    path = tmp_path / "joe.key"
    assert code == 0
    assert out == Cryptosign(private_key=path.read_bytes()).public_key + "\n"
    assert err == "joe.key holds the private key: whoever has it can be you. This is the public key:\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="ascii").strip() not in out + err


def test_a_key_for_encryption_is_made_and_its_public_one_shown(here: Run, tmp_path: Path) -> None:
    code, out, err = here("keygen", "--box", "callers.key")
    path = tmp_path / "callers.key"
    pair = KeyPair.of(path.read_text(encoding="ascii"))
    assert (code, out) == (0, f"{pair.public}\n")
    assert err.startswith("callers.key holds the private key: whoever has it can read what is encrypted for you.")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pair.private not in out + err
    assert here("keygen", "--public", "--box", "callers.key") == (0, out, "")
    key = Key(originator_private=path.read_text(encoding="ascii"), responder_public=out)
    assert key.box(originates=True) is not None


def test_no_two_keys_are_the_same(here: Run) -> None:
    assert here("-q", "keygen", "a").out != here("-q", "keygen", "b").out


def test_a_key_that_exists_is_not_overwritten(here: Run, tmp_path: Path) -> None:
    (tmp_path / "joe.key").write_text("precious", encoding="ascii")
    code, out, err = here("keygen", "joe.key")
    assert (code, out) == (2, "")
    assert err.startswith("error: joe.key exists; a key that was overwritten is lost for ever")
    assert (tmp_path / "joe.key").read_text(encoding="ascii") == "precious"


def test_the_public_key_of_a_file_is_shown(here: Run, tmp_path: Path) -> None:
    (tmp_path / "hex").write_text("00" * 32 + "\n", encoding="ascii")
    (tmp_path / "octets").write_bytes(bytes(32))
    expected = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29\n"
    for name in ("hex", "octets"):
        assert here("keygen", "--public", name) == (0, expected, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--public", "nowhere"), "error: cannot read nowhere: No such file or directory"),
        (("--public", "text"), "error: text: this is no private key; give 64 hexadecimal digits"),
        (("--public", "--box", "text"), "error: text: the private key must be 32 octets"),
        (("--public", "--box", "octets"), "error: octets: the private key must be 32 octets"),
        (("nowhere/key",), "error: cannot make nowhere/key: No such file or directory"),
        ((), "error: Missing argument 'FILE'"),
    ],
)
def test_what_is_wrong_is_told(here: Run, tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    (tmp_path / "text").write_text("canary", encoding="ascii")
    (tmp_path / "octets").write_bytes(b"canary\xff")
    code, out, err = here("keygen", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(complaint)
    assert "canary" not in err
