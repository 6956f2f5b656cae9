"""`trowamp run`: run the components of a module."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any

import click

from .._component import Component
from .._run import run_components
from .._serve import open_router
from .._session import Session
from .._url import parse_url
from ._command import Command
from ._load import load
from ._output import notice
from ._runner import run_foreign_code
from ._settings import TALK, Settings

_EXAMPLES = (
    "trowamp run shop:app",
    "trowamp run shop:app --start-router          # no router needed: one in the same process",
    "trowamp -v run shop.backend:components",
)


@click.command("run", cls=Command, shared=TALK, examples=_EXAMPLES)
@click.argument("reference", metavar="MODULE:APP")
@click.option("--start-router", is_flag=True, help="Run a router, too, where the components look for one.")
@click.pass_obj
def run(settings: Settings, *, reference: str, start_router: bool) -> int:
    """Run the components of a module.

    APP is a component, or a list of them. They say themselves where they connect and which realm they join. Whenever one of them is ready, a line
    on standard error says so.
    """
    components = components_of(load(reference), reference)
    for component in components:
        component.on_ready(lambda session: _tell_ready(session, settings))

    async def main() -> None:
        async with AsyncExitStack() as stack:
            if start_router:
                realms, urls = meeting_points(components)
                router = await stack.enter_async_context(open_router(realms, urls))
                for url in router.urls:
                    notice(f"listening on {url}", unless=settings.quiet)
            await run_components(*components)

    return run_foreign_code(main)


def components_of(found: Any, reference: str) -> list[Component]:
    """Return the components that were found.

    Raises:
        click.UsageError: There are none.
    """
    candidates = list(found) if isinstance(found, Iterable) else [found]
    if not candidates or not all(isinstance(candidate, Component) for candidate in candidates):
        raise click.UsageError(f"{reference} is no Component and no list of Components, but {type(found).__name__}")
    return candidates


def meeting_points(components: Iterable[Component]) -> tuple[list[str], list[str]]:
    """Return the realms that components join and the URLs they try first, each once.

    Raises:
        click.UsageError: A component wants an encrypted connection, for which a router needs a certificate.
    """
    realms = {component.realm: None for component in components}
    urls = {component.transports[0].url: None for component in components}
    encrypted = [url for url in urls if parse_url(url).is_tls]
    if encrypted:
        raise click.UsageError(f"--start-router has no certificate for {encrypted[0]}: start 'trowamp router' for it")
    return list(realms), list(urls)


def _tell_ready(session: Session, settings: Settings) -> None:
    notice(f"ready: session {session.id} in realm {session.realm}", unless=settings.quiet)
