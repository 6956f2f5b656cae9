"""`trowamp router`: a router in a terminal."""

from __future__ import annotations

import inspect
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import trio

from .._exceptions import ConnectError
from .._serve import open_router
from .._uri_pattern import is_uri
from .._url import parse_url
from ..router import RouterOptions
from ._command import Command
from ._config import RouterConfig, read_config
from ._config_checks import check_realms
from ._connection import server_tls
from ._load import load
from ._memory import settle
from ._output import notice, write
from ._runner import run_service
from ._settings import DEFAULT_REALM, DEFAULT_URL, FILE, TALK, Settings
from ._types import Parsed

_EXAMPLES = (
    "trowamp router",
    "trowamp router --listen ws://127.0.0.1:8080/ws --listen rs+unix:///tmp/router.sock --realm shop --realm test",
    "trowamp router --listen wss://0.0.0.0:8443/ws --cert server.pem --key server.key",
    "trowamp router --listen ws://127.0.0.1:0/ws                 # any free port; the line that is printed names it",
    "trowamp router --config router.toml                          # who may join, what roles may do, limits, history",
)

_CONFIG: Final = Parsed("file", lambda name: read_config(Path(name)))
_URL: Final = Parsed("url", lambda text: parse_url(text).text)


@click.command("router", cls=Command, shared=TALK, examples=_EXAMPLES)
@click.option(
    "--listen", type=_URL, multiple=True, metavar="URL", help=f"Where to listen. Repeatable. Default: {DEFAULT_URL}"
)
@click.option("--realm", multiple=True, metavar="NAME", help=f"A realm to offer. Repeatable. Default: {DEFAULT_REALM}")
@click.option("--cert", type=FILE, help="The certificate for wss:// and rss://, with its chain (PEM).")
@click.option("--key", type=FILE, help="The certificate's private key (PEM).")
@click.option(
    "--config",
    type=_CONFIG,
    metavar="FILE",
    help="A TOML file with all of this, limits, who may join and what roles may do; options count more.",
)
@click.pass_obj
def router(
    settings: Settings,
    *,
    listen: tuple[str, ...],
    realm: tuple[str, ...],
    cert: Path | None,
    key: Path | None,
    config: RouterConfig | None,
) -> int:
    """Run a router until Ctrl-C or SIGTERM.

    For each address a line "listening on URL" on standard output tells that connections are accepted there. WebSocket, RawSocket and
    HTTP long-polling are served on every one of them. All sessions are told when the router stops.
    """
    config = config or RouterConfig()
    realms, urls = _places(settings, listen, realm, config)
    _check_realms(config, realms)
    tls = server_tls(*_certificate(settings, cert, key, config))
    encrypted = [url for url in urls if parse_url(url).is_tls]
    if encrypted and tls is None:
        raise click.UsageError(f"{encrypted[0]} needs a certificate: --cert FILE and --key FILE")
    for path in config.exposed:
        notice(f"warning: others can read {path}, which holds a secret: chmod 600 {path}")
    options = _options(config)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            try:
                running = await stack.enter_async_context(open_router(realms, urls, tls=tls, **options))
            except ConnectError:
                raise
            except (ValueError, OSError) as error:
                raise click.UsageError(str(error)) from error
            settle()
            for url in running.urls:
                write(f"listening on {url}\n".encode())
            await trio.sleep_forever()

    return run_service(main)


def _options(config: RouterConfig) -> dict[str, Any]:
    """Return what else `open_router` is told.

    Raises:
        click.UsageError: Something that the file names is not there, or cannot be what it is named for.
    """
    options = {
        "limits": RouterOptions(**config.core),
        "auth": config.auth,
        "history_path": config.history,
        **config.server,
    }
    if config.authenticators:
        own = [_method(reference) for reference in config.authenticators]
        options["limits"] = msgspec.structs.replace(options["limits"], authenticators=own)
    if config.auth is not None and isinstance(config.auth.authenticator, str):
        decide = _decider(config.auth.authenticator, "router.auth.authenticator")
        options["auth"] = msgspec.structs.replace(config.auth, authenticator=decide)
    if config.authorizer is not None:
        options["authorizer"] = _decider(config.authorizer, "router.authorizer")
    return options


def _decider(reference: str, place: str) -> Any:
    """Return an async function for `module:name`; what has no colon is the URI of a procedure."""
    if ":" not in reference:
        if not is_uri(reference):
            raise click.UsageError(f"{place} must be the URI of a procedure or module:name, not {reference!r}")
        return reference
    found = load(reference)
    if not inspect.iscoroutinefunction(found) and not inspect.iscoroutinefunction(getattr(found, "__call__", None)):  # noqa: B004
        raise click.UsageError(f"{place}: {reference} is no async function")
    return found


def _method(reference: str) -> Any:
    """Return an authentication method of one's own."""
    found = load(reference)
    if not all(hasattr(found, name) for name in ("method", "begin", "answer")):
        raise click.UsageError(f"router.auth.authenticators: {reference} is no authentication method of a router")
    return found


def _places(
    settings: Settings, listen: tuple[str, ...], realm: tuple[str, ...], config: RouterConfig
) -> tuple[list[str], list[str]]:
    """Return realms and URLs: what the command line says, else the file, else the variable or the default."""
    told = [settings.realm] if "realm" in settings.explicit else []
    return list(realm) or told or config.realms or [settings.realm], list(listen) or config.listen or [DEFAULT_URL]


def _check_realms(config: RouterConfig, realms: list[str]) -> None:
    """Refuse a file that says nothing of realms but names others than there are."""
    try:
        check_realms(config.named_realms, realms)
    except ValueError as error:
        raise click.BadParameter(f"{config.path}: {error}", param_hint="'--config'") from error


def _certificate(
    settings: Settings, cert: Path | None, key: Path | None, config: RouterConfig
) -> tuple[Path | None, Path | None]:
    """Return the files of certificate and key, both from one place: the command, the program, the file."""
    for files in ((cert, key), (settings.cert, settings.key)):
        if files != (None, None):
            return files
    return config.cert, config.key
