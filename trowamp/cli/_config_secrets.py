"""Secrets in a configuration: as they stand there, in a file of their own, or in a variable."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..auth import METHODS

_PUBLIC: Final = {"cryptosign"}  # whoever reads a public key can do nothing with it


class Secrets:
    """Reads the secrets of one configuration, and remembers where they stood.

    Args:
        folder: What file names are relative to.
        environment: The variables.

    Attributes:
        folder: The folder.
        files: The files that were read.
        are_inline: Whether a secret stands in the configuration itself.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.files: list[Path] = []
        self.are_inline = False
        self.folder = folder
        self._environment = environment

    def octets(self, value: Any, place: str) -> bytes | None:
        """Return a secret as octets: those of a text, of `{ file = "…" }` or of `{ env = "…" }`; None for None.

        Raises:
            ValueError: It cannot be had; the text names the place.
        """
        if _source(value) == "file":
            return self._content(value, place)
        if _source(value) == "env":
            return self._variable(value, place).encode("utf-8", "surrogateescape")
        if value is None:
            return None
        if not isinstance(value, str):
            raise ValueError(f'{place} must be a text, {{ file = "…" }} or {{ env = "…" }}')
        self.are_inline = True
        return value.encode()

    def principal(self, principal: Any, place: str) -> Any:
        """Return a principal with its secrets in place.

        Raises:
            ValueError: One of them cannot be had; the text names the place.
        """
        if not isinstance(principal, dict):
            return principal  # told by whoever reads principals
        methods = [method for method in METHODS if method in principal]
        private = [principal[method] for method in methods if method not in _PUBLIC]
        self.are_inline = self.are_inline or any(_source(value) is None for value in private)
        found = {method: self._resolved(principal[method], f"{place}.{method}") for method in methods}
        return {**principal, **found}

    def _resolved(self, value: Any, place: str) -> Any:
        if _source(value) == "file":
            try:
                return self._content(value, place).decode().rstrip("\r\n")
            except UnicodeDecodeError:
                raise ValueError(f"{place}: {value['file']} is not UTF-8") from None
        if _source(value) == "env":
            return self._variable(value, place)
        if isinstance(value, dict):
            return {key: self._resolved(item, f"{place}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item, f"{place}[{index}]") for index, item in enumerate(value)]
        return value

    def _content(self, value: dict[str, Any], place: str) -> bytes:
        path = self.folder / str(value["file"])
        try:
            octets = path.read_bytes()
        except (OSError, ValueError) as error:  # the latter for a name that no file can have
            why = error.strerror if isinstance(error, OSError) else None
            raise ValueError(f"{place}: cannot read {str(path)!r}: {why or error}") from None
        self.files.append(path)
        return octets

    def _variable(self, value: dict[str, Any], place: str) -> str:
        text = self._environment.get(value["env"])
        if not text:
            raise ValueError(f"{place}: the variable {value['env']} is not set")
        return text


def _source(value: Any) -> str | None:
    """Tell where a secret is, if it is elsewhere: "file" or "env"."""
    if isinstance(value, dict) and len(value) == 1:
        ((source, name),) = value.items()
        if source in ("file", "env") and isinstance(name, str) and name:
            return str(source)
    return None


def is_readable_by_others(path: Path) -> bool:
    """Tell whether more than its owner can read a file, as far as its mode says so."""
    if os.name != "posix":
        return False
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False
