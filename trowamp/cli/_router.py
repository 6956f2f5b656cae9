"""`trowamp router`: a router in a terminal."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click
import trio

from .._serve import open_router
from .._url import parse_url
from ..router import RouterOptions
from ._command import Command
from ._config import RouterConfig, read_config
from ._connection import server_tls
from ._output import write
from ._runner import run_service
from ._settings import DEFAULT_REALM, DEFAULT_URL, FILE, TALK, Settings
from ._types import Parsed

_EXAMPLES = (
    "trowamp router",
    "trowamp router --listen ws://127.0.0.1:8080/ws --listen rs+unix:///tmp/router.sock --realm shop --realm test",
    "trowamp router --listen wss://0.0.0.0:8443/ws --cert server.pem --key server.key",
    "trowamp router --listen ws://127.0.0.1:0/ws                 # any free port; the line that is printed names it",
    "trowamp router --config router.toml",
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
    "--config", type=_CONFIG, metavar="FILE", help="A TOML file with all of this and limits; options count more."
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

    For each address a line "listening on URL" on standard output tells that connections are accepted there. WebSocket and RawSocket are served
    on every one of them. All sessions are told when the router stops.
    """
    config = config or RouterConfig()
    realms, urls = _places(settings, listen, realm, config)
    tls = server_tls(*_certificate(settings, cert, key, config))

    async def main() -> None:
        async with AsyncExitStack() as stack:
            try:
                running = await stack.enter_async_context(
                    open_router(realms, urls, tls=tls, limits=RouterOptions(**config.core), **config.server)
                )
            except ValueError as error:
                raise click.UsageError(str(error)) from error
            for url in running.urls:
                write(f"listening on {url}\n".encode())
            await trio.sleep_forever()

    return run_service(main)


def _places(
    settings: Settings, listen: tuple[str, ...], realm: tuple[str, ...], config: RouterConfig
) -> tuple[list[str], list[str]]:
    """Return realms and URLs: what the command line says, else the file, else the variable or the default."""
    told = [settings.realm] if "realm" in settings.explicit else []
    return list(realm) or told or config.realms or [settings.realm], list(listen) or config.listen or [DEFAULT_URL]


def _certificate(
    settings: Settings, cert: Path | None, key: Path | None, config: RouterConfig
) -> tuple[Path | None, Path | None]:
    """Return the files of certificate and key, both from one place: the command, the program, the file."""
    for files in ((cert, key), (settings.cert, settings.key)):
        if files != (None, None):
            return files
    return config.cert, config.key
