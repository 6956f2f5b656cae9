"""Whatever stands in a configuration, it is understood or refused with words that name a place: tried on the documented example, changed anywhere."""

from __future__ import annotations

import copy
import datetime as dt
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp import RouterOptions
from trowamp.cli._config import understood
from trowamp.cli._config_secrets import Secrets

from .test_config_complete import FILES, write_example

EXAMPLE = tomllib.loads(FILES["router.toml"])
STRANGE: list[Any] = [
    *(0, -1, 1, 2**70, 0.0, float("nan"), float("inf"), True, "", "x", "\0", "a..b", "*", "module:name", [], {}),
    *([1], ["x"], [[]], [{}], {"file": "x"}, {"file": 1}, {"env": "NOT_SET"}, {"x": 1}, dt.time(1)),
]


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a document but the document."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield (*path, key)
        yield from places_in(item, (*path, key))


PLACES = sorted(places_in(EXAMPLE), key=str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("router")
    write_example(path)
    return path


def try_it(document: dict[str, Any], folder: Path) -> str | None:
    """Return why a document is refused, None if it is not."""
    try:
        config = understood(document, Secrets(folder, {"DOORMAN_TICKET": "let me in"}))
    except ValueError as error:
        return str(error)
    assert isinstance(RouterOptions(**config.core), RouterOptions)
    return None


def changed(path: tuple[Any, ...], change: str, value: Any) -> dict[str, Any]:
    """Return the example with one thing changed."""
    document = copy.deepcopy(EXAMPLE)
    around: Any = document
    for key in path[:-1]:
        around = around[key]
    if change == "replace":
        around[path[-1]] = value
    elif change == "remove":
        del around[path[-1]]
    elif isinstance(around, dict):
        around[f"{path[-1]}_"] = value
    else:
        around.append(value)
    return document


def test_the_example_is_understood(folder: Path) -> None:
    assert try_it(EXAMPLE, folder) is None
    assert len(PLACES) > 100


@given(st.sampled_from(PLACES), st.sampled_from(["replace", "remove", "add"]), st.sampled_from(STRANGE))
@settings(max_examples=400)
def test_one_change_is_understood_or_refused_with_its_place(
    folder: Path, path: tuple[Any, ...], change: str, value: Any
) -> None:
    complaint = try_it(changed(path, change, value), folder)
    assert complaint is None or "router" in complaint or repr(path[0]) in complaint


@pytest.mark.parametrize("path", [path for path in PLACES if isinstance(path[-1], str)], ids=str)
def test_a_key_that_does_not_exist_is_refused_wherever_it_stands(folder: Path, path: tuple[Any, ...]) -> None:
    complaint = try_it(changed(path, "add", "x"), folder)
    if path[-2:-1] == ("extra",):
        assert complaint is None  # names of the operator's own
        return
    assert complaint is not None
    assert path[-1] in complaint or "must be" in complaint
