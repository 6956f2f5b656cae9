"""What is published: the wheel is built once, in a folder of its own, and looked into."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import trowamp


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


@pytest.fixture(scope="module")
def settings(project: Path) -> dict[str, dict[str, object]]:
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("package", ["trowamp", "trowamp_compat"])
def test_the_wheel_holds_both_packages_with_their_types(wheel: zipfile.ZipFile, package: str) -> None:
    assert {f"{package}/__init__.py", f"{package}/py.typed"} <= set(wheel.namelist())


@pytest.mark.parametrize("package", ["trowamp", "trowamp_compat"])
def test_both_packages_can_be_imported_and_say_what_they_are(package: str) -> None:
    assert importlib.import_module(package).__doc__


def test_the_wheel_claims_no_other_name(wheel: zipfile.ZipFile, metadata: Message) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"trowamp", "trowamp_compat", f"trowamp-{metadata['Version']}.dist-info"}


def test_every_module_of_the_tree_is_in_the_wheel(project: Path, wheel: zipfile.ZipFile) -> None:
    tree = {str(path.relative_to(project)) for path in (project / "trowamp").rglob("*.py")}
    assert tree <= set(wheel.namelist())


def test_the_licence_travels_with_the_wheel(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_there_is_one_version(metadata: Message) -> None:
    assert metadata["Version"] == trowamp.__version__


def test_what_runs_needs_is_in_the_metadata(metadata: Message) -> None:
    needed = {
        line.split(";")[0].split(">")[0] for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line
    }
    assert needed == {
        "argon2-cffi",
        "cbor2",
        "h11",
        "msgspec",
        "outcome",
        "pynacl",
        "trio",
        "trio-websocket",
        "websockets",
    }


def test_tools_that_judge_the_source_are_of_a_series_that_is_known(metadata: Message) -> None:
    """A fresh clone is clean whatever they learn to complain about later."""
    lines = [line.split(";")[0].strip() for line in metadata.get_all("Requires-Dist", [])]
    tools = [line for line in lines if line.startswith(("ruff", "mypy"))]
    assert len(tools) == 2
    assert [line for line in tools if "<" not in line] == []


def test_every_dependency_has_a_lower_bound_or_is_one_version(metadata: Message) -> None:
    lines = [line for line in metadata.get_all("Requires-Dist", []) if not line.startswith("trowamp[")]
    assert [line for line in lines if ">=" not in line and "==" not in line] == []


def test_entry_points_name_what_exists(project: Path, settings: dict[str, dict[str, object]]) -> None:
    groups = settings["project"].get("entry-points", {})
    scripts = settings["project"].get("scripts", {})
    assert isinstance(groups, dict)
    assert isinstance(scripts, dict)
    targets = [*scripts.values(), *(target for group in groups.values() for target in group.values())]
    modules = [project.joinpath(*target.split(":")[0].split(".")) for target in targets]
    assert [path for path in modules if not (path.with_suffix(".py").exists() or (path / "__init__.py").exists())] == []


def test_the_changelog_opens_with_what_is_not_yet_released(project: Path) -> None:
    headings = [
        line for line in (project / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line.startswith("## ")
    ]
    assert headings[0] == "## [Unreleased]"


def test_the_readme_names_every_extra_that_users_may_want(
    project: Path, settings: dict[str, dict[str, dict[str, object]]]
) -> None:
    install = (project / "README.md").read_text(encoding="utf-8").split("## Install")[1].split("## ")[0]
    told = [line.split("`")[1] for line in install.splitlines() if line.startswith("| `")]
    for_development = {"bench", "dev", "fuzz"}
    assert set(told) == settings["project"]["optional-dependencies"].keys() - for_development
