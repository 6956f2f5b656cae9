"""Each numbered statement about Autobahn's API is carried by a test, or stands in the list of what is still missing.

S-n is what its documents say, C-n is where they contradict its code, W-n is what is to be better. autobahn_ids.txt has those that tests carry, and
only grows; autobahn_not_yet.txt says what is missing of the others, and of those that are carried in part. The tests are read, not run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
IDENTIFIER = re.compile(r"[SCW]-\d+a?")

STATEMENTS = [
    *(f"S-{number}" for number in range(1, 99)),
    "S-83a",
    *(f"C-{number}" for number in range(1, 37)),
    *(f"W-{number}" for number in range(1, 34)),
]


def read_list(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def carried_by(tree: ast.AST) -> Iterator[object]:
    """Yield the arguments of every `autobahn` marker; one that is not a plain string comes as its source text in brackets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.autobahn"):
            yield from (
                argument.value if isinstance(argument, ast.Constant) else [ast.unparse(argument)]
                for argument in node.args
            )


@pytest.fixture(scope="module")
def listed() -> list[str]:
    return read_list((HERE / "autobahn_ids.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def not_yet() -> dict[str, str]:
    lines = read_list((HERE / "autobahn_not_yet.txt").read_text(encoding="utf-8"))
    return {name: missing.strip() for name, _, missing in (line.partition(":") for line in lines)}


@pytest.fixture(scope="module")
def carried(project: Path) -> list[object]:
    paths = sorted((project / "tests").rglob("*.py"))
    return [mark for path in paths for mark in carried_by(ast.parse(path.read_text(encoding="utf-8")))]


def test_every_statement_is_carried_by_a_test_or_known_to_be_missing(
    carried: list[object], not_yet: dict[str, str]
) -> None:
    assert [name for name in STATEMENTS if name not in carried and name not in not_yet] == []


def test_what_has_been_carried_stays_carried(listed: list[str], carried: list[object]) -> None:
    assert [name for name in listed if name not in carried] == []
    assert len(listed) == len(set(listed))
    assert [name for name in listed if name not in STATEMENTS] == []


def test_what_is_missing_is_said_in_words(not_yet: dict[str, str]) -> None:
    assert [name for name, missing in not_yet.items() if not missing or name not in STATEMENTS] == []


def test_markers_carry_identifiers_written_out(carried: list[object]) -> None:
    assert [mark for mark in carried if not (isinstance(mark, str) and mark in STATEMENTS)] == []


def test_markers_are_found_wherever_they_stand() -> None:
    tree = ast.parse(
        '@pytest.mark.autobahn("S-1", "C-2")\ndef f(): pass\npytestmark = [pytest.mark.autobahn("W-3", name)]'
    )
    assert sorted(carried_by(tree), key=str) == ["C-2", "S-1", "W-3", ["name"]]
    assert all(IDENTIFIER.fullmatch(name) for name in STATEMENTS)


def test_comments_in_the_lists_are_no_statements() -> None:
    assert read_list("# x\nS-1\n\nS-2: why\n") == ["S-1", "S-2: why"]
