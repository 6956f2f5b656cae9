"""Who may import whom. The rules are the table below; the walk over the syntax trees is shared by the real check and by planted faults."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

# A module may import what has a lower rank, and its own package. Packages of one rank do not know each other.
RANKS = {
    "trowamp.messages": 0,
    "trowamp.uris": 0,
    "trowamp._exceptions": 0,
    "trowamp._types": 0,
    "trowamp._ids": 0,
    "trowamp._options": 0,
    "trowamp._uri_pattern": 0,
    "trowamp._version": 0,
    "trowamp.wire": 1,
    "trowamp.auth": 2,
    "trowamp.payloads": 2,
    "trowamp.protocol": 3,
    "trowamp.router": 3,
    "trowamp._": 4,  # the Trio shell: every other private module in the package's root
    "trowamp": 5,  # the curated names
    "trowamp.testing": 6,
    "trowamp._pytest_plugin": 7,
    "trowamp.cli": 7,
    "trowamp.__main__": 8,
}
PURE = 3  # ranks up to this one hold no I/O, clock, randomness or concurrency
FORBIDDEN = {
    "anyio",
    "asyncio",
    "concurrent",
    "multiprocessing",
    "random",
    "secrets",
    "select",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "trio",
    "trio_websocket",
    "twisted",
    "websockets.asyncio",
    "websockets.sync",
    "websockets.trio",
}

# What of the compatibility layer belongs to one framework. All else belongs to none: it loads them where they are in use, if at all.
FRAMEWORKS = {
    "asyncio": ("asyncio", "uvloop", "trowamp_compat.asyncio"),
    "twisted": ("twisted", "trowamp_compat.twisted"),
}

Import = tuple[str, int, bool]  # dotted name, line, whether it is there when the program runs


def modules_of(folder: Path, package: str) -> dict[str, Path]:
    """Return the modules of a package by their dotted names."""
    found = {}
    for path in sorted((folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path) -> Iterator[Import]:
    """Yield everything that a module imports, wherever in it, as absolute dotted names that may end in a name within a module."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {node for guard in ast.walk(tree) if _is_for_types(guard) for node in ast.walk(guard)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, node not in for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{origin}.{alias.name}", node.lineno, node not in for_types) for alias in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def module_named(dotted: str, modules: dict[str, Path]) -> str | None:
    """Return the module that an imported name is or lives in."""
    if dotted in modules:
        return dotted
    parent = dotted.rpartition(".")[0]
    return parent if parent in modules else None


def group_of(name: str) -> str:
    """Return the entry of the table that a module belongs to."""
    group = ".".join(name.split(".")[:2])
    return group if group in RANKS else "trowamp._" if group.startswith("trowamp._") else group


def faults_of_core(folder: Path) -> Iterator[str]:
    modules = modules_of(folder, "trowamp")
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        rank = RANKS.get(group_of(name))
        if rank is None:
            yield f"{name} has no place in the table of ranks"
            continue
        for dotted, line, at_run_time in imports_of(name, path):
            place = f"{path.relative_to(folder)}:{line}"
            target = module_named(dotted, modules)
            if target is None:
                yield from _faults_of_foreign(place, dotted, rank)
            else:
                if at_run_time:
                    graph.setdefault(name, set()).add(target)
                yield from _faults_of_edge(place, name, target)
        if rank <= PURE:
            yield from _async_in(path, folder)
        yield from (
            f"{path.relative_to(folder)}:{line} imports itself by its absolute name" for line in _absolute(path)
        )
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"cycle: {' -> '.join(error.args[1])}"


def faults_of_compat(folder: Path) -> Iterator[str]:
    for name, path in modules_of(folder / "compat", "trowamp_compat").items():
        for dotted, line, _ in imports_of(name, path):
            parts = dotted.split(".")
            if parts[0] == "trowamp" and any(part.startswith("_") and not part.endswith("__") for part in parts):
                yield f"{path.relative_to(folder)}:{line} uses the private name {dotted}"


def faults_of_frameworks(folder: Path) -> Iterator[str]:
    """Yield where the compatibility layer chooses a framework when it is imported, or one framework's part knows the other."""
    for name, path in modules_of(folder / "compat", "trowamp_compat").items():
        part = name.split(".")[1] if "." in name else ""
        late = _lines_in_functions(path)
        for dotted, line, at_run_time in imports_of(name, path):
            for framework, owned in FRAMEWORKS.items():
                is_own = framework == part or not any(dotted == each or dotted.startswith(f"{each}.") for each in owned)
                is_late = part not in FRAMEWORKS and (line in late or not at_run_time)
                if not (is_own or is_late):
                    yield f"{path.relative_to(folder)}:{line} {name} may not import {dotted}"


def _lines_in_functions(path: Path) -> set[int]:
    """Return the lines that run when something is called, and not when the module is imported."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, functions)]
    return {line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def _faults_of_edge(place: str, name: str, target: str) -> Iterator[str]:
    source, wanted = group_of(name), group_of(target)
    if source != wanted and wanted in RANKS and RANKS[source] <= RANKS[wanted] and not _both_vocabulary(source, wanted):
        yield f"{place} {name} may not import {target}"


def _both_vocabulary(source: str, wanted: str) -> bool:
    return RANKS[source] == RANKS[wanted] == 0


def _faults_of_foreign(place: str, dotted: str, rank: int) -> Iterator[str]:
    parts = dotted.split(".")
    if parts[0] == "trowamp_compat":
        yield f"{place} the core imports {dotted}"
    elif rank <= PURE and not FORBIDDEN.isdisjoint({parts[0], ".".join(parts[:2])}):
        yield f"{place} layers 0 to 2 may not import {dotted}"


def _absolute(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        if any(name.split(".")[0] == "trowamp" for name in names) and isinstance(node, ast.stmt):
            yield node.lineno


def _async_in(path: Path, folder: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{path.relative_to(folder)}:{node.lineno} layers 0 to 2 hold nothing async"


def test_the_core_keeps_its_layers(project: Path) -> None:
    assert list(faults_of_core(project)) == []


def test_the_compatibility_layer_uses_public_names_only(project: Path) -> None:
    assert list(faults_of_compat(project)) == []


def test_the_compatibility_layer_chooses_no_framework(project: Path) -> None:
    assert list(faults_of_frameworks(project)) == []


def test_every_module_is_looked_at(project: Path) -> None:
    modules = modules_of(project, "trowamp")
    assert {"trowamp", "trowamp.messages", "trowamp.protocol"} <= set(modules)
    assert "typing.Final" in {dotted for dotted, _, _ in imports_of("trowamp._ids", project / "trowamp/_ids.py")}


def plant(folder: Path, **sources: str) -> Path:
    """Write modules, named with double underscores for dots, below `folder`."""
    for name, source in sources.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("trowamp__wire___link", "import trio", "may not import trio"),
        ("trowamp__protocol___client", "def f():\n    from time import monotonic", "may not import time.monotonic"),
        ("trowamp__router___dealer", "import os, socket", "may not import socket"),
        ("trowamp__wire___websocket", "from websockets import trio", "may not import websockets.trio"),
        ("trowamp___ids", "from .wire import _link", "trowamp._ids may not import trowamp.wire._link"),
        (
            "trowamp__wire___link",
            "from ..protocol import _client",
            "trowamp.wire._link may not import trowamp.protocol._client",
        ),
        ("trowamp__router___dealer", "from ..protocol._client import X", "may not import trowamp.protocol._client"),
        ("trowamp__protocol___client", "from ..router import _dealer", "may not import trowamp.router._dealer"),
        ("trowamp__protocol___client", "from .._session import Session", "may not import trowamp._session"),
        ("trowamp___session", "from . import testing", "may not import trowamp.testing"),
        ("trowamp___session", "from trowamp import messages", "imports itself by its absolute name"),
        ("trowamp___session", "import trowamp_compat.asyncio", "the core imports trowamp_compat.asyncio"),
        ("trowamp__auth___ticket", "async def f(): ...", "nothing async"),
        ("trowamp__novel", "", "has no place in the table"),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, module: str, source: str, complaint: str) -> None:
    names = ["_ids", "_session", "testing", "wire___link", "protocol___client", "router___dealer"]
    plant(tmp_path, **{f"trowamp__{name}": "" for name in names})
    assert list(faults_of_core(tmp_path)) == []
    plant(tmp_path, **{module: source})
    faults = list(faults_of_core(tmp_path))
    assert len(faults) == 1
    assert complaint in faults[0]


def test_a_planted_cycle_is_found(tmp_path: Path) -> None:
    plant(tmp_path, trowamp__wire___a="from . import _b", trowamp__wire___b="def f():\n    from ._a import g")
    assert [fault.partition(":")[0] for fault in faults_of_core(tmp_path)] == ["cycle"]


@pytest.mark.parametrize(
    "source", ["from trowamp._session import Session", "from trowamp import _session", "import trowamp._ids"]
)
def test_a_private_name_in_the_compatibility_layer_is_found(tmp_path: Path, source: str) -> None:
    plant(tmp_path, compat__trowamp_compat__asyncio=source)
    assert len(list(faults_of_compat(tmp_path))) == 1


def test_public_names_in_the_compatibility_layer_are_fine(tmp_path: Path) -> None:
    plant(
        tmp_path,
        compat__trowamp_compat__asyncio="import trowamp\nfrom trowamp import __version__\nfrom trowamp.wire import Link",
    )
    assert list(faults_of_compat(tmp_path)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wamp__types", "import asyncio"),
        ("util", "if True:\n    from twisted.internet import defer"),
        ("wamp__protocol", "from ..twisted._face import TwistedFace"),
        ("asyncio__wamp", "from twisted.internet import reactor"),
        ("asyncio__wamp", "def f():\n    from ..twisted import wamp"),
        ("twisted__wamp", "def f():\n    import asyncio"),
        ("twisted__wamp", "import trowamp_compat.asyncio.wamp"),
    ],
)
def test_a_framework_in_the_wrong_place_is_found(tmp_path: Path, module: str, source: str) -> None:
    plant(
        tmp_path,
        **{f"compat__trowamp_compat__{name}": "" for name in ("asyncio__wamp", "twisted__wamp", "twisted___face")},
    )
    assert list(faults_of_frameworks(tmp_path)) == []
    plant(tmp_path, **{f"compat__trowamp_compat__{module}": source})
    assert len(list(faults_of_frameworks(tmp_path))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("asyncio__wamp", "import asyncio\nimport uvloop\nfrom . import util\nfrom ..wamp import types"),
        ("twisted__wamp", "from twisted.internet import defer\nfrom ..wamp import types"),
        ("util", "def f():\n    import asyncio\n    from .twisted import wamp"),
        ("wamp__types", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import asyncio"),
        ("wamp__component", "from . import asyncio_like"),
    ],
)
def test_a_framework_where_it_is_in_use_is_fine(tmp_path: Path, module: str, source: str) -> None:
    plant(tmp_path, **{f"compat__trowamp_compat__{module}": source})
    assert list(faults_of_frameworks(tmp_path)) == []
