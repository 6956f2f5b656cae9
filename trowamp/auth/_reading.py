"""Values out of a configuration: what is wrong is told with its place, and without the value, which may be a secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


def check_keys(table: Any, known: Iterable[str], place: str, optional: Iterable[str] | None = None) -> None:
    """Check that a table has the keys it must have, and no others.

    Args:
        table: What should be a table.
        known: The keys there are.
        place: The table's place, for the text of errors.
        optional: Those that may be missing; default: all.

    Raises:
        ValueError: It is no table, or has other keys.
    """
    names = list(known)
    if not isinstance(table, dict):
        raise ValueError(f"{place} must be a table")
    for key in table:
        if key not in names:
            close = difflib.get_close_matches(str(key), names, 1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"
            raise ValueError(f"unknown key {place}.{key} ({hint})")
    for key in names if optional is not None else ():
        if key not in table and key not in (optional or ()):
            raise ValueError(f"{place}.{key} is missing")


def check_word(word: Any, known: Sequence[str], place: str) -> None:
    """Check that a word is one of those that are known.

    Raises:
        ValueError: It is another one; the text names the place and the known ones.
    """
    if word not in known:
        raise ValueError(f"{place} must be one of {', '.join(known) or 'none'}, not {word!r}")


def text(table: dict[str, Any], key: str, place: str) -> str:
    """Return a text that is not empty.

    Raises:
        ValueError: It is none.
    """
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{place}.{key} must be a text that is not empty")
    return value


def integer(table: dict[str, Any], key: str, place: str, allowed: range, default: int | None = None) -> int:
    """Return an integer.

    Raises:
        ValueError: It is none, or not within the range that is allowed.
    """
    value = table.get(key, default)
    if type(value) is not int or value not in allowed:
        raise ValueError(f"{place}.{key} must be an integer from {allowed[0]} to {allowed[-1]}")
    return value


def texts(table: dict[str, Any], key: str, place: str) -> tuple[str, ...] | None:
    """Return a list of texts as a tuple, or None if there is none.

    Raises:
        ValueError: It is something else.
    """
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"{place}.{key} must be a list of texts")
    return tuple(value)
