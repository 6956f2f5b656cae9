"""Which tests carry which statements about Autobahn's API, and on which framework: from what pytest collects.

A test shows something of those frameworks that its marker `frameworks` names. Without that marker: of both, if it stands in `wamp/`, the tests of the
vocabulary, which is the same for both; otherwise of the one that the id of its case names ("asyncio", "uvloop", "aio_…", "twisted-…", "tx_…").
A test whose markers skip it here shows nothing.

Run as a program, this collects the tests of the compatibility layer and prints what it has found.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).resolve().parent
VOCABULARY = HERE / "wamp"
FRAMEWORKS = ("asyncio", "twisted")

# In this order: Twisted has a reactor that is called asyncio, too.
_WORDS = {"twisted": {"twisted", "tx"}, "asyncio": {"asyncio", "uvloop", "aio"}}


class Carried(NamedTuple):
    """What a test carries.

    Attributes:
        test: Its node id.
        statements: What its markers `autobahn` name.
        frameworks: What it shows them on.
    """

    test: str
    statements: list[Any]
    frameworks: list[str]


def carried_by(item: pytest.Item) -> Carried:
    """Return what a test carries."""
    statements = [statement for marker in item.iter_markers("autobahn") for statement in marker.args]
    return Carried(item.nodeid, statements, [] if _is_skipped(item) else frameworks_of(item))


def frameworks_of(item: pytest.Item) -> list[str]:
    """Return the frameworks that a test shows something of."""
    marker = item.get_closest_marker("frameworks")
    if marker is not None:
        return list(marker.args)
    if VOCABULARY in item.path.parents:
        return list(FRAMEWORKS)
    words = set(re.split(r"[\W_]+", item.callspec.id)) if hasattr(item, "callspec") else set()
    return [framework for framework, names in _WORDS.items() if names & words][:1]


def _is_skipped(item: pytest.Item) -> bool:
    return item.get_closest_marker("skip") is not None or any(
        marker.args and marker.args[0] for marker in item.iter_markers("skipif")
    )


class _Collector:
    """A plugin that notes what each test carries."""

    def __init__(self) -> None:
        self.found: list[Carried] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.found = [carried for carried in map(carried_by, session.items) if carried.statements]


def main(out: str) -> int:
    """Collect; write what was found to a file."""
    collector = _Collector()
    status = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", str(HERE)], plugins=[collector])
    Path(out).write_text(json.dumps(collector.found), encoding="utf-8")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
