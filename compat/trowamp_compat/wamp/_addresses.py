"""Addresses as `TransportDetails` have them: "tcp4:127.0.0.1:8080", "tcp6:::1:8080", "unix:/run/router.sock"."""

from __future__ import annotations

from typing import Any


def address_words(address: Any) -> str:
    """Return an address in words.

    Args:
        address: What a socket says: a tuple of host and port, a path, or nothing.
    """
    if isinstance(address, tuple):
        return f"tcp{4 if len(address) == 2 else 6}:{address[0]}:{address[1]}"
    path = address.decode(errors="replace") if isinstance(address, bytes) else address
    return f"unix:{path or ''}"
