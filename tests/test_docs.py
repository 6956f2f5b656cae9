"""The documentation is true: its programs run and print what it shows, and its links lead somewhere.

How a block of code is tried depends on the word behind its language:

* `python`: a whole program. It runs, and prints the `text` block that follows it, if one does.
* `python fragment`: a few lines out of a program. They are compiled, and every `trowamp.NAME` in them exists.
* `python test`: a file of tests. pytest runs it.
* `python file=NAME`: a program that needs others, such as a router. The test of its page runs them together.
"""

from __future__ import annotations

import ast
import os
import pkgutil
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trowamp
import trowamp.messages
import trowamp.testing
from trowamp import _exit_codes, uris

from .docs_pages import DOCS, FENCE, PAGES, Block, blocks_of

LOGGERS = {"procedure", "subscription", "component", "router", "listener", "session"}

PYTHON = [block for page in PAGES for block in blocks_of(page) if block.language == "python"]


def blocks(info: str) -> list[Any]:
    """Return the Python blocks of a kind as parameters of a test."""
    return [pytest.param(block, id=block.place) for block in PYTHON if block.info == info]


def file_of(page: str, name: str) -> str:
    """Return the program that a page calls `name`: the last one, if the page develops it in steps."""
    (*_, found) = (block for block in PYTHON if block.page == DOCS / page and block.info == f"file={name}")
    return found.text


# ---- programs


def test_every_block_of_python_says_how_it_is_tried() -> None:
    known = {"", "fragment", "test"}
    strange = [block.place for block in PYTHON if block.info not in known and not block.info.startswith("file=")]
    assert strange == []


@pytest.mark.parametrize("block", blocks(""))
def test_a_program_runs_and_prints_what_the_page_shows(block: Block, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(block.text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, program.name], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    if block.output is not None:
        assert ran.stdout == block.output


def run_pytest(folder: Path) -> None:
    """Run the tests in a folder, with the plugins that a user has who follows the page."""
    plugins = ["-p", "pytest_trio.plugin", "-p", "trowamp._pytest_plugin", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder), *plugins, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("block", blocks("test"))
def test_a_file_of_tests_passes(block: Block, tmp_path: Path) -> None:
    (tmp_path / "test_page.py").write_text(block.text, encoding="utf-8")
    run_pytest(tmp_path)


def names_of(tree: ast.AST) -> Iterator[str]:
    """Return every dotted name below `trowamp` that a block uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "trowamp":
            yield node.attr


@pytest.mark.parametrize("block", [pytest.param(block, id=block.place) for block in PYTHON])
def test_a_block_compiles_and_names_what_there_is(block: Block) -> None:
    compile(block.text, block.place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert [name for name in names_of(ast.parse(block.text)) if not hasattr(trowamp, name)] == []


def test_every_name_in_the_text_exists() -> None:
    """A name in backquotes that begins with `trowamp.` can be imported."""
    missing = []
    for page in PAGES:
        for name in re.findall(r"`trowamp\.([a-zA-Z_.]+)", FENCE.sub("", page.read_text(encoding="utf-8"))):
            if name.isupper() or name.split(".")[0] in LOGGERS or f"trowamp.{name}" == uris.ERROR_LIMIT_REACHED:
                continue
            try:
                pkgutil.resolve_name(f"trowamp.{name}")
            except (AttributeError, ImportError):
                missing.append(f"{page.name}: {name}")
    assert missing == []


# ---- the tutorial, in its three terminals


def start(*command: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def stop(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """End a program and return its exit code and what it said on standard error."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    return process.returncode, errors


def run_trowamp(url: str, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "trowamp", "--url", url, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return ran.returncode, ran.stdout


def test_the_kitchen_of_the_tutorial_survives_a_restart_of_its_router(tmp_path: Path) -> None:
    pytest.importorskip("click")
    started: list[subprocess.Popen[str]] = []
    try:
        router = start("-m", "trowamp", "router", "--listen", "ws://127.0.0.1:0/ws", folder=tmp_path)
        started.append(router)
        url = next_line(router).removeprefix("listening on ")
        program = file_of("tutorial.md", "kitchen.py").replace("ws://127.0.0.1:8080/ws", url)
        (tmp_path / "kitchen.py").write_text(program, encoding="utf-8")
        kitchen = start("kitchen.py", folder=tmp_path)
        started.append(kitchen)
        assert next_line(kitchen) == "the kitchen is open"
        assert run_trowamp(url, "call", "com.example.cook", "soup") == (0, '"soup, hot"\n')
        run_trowamp(url, "publish", "com.example.inspection", "Ms.Tan")
        assert next_line(kitchen) == "Ms.Tan sees 1 dishes"

        assert stop(router, signal.SIGINT)[0] in (0, _exit_codes.INTERRUPTED)
        assert run_trowamp(url, "call", "com.example.cook", "cake")[0] == _exit_codes.NOT_CONNECTED
        router = start("-m", "trowamp", "router", "--listen", url, folder=tmp_path)
        started.append(router)
        assert next_line(kitchen) == "the kitchen is open"
        assert run_trowamp(url, "call", "com.example.cook", "cake") == (0, '"cake, hot"\n')
        run_trowamp(url, "publish", "com.example.inspection", "Ms.Tan")
        assert next_line(kitchen) == "Ms.Tan sees 2 dishes"

        code, errors = stop(kitchen, signal.SIGTERM)
        assert code == _exit_codes.OK
        assert f"session at {url} ended: wamp.close.system_shutdown; next attempt in " in errors
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_the_test_of_the_tutorial_passes(tmp_path: Path) -> None:
    (tmp_path / "kitchen.py").write_text(file_of("tutorial.md", "kitchen.py"), encoding="utf-8")
    (tmp_path / "test_kitchen.py").write_text(file_of("tutorial.md", "test_kitchen.py"), encoding="utf-8")
    run_pytest(tmp_path)


# ---- links


def anchors_of(page: Path) -> set[str]:
    """Return what headings can be linked to as, in the manner of GitHub."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(DOCS))) for page in PAGES])
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        to = page if not name else (page.parent / name)
        if not to.exists() or (anchor and anchor not in anchors_of(to)):
            broken.append(target)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [str(page.relative_to(DOCS)) for page in PAGES if f"({page.relative_to(DOCS)})" not in index] == [
        "README.md"
    ]
