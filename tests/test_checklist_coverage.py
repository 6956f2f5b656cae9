"""Each statement of the checklist is carried by a test, or deliberately not done: checklist_ids.txt has all, checklist_not_done.txt the latter.

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
def not_done(project: Path) -> dict[str, str]:
    lines = read_list((project / "tests" / "checklist_not_done.txt").read_text(encoding="utf-8"))
    return {name: reason.strip() for name, _, reason in (line.partition(":") for line in lines)}


@pytest.fixture(scope="module")
def carried(project: Path) -> list[object]:
    paths = sorted((project / "tests").rglob("*.py"))
    return [mark for path in paths for mark in carried_by(ast.parse(path.read_text(encoding="utf-8")))]


def test_every_statement_is_carried_by_a_test_or_deliberately_not_done(
    listed: list[str], carried: list[object], not_done: dict[str, str]
) -> None:
    assert [name for name in listed if name not in carried and name not in not_done] == []


def test_what_is_not_done_has_a_reason_and_no_test(
    listed: list[str], carried: list[object], not_done: dict[str, str]
) -> None:
    assert [name for name, reason in not_done.items() if not reason or name not in listed] == []
    assert [name for name in not_done if name in carried] == []


def test_markers_carry_identifiers_written_out(carried: list[object]) -> None:
    assert [mark for mark in carried if not (isinstance(mark, str) and IDENTIFIER.fullmatch(mark))] == []


def test_no_statement_is_listed_twice(listed: list[str]) -> None:
    assert len(listed) >= 313
    assert len(listed) == len(set(listed))
    assert [name for name in listed if not IDENTIFIER.fullmatch(name)] == []


def test_markers_are_found_wherever_they_stand() -> None:
    tree = ast.parse(
        '@pytest.mark.checklist("A-B1", "A-B2")\ndef f(): pass\npytestmark = [pytest.mark.checklist("A-C1", name)]'
    )
    assert sorted(carried_by(tree), key=str) == ["A-B1", "A-B2", "A-C1", ["name"]]


def test_comments_in_the_list_are_no_statements() -> None:
    assert read_list("# x\nA-B1\n\nA-B2\n") == ["A-B1", "A-B2"]
