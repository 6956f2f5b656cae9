"""Keys for tests, always the same, and key rings with them."""

from __future__ import annotations

from typing import Any

from trowamp.payloads import Key, KeyPair, KeyRing

CALLER = KeyPair.of(bytes(range(32)))
CALLEE = KeyPair.of(bytes(range(32, 64)))
OTHER = KeyPair.of(bytes(range(64, 96)))
SECRET = "com.example.secret."
F = "com.example.secret.f"

CALLERS_KEY = Key(originator_private=CALLER.private, responder_public=CALLEE.public)
CALLEES_KEY = Key(originator_public=CALLER.public, responder_private=CALLEE.private)


def callers_ring(**options: Any) -> KeyRing:
    """Return the key ring of who calls and publishes."""
    return KeyRing({SECRET: CALLERS_KEY}, **options)


def callees_ring(**options: Any) -> KeyRing:
    """Return the key ring of who is called and subscribed."""
    return KeyRing({SECRET: CALLEES_KEY}, **options)


def random_octets(count: int) -> bytes:
    """Return octets that are not random at all."""
    return bytes(range(100, 100 + count))
