"""Each statement of the checklist that concerns what is built is carried by a test; the file checklist_ids.txt says which these are.

The tests are read, not run: a run of some of them must not make the others look missing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

IDENTIFIER = re.compile(r"[A-Z][A-Z0-9]*-[CRB]\d*")


def read_list(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def carried_by(tree: ast.AST) -> Iterator[object]:
    """Yield the arguments of every `checklist` marker; one that is not a plain string comes as its source text in brackets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.checklist"):
            yield from (
                argument.value if isinstance(argument, ast.Constant) else [ast.unparse(argument)]
                for argument in node.args
            )


@pytest.fixture(scope="module")
def listed(project: Path) -> list[str]:
    return read_list((project / "tests" / "checklist_ids.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def carried(project: Path) -> list[object]:
    paths = sorted((project / "tests").rglob("*.py"))
    return [mark for path in paths for mark in carried_by(ast.parse(path.read_text(encoding="utf-8")))]


def test_every_listed_statement_is_carried_by_a_test(listed: list[str], carried: list[object]) -> None:
    assert [name for name in listed if name not in carried] == []


def test_markers_carry_identifiers_written_out(carried: list[object]) -> None:
    assert [mark for mark in carried if not (isinstance(mark, str) and IDENTIFIER.fullmatch(mark))] == []


def test_no_statement_is_listed_twice(listed: list[str]) -> None:
    assert len(listed) > 100
    assert len(listed) == len(set(listed))
    assert [name for name in listed if not IDENTIFIER.fullmatch(name)] == []


def test_markers_are_found_wherever_they_stand() -> None:
    tree = ast.parse(
        '@pytest.mark.checklist("A-B1", "A-B2")\ndef f(): pass\npytestmark = [pytest.mark.checklist("A-C1", name)]'
    )
    assert sorted(carried_by(tree), key=str) == ["A-B1", "A-B2", "A-C1", ["name"]]


def test_comments_in_the_list_are_no_statements() -> None:
    assert read_list("# x\nA-B1\n\nA-B2\n") == ["A-B1", "A-B2"]
