"""Keyword arguments that are handed on in one piece: type checkers know their names, this checks them when the program runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def known_to(*kinds: type) -> frozenset[str]:
    """Return the keys of some TypedDicts."""
    return frozenset().union(*(kind.__annotations__ for kind in kinds))


def require_known(options: Mapping[str, object], known: Iterable[str]) -> None:
    """Refuse options that nobody would look at.

    Raises:
        TypeError: There is one.
    """
    unknown = options.keys() - set(known)
    if unknown:
        raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
