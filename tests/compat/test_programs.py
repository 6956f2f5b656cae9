"""The programs in `examples/compat/` were written for Autobahn. They run as they are, and print what their docstrings say.

Those in `documented/` do what Autobahn's guides say and Autobahn does not do: they run with the compatibility layer only.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import LONG_ENOUGH, Program, environment_of

EXAMPLES = Path(__file__).parents[2] / "examples" / "compat"
PROGRAMS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
DOCUMENTED = sorted(f"documented/{path.stem}" for path in EXAMPLES.glob("documented/*.py"))
# Twisted's log takes what a program prints, and puts the time before it.
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\S+ ", re.MULTILINE)


def promised_output(name: str) -> str:
    """What the docstring says the program prints."""
    docstring = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return textwrap.dedent(docstring.split("Prints:\n\n")[1]).split("\n\n")[0].strip() + "\n"


@pytest.fixture(scope="session")
def examples_router(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a router that is configured as the examples say."""
    folder = tmp_path_factory.mktemp("examples")
    config = folder / "router.toml"
    config.touch(0o600)
    config.write_text((EXAMPLES / "router.toml").read_text(encoding="utf-8").replace(":8080/", ":0/"), encoding="utf-8")
    program = Program(("router", "--config", str(config)), environment_of(project, {}), folder)
    yield program.says("listening on ").removeprefix("listening on ")
    program.close()


@pytest.mark.autobahn("S-1")
@pytest.mark.parametrize("name", [*PROGRAMS, *DOCUMENTED])
def test_a_program_prints_what_it_promises(project: Path, tmp_path: Path, examples_router: str, name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "trowamp_compat", str(EXAMPLES / f"{name}.py"), examples_router],
        cwd=tmp_path,
        env=environment_of(project, {}),
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    assert (STAMP.sub("", ran.stdout), ran.returncode) == (promised_output(name), 0), ran.stderr


def test_the_programs_know_nothing_of_this_project() -> None:
    assert len(PROGRAMS) >= 25
    texts = {name: (EXAMPLES / f"{name}.py").read_text(encoding="utf-8") for name in [*PROGRAMS, *DOCUMENTED]}
    assert [name for name, text in texts.items() if "trowamp" in text] == []
    assert {framework for text in texts.values() for framework in re.findall(r"autobahn\.(asyncio|twisted)", text)} == {
        "asyncio",
        "twisted",
    }
