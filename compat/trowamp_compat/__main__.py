"""Runs a program that was written for Autobahn, unchanged.

    python -m trowamp_compat app.py [argument ...]
    python -m trowamp_compat -m module [argument ...]
    python -m trowamp_compat -c "statements" [argument ...]

The program finds what it would find with `python` alone: `sys.argv`, `sys.path[0]`, `__main__`, the same exit status, the same tracebacks.
What is different is what `import autobahn` leads to, in this process and not in those that it starts.
"""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any, Final, NoReturn

from ._imports import answer_imports

_USAGE: Final = "usage: python -m trowamp_compat [-m module | -c statements | file] [argument ...]"


def _refuse(reason: str) -> NoReturn:
    sys.stderr.write(f"python -m trowamp_compat: {reason}\n")
    raise SystemExit(2)


def _of_statements(statements: str) -> tuple[CodeType, dict[str, Any]]:
    _search_first("")
    return compile(statements, "<string>", "exec"), {}


def _of_file(path: str) -> tuple[CodeType, dict[str, Any]]:
    whole = os.path.abspath(path)  # noqa: PTH100  # as Python does: links are not followed
    try:
        with io.open_code(whole) as file:
            source = file.read()
    except OSError as error:
        _refuse(f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}")
    _search_first(os.path.dirname(os.path.realpath(path)))  # noqa: PTH120
    loader = SourceFileLoader("__main__", whole)
    return compile(source, whole, "exec"), {"__file__": whole, "__cached__": None, "__loader__": loader}


def _of_module(name: str) -> tuple[CodeType, dict[str, Any]]:
    spec = _spec_of(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _spec_of(f"{name}.__main__")
    code = getattr(spec.loader, "get_code", lambda _name: None)(spec.name) if spec is not None else None
    if spec is None or code is None:
        _refuse(f"no module named {name} that could be run")
    sys.argv[0] = str(spec.origin)
    return code, {
        "__file__": spec.origin,
        "__cached__": spec.cached,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__spec__": spec,
    }


def _spec_of(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        _refuse(str(error))


def _search_first(folder: str) -> None:
    """Let imports look where `python` would let them look first, unless it was told to do without."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


_FORMS: Final = {"-c": _of_statements, "-m": _of_module}


def _program(arguments: list[str]) -> tuple[CodeType, dict[str, Any]]:
    """Return what is to be run, and what is known of it, as attributes of its module; set what it will find in `sys`."""
    first = arguments[0]
    if first not in _FORMS:
        if first.startswith("-"):
            _refuse(f"no such option: {first}\n{_USAGE}")
        sys.argv = arguments
        return _of_file(first)
    if len(arguments) == 1:
        _refuse(f"{first} needs an argument\n{_USAGE}")
    sys.argv = [first, *arguments[2:]]
    return _FORMS[first](arguments[1])


def _run(code: CodeType, attributes: dict[str, Any]) -> None:
    module = ModuleType("__main__")
    module.__dict__.update({"__builtins__": builtins, "__annotations__": {}, **attributes})
    sys.modules["__main__"] = module
    exec(code, module.__dict__)  # that is what it is for


def _show_as_python_does(error: BaseException) -> None:
    """Have the interpreter show a traceback that begins in the program: it shows it when this error has left this module, and exits by it."""
    own = __file__
    show = sys.excepthook

    def hook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        sys.excepthook = show
        while traceback is not None and traceback.tb_frame.f_code.co_filename != own:
            traceback = traceback.tb_next  # how Python came here
        while traceback is not None and traceback.tb_frame.f_code.co_filename == own:
            traceback = traceback.tb_next
        show(kind, value.with_traceback(traceback), traceback)

    if not isinstance(error, SystemExit):
        sys.excepthook = hook


def main() -> None:
    """Run the program that the command line names."""
    arguments = sys.argv[1:]
    if not arguments:
        _refuse(f"which program?\n{_USAGE}")
    if arguments[0] in ("-h", "--help"):
        sys.stdout.write(f"{__doc__}")
        return
    answer_imports()
    try:
        _run(*_program(arguments))
    except BaseException as error:
        _show_as_python_does(error)
        raise


if __name__ == "__main__":
    main()
