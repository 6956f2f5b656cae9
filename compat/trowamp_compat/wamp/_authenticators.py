"""Several authenticators of one session: what they say together, and how each is asked."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any


def agreed(authenticators: Iterable[Any], name: str) -> Any:
    """Return what those authenticators that have it say of `authid` or `authrole`.

    Raises:
        ValueError: They do not agree.
    """
    values = [value for each in authenticators if (value := _option(each, name)) is not None]
    if any(value != values[0] for value in values):
        raise ValueError(f"Inconsistent {name}: the authenticators say {', '.join(map(repr, values))}")
    return values[0] if values else None


def merged_authextra(authenticators: Iterable[Any]) -> dict[str, Any] | None:
    """Return what the authenticators add to HELLO.

    Raises:
        ValueError: They do not agree on a key.
    """
    merged: dict[str, Any] = {}
    for each in authenticators:
        for key, value in (getattr(each, "authextra", None) or {}).items():
            if key in merged and merged[key] != value:
                raise ValueError(f"Inconsistent authextra: {key!r} is {merged[key]!r} and {value!r}")
            merged[key] = value
    return merged or None


def check_welcome(authenticator: Any, session: Any, authextra: Any) -> Any:
    """Ask an authenticator what it thinks of a WELCOME; those of the documented form take `authextra` only (C-25)."""
    check = getattr(authenticator, "on_welcome", None)
    if check is None:
        return None
    try:
        inspect.signature(check).bind(session, authextra)
    except TypeError:
        return check(authextra)
    return check(session, authextra)


def _option(authenticator: Any, name: str) -> Any:
    value = getattr(authenticator, name, None)
    return value if value is not None else getattr(authenticator, "_args", {}).get(name)
