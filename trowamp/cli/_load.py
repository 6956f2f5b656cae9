"""Finding what `module:name` means."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import click

from .._exit_codes import USAGE
from ._errors import Failure


def load(reference: str) -> Any:
    """Import `module:name`, from the current folder or from what is installed.

    Raises:
        click.UsageError: There is no such thing.
        Failure: The module cannot be imported.
    """
    module_name, colon, path = reference.partition(":")
    if not (module_name and colon and path):
        raise click.UsageError(f"{reference!r} is not of the form module:name")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    found: Any = _import(module_name)
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise click.UsageError(f"there is no {path!r} in {module_name}") from None
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception as error:
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name is not None
            and f"{name}.".startswith(f"{error.name}.")
        ):
            raise click.UsageError(f"there is no module {name!r} in {Path.cwd()} or installed") from None
        raise Failure(USAGE, f"cannot import {name}: {type(error).__name__}: {error}") from error
