"""docs/explanation/reliability.md: the table of promises is whole, and its tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path("docs") / "explanation" / "reliability.md"


@pytest.fixture
def rows(project: Path) -> list[list[str]]:
    text = (project / PAGE).read_text(encoding="utf-8").partition("<!-- promises -->")[2]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| R")
    ]


def test_the_table_has_every_test_of_the_plan(rows: list[list[str]]) -> None:
    assert [row[0] for row in rows] == [f"R{number}" for number in range(1, 27)]
    assert {len(row) for row in rows} == {8}


def test_no_row_is_empty(rows: list[list[str]]) -> None:
    for name, promise, where, goal, reached, *platforms in rows:
        assert promise, name
        assert goal, name
        assert set(platforms) <= {"", "yes", "not yet"}, name
        assert "yes" in platforms or "not yet" in platforms, name
        if "yes" in platforms:
            assert where, name
            assert reached, name


def test_the_tests_that_the_table_names_exist(rows: list[list[str]], project: Path) -> None:
    for row in rows:
        for name in re.findall(r"`(test_\w+|tests/[\w/]+)`", row[2]):
            path = project / (name if "/" in name else f"tests/reliability/{name}")
            assert path.with_suffix(".py").exists(), name


def test_the_ids_that_tests_print_are_in_the_table(rows: list[list[str]], project: Path) -> None:
    printed: set[str] = set()
    for path in [*(project / "tests" / "reliability").glob("test_*.py"), *(project / "tests").glob("test_*.py")]:
        printed |= set(re.findall(r'check\("(R\d+)"', path.read_text(encoding="utf-8")))
    assert len(printed) > 15
    assert printed <= {row[0] for row in rows}
