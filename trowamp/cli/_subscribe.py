"""`trowamp subscribe`: print the events of a topic or pattern."""

from __future__ import annotations

import math
from typing import Any

import click
import trio

from .._events import EventStream
from .._exit_codes import LOST, TIMEOUT
from .._options import SUBSCRIBE
from .._uri_pattern import Match, UriPattern
from ._command import Command
from ._connection import open_client
from ._errors import Failure
from ._format import Show, show_as, show_by
from ._output import Printer, notice
from ._runner import run_service
from ._settings import CLIENT, Settings
from ._types import COUNT, MATCH, SECONDS, request_options

_EXAMPLES = (
    "trowamp subscribe com.example.weather",
    "trowamp subscribe com.example --match prefix -o jsonl",
    "trowamp subscribe com.example.weather -C 1 -W 10        # one event within 10 s, or exit code 124",
    "trowamp subscribe com.example..temperature --match wildcard --format '%I %t %p'",
)


@click.command("subscribe", cls=Command, shared=CLIENT, examples=_EXAMPLES)
@click.argument("topic")
@click.option("--match", type=MATCH, help="How the topic is meant. Default: by its form; plain ones are exact.")
@click.option("-C", "--count", type=COUNT, metavar="N", help="End after N events.")
@click.option("-W", "--wait", type=SECONDS, metavar="SECONDS", help="End after so long: exit code 124.")
@click.option("--details", is_flag=True, help="Print what the router tells of each event: its id, its publisher.")
@click.option(
    "--format",
    "template",
    metavar="TEXT",
    help="Print each event as TEXT, with %t the topic, %p the payload as -o raw prints it, %a and %k positional and keyword values as JSON, "
    "%j all of it as JSON, %i its id, %s the publisher's session, %I and %U the time (ISO 8601, Unix), %% a percent sign.",
)
@request_options(SUBSCRIBE)
@click.pass_obj
def subscribe(
    settings: Settings,
    *,
    topic: str,
    match: Match | None,
    count: int | None,
    wait: float | None,
    details: bool,
    template: str | None,
    options: tuple[tuple[str, Any], ...],
) -> int:
    """Print the events of a topic.

    One a line, as they come, until Ctrl-C. When the subscription is in place, a line on standard error says so.
    """
    pattern = _pattern(topic, match)
    if template is None:
        show = show_as(settings.output, with_topic=details or pattern.match != "exact", with_details=details)
    else:
        show = _shown_by(template)
    printer = Printer(settings.output)

    async def main() -> None:
        async with (
            open_client(settings) as session,
            session.open_subscription(topic, match=match, custom=dict(options)) as events,
        ):
            notice(f"subscribed to {topic} ({pattern.match})", unless=settings.quiet)
            with trio.move_on_after(math.inf if wait is None else wait) as scope:
                await _print_events(events, show, printer, math.inf if count is None else count)
        if scope.cancelled_caught:
            raise Failure(TIMEOUT, f"time is up: {wait:g} s")

    return run_service(main)


async def _print_events(events: EventStream, show: Show, printer: Printer, count: float) -> None:
    printed = 0
    async for event in events:
        await printer.octets(show(event))
        printed += 1
        if printed >= count:
            return
    raise Failure(LOST, "the router ended the subscription")


def _pattern(topic: str, match: Match | None) -> UriPattern:
    try:
        return UriPattern(topic, match)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _shown_by(template: str) -> Show:
    try:
        return show_by(template)
    except ValueError as error:
        raise click.UsageError(f"--format: {error}") from error
