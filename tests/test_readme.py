"""What the README and the documentation say is tried: programs, commands, links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trowamp._uri_pattern import UriPattern


@pytest.fixture(scope="module")
def readme(project: Path) -> str:
    return (project / "README.md").read_text(encoding="utf-8")


def block(text: str, language: str) -> str:
    """Return the first fenced block in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_example_prints_what_the_readme_shows(readme: str, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(block(readme, "python"), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, block(readme, "text"), "")


def test_the_example_is_short(readme: str) -> None:
    assert len([line for line in block(readme, "python").splitlines() if line.strip()]) <= 15


def test_every_command_of_the_readme_is_a_target(project: Path, readme: str) -> None:
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"`make (\w+)`", readme)
    assert targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of all table rows that begin with code, without their backquotes."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_tables_of_uri_patterns_are_true(project: Path) -> None:
    rows = table_rows((project / "docs" / "reference" / "uri-patterns.md").read_text(encoding="utf-8"))
    assert len(rows) > 8
    for declared, *cells in rows:
        if len(cells) == 2:
            match, sent = cells
            pattern = UriPattern(declared, match)  # type: ignore[arg-type]  # what the page says is checked here
            assert (pattern.uri, pattern.match, pattern.binds) == (sent, match, False)
        else:
            sent, match, uri, arguments = cells
            pattern = UriPattern(declared)
            positional, named = pattern.bind(uri)
            shown = [*map(repr, positional), *(f"{name}={value!r}" for name, value in named.items())]
            assert (pattern.uri, pattern.match, ", ".join(shown)) == (sent, match, arguments)


def test_links_within_the_project_lead_somewhere(project: Path) -> None:
    pages = [project / "README.md", project / "CHANGELOG.md", *sorted((project / "docs").rglob("*.md"))]
    broken = [
        f"{page.relative_to(project)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_row_of_the_comparison_names_a_test(project: Path, readme: str) -> None:
    section = readme.split("\n## Next to others\n")[1].split("\n## ", maxsplit=1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 30
    for row in rows:
        *cells, link = (cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|")))
        assert len(cells) == 5, row
        found = re.fullmatch(r"\[(test_\w+)\]\((tests/[\w/]+\.py)\)", link)
        assert found is not None, row
        name, path = found.groups()
        assert f"def {name}(" in (project / path).read_text(encoding="utf-8"), row
