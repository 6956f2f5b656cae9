"""Octets in texts, secrets compared and derived: the small tools that the methods share."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any


def from_base64(value: Any, name: str) -> bytes:
    """Decode canonical base64.

    Raises:
        ValueError: It is none; the text names it, and does not show it.
    """
    if isinstance(value, str):
        try:
            octets = base64.b64decode(value, validate=True)
        except ValueError:
            octets = None
        if octets is not None and to_base64(octets) == value:
            return octets
    raise ValueError(f"{name} is not base64")


def to_base64(octets: bytes) -> str:
    """Encode as canonical base64."""
    return base64.b64encode(octets).decode("ascii")


def from_hex(value: Any, name: str, size: int) -> bytes:
    """Decode hexadecimal digits.

    Raises:
        ValueError: They are none, or not of so many octets; the text names them, and does not show them.
    """
    if isinstance(value, str) and len(value) == 2 * size:
        try:
            return binascii.unhexlify(value)
        except ValueError:
            pass  # told below, without the value
    raise ValueError(f"{name} is not {2 * size} hexadecimal digits")


def same(one: bytes, other: bytes) -> bool:
    """Compare in a time that tells nothing about where they differ (TK-R1, CRA-R2)."""
    return hmac.compare_digest(one, other)


def sha256(octets: bytes) -> bytes:
    """Return the SHA-256 digest."""
    return hashlib.sha256(octets).digest()


def mac(key: bytes, octets: bytes) -> bytes:
    """Return the HMAC-SHA256."""
    return hmac.digest(key, octets, "sha256")


def derived(secret: bytes, *path: str, size: int = 32) -> bytes:
    """Derive octets that nobody can tell from random ones without the secret, the same ones for the same path."""
    name = b"".join(len(part).to_bytes(4, "big") + part.encode("utf-8", "surrogatepass") for part in path)
    blocks = (mac(secret, name + bytes([count])) for count in range((size + 31) // 32))
    return b"".join(blocks)[:size]
