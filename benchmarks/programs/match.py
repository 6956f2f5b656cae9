"""How long a URI takes to be matched among many entries, by policy. Argument: the largest number of entries."""

from __future__ import annotations

import itertools
import sys
import time

from trowamp.router._matching import Matching

from .measure import report

_LOOK_UPS = 2000
_REPEATS = 20


def _pattern(policy: str, number: int) -> str:
    """Return the entry of a number: of 5 components, with the last one, or one in the middle, left open."""
    if policy == "wildcard":
        return f"com.example.area{number % 100}..n{number}"
    return f"com.example.area{number % 100}.shop.n{number}" + ("." if policy == "prefix" else "")


def _uri(policy: str, number: int) -> str:
    return f"com.example.area{number % 100}.shop.n{number}" + (".more" if policy == "prefix" else "")


def _time(policy: str, entries: int) -> float:
    """Return the nanoseconds of one look-up that finds something."""
    matching: Matching[int] = Matching()
    for number in range(entries):
        matching.add(_pattern(policy, number), policy, number)
    step = max(1, entries // _LOOK_UPS)
    uris = list(itertools.islice(itertools.cycle([_uri(policy, n) for n in range(0, entries, step)]), _LOOK_UPS))
    assert matching.best(uris[-1]) is not None
    best = matching.best
    times = []
    for _ in range(_REPEATS):
        start = time.process_time_ns()  # not the time that other programs take
        for uri in uris:
            best(uri)
        times.append(time.process_time_ns() - start)
    return min(times) / len(uris)


def main(largest: int) -> None:
    """Report all policies and numbers of entries."""
    for policy in ("exact", "prefix", "wildcard"):
        entries = 10
        while entries <= largest:
            report(f"match among {entries}, {policy}", ns=_time(policy, entries))
            entries *= 10


if __name__ == "__main__":
    main(int(sys.argv[1]))
