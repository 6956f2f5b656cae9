"""What somebody may speak who does not speak what was expected."""

from __future__ import annotations

from typing import Final

_SPEAKERS: Final = {0x15: "TLS", 0x16: "TLS", 0x47: "HTTP", 0x48: "HTTP", 0x50: "HTTP", 0x7F: "RawSocket"}


def guess(octet: int) -> str:
    """Return the first octet of something unexpected, and what it may be."""
    hint = f", as {_SPEAKERS[octet]} does" if octet in _SPEAKERS else ""
    return f"0x{octet:02X}{hint}"
