"""The documentation is true: its programs run and print what it shows, its links lead somewhere, its tables say what the code does.

How a block of code is tried depends on the word behind its language:

* `python`: a whole program. It runs, and prints the `text` block that follows it, if one does.
* `python fragment`: a few lines out of a program. They are compiled, and every `trowamp.NAME` in them exists.
* `python test`: a file of tests. pytest runs it.
* `python file=NAME`: a program that needs others, such as a router. The test of its page runs them together.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import trowamp
import trowamp.messages
from trowamp import _events, _exceptions, _exit_codes, _procedures, _pump, _session, testing
from trowamp._outgoing import CallOptions
from trowamp._url import parse_url
from trowamp.protocol import _features as client_features
from trowamp.router import _features as router_features

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FENCE = re.compile(r"^```(\w*)[ ]?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LOGGERS = {"procedure", "subscription", "component", "router", "listener", "session"}


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    info: str
    text: str
    output: str | None  # the block of language "text" right behind it

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(DOCS)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    for index, match in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        is_output = following and following[1] == "text" and not text[match.end() : following.start()].strip()
        yield Block(
            page,
            text.count("\n", 0, match.start()) + 1,
            match[1],
            match[2].strip(),
            match[3],
            following[3] if following and is_output else None,
        )


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
            if name.isupper() or name.split(".")[0] in LOGGERS:
                continue
            try:
                functools.reduce(getattr, name.split("."), trowamp)
            except AttributeError:
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


# ---- the reference


class Row(NamedTuple):
    """A row of a table, below a heading."""

    heading: str
    cells: list[str]


def rows_of(page: str) -> Iterator[Row]:
    """Return the rows of all tables whose first cell begins with code."""
    heading = ""
    for line in (DOCS / "reference" / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").strip("`")
        elif line.startswith("| `"):
            yield Row(heading, [cell.strip() for cell in line.strip("|").split(" | ")])


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


API = list(rows_of("api.md"))
OWNERS: dict[str, Any] = {
    "Functions": trowamp,
    "Modules": trowamp,
    "Statistics": trowamp,
    "trowamp.testing": testing,
    "ScriptedRouter": testing.ScriptedRouter,
}


def owner_of(heading: str) -> Any:
    return OWNERS[heading] if heading in OWNERS else getattr(trowamp, heading)


def signature_of(function: Any, *, is_method: bool) -> str:
    """Return a signature as the reference shows it: without annotations and `self`."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    text = str(signature.replace(parameters=parameters[is_method:], return_annotation=inspect.Signature.empty))
    return re.sub(r"<function (\w+) at \w+>", r"\1", text)


SIGNATURES = [
    pytest.param(row.heading, code, id=f"{row.heading}.{code.split('(')[0].split()[-1]}")
    for row in API
    for code in code_in(row.cells[0])
    if "(" in code and "…" not in code
]


@pytest.mark.parametrize(("heading", "shown"), SIGNATURES)
def test_a_signature_is_the_one_in_the_code(heading: str, shown: str) -> None:
    bare = re.sub(r"^(async with |await |@)", "", shown)
    name = bare.split("(")[0]
    owner = owner_of(heading)
    is_constructor = inspect.isclass(owner) and owner.__name__ == name
    found = owner if is_constructor else getattr(owner, name)
    assert bare == name + signature_of(found, is_method=inspect.isclass(owner) and not is_constructor)
    assert shown.startswith("await ") == inspect.iscoroutinefunction(found)


def is_member(owner: Any, name: str) -> bool:
    """Tell whether a class has a member, or its docstring an attribute, of this name."""
    told = inspect.isclass(owner) and f"        {name}: " in (owner.__doc__ or "")
    return told or hasattr(owner, name)


def test_every_attribute_in_the_reference_is_one() -> None:
    names = [(row.heading, name) for row in API for name in code_in(row.cells[0]) if name.isidentifier()]
    assert len(names) > 50
    assert [entry for entry in names if not is_member(owner_of(entry[0]), entry[1])] == []


def test_the_reference_has_every_public_name() -> None:
    text = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"`(?:async with |await |@)?(\w+)", text))
    assert [name for name in trowamp.__all__ if name not in shown] == []


@pytest.mark.parametrize(
    "kind", [trowamp.Session, trowamp.SessionView, trowamp.Component, trowamp.SessionDetails, testing.ScriptedRouter]
)
def test_the_reference_has_every_member_that_users_meet(kind: type) -> None:
    headings = {"Session", "SessionView"} if kind is trowamp.Session else {kind.__name__}
    shown = {
        re.sub(r"^(async with |await |@)", "", code).split("(")[0]
        for row in API
        if row.heading in headings
        for code in code_in(row.cells[0])
    }
    internal = {"play"}  # what the context manager of a `ScriptedRouter` runs
    assert {name for name in dir(kind) if not name.startswith("_")} - internal <= shown


@pytest.mark.parametrize("name", ["RouterStatistics", "SessionStatistics", "SubscriptionStatistics"])
def test_the_reference_has_every_number_of_the_statistics(name: str) -> None:
    (row,) = [row for row in API if row.cells[0] == f"`{name}`"]
    assert set(code_in(row.cells[1])) == set(getattr(trowamp, name).__struct_fields__)


def tables_of_defaults() -> Iterator[Any]:
    """Return what follows a mark `<!-- defaults: NAME -->`: the rows of the next table."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(r"<!-- defaults: trowamp\.([\w.]+) -->\n\n((?:\|.*\n)+)", text):
            rows = [line.strip("|").split(" | ") for line in match[2].splitlines() if line.startswith("| `")]
            shown = {row[0].strip(" `"): row[1].strip() for row in rows}
            yield pytest.param(match[1], shown, id=f"{page.relative_to(DOCS)}:{match[1]}")


def defaults_of(name: str) -> dict[str, str]:
    found = functools.reduce(getattr, name.split("."), trowamp)
    return {
        parameter.name: repr(parameter.default)
        for parameter in inspect.signature(found).parameters.values()  # type: ignore[arg-type]
        if parameter.default is not inspect.Parameter.empty
    }


@pytest.mark.parametrize(("name", "shown"), list(tables_of_defaults()))
def test_a_default_is_the_one_in_the_code(name: str, shown: dict[str, str]) -> None:
    assert shown
    code = defaults_of(name)
    assert {argument: code.get(argument) for argument in shown} == shown


NOT_IN_A_TABLE = {"open_session": {"url"}, "Component": {"is_fatal"}, "RouterOptions": {"agent"}}  # the text tells


@pytest.mark.parametrize("name", ["open_session", "Component", "Session.register", "Session.subscribe", "open_router"])
def test_every_default_is_in_the_table(name: str) -> None:
    (shown,) = [
        table.values[1]
        for table in tables_of_defaults()
        if table.values[0] == name and str(table.id).startswith("reference/")
    ]
    assert defaults_of(name).keys() - shown.keys() == NOT_IN_A_TABLE.get(name, set())


def test_every_option_of_the_router_is_in_the_table() -> None:
    (shown,) = [
        table.values[1]
        for table in tables_of_defaults()
        if table.values[0] == "RouterOptions" and str(table.id).startswith("reference/")
    ]
    assert set(trowamp.RouterOptions.__struct_fields__) - shown.keys() == NOT_IN_A_TABLE["RouterOptions"]


def test_the_options_of_views_and_the_fixed_limits_are_as_told() -> None:
    options = CallOptions()
    assert (options.timeout, options.cancel_mode, options.buffer) == (None, "killnowait", 10_000)
    assert _pump.HIGH_WATER == 1024 * 1024
    assert _procedures.MAX_WAITING_INVOCATIONS == 10_000
    assert _session._KILL_GRACE == 10
    assert _events.DEFAULT_BUFFER == 10_000
    shown = {
        name
        for row in rows_of("options-and-limits.md")
        if row.heading == "with_options"
        for name in code_in(row.cells[0])
    }
    assert shown == set(inspect.signature(trowamp.Session.with_options).parameters) - {"self"}


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    (tree,) = [block.text for block in blocks_of(DOCS / "reference" / "errors.md") if block.language == "text"]
    above: list[
        tuple[int, type]
    ] = []  # the first error of each line that the next line may hang below, with its column
    drawn = set()
    for line in tree.splitlines():
        bases = re.findall(r"also an? (\w+)", line)
        matches = list(re.finditer(r"[A-Z]\w+", line.split("also")[0]))
        column = matches[0].start()
        above = [entry for entry in above if entry[0] < column]
        for match in matches:
            kind = getattr(trowamp, match[0])
            drawn.add(match[0])
            assert all(issubclass(kind, parent) for _, parent in above)
            assert all(issubclass(kind, getattr(builtins, base)) for base in bases)
        above.append((column, getattr(trowamp, matches[0][0])))
    assert drawn == set(_exceptions.__all__)


def test_the_uris_of_errors_are_those_of_the_code() -> None:
    rows = [row for row in rows_of("errors.md") if len(row.cells) == 3]
    with_uri = {
        code_in(row.cells[0])[0]: code_in(row.cells[1])[0] for row in rows if row.heading == "Errors with a URI"
    }
    assert with_uri == {kind.__name__: uri for uri, kind in _exceptions._ERROR_BY_URI.items() if uri == kind.URI}
    for row in rows:
        if row.heading == "Reasons for refusing a session":
            name, reason = code_in(row.cells[0])[0], code_in(row.cells[1])[0]
            assert type(trowamp.JoinError.from_wire(reason)).__name__ == name


def test_the_attributes_of_errors_are_those_of_the_code() -> None:
    for row in rows_of("errors.md"):
        if row.heading == "What each means":
            kind = getattr(trowamp, code_in(row.cells[0])[0])
            told = "".join(base.__doc__ or "" for base in kind.__mro__)
            assert [name for name in code_in(row.cells[1]) if f"{name}: " not in told] == []


@pytest.mark.parametrize("row", [pytest.param(row, id=code_in(row.cells[0])[0]) for row in rows_of("urls.md")])
def test_the_forms_of_urls_are_those_of_the_code(row: Row) -> None:
    _, framing, tls, port = [*row.cells, ""][:4]
    text = code_in(row.cells[0])[0].replace(":port", "" if port else ":8080", 1)
    url = parse_url(text)
    assert (url.framing, url.is_tls) == (framing, tls == "yes")
    if port:
        assert url.port == int(port)


@pytest.mark.parametrize(
    ("column", "role", "features"),
    [
        ("Caller", "caller", client_features.CLIENT_ROLES),
        ("Callee", "callee", client_features.CLIENT_ROLES),
        ("Dealer", "dealer", router_features.ROUTER_ROLES),
        ("Publisher", "publisher", client_features.CLIENT_ROLES),
        ("Subscriber", "subscriber", client_features.CLIENT_ROLES),
        ("Broker", "broker", router_features.ROUTER_ROLES),
    ],
)
def test_the_features_are_those_announced(column: str, role: str, features: dict[str, Any]) -> None:
    shown = set()
    position = -1
    for line in (DOCS / "reference" / "features.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "Feature":
            position = cells.index(column) if column in cells else -1
        elif line.startswith("| `") and position >= 0 and cells[position] == "yes":
            shown.add(cells[0].strip("`"))
    assert shown == set(features[role]["features"])
