"""trowamp/router/_pattern_sets.py, compared with a count of all URIs of a small world."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp._uri_pattern import is_pattern
from trowamp.router._matching import is_match
from trowamp.router._pattern_sets import covers, overlap

PARTS = ["a", "b", "ab", "abz", "zz"]  # "z" is in no pattern: it stands for whatever patterns do not mention
EVERY_URI = [".".join(parts) for length in (1, 2, 3, 4) for parts in product(PARTS, repeat=length)]

parts = st.sampled_from(["a", "b", "ab", ""])
patterns = st.tuples(
    st.lists(parts, min_size=1, max_size=3).map(".".join), st.sampled_from(["exact", "prefix", "wildcard"])
).filter(lambda pattern: is_pattern(*pattern))


def members(pattern: tuple[str, str]) -> set[str]:
    return {uri for uri in EVERY_URI if is_match(*pattern, uri)}


@given(patterns, patterns)
def test_a_pattern_covers_another_if_it_has_all_its_uris(outer: tuple[str, str], inner: tuple[str, str]) -> None:
    if covers(*outer, *inner):
        assert members(outer) >= members(inner)
    elif inner[1] != "prefix" or outer[1] != "wildcard":  # prefixes go on beyond the longest URIs of the small world
        assert not members(outer) >= members(inner)


@given(patterns, patterns)
def test_two_patterns_overlap_if_they_have_a_uri_in_common(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert overlap(*one, *other) == overlap(*other, *one) == bool(members(one) & members(other))


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (("", "prefix"), ("", "prefix"), True),
        (("com.", "prefix"), ("com.a", "prefix"), True),
        (("com.a", "prefix"), ("com.", "prefix"), False),
        (("com.", "prefix"), ("com..x", "wildcard"), True),
        (("com.a", "prefix"), ("com..x", "wildcard"), False),
        (("com..", "wildcard"), ("com.a.", "wildcard"), True),
        (("com.a.", "wildcard"), ("com..", "wildcard"), False),
        (("..", "wildcard"), ("com.", "prefix"), False),
        (("com.a", "exact"), ("com.a", "prefix"), False),
        (("com.a", "exact"), ("com.a", "exact"), True),
    ],
)
def test_a_right_to_one_is_a_right_to_the_other(outer: tuple[str, str], inner: tuple[str, str], expected: bool) -> None:
    assert covers(*outer, *inner) is expected
