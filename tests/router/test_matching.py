"""The structure that finds patterns, against the definitions in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trowamp.router._matching import Matching

COMPONENTS = st.sampled_from(["a", "b", "ab", "abc"])
URIS = st.lists(COMPONENTS, min_size=1, max_size=4).map(".".join)
PREFIXES = st.builds(lambda uri, cut: uri[:cut], URIS, st.integers(0, 8))
WILDCARDS = st.lists(st.one_of(COMPONENTS, st.just("")), min_size=1, max_size=4).map(".".join)
ENTRIES = st.sets(
    st.one_of(
        st.tuples(URIS, st.just("exact")),
        st.tuples(PREFIXES, st.just("prefix")),
        st.tuples(WILDCARDS, st.just("wildcard")),
    ),
    max_size=12,
)
Entry = tuple[str, str]


def is_match(entry: Entry, uri: str) -> bool:
    pattern, match = entry
    if match == "exact":
        return pattern == uri
    if match == "prefix":
        return uri.startswith(pattern)
    components, wanted = uri.split("."), pattern.split(".")
    return len(components) == len(wanted) and all(
        want in ("", component) for want, component in zip(wanted, components, strict=True)
    )


def runs(pattern: str) -> list[int]:
    """Return how many literal components stand before each wildcard, and after the last one (PBR-R2, PBR-R3)."""
    lengths = [0]
    for component in pattern.split("."):
        if component:
            lengths[-1] += 1
        else:
            lengths.append(0)
    return lengths


def matching_of(entries: set[Entry]) -> Matching[Entry]:
    matching: Matching[Entry] = Matching()
    for uri, match in entries:
        matching.add(uri, match, (uri, match))
    return matching


@given(ENTRIES, URIS)
def test_all_that_match_are_found_and_nothing_else(entries: set[Entry], uri: str) -> None:
    matching = matching_of(entries)
    assert len(matching) == len(entries)
    found = matching.patterns(uri)
    if uri in matching.exact:
        found.append(matching.exact[uri])
    assert len(found) == len(set(found))
    assert set(found) == {entry for entry in entries if is_match(entry, uri)}
    assert matching.has_patterns == any(match != "exact" for _, match in entries)


@given(ENTRIES, URIS)
def test_the_best_is_the_longest_prefix_or_the_wildcard_with_the_longest_runs(entries: set[Entry], uri: str) -> None:
    hits = [entry for entry in entries if is_match(entry, uri) and entry[1] != "exact"]
    prefixes = [entry for entry in hits if entry[1] == "prefix"]
    expected = max(prefixes, key=lambda entry: len(entry[0]), default=None)
    if expected is None:
        expected = max(hits, key=lambda entry: runs(entry[0]), default=None)
    assert matching_of(entries).best_pattern(uri) == expected


@given(ENTRIES, URIS)
def test_what_was_removed_is_not_found_any_more(entries: set[Entry], uri: str) -> None:
    matching = matching_of(entries)
    order = sorted(entries)
    removed = set(order[::2])
    for pattern, match in removed:
        matching.remove(pattern, match)
        assert matching.get(pattern, match) is None
    rest = entries - removed
    assert set(matching.patterns(uri)) == {entry for entry in rest if is_match(entry, uri) and entry[1] != "exact"}
    for pattern, match in rest:
        assert matching.get(pattern, match) == (pattern, match)
        matching.remove(pattern, match)
    assert len(matching) == 0
    assert not matching.has_patterns
    assert not matching._wildcards._root.children
    assert not matching._prefixes._lengths


def test_one_look_up_does_not_walk_over_all_prefixes() -> None:
    matching: Matching[int] = Matching()
    for number in range(1000):
        matching.add(f"com.{number:04}", "prefix", number)
    assert len(matching._prefixes._lengths) == 1
    assert matching.best_pattern("com.0777.x") == 777
