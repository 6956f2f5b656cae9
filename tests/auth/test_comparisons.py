"""Secrets are compared in constant time: no module of `trowamp.auth` compares one with `==`. The walk is tried on planted faults."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SECRET = {"signature", "expected", "digest", "ticket", "proof", "stored_key", "server_key", "secret", "password", "key"}


def faults_of(source: str) -> Iterator[int]:
    """Yield the lines in which something that is named like a secret is compared."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
            names = {name_of(side) for side in (node.left, *node.comparators)}
            if names & SECRET:
                yield node.lineno


def name_of(node: ast.expr) -> str:
    """Return the last name of an expression such as `self._expected`."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_")


@pytest.mark.checklist("TK-R1", "CRA-R2")
def test_no_secret_is_compared_in_a_time_that_tells_something(project: Path) -> None:
    paths = sorted((project / "trowamp" / "auth").glob("*.py"))
    assert len(paths) > 10
    assert [(path.name, line) for path in paths for line in faults_of(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("fault", ["signature == expected", "x != self._digest", "known.stored_key == other"])
def test_a_planted_fault_is_found(fault: str) -> None:
    assert list(faults_of(fault)) == [1]


@pytest.mark.parametrize("fine", ["same(signature, expected)", "len(key) == 32", "method == 'ticket'"])
def test_what_is_fine_is_left_alone(fine: str) -> None:
    assert list(faults_of(fine)) == []
