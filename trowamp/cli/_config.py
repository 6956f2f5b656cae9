"""The configuration file of `trowamp router`, in TOML.

Its keys are the names that Python has for the same things: arguments of `open_router`, fields of `RouterOptions`, `RouterAuth`, `Role`, `Rule` and
`HistoryRule`. So what can be said in a program can be said in a file.

```toml
[router]
realms = ["realm1"]
listen = ["ws://127.0.0.1:8080/ws", "rs://127.0.0.1:8081"]

[router.tls]
cert = "server.pem"      # relative to this file
key = "server.key"

[router.limits]
max_connections = 1000

[router.auth.principals.joe]
role = "cook"
wampcra = { file = "joe.secret" }

[[router.roles]]
name = "cook"
rules = [{ uri = "com.shop.*", allow = ["call", "subscribe"] }]
```
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from .._router_shell import ServerOptions
from ..auth import METHODS, principals_from_mapping
from ..auth._authority import RouterAuth, check_auth
from ..auth._reading import check_keys, check_word
from ..router import HistoryRule, Role, RouterOptions, Rule
from ..router._role_names import check_role_names
from ..router._rules import ACTIONS
from ._config_checks import check_realms, named_realms
from ._config_secrets import Secrets, is_readable_by_others

T = TypeVar("T")

_SECTIONS: Final = {"agent", "roles", "trust_levels", "event_history"}  # options with a place of their own
_PROGRAMS: Final = {"authenticators"}  # objects; `auth.authenticators` names them
_SERVER: Final = frozenset(ServerOptions.__struct_fields__)
_CORE: Final = frozenset(RouterOptions.__struct_fields__) - _SECTIONS - _PROGRAMS
LIMITS: Final = _SERVER | _CORE
_AUTH: Final = (*RouterAuth.__struct_fields__, "authenticators")


class RouterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration file says; empty where it says nothing.

    Attributes:
        realms: The realms.
        listen: The URLs to listen at.
        cert: The certificate's file.
        key: The file of its private key.
        server: Options of `open_router`.
        core: Options of `RouterOptions`.
        auth: Who may join; its `authenticator` may be `module:name`.
        authenticators: Methods of one's own, each as `module:name`.
        authorizer: A URI or `module:name`.
        history: The file of the event history.
        exposed: Files with secrets that others can read.
        named_realms: The realms that the router must have, by the places that name them; empty if the file says itself which ones there are.
        path: The file itself; None for a text.
    """

    realms: list[str] = []
    listen: list[str] = []
    cert: Path | None = None
    key: Path | None = None
    server: dict[str, Any] = {}
    core: dict[str, Any] = {}
    auth: RouterAuth | None = None
    authenticators: list[str] = []
    authorizer: str | None = None
    history: Path | None = None
    exposed: list[Path] = []
    named_realms: dict[str, str] = {}
    path: Path | None = None


class _Tls(msgspec.Struct):
    cert: str
    key: str | None = None


class _Auth(msgspec.Struct):
    """`RouterAuth` without what is secret."""

    authenticator: str | None = None
    realm: str | None = None
    methods: Sequence[str] = METHODS
    anonymous_role: str | None = None
    authenticators: list[str] = []


class _Router(msgspec.Struct):
    realms: list[str] = []
    listen: list[str] = []
    agent: str | None = None
    authorizer: str | None = None
    tls: _Tls | None = None
    limits: dict[str, Any] = {}
    trust_levels: dict[str, Any] | None = None
    auth: dict[str, Any] | None = None
    roles: list[Any] | None = None
    event_history: list[Any] = []
    history_path: str | None = None


def read_config(path: Path) -> RouterConfig:
    """Read a configuration file.

    Raises:
        ValueError: It cannot be read, or something in it is wrong; the text names the place.
    """
    secrets = Secrets(path.parent, os.environ)
    try:
        config = understood(tomllib.loads(path.read_text(encoding="utf-8")), secrets)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    holders = [path] if secrets.are_inline else []
    keys = [] if config.key is None else [config.key]
    exposed = [holder for holder in (*holders, *secrets.files, *keys) if is_readable_by_others(holder)]
    return msgspec.structs.replace(config, exposed=exposed, path=path)


def understood(document: dict[str, Any], secrets: Secrets) -> RouterConfig:
    """Understand what the file holds.

    Args:
        document: It, as TOML is read.
        secrets: Reads what is secret in it.

    Raises:
        ValueError: Something in it is wrong; the text names the place.
    """
    _check_root(document)
    router = document.get("router", {})
    check_keys(router, _Router.__struct_fields__, "router")
    check_keys(router.get("tls", {}), _Tls.__struct_fields__, "router.tls")
    check_keys(router.get("limits", {}), sorted(LIMITS), "router.limits")
    read = _converted(router, _Router, "router")
    folder = secrets.folder
    server, core = _limits(read.limits)
    core |= _policies(read)
    auth, own = (None, []) if read.auth is None else _auth(read.auth, secrets)
    check_role_names(core.get("roles"), auth or RouterAuth(), core.get("trust_levels"), place="router.")
    named = {} if core.get("auto_realms") else named_realms(auth, core.get("roles"))
    if read.realms:
        check_realms(named, read.realms)
    tls = read.tls
    return RouterConfig(
        realms=read.realms,
        listen=read.listen,
        cert=None if tls is None else folder / tls.cert,
        key=None if tls is None or tls.key is None else folder / tls.key,
        server=server,
        core=core,
        auth=auth,
        authenticators=own,
        authorizer=read.authorizer,
        history=_history(read, folder),
        named_realms={} if read.realms else named,
    )


def _check_root(document: dict[str, Any]) -> None:
    try:
        check_keys(document, ["router"], "")
    except ValueError as error:
        raise ValueError(str(error).replace("unknown key .", "unknown key ")) from None


# ---- limits and policies


def _limits(limits: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of `open_router`, and those of `RouterOptions`."""
    server = {name: value for name, value in limits.items() if name in _SERVER}
    core = {name: value for name, value in limits.items() if name in _CORE}
    _converted(server, ServerOptions, "router.limits")
    _converted(core, RouterOptions, "router.limits")
    return server, core


def _policies(read: _Router) -> dict[str, Any]:
    """Return the options of `RouterOptions` that have a place of their own."""
    policies: dict[str, Any] = {}
    if read.agent is not None:
        policies["agent"] = read.agent
    if read.trust_levels is not None:
        policies["trust_levels"] = read.trust_levels
        _check_trust_levels(read.trust_levels)
    if read.roles is not None:
        policies["roles"] = _roles(read.roles)
    if read.event_history:
        place = "router.event_history"
        _check_tables(read.event_history, HistoryRule.__struct_fields__, place)
        policies["event_history"] = _converted(read.event_history, list[HistoryRule], place)
    return policies


def _history(read: _Router, folder: Path) -> Path | None:
    if read.history_path is not None and not read.event_history:
        raise ValueError("router.history_path is the file of an event history, but there is no router.event_history")
    return None if read.history_path is None else folder / read.history_path


def _check_trust_levels(levels: dict[str, Any]) -> None:
    try:
        RouterOptions(trust_levels=levels)
    except ValueError as error:  # which begins with the option's name
        raise ValueError(f"router.{error}") from None


def _roles(roles: list[Any]) -> list[Role]:
    _check_tables(roles, Role.__struct_fields__, "router.roles")
    for number, role in enumerate(roles):
        place = f"router.roles[{number}].rules"
        rules = role.get("rules", [])
        if not isinstance(rules, list):
            raise ValueError(f"{place} must be an array of tables")
        _check_tables(rules, Rule.__struct_fields__, place)
        for index, rule in enumerate(rules):
            _check_actions(rule, f"{place}[{index}]")
    return _converted(roles, list[Role], "router.roles")


def _check_actions(rule: dict[str, Any], place: str) -> None:
    for key in ("allow", "ask"):
        actions = rule.get(key)
        for index, action in enumerate(actions if isinstance(actions, list) else ()):
            check_word(action, ACTIONS, f"{place}.{key}[{index}]")


def _check_tables(tables: Sequence[Any], known: Iterable[str], place: str) -> None:
    for index, table in enumerate(tables):
        check_keys(table, known, f"{place}[{index}]")


# ---- who may join


def _auth(table: dict[str, Any], secrets: Secrets) -> tuple[RouterAuth, list[str]]:
    """Return who may join, and methods of one's own."""
    place = "router.auth"
    check_keys(table, _AUTH, place)
    read = _converted({key: table[key] for key in _Auth.__struct_fields__ if key in table}, _Auth, place)
    principals = table.get("principals", {})
    if isinstance(principals, dict):
        principals = {
            authid: secrets.principal(principal, f"{place}.principals.{authid}")
            for authid, principal in principals.items()
        }
    principals_from_mapping(principals, f"{place}.principals")
    auth = RouterAuth(
        principals=principals,
        authenticator=read.authenticator,
        realm=read.realm,
        methods=read.methods,
        anonymous_role=read.anonymous_role,
        private_key=secrets.octets(table.get("private_key"), f"{place}.private_key"),
        secret=secrets.octets(table.get("secret"), f"{place}.secret"),
    )
    check_auth(auth, place)
    return auth, read.authenticators


def _converted(value: Any, kind: type[T], place: str) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", f"`{place}.").replace("`$", f"`{place}")
        if kind in (ServerOptions, RouterOptions) and error.__cause__ is not None:
            text = f"{place}.{text}"  # what these refuse themselves begins with the option's name
        raise ValueError(text) from error
