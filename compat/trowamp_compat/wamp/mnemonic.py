"""Keys from seed phrases: twelve or more words to octets (BIP-39), and octets to a tree of keys (BIP-32)."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from typing import Final

__all__ = ["derive_bip32childkey", "mnemonic_to_bip39seed", "mnemonic_to_private_key", "parse_derivation_path"]

#: Where a key is in the tree when nothing else is said.
LEDGER_ETH_DERIVATION_PATH: Final = "m/44'/60'/0'/0"

_HARDENED: Final = 1 << 31

# The curve secp256k1: the prime of its field, the order and the coordinates of its generator.
_PRIME: Final = 2**256 - 2**32 - 977
_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_GENERATOR: Final = (
    0x79BE667E_F9DCBBAC_55A06295_CE870B07_029BFCDB_2DCE28D9_59F2815B_16F81798,
    0x483ADA77_26A3C465_5DA4FBFC_0E1108A8_FD17B448_A6855419_9C47D08F_FB10D4B8,
)

Point = tuple[int, int]


def mnemonic_to_bip39seed(mnemonic: str, passphrase: str = "") -> bytes:
    """Return the 64 octets of a seed phrase.

    Args:
        mnemonic: The words. They are not looked up: a phrase that is no phrase has a seed, too.
        passphrase: A passphrase that belongs to them.
    """
    words = unicodedata.normalize("NFKD", mnemonic).encode("utf-8")
    salt = unicodedata.normalize("NFKD", "mnemonic" + passphrase).encode("utf-8")
    return hashlib.pbkdf2_hmac("sha512", words, salt, 2048)


def parse_derivation_path(path: str) -> list[int]:
    """Return the numbers of a path such as "m/44'/60'/0'/0"; those with a mark are hardened.

    Raises:
        ValueError: It is no path.
    """
    root, *steps = path.split("/")
    if root != "m" or not all(re.fullmatch(r"\d{1,10}'?", step) for step in steps):
        raise ValueError(f"not a derivation path: {path!r}")
    return [int(step.rstrip("'")) + (_HARDENED if step.endswith("'") else 0) for step in steps]


def mnemonic_to_private_key(
    mnemonic: str, str_derivation_path: str = LEDGER_ETH_DERIVATION_PATH, passphrase: str = ""
) -> bytes:
    """Return the private key, 32 octets, at a place in the tree of a seed phrase.

    Args:
        mnemonic: The words.
        str_derivation_path: The place.
        passphrase: A passphrase that belongs to the words.

    Raises:
        ValueError: The place is none.
    """
    master = hmac.digest(b"Bitcoin seed", mnemonic_to_bip39seed(mnemonic, passphrase), "sha512")
    key, chain = master[:32], master[32:]
    for number in parse_derivation_path(str_derivation_path):
        key, chain = derive_bip32childkey(key, chain, number)
    return key


def derive_bip32childkey(parent_key: bytes, parent_chain_code: bytes, i: int) -> tuple[bytes, bytes]:
    """Return the private key and the chain code below another key.

    Args:
        parent_key: The private key above.
        parent_chain_code: Its chain code.
        i: The number of the child; from 2**31 on it is hardened.
    """
    parent = int.from_bytes(parent_key, "big")
    head = b"\0" + parent_key if i >= _HARDENED else _compressed(_multiplied(_GENERATOR, parent))
    derived = hmac.digest(parent_chain_code, head + i.to_bytes(4, "big"), "sha512")
    child = (int.from_bytes(derived[:32], "big") + parent) % _ORDER
    return child.to_bytes(32, "big"), derived[32:]


def _compressed(point: Point) -> bytes:
    x, y = point
    return bytes([2 + y % 2]) + x.to_bytes(32, "big")


def _multiplied(point: Point, times: int) -> Point:
    """Add a point to itself so many times; its time depends on the number."""
    total: Point | None = None
    while times:
        if times & 1:
            total = point if total is None else _added(total, point)
        point = _added(point, point)
        times >>= 1
    assert total is not None
    return total


def _added(one: Point, other: Point) -> Point:
    """Add two points, neither of which is the negative of the other."""
    (x1, y1), (x2, y2) = one, other
    if one == other:
        slope = 3 * x1 * x1 * pow(2 * y1, -1, _PRIME)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _PRIME)
    x = (slope * slope - x1 - x2) % _PRIME
    return x, (slope * (x1 - x) - y1) % _PRIME
