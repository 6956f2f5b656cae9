"""Ed25519 private keys as people have them: hexadecimal digits, 32 octets, or the file that `ssh-keygen -t ed25519` writes."""

from __future__ import annotations

import base64
import re
from typing import Final

from nacl.signing import SigningKey

_HEX: Final = re.compile(rb"(?:0x)?([0-9a-fA-F]{64})")
_OPENSSH: Final = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END OPENSSH PRIVATE KEY-----", re.DOTALL)
_MAGIC: Final = b"openssh-key-v1\0"
_SSH_TYPE: Final = b"ssh-ed25519"
_WANTED: Final = "give 64 hexadecimal digits, 32 octets, or the contents of a file that holds them or an OpenSSH key: Path(…).read_bytes()"


def private_key_from(source: str | bytes) -> SigningKey:
    """Read a private key.

    Args:
        source: The key, or the contents of its file.

    Raises:
        ValueError: It holds no Ed25519 private key, or an encrypted one.
    """
    octets = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else bytes(source)
    if len(octets) == 32 and isinstance(source, bytes):
        return SigningKey(octets)
    found = _HEX.fullmatch(octets.strip())
    if found is not None:
        return SigningKey(bytes.fromhex(found[1].decode("ascii")))
    armored = _OPENSSH.search(octets)
    if armored is not None:
        return SigningKey(_seed_of_openssh(armored[1]))
    raise ValueError(f"this is no private key; {_WANTED}")


def _seed_of_openssh(armored: bytes) -> bytes:
    """Take the seed out of an OpenSSH private key (PROTOCOL.key of OpenSSH)."""
    try:
        octets = base64.b64decode(b"".join(armored.split()), validate=True)
    except ValueError:
        raise ValueError("the OpenSSH private key is damaged") from None
    if not octets.startswith(_MAGIC):
        raise ValueError("the OpenSSH private key is damaged")
    reader = _Reader(octets[len(_MAGIC) :])
    cipher, _, _ = reader.text(), reader.text(), reader.text()
    if cipher != b"none":
        raise ValueError(
            "the OpenSSH private key is encrypted; `ssh-keygen -p -N '' -f COPY` decrypts a copy of its file"
        )
    if reader.number() != 1:
        raise ValueError("the OpenSSH file holds several keys")
    reader.text()  # the public key
    private = _Reader(reader.text())
    if private.number() != private.number():
        raise ValueError("the OpenSSH private key is damaged")
    if private.text() != _SSH_TYPE:
        raise ValueError("the OpenSSH private key is of another type than Ed25519")
    public, pair = private.text(), private.text()
    if len(pair) != 64 or pair[32:] != public:
        raise ValueError("the OpenSSH private key is damaged")
    return pair[:32]


class _Reader:
    """Reads the primitives of SSH's binary formats."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def text(self) -> bytes:
        return self._take(self.number())

    def _take(self, size: int) -> bytes:
        if size > len(self._octets):
            raise ValueError("the OpenSSH private key is damaged")
        taken, self._octets = self._octets[:size], self._octets[size:]
        return taken
