"""The configuration file of `trowamp router`, in TOML.

```toml
[router]
realms = ["realm1"]
listen = ["ws://127.0.0.1:8080/ws", "rs://127.0.0.1:8081"]

[router.tls]
cert = "server.pem"      # relative to this file
key = "server.key"

[router.limits]          # the options of `trowamp.open_router` and `trowamp.RouterOptions`
max_connections = 1000
outbox_limit = 4194304
```
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from .._serve import ServerOptions
from ..router import RouterOptions

_NO_SETTING: Final = {"agent", "authenticators"}  # values of the program, not of a file
_SERVER: Final = frozenset(ServerOptions.__struct_fields__)
_CORE: Final = frozenset(RouterOptions.__struct_fields__) - _NO_SETTING
LIMITS: Final = _SERVER | _CORE


class RouterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration file says; empty where it says nothing.

    Attributes:
        realms: The realms.
        listen: The URLs to listen at.
        cert: The certificate's file.
        key: The file of its private key.
        server: Options of `open_router`.
        core: Options of `RouterOptions`.
    """

    realms: list[str] = []
    listen: list[str] = []
    cert: Path | None = None
    key: Path | None = None
    server: dict[str, Any] = {}
    core: dict[str, Any] = {}


class _Tls(msgspec.Struct):
    cert: str
    key: str | None = None


class _Router(msgspec.Struct):
    realms: list[str] = []
    listen: list[str] = []
    tls: _Tls | None = None
    limits: dict[str, Any] = {}


def read_config(path: Path) -> RouterConfig:
    """Read a configuration file.

    Raises:
        ValueError: It cannot be read, or something in it is wrong; the text names the place.
    """
    try:
        return parse_config(path.read_text(encoding="utf-8"), path.parent)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def parse_config(text: str, folder: Path) -> RouterConfig:
    """Understand the text of a configuration file.

    Args:
        text: TOML.
        folder: What file names in it are relative to.

    Raises:
        ValueError: Something in it is wrong; the text names the place.
    """
    document = tomllib.loads(text)
    _check_keys(document, ["router"], "")
    router = document.get("router", {})
    _check_table(router, _Router.__struct_fields__, "router")
    _check_table(router.get("tls", {}), _Tls.__struct_fields__, "router.tls")
    _check_table(router.get("limits", {}), LIMITS, "router.limits")
    read = _converted(router, _Router, "router")
    _check_positive(read.limits, "router.limits.")
    server = {name: value for name, value in read.limits.items() if name in _SERVER}
    core = {name: value for name, value in read.limits.items() if name in _CORE}
    _converted(server, ServerOptions, "router.limits")
    _converted(core, RouterOptions, "router.limits")
    tls = read.tls
    return RouterConfig(
        realms=read.realms,
        listen=read.listen,
        cert=None if tls is None else folder / tls.cert,
        key=None if tls is None or tls.key is None else folder / tls.key,
        server=server,
        core=core,
    )


def _check_table(table: Any, known: Iterable[str], place: str) -> None:
    if not isinstance(table, dict):
        raise ValueError(f"{place} must be a table")
    _check_keys(table, known, f"{place}.")


def _check_keys(table: dict[str, Any], known: Iterable[str], prefix: str) -> None:
    names = sorted(known)
    for key in table:
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"
            raise ValueError(f"unknown key {prefix}{key} ({hint})")


def _check_positive(limits: dict[str, Any], prefix: str) -> None:
    for key, value in limits.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
            raise ValueError(f"{prefix}{key} must be more than 0, not {value}")


def _converted(value: Any, kind: Any, place: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", f"`{place}.").replace("`$", f"`{place}")
        raise ValueError(text) from error
