"""Each numbered statement about Autobahn's API is carried by a test on asyncio and by one on Twisted.

S-n is what its documents say, C-n is where they contradict its code, W-n is what is to be better. What there is on one framework only stands, with
the reason, in autobahn_one_framework.txt. `carried.py` says what counts as a test on a framework; the tests are collected in a process of its own.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.cli.program import environment_of
from tests.compat.carried import FRAMEWORKS, VOCABULARY, Carried

pytestmark = pytest.mark.timeout(180)  # every test of the compatibility layer is imported

HERE = Path(__file__).resolve().parent

STATEMENTS = [
    *(f"S-{number}" for number in range(1, 99)),
    "S-83a",
    *(f"C-{number}" for number in range(1, 37)),
    *(f"W-{number}" for number in range(1, 34)),
]


def read_list(text: str) -> dict[str, tuple[str, str]]:
    """Return the framework and the reason for each statement of which there is something on one framework only."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: (framework.strip(), why.strip()) for name, framework, why in (line.split(":", 2) for line in lines)}


def lacking(carried: dict[str, set[str]], on_one: dict[str, tuple[str, str]]) -> list[str]:
    """Return what no test carries, or too many do: the statement and the framework."""
    wanted = {name: {on_one[name][0]} if name in on_one else set(FRAMEWORKS) for name in STATEMENTS}
    return [
        f"{name}: {', '.join(sorted(wanted[name] ^ carried[name]))}"
        for name in STATEMENTS
        if wanted[name] ^ carried[name]
    ]


@pytest.fixture(scope="module")
def on_one() -> dict[str, tuple[str, str]]:
    return read_list((HERE / "autobahn_one_framework.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tests(project: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Carried]:
    out = tmp_path_factory.mktemp("carried") / "carried.json"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.compat.carried", str(out)],
        cwd=project,
        env=environment_of(project, {"PYTHONPATH": f"{project}:{project / 'compat'}"}),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return [Carried(*each) for each in json.loads(out.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def carried(tests: list[Carried]) -> dict[str, set[str]]:
    """The frameworks on which each statement is carried."""
    found = defaultdict(set)
    for test in tests:
        for statement in test.statements:
            found[statement].update(test.frameworks)
    return found


def test_every_statement_is_carried_on_both_frameworks_or_on_the_one_that_is_listed(
    carried: dict[str, set[str]], on_one: dict[str, tuple[str, str]]
) -> None:
    assert lacking(carried, on_one) == []


def test_a_statement_that_no_test_carries_on_a_framework_is_noticed(on_one: dict[str, tuple[str, str]]) -> None:
    carried = {name: {on_one[name][0]} if name in on_one else set(FRAMEWORKS) for name in STATEMENTS}
    assert lacking(carried, on_one) == []
    assert lacking({**carried, "S-1": {"twisted"}}, on_one) == ["S-1: asyncio"]
    assert lacking({**carried, "W-33": set()}, on_one) == ["W-33: asyncio, twisted"]
    one = next(iter(on_one))
    assert lacking({**carried, one: set(FRAMEWORKS)}, on_one) == [f"{one}: {({*FRAMEWORKS} - {on_one[one][0]}).pop()}"]


def test_what_there_is_on_one_framework_only_has_a_reason(on_one: dict[str, tuple[str, str]]) -> None:
    assert [name for name, (framework, why) in on_one.items() if framework not in FRAMEWORKS or not why] == []
    assert [name for name in on_one if name not in STATEMENTS] == []


def test_every_test_that_carries_a_statement_names_statements_and_says_on_which_framework(tests: list[Carried]) -> None:
    assert [test.test for test in tests if not test.frameworks or not set(test.frameworks) <= set(FRAMEWORKS)] == []
    assert [(test.test, each) for test in tests for each in test.statements if each not in STATEMENTS] == []


@pytest.mark.parametrize("path", sorted(VOCABULARY.glob("test_*.py")), ids=lambda path: path.stem)
def test_the_tests_of_the_vocabulary_know_no_framework(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert imported
    assert [name for name in imported if set(name.split(".")) & {"asyncio", "twisted", "kit"}] == []


def test_comments_in_the_list_are_no_statements() -> None:
    assert read_list("# x: y: z\n\nS-2: twisted: why: so\n") == {"S-2": ("twisted", "why: so")}
