"""Private keys in every form that people have them in."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp.auth import Cryptosign
from trowamp.auth._keys import private_key_from

SEED = bytes(range(32))
# Made for this test: the seed 00 01 02 … as OpenSSH writes it; an encrypted key; a key of another type.
OPENSSH = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz
c2gtZWQyNTUxOQAAACADoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuAAA
AIg7fSUDO30lAwAAAAtzc2gtZWQyNTUxOQAAACADoQe/884Qvh1w3RjnS8CZZ+TW
MJulDV8d3IZkElUxuAAAAEAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e
HwOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4AAAAAAECAwQF
-----END OPENSSH PRIVATE KEY-----
"""
ENCRYPTED = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDbq649QV
4pJsTGz0IUweSRAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAICsrSiOSZ7ir1BBx
U0ixRgP4ejlx+wv6xYj2X4Zlxu0rAAAAkM0B4HK8njqyXDNXpwYgSBhN35ZqMuTa3ibRmh
+kgr2TKCWOYQvCM+3JWqjHTJeqifZIMjj7C6XmHV+Fgxzl7c5sLZH+qJ01ajgx+Inzsp6S
q+vp3DZbk+iYINcPAB85SNqOE75lYRLyDZ/UE3JoKXMu/pgiSOLoraV8oHxSFjc9YQOO+e
7UMlUV2BclL5y1AA==
-----END OPENSSH PRIVATE KEY-----
"""
ECDSA = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQRfB+wWteTkDIMt+OAkdCd512Y5LTj3
cJSjBMRNWewRepMQTnSNQZ5C5BktNBSGTpis7B8zC9x7lezEmmrQynMMAAAAmJn3yYuZ98
mLAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBF8H7Ba15OQMgy34
4CR0J3nXZjktOPdwlKMExE1Z7BF6kxBOdI1BnkLkGS00FIZOmKzsHzML3HuV7MSaatDKcw
wAAAAgclUwNvLw7dR/WU1TfWKNNHBeIAV2n5e22MiszaA/OFAAAAAA
-----END OPENSSH PRIVATE KEY-----
"""


@pytest.mark.parametrize(
    "source",
    [
        SEED,
        SEED.hex(),
        SEED.hex().upper(),
        f"0x{SEED.hex()}",
        f"  {SEED.hex()}\n",
        SEED.hex().encode() + b"\r\n",
        OPENSSH,
        OPENSSH.encode(),
        OPENSSH.replace("\n", "\r\n"),
        "some words before it\n" + OPENSSH,
    ],
)
def test_a_key_is_read_in_every_form(source: str | bytes) -> None:
    assert bytes(private_key_from(source)) == SEED


def test_what_ssh_keygen_writes_is_read(tmp_path: Path) -> None:
    program = shutil.which("ssh-keygen")
    if program is None:
        pytest.skip("there is no ssh-keygen")
    path = tmp_path / "key"
    subprocess.run([program, "-q", "-t", "ed25519", "-N", "", "-C", "joe@example", "-f", str(path)], check=True)
    blob = base64.b64decode(path.with_suffix(".pub").read_text(encoding="utf-8").split()[1])
    assert Cryptosign(private_key=path.read_bytes()).public_key == blob[-32:].hex()


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("", "no private key; give 64 hexadecimal digits"),
        ("joe.key", "no private key; give 64 hexadecimal digits"),
        (b"x" * 31, "no private key"),
        ("x" * 32, "no private key"),
        (SEED.hex()[:-1], "no private key"),
        (SEED.hex() * 2, "no private key"),
        (ENCRYPTED, "is encrypted"),
        (ECDSA, "another type than Ed25519"),
        (OPENSSH.replace("b3Bl", "????"), "is damaged"),
        (OPENSSH.replace("b3Bl", "c3Bl"), "is damaged"),
        (OPENSSH.replace("AIg7fSUD", "AIg8fSUD"), "is damaged"),
        (OPENSSH.replace("-----BEGIN OPENSSH PRIVATE KEY-----\n", ""), "no private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----", "is damaged"),
    ],
)
def test_what_is_no_such_key_is_told(source: str | bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Cryptosign(private_key=source)


def test_a_file_with_several_keys_is_refused() -> None:
    octets = bytearray(BLOB)
    place = BLOB.index(b"\0\0\0\x01\0\0\0\x33")  # how many keys there are, before the first one
    octets[place + 3] = 2
    armored = base64.b64encode(octets).decode()
    with pytest.raises(ValueError, match="several keys"):
        private_key_from(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{armored}\n-----END OPENSSH PRIVATE KEY-----\n")


BLOB = base64.b64decode("".join(OPENSSH.splitlines()[1:-1]))


@settings(deadline=None)
@given(st.integers(0, len(BLOB) - 1), st.integers(0, 255), st.integers(0, len(BLOB)))
def test_a_damaged_file_is_told_or_has_no_consequence(place: int, value: int, end: int) -> None:
    damaged = bytearray(BLOB)
    damaged[place] = value
    armored = base64.b64encode(damaged[:end]).decode()
    text = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{armored}\n-----END OPENSSH PRIVATE KEY-----\n"
    try:
        private_key_from(text)
    except ValueError as error:
        shown = str(error)
    else:
        shown = "the OpenSSH key is read"
    assert "OpenSSH" in shown
    assert SEED.hex() not in shown
