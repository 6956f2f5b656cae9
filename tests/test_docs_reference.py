"""The reference is true and complete: its tables are compared with the code."""

from __future__ import annotations

import builtins
import functools
import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import trowamp
from trowamp import _events, _exceptions, _inputs, _procedures, _pump, _session_view, testing
from trowamp._outgoing import CallOptions
from trowamp._url import parse_url
from trowamp.protocol import _features as client_features
from trowamp.router import _features as router_features

from .docs_pages import DOCS, PAGES, blocks_of


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
    "auth": trowamp.auth,
    "payloads": trowamp.payloads,
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
    is_own_constructor = inspect.isclass(owner) and owner.__name__ == name
    found = owner if is_own_constructor else getattr(owner, name)
    assert bare == name + signature_of(found, is_method=inspect.isclass(owner) and not is_own_constructor)
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
    assert [
        name for name in (*trowamp.__all__, *trowamp.auth.__all__, *trowamp.payloads.__all__) if name not in shown
    ] == []


@pytest.mark.parametrize(
    "kind",
    [
        trowamp.Session,
        trowamp.SessionView,
        trowamp.Component,
        trowamp.SessionDetails,
        trowamp.Router,
        testing.ScriptedRouter,
    ],
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


NOT_IN_A_TABLE = {
    "open_session": {"url"},
    "Component": {"is_fatal"},
    "RouterOptions": {"agent"},
    "RouterAuth": {"principals"},
}  # the text tells


@pytest.mark.parametrize("name", ["open_session", "Component", "Session.register", "Session.subscribe", "open_router"])
def test_every_default_is_in_the_table(name: str) -> None:
    (shown,) = [
        table.values[1]
        for table in tables_of_defaults()
        if table.values[0] == name and str(table.id).startswith("reference/")
    ]
    assert defaults_of(name).keys() - shown.keys() == NOT_IN_A_TABLE.get(name, set())


@pytest.mark.parametrize("name", ["RouterOptions", "RouterAuth"])
def test_every_field_is_in_the_table(name: str) -> None:
    (shown,) = [
        table.values[1]
        for table in tables_of_defaults()
        if table.values[0] == name and str(table.id).startswith("reference/")
    ]
    assert set(getattr(trowamp, name).__struct_fields__) - shown.keys() == NOT_IN_A_TABLE[name]


def test_the_options_of_views_and_the_fixed_limits_are_as_told() -> None:
    options = CallOptions()
    assert (options.timeout, options.cancel_mode, options.buffer) == (None, "killnowait", 10_000)
    assert _pump.HIGH_WATER == 1024 * 1024
    assert _procedures.MAX_WAITING_INVOCATIONS == 10_000
    assert _inputs.MAX_WAITING_INPUTS == 10_000
    assert _session_view._KILL_GRACE == 10
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
