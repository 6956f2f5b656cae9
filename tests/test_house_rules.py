"""Rules of size and form that the linters do not know. Each is a function from a parsed file to complaints, tried on planted faults."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

MAX_FILE = 600
MAX_FUNCTION = 60
LEFT_FOR_LATER = re.compile(r"\b([T]ODO|[F]IXME|[X]XX|[H]ACK)\b")  # the brackets keep this line from finding itself


class Source(NamedTuple):
    """A file of the project, read once."""

    name: str
    text: str
    tree: ast.Module


Rule = Callable[[Source], Iterator[str]]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def source_at(path: Path, name: str) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(name, text, ast.parse(text))


@functools.cache
def sources(project: Path, *folders: str) -> list[Source]:
    """Read every module below the folders that exist."""
    paths = [path for folder in folders for path in sorted((project / folder).rglob("*.py"))]
    return [source_at(path, str(path.relative_to(project))) for path in paths]


def functions(source: Source) -> Iterator[FunctionNode]:
    return (node for node in ast.walk(source.tree) if isinstance(node, FunctionNode))


def cases_of(source: Source) -> Iterator[FunctionNode]:
    return (node for node in functions(source) if node.name.startswith("test_"))


def files_are_small(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > MAX_FILE:
        yield f"{source.name}: {lines} lines, more than {MAX_FILE}"


def functions_are_small(source: Source) -> Iterator[str]:
    """Count what is not the docstring: documenting an argument shall not cost anything."""
    for node in functions(source):
        documentation = ast.get_docstring(node, clean=False)
        size = _last_line(node) - node.lineno + 1 - (documentation.count("\n") + 1 if documentation else 0)
        if size > MAX_FUNCTION:
            yield f"{source.name}:{node.lineno} {node.name}: {size} lines, more than {MAX_FUNCTION}"


def _last_line(node: FunctionNode) -> int:
    assert node.end_lineno is not None
    return node.end_lineno


def nothing_is_swallowed(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        broad = node.type is None or (
            isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
        )
        if broad and len(node.body) == 1 and isinstance(node.body[0], ast.Pass | ast.Continue):
            yield f"{source.name}:{node.lineno} swallows every exception"


def nothing_is_left_for_later(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if LEFT_FOR_LATER.search(line):
            yield f"{source.name}:{number} left for later: {line.strip()}"


def no_test_sleeps(source: Source) -> Iterator[str]:
    """A test waits for what it waits for; only Trio's clock may jump."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}:
            yield f"{source.name}:{node.lineno} sleeps"


def names_of_tests_are_sentences(source: Source) -> Iterator[str]:
    for node in cases_of(source):
        if len(node.name.split("_")) < 4 and ast.get_docstring(node) is None:
            yield f"{source.name}:{node.lineno} {node.name}: say in the name what is true"


def every_test_asserts(source: Source) -> Iterator[str]:
    """A test asserts itself, uses something whose name says so, or uses a helper of the same file that does one of the two."""
    helpers = {node.name for node in functions(source) if _asserts(node)}
    for node in cases_of(source):
        if not _asserts(node) and helpers.isdisjoint(_names_in(node)):
            yield f"{source.name}:{node.lineno} {node.name} asserts nothing"


def _asserts(node: FunctionNode) -> bool:
    has_statement = any(isinstance(inner, ast.Assert) for inner in ast.walk(node))
    return has_statement or any(re.search(r"(?i)raises|assert|check|expect", name) for name in _names_in(node))


def _names_in(node: FunctionNode) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute):
            yield inner.id if isinstance(inner, ast.Name) else inner.attr


EVERYWHERE: list[Rule] = [files_are_small, functions_are_small, nothing_is_swallowed, nothing_is_left_for_later]
IN_TESTS: list[Rule] = [no_test_sleeps, names_of_tests_are_sentences, every_test_asserts]


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_the_whole_project_keeps_the_rule(project: Path, rule: Rule) -> None:
    found = sources(project, "trowamp", "compat", "tests", "examples", "benchmarks")
    assert len(found) > 20
    assert [complaint for source in found for complaint in rule(source)] == []


@pytest.mark.parametrize("rule", IN_TESTS, ids=lambda rule: rule.__name__)
def test_the_tests_keep_the_rule(project: Path, rule: Rule) -> None:
    assert [complaint for source in sources(project, "tests") for complaint in rule(source)] == []


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (files_are_small, "x = 1\n" * (MAX_FILE + 1)),
        (functions_are_small, "def f():\n" + "    x = 1\n" * MAX_FUNCTION),
        (functions_are_small, "class A:\n    async def f(self):\n" + "        x = 1\n" * MAX_FUNCTION),
        (nothing_is_swallowed, "try: f()\nexcept Exception: pass\n"),
        (nothing_is_swallowed, "while True:\n    try: f()\n    except: continue\n"),
        (nothing_is_left_for_later, "x = 1  # \x54ODO: say why\n"),
        (no_test_sleeps, "import time\ntime.sleep(1)\n"),
        (no_test_sleeps, "from time import sleep\nsleep(1)\n"),
        (names_of_tests_are_sentences, "def test_call(): assert f()\n"),
        (every_test_asserts, "def test_a_call_has_a_result(): f()\n"),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, rule: Rule, fault: str) -> None:
    path = tmp_path / "planted.py"
    path.write_text(fault, encoding="utf-8")
    assert len(list(rule(source_at(path, "planted.py")))) == 1


@pytest.mark.parametrize(
    ("rule", "fine"),
    [
        (files_are_small, "x = 1\n" * MAX_FILE),
        (functions_are_small, 'def f():\n    """One.\n\n' + "    More.\n" * MAX_FUNCTION + '    """\n    return 1\n'),
        (nothing_is_swallowed, "try: f()\nexcept OSError: pass\n"),
        (nothing_is_swallowed, "try: f()\nexcept Exception: g()\n"),
        (no_test_sleeps, "async def test_the_clock_jumps(): await trio.sleep(1)\n"),
        (names_of_tests_are_sentences, 'def test_call():\n    """A call has a result."""\n'),
        (every_test_asserts, "def holds(): assert f()\ndef test_a_call_has_a_result(): holds()\n"),
        (every_test_asserts, "def test_a_call_can_fail():\n    with pytest.raises(ValueError): f()\n"),
    ],
)
def test_what_is_fine_is_left_alone(tmp_path: Path, rule: Rule, fine: str) -> None:
    path = tmp_path / "planted.py"
    path.write_text(fine, encoding="utf-8")
    assert list(rule(source_at(path, "planted.py"))) == []
