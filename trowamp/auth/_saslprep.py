"""SASLprep (RFC 4013): identities and passwords that look alike become alike (SC-C3)."""

from __future__ import annotations

import stringprep
import unicodedata

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str, name: str) -> str:
    """Normalize a text.

    Args:
        text: The text.
        name: What to call it in errors, which never show it.

    Raises:
        ValueError: It holds characters that no identity or password may hold.
    """
    if text.isascii() and text.isprintable():  # nothing to do, and by far the usual case
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    normalized = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(is_in_table(character) for is_in_table in _PROHIBITED for character in normalized):
        raise ValueError(f"{name} holds a character that SASLprep prohibits")
    if any(map(stringprep.in_table_a1, normalized)):
        raise ValueError(f"{name} holds a character that Unicode 3.2 does not know")
    _check_direction(normalized, name)
    return normalized


def _check_direction(text: str, name: str) -> None:
    """Refuse texts that run in both directions (RFC 3454 section 6)."""
    if not any(map(stringprep.in_table_d1, text)):
        return
    ends_right = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    if not ends_right or any(map(stringprep.in_table_d2, text)):
        raise ValueError(f"{name} mixes text that runs from right to left with other text")
