"""`trowamp register`: serve a procedure with a Python function, a command, or an answer that is always the same."""

from __future__ import annotations

import functools
import inspect
import shutil
from collections.abc import Callable
from typing import Any, Literal

import click
import trio

from .._options import REGISTER
from .._uri_pattern import Match, UriPattern
from ._answers import answer_with_command, answer_with_echo, answer_with_value
from ._command import Command
from ._connection import open_client
from ._load import load
from ._output import notice
from ._runner import run_foreign_code, run_service
from ._settings import CLIENT, Settings
from ._types import COUNT, JSON, MATCH, request_options

_NOTHING = object()

_EXAMPLES = (
    "trowamp register com.example.add2 --file operator:add",
    "trowamp register com.example.sort -- jq -c '.args[0] | sort'",
    "trowamp register com.example.ping --returns '\"pong\"' -C 1       # serve one call, then end",
    "trowamp register com.example.mirror --echo",
    "trowamp register com.example --match prefix --invoke roundrobin --file shop:serve",
)


@click.command("register", cls=Command, shared=CLIENT, examples=_EXAMPLES)
@click.argument("uri")
@click.argument("command", nargs=-1, metavar="[-- COMMAND...]", type=click.UNPROCESSED)
@click.option("--file", "reference", metavar="MODULE:FUNCTION", help="Serve with this function, sync or async.")
@click.option("--echo", is_flag=True, help="Answer with what was sent.")
@click.option("--returns", type=JSON, default=_NOTHING, metavar="JSON", help="Answer with this value.")
@click.option("--match", type=MATCH, help="How the URI is meant. Default: by its form; plain ones are exact.")
@click.option(
    "--invoke",
    type=click.Choice(("single", "first", "last", "roundrobin", "random")),
    help="Share the procedure with other sessions that say the same.",
)
@click.option("--concurrency", type=COUNT, metavar="N", help="Serve so many calls at once. Default: no limit.")
@click.option("-C", "--count", type=COUNT, metavar="N", help="End after N calls.")
@request_options(REGISTER)
@click.pass_obj
def register(
    settings: Settings,
    *,
    uri: str,
    command: tuple[str, ...],
    reference: str | None,
    echo: bool,
    returns: Any,
    match: Match | None,
    invoke: Literal["single", "first", "last", "roundrobin", "random"] | None,
    concurrency: int | None,
    count: int | None,
    options: tuple[tuple[str, Any], ...],
) -> int:
    """Serve a procedure until Ctrl-C.

    Each call is answered by one of: a function (--file), a COMMAND that gets {"args": [..], "kwargs": {..}} on standard input and prints its
    result as JSON, its own arguments (--echo), a value (--returns). When the procedure is registered, a line on standard error says so.
    """
    serve = _one_answer(reference, command, echo=echo, returns=returns)
    countdown = Countdown(count)
    _check_pattern(uri, match)

    async def main() -> None:
        async with open_client(settings) as session:
            registration = await session.register(
                uri,
                serve if count is None else countdown.around(serve),
                match=match,
                invoke=invoke,
                concurrency=concurrency,
                custom=dict(options),
            )
            notice(f"registered {uri} ({registration.pattern.match})", unless=settings.quiet)
            await countdown.over.wait()

    return run_service(main) if reference is None else run_foreign_code(main)


class Countdown:
    """Notices when a procedure has served as many calls as it was to serve.

    Args:
        count: How many; None: no end.
    """

    def __init__(self, count: int | None) -> None:
        self._left = count
        self.over = trio.Event()

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count the calls of a function; it looks to its caller as it did."""

        @functools.wraps(function)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
                return await result if inspect.isawaitable(result) else result
            finally:
                self._served_one()  # the answer is on its way before whoever waits for `over` has its turn

        return counted

    def _served_one(self) -> None:
        assert self._left is not None
        self._left -= 1
        if self._left <= 0:
            self.over.set()


def _one_answer(reference: str | None, command: tuple[str, ...], *, echo: bool, returns: Any) -> Callable[..., Any]:
    """Return the one way of answering that was chosen.

    Raises:
        click.UsageError: None was chosen, or several.
    """
    ways: list[Callable[[], Callable[..., Any]]] = []
    if reference is not None:
        ways.append(lambda: _function(reference))
    if command:
        ways.append(lambda: _command(command))
    if echo:
        ways.append(answer_with_echo)
    if returns is not _NOTHING:
        ways.append(lambda: answer_with_value(returns))
    if len(ways) != 1:
        raise click.UsageError("say how to answer, in one way: --file, -- COMMAND, --echo or --returns")
    return ways[0]()


def _command(command: tuple[str, ...]) -> Callable[..., Any]:
    if shutil.which(command[0]) is None:
        raise click.UsageError(f"there is no command {command[0]!r}")
    return answer_with_command(command)


def _function(reference: str) -> Callable[..., Any]:
    found = load(reference)
    if not callable(found):
        raise click.UsageError(f"{reference} is no function, but {type(found).__name__}")
    return found  # type: ignore[no-any-return]  # any callable will do


def _check_pattern(uri: str, match: Match | None) -> None:
    try:
        UriPattern(uri, match)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
