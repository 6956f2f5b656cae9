"""`trowamp call`: call a procedure, print its result."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click
import trio

from .._exit_codes import TIMEOUT
from .._options import CALL
from .._run_session import DEFAULT_CLOSE_TIMEOUT
from .._session_view import SessionView
from ._command import Command
from ._connection import open_client
from ._errors import Failure
from ._output import Printer, notice, payload_of
from ._progress import ProgressDisplay
from ._runner import run_job
from ._settings import CLIENT, Settings
from ._timing import Timing
from ._types import COUNT, SECONDS, payload_arguments, payload_from
from ._values import Payload

_EXAMPLES = (
    "trowamp call com.example.add2 2 3",
    "trowamp call com.example.greet \"'42'\" -k polite=true        # '42' in quotes is a string",
    "trowamp call com.example.store --json-args '[{\"id\": 1}]' -k body=@letter.txt",
    "trowamp call com.example.longop 10 --progress",
    "trowamp call com.example.slow --timeout 2                   # exit code 124 when time is up",
    "trowamp call com.example.add2 2 3 --repeat 1000 --concurrency 50 --time >/dev/null",
    "trowamp --url wss://example.com/ws --realm shop --json call com.example.stock",
)
_LEAVING: Final = 0.1  # the part of --timeout that a goodbye may take in addition


@click.command("call", cls=Command, shared=CLIENT, examples=_EXAMPLES, takes_numbers=True)
@payload_arguments("URI", CALL)
@click.option(
    "--timeout", type=SECONDS, metavar="SECONDS", help="Give up after so long, whatever takes it: exit code 124."
)
@click.option("--progress", is_flag=True, help="Take progressive results and show them on standard error.")
@click.option("--repeat", type=COUNT, default=1, metavar="N", help="Call N times.")
@click.option("--concurrency", type=COUNT, default=1, metavar="C", help="With --repeat: so many calls at once.")
@click.option("--time", "is_timed", is_flag=True, help="Tell on standard error how long it took.")
@click.pass_obj
def call(
    settings: Settings,
    *,
    uri: str,
    args: tuple[str, ...],
    kwargs: tuple[tuple[str, Any], ...],
    json_args: tuple[Any, ...],
    options: tuple[tuple[str, Any], ...],
    timeout: float | None,
    progress: bool,
    repeat: int,
    concurrency: int,
    is_timed: bool,
) -> int:
    """Call a procedure and print its result.

    ARGS are typed: 1 is a number, '1' (quoted twice, for the shell) and all that is no JSON are strings, true, false and null are what they say,
    [..] and {..} are JSON, @FILE is the content of a file and @- that of standard input.
    """
    if progress and repeat > 1:
        raise click.UsageError("--progress shows one call: it does not go with --repeat")
    payload = payload_from(args, kwargs, json_args)
    ask = _ask_with_progress(uri, payload, is_quiet=settings.quiet) if progress else _ask(uri, payload)
    printer = Printer(settings.output)
    timing = Timing()

    async def main() -> None:
        limit = math.inf if timeout is None else timeout
        with trio.move_on_after(limit) as scope:
            async with open_client(settings, close_timeout=min(DEFAULT_CLOSE_TIMEOUT, limit * _LEAVING)) as session:
                view = session.with_options(custom=dict(options))
                timing.start()
                await _call_all(view, ask, printer, timing, repeat=repeat, concurrency=concurrency)
        if scope.cancelled_caught:
            raise Failure(TIMEOUT, f"time is up: {limit:g} s")
        if is_timed:
            notice(timing.summary())

    return run_job(main)


Ask = Callable[[SessionView], Awaitable[Any]]


def _ask(uri: str, payload: Payload) -> Ask:
    async def ask(view: SessionView) -> Any:
        return await view.call(uri, *payload.args, **payload.kwargs)

    return ask


def _ask_with_progress(uri: str, payload: Payload, *, is_quiet: bool) -> Ask:
    async def ask(view: SessionView) -> Any:
        with ProgressDisplay(uri, is_quiet=is_quiet) as display:
            async with view.open_call(uri, *payload.args, **payload.kwargs) as stream:
                async for part in stream:
                    display.show(payload_of(part))
                return await stream.result()

    return ask


async def _call_all(
    view: SessionView, ask: Ask, printer: Printer, timing: Timing, *, repeat: int, concurrency: int
) -> None:
    """Call `repeat` times, `concurrency` at once, and print each result when it is there."""
    turns = iter(range(repeat))

    async def work() -> None:
        for _ in turns:
            with timing.measured():
                value = await ask(view)
            await printer.result(payload_of(value))

    async with trio.open_nursery() as nursery:
        for _ in range(min(concurrency, repeat)):
            nursery.start_soon(work)
