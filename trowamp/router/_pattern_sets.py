"""Patterns as the sets of concrete URIs that they stand for: whether one lies within another, and whether two have anything in common.

Rules of permission need it: who may subscribe to a pattern gets the events of every topic that matches it.
"""

from __future__ import annotations

from ._matching import is_match


def covers(outer: str, outer_match: str, inner: str, inner_match: str) -> bool:
    """Tell whether every URI that matches the inner pattern, which may be a concrete URI, matches the outer one."""
    if inner_match == "exact" or (inner_match == "wildcard" and all(inner.split("."))):
        return is_match(outer, outer_match, inner)
    if outer_match == "prefix":
        return inner.startswith(outer)
    if (
        outer_match != inner_match
    ):  # only a prefix pattern holds URIs of any number of components, or of any other policy's
        return False
    return is_match(outer, outer_match, inner)


def overlap(one: str, one_match: str, other: str, other_match: str) -> bool:
    """Tell whether there is a URI that matches both patterns."""
    if one_match == "exact":
        return is_match(other, other_match, one)
    if other_match == "exact":
        return is_match(one, one_match, other)
    if one_match == other_match == "prefix":
        return one.startswith(other) or other.startswith(one)
    if one_match == other_match:
        return _wildcards_overlap(one.split("."), other.split("."))
    prefix, wildcard = (one, other) if one_match == "prefix" else (other, one)
    return _may_begin(wildcard.split("."), prefix.split("."))


def _wildcards_overlap(one: list[str], other: list[str]) -> bool:
    return len(one) == len(other) and all(a == b or not a or not b for a, b in zip(one, other, strict=True))


def _may_begin(wildcard: list[str], prefix: list[str]) -> bool:
    """Tell whether a URI of a wildcard pattern can begin with a prefix, whose last component may be cut short."""
    *whole, last = prefix
    if len(prefix) > len(wildcard):
        return False
    return all(want in ("", part) for want, part in zip(wildcard, whole, strict=False)) and (
        not wildcard[len(whole)] or wildcard[len(whole)].startswith(last)
    )
