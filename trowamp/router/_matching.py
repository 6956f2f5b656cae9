"""Which registrations or subscriptions a concrete URI matches: exact, prefix and wildcard side by side (PB-R1 to PB-R3).

Costs of a look-up, however many entries there are: exact is one dictionary access. Prefix is one per distinct length of a registered prefix that is
not longer than the URI. Wildcard walks a tree of components, one level per component, and looks only at branches that match so far.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


def is_match(pattern: str, match: str, uri: str) -> bool:
    """Tell whether a concrete URI is one of those that a pattern stands for (PB-R1, PB-R2)."""
    if match == "exact":
        return uri == pattern
    if match == "prefix":
        return uri.startswith(pattern)
    wanted, components = pattern.split("."), uri.split(".")
    if len(wanted) != len(components):
        return False
    return all(want in ("", component) for want, component in zip(wanted, components, strict=True))


class Matching(Generic[T]):
    """Entries by URI and matching policy. The same text under two policies is two entries (PB-R3).

    Attributes:
        exact: The entries that match one URI each, by that URI.
        has_patterns: Whether there is any other entry.
    """

    __slots__ = ("_prefixes", "_wildcards", "exact", "has_patterns")

    def __init__(self) -> None:
        self.exact: dict[str, T] = {}
        self.has_patterns = False
        self._prefixes: _Prefixes[T] = _Prefixes()
        self._wildcards: _Wildcards[T] = _Wildcards()

    def __len__(self) -> int:
        return len(self.exact) + len(self._prefixes.items) + len(self._wildcards.items)

    def get(self, uri: str, match: str) -> T | None:
        """Return the entry with exactly this text and policy."""
        return self.table(match).get(uri)

    def add(self, uri: str, match: str, item: T) -> None:
        """Add an entry under a text and policy that have none."""
        self.table(match)[uri] = item
        if match == "prefix":
            self._prefixes.added(uri)
        elif match == "wildcard":
            self._wildcards.added(uri, item)
        self._count_patterns()

    def remove(self, uri: str, match: str) -> None:
        """Take an entry out."""
        del self.table(match)[uri]
        if match == "prefix":
            self._prefixes.removed(uri)
        elif match == "wildcard":
            self._wildcards.removed(uri)
        self._count_patterns()

    def best(self, uri: str) -> T | None:
        """Return the entry that a concrete URI goes to: the exact one, else the best pattern (PBR-R1)."""
        item = self.exact.get(uri)
        return self.best_pattern(uri) if item is None else item

    def best_pattern(self, uri: str) -> T | None:
        """Return the longest matching prefix, else the best wildcard (PBR-R1); the caller has looked at `exact` already."""
        for item in self._prefixes.matching(uri):
            return item
        for item in self._wildcards.matching(uri):
            return item
        return None

    def patterns(self, uri: str) -> list[T]:
        """Return all entries that match, but for the exact one."""
        return [*self._prefixes.matching(uri), *self._wildcards.matching(uri)]

    def table(self, match: str) -> dict[str, T]:
        """Return the entries of one policy by their texts."""
        if match == "exact":
            return self.exact
        return self._prefixes.items if match == "prefix" else self._wildcards.items

    def _count_patterns(self) -> None:
        self.has_patterns = bool(self._prefixes.items or self._wildcards.items)


class _Prefixes(Generic[T]):
    """Prefixes of characters, not of components (§6 R1)."""

    __slots__ = ("_counts", "_lengths", "items")

    def __init__(self) -> None:
        self.items: dict[str, T] = {}
        self._counts: dict[int, int] = {}  # how many prefixes have a length
        self._lengths: list[int] = []  # the keys of `_counts`, sorted

    def added(self, prefix: str) -> None:
        length = len(prefix)
        if length not in self._counts:
            self._counts[length] = 0
            insort(self._lengths, length)
        self._counts[length] += 1

    def removed(self, prefix: str) -> None:
        length = len(prefix)
        self._counts[length] -= 1
        if not self._counts[length]:
            del self._counts[length]
            self._lengths.remove(length)

    def matching(self, uri: str) -> Iterator[T]:
        """Yield matches, the longest prefix first."""
        items, lengths = self.items, self._lengths
        for index in range(bisect_right(lengths, len(uri)) - 1, -1, -1):
            item = items.get(uri[: lengths[index]])
            if item is not None:
                yield item


class _Node(Generic[T]):
    """A component of wildcard patterns; the empty component among `children` is the wildcard."""

    __slots__ = ("children", "item")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.item: T | None = None


class _Wildcards(Generic[T]):
    """Wildcard patterns as a tree of components.

    PBR-R2 compares runs of literal components from left to right, and the longer run wins. Where two patterns that match the same URI differ for the
    first time, one has a literal and the other a wildcard, which ends its run: so the literal branch first is the same order.
    """

    __slots__ = ("_root", "items")

    def __init__(self) -> None:
        self.items: dict[str, T] = {}
        self._root: _Node[T] = _Node()

    def added(self, pattern: str, item: T) -> None:
        node = self._root
        for component in pattern.split("."):
            node = node.children.setdefault(component, _Node())
        node.item = item

    def removed(self, pattern: str) -> None:
        path = [self._root]
        components = pattern.split(".")
        for component in components:
            path.append(path[-1].children[component])
        path[-1].item = None
        while components and path[-1].item is None and not path[-1].children:
            path.pop()
            del path[-1].children[components.pop()]

    def matching(self, uri: str) -> Iterator[T]:
        """Yield matches, the best first."""
        if not self.items:
            return
        components = uri.split(".")
        last = len(components)
        pending = [(self._root, 0)]
        while pending:
            node, index = pending.pop()
            if index == last:
                if node.item is not None:
                    yield node.item
                continue
            wildcard = node.children.get("")
            if wildcard is not None:
                pending.append((wildcard, index + 1))
            literal = node.children.get(components[index])
            if literal is not None:
                pending.append((literal, index + 1))  # on top of the stack: looked at first
