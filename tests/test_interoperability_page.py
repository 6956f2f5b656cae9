"""docs/explanation/interoperability.md names every difference that a test expects, and the versions that are installed."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest


@pytest.fixture
def page(project: Path) -> str:
    return (project / "docs" / "explanation" / "interoperability.md").read_text(encoding="utf-8")


def expected_differences(project: Path) -> set[str]:
    """Return the arguments of every `differs` marker."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (project / "tests" / "interop").glob("test_*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func).endswith("mark.differs")]
    return {ast.literal_eval(argument) for mark in marks for argument in mark.args}


def test_every_difference_that_a_test_expects_is_listed(project: Path, page: str) -> None:
    listed = {name for row in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for name in row.split(", ")}
    expected = expected_differences(project)
    assert len(expected) > 20
    assert expected - listed == set()


def test_the_versions_are_those_that_are_installed(project: Path, page: str) -> None:
    folder = project / "tests" / "interop" / "requirements"
    python = dict(re.findall(r"^(\w+)(?:\[.*\])?==(.+)$", (folder / "clients.txt").read_text("utf-8"), re.MULTILINE))
    crossbar = dict(re.findall(r"^(\w+)==(.+)$", (folder / "crossbar.txt").read_text("utf-8"), re.MULTILINE))
    node = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    for name, version in {
        "Crossbar.io, as router": crossbar["crossbar"],
        "Autobahn\\|Python on asyncio": python["autobahn"],
        "Autobahn\\|Python on Twisted": python["autobahn"],
        "xconn": python["xconn"],
        "AutobahnJS": node["autobahn"],
        "wampy.js": node["wampy"],
    }.items():
        assert f"\n| {name} | {version} |" in page
