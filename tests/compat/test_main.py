"""`python -m trowamp_compat app.py`: a program for Autobahn runs unchanged, and finds what it would find with `python` alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import LONG_ENOUGH, environment_of

Ended = subprocess.CompletedProcess[str]
RunPython = Callable[..., Ended]
OURS = ("-m", "trowamp_compat")

IDENTITIES = """
import sys
import autobahn.asyncio.component, autobahn.twisted.wamp, autobahn.wamp.types
import trowamp_compat.wamp.types
from autobahn import wamp
from autobahn.wamp.error import CanceledError
from autobahn.wamp import auth, cryptosign

print(autobahn.wamp.types is trowamp_compat.wamp.types, sys.modules["autobahn.wamp"] is wamp)
print(wamp.types.__spec__.name, autobahn.__spec__.name)
print(type(wamp.error).__name__, issubclass(CanceledError, wamp.ApplicationError))
import importlib
print(importlib.reload(auth) is trowamp_compat.wamp.auth, importlib.util.find_spec("autobahn.nothing"))
"""

TELLS = """
import sys
import helper

print(sys.argv, sys.path[0], __name__, __file__, __doc__, __package__, __builtins__.__name__)
print(sys.modules["__main__"].__dict__ is globals(), sorted(name for name in globals() if name.startswith("_")))
print(helper.__file__)
"""

FAILS = """
import sys

def failing():
    raise {error}

failing()
"""


@pytest.fixture
def run_python(project: Path, tmp_path: Path) -> RunPython:
    def run(*arguments: str, program: str | None = None, **environment: str) -> Ended:
        if program is not None:
            (tmp_path / "app.py").write_text(program, encoding="utf-8")
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment_of(project, environment),
            capture_output=True,
            text=True,
            timeout=LONG_ENOUGH,
            check=False,
        )

    return run


def test_modules_of_autobahn_are_modules_of_this_package(run_python: RunPython) -> None:
    ran = run_python(*OURS, "app.py", program=IDENTITIES)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "True True",
        "trowamp_compat.wamp.types trowamp_compat",
        "_Callable True",
        "True None",
    ]


def test_a_program_finds_what_it_would_find_with_python_alone(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "helper.py").touch()
    alone = run_python("app.py", "-x", "two", program=TELLS)
    assert alone.returncode == 0, alone.stderr
    ours = run_python(*OURS, "app.py", "-x", "two")
    assert (ours.stdout, ours.stderr, ours.returncode) == (alone.stdout, alone.stderr, 0)


def test_the_folder_of_a_program_is_that_behind_links(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "helper.py").touch()
    (tmp_path / "real" / "app.py").write_text(TELLS, encoding="utf-8")
    (tmp_path / "link.py").symlink_to(tmp_path / "real" / "app.py")
    alone = run_python("link.py")
    assert alone.returncode == 0, alone.stderr
    assert run_python(*OURS, "link.py").stdout == alone.stdout


def test_with_a_safe_path_the_folder_of_a_program_is_not_searched(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "helper.py").touch()
    assert "No module named 'helper'" in run_python("-P", *OURS, "app.py", program=TELLS).stderr


def test_a_module_is_run_as_python_runs_it(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "helper.py").touch()
    alone = run_python("-m", "app", "x", program=TELLS)
    assert alone.returncode == 0, alone.stderr
    ours = run_python(*OURS, "-m", "app", "x")
    assert (ours.stdout, ours.stderr) == (alone.stdout, alone.stderr)


def test_a_package_is_run_by_its_main_module(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "helper.py").touch()
    text = TELLS.replace("import helper", "from . import helper")
    (tmp_path / "package" / "__main__.py").write_text(text, encoding="utf-8")
    alone = run_python("-m", "package", "x")
    assert alone.returncode == 0, alone.stderr
    assert run_python(*OURS, "-m", "package", "x").stdout == alone.stdout


def test_statements_are_run_as_python_runs_them(run_python: RunPython) -> None:
    statements = "import sys, autobahn; print(sys.argv, repr(sys.path[0]), autobahn.__name__)"
    ran = run_python(*OURS, "-c", statements, "-x")
    assert ran.stdout == "['-c', '-x'] '' trowamp_compat\n"


@pytest.mark.parametrize(
    "error",
    [
        "ValueError('x')",
        "SystemExit(7)",
        "SystemExit('words')",
        "SystemExit()",
        "KeyboardInterrupt()",
        "OSError(2, 'x')",
    ],
)
def test_a_program_that_fails_ends_as_with_python_alone(run_python: RunPython, error: str) -> None:
    alone = run_python("app.py", program=FAILS.replace("{error}", error))
    ours = run_python(*OURS, "app.py")
    assert (ours.returncode, ours.stdout, ours.stderr) == (alone.returncode, alone.stdout, alone.stderr)


def test_a_program_that_is_interrupted_ends_by_that_signal(run_python: RunPython) -> None:
    assert run_python(*OURS, "app.py", program="raise KeyboardInterrupt").returncode == -signal.SIGINT


def test_a_program_that_cannot_be_compiled_is_told_as_by_python(run_python: RunPython) -> None:
    alone = run_python("app.py", program="x = (\n")
    ours = run_python(*OURS, "app.py")
    assert (ours.returncode, ours.stderr) == (alone.returncode, alone.stderr)


def test_the_hook_of_a_program_is_told_of_its_errors(run_python: RunPython) -> None:
    program = "import sys\nsys.excepthook = lambda *told: print(told[0].__name__, told[2].tb_lineno)\n1 / 0\n"
    ran = run_python(*OURS, "app.py", program=program)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "ZeroDivisionError 3\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which program?"),
        (["nothing.py"], "can't open file 'nothing.py': [Errno 2] No such file or directory"),
        (["-m"], "-m needs an argument"),
        (["-m", "nothing"], "no module named nothing"),
        (["-m", "nothing.below"], "No module named 'nothing'"),
        (["-m", "autobahn"], "No module named 'autobahn.__main__'"),
        (["--nothing"], "no such option: --nothing"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(run_python: RunPython, arguments: list[str], words: str) -> None:
    ran = run_python(*OURS, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"python -m trowamp_compat: {words}")


def test_it_tells_how_it_is_used(run_python: RunPython) -> None:
    ran = run_python(*OURS, "--help")
    assert ran.returncode == 0
    assert "python -m trowamp_compat -m module [argument ...]" in ran.stdout


@pytest.mark.parametrize("statement", ["import autobahn.nothing", "import autobahn.wamp.nothing"])
def test_what_there_is_not_is_told_by_the_name_that_was_imported(run_python: RunPython, statement: str) -> None:
    name = statement.removeprefix("import ")
    assert f"ModuleNotFoundError: No module named '{name}'" in run_python(*OURS, "-c", statement).stderr


def test_autobahn_is_answered_also_where_it_is_installed(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "autobahn").mkdir()
    (tmp_path / "autobahn" / "__init__.py").touch()
    assert run_python(*OURS, "app.py", program="import autobahn; print(autobahn.__name__)").stdout == "trowamp_compat\n"


def test_importing_this_package_answers_for_nobody(run_python: RunPython) -> None:
    statements = (
        "import sys; before = list(sys.meta_path); import trowamp_compat._imports; print(sys.meta_path == before)"
    )
    assert run_python("-c", statements).stdout == "True\n"


def test_answering_twice_is_answering_once_and_late_is_an_error(run_python: RunPython) -> None:
    twice = "from trowamp_compat._imports import answer_imports as a; import sys; a(); n = len(sys.meta_path); a(); print(len(sys.meta_path) == n)"
    assert run_python("-c", twice).stdout == "True\n"
    late = "from trowamp_compat._imports import answer_imports; import sys; sys.modules['autobahn'] = sys; answer_imports()"
    assert "RuntimeError: autobahn has been imported already" in run_python("-c", late).stderr


@pytest.mark.frameworks("asyncio")
@pytest.mark.autobahn("S-97")
def test_txaio_is_the_real_one_where_it_is_installed_and_answered_where_it_is_not(
    run_python: RunPython, project: Path, tmp_path: Path
) -> None:
    program = (
        "import txaio, txaio.interfaces; txaio.use_asyncio(); print(txaio.__name__, txaio.make_logger() is not None)"
    )
    pytest.importorskip("txaio")
    assert run_python(*OURS, "-c", program).stdout == "txaio True\n"
    without = tmp_path / "without"
    without.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith("txaio"):
            (without / entry.name).symlink_to(entry)
    roots = os.pathsep.join([str(project), str(project / "compat"), str(without)])
    ran = run_python("-S", *OURS, "-c", program, PYTHONPATH=roots)
    assert ran.stdout == "trowamp_compat.txaio True\n", ran.stderr
