"""`trowamp publish`: publish one event, or one for each line of standard input."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final

import click

from .._exit_codes import USAGE
from .._options import PUBLISH
from .._session_view import SessionView
from ._command import Command
from ._connection import open_client
from ._errors import Failure
from ._input import lines_of_stdin
from ._output import Printer
from ._runner import run_job
from ._settings import CLIENT, Settings
from ._types import payload_arguments, payload_from
from ._values import Payload, from_json, payload_of_json

_EXAMPLES = (
    "trowamp publish com.example.weather snow -k town=Oslo",
    "trowamp publish com.example.log --ack 'disk full' -O exclude_me=false",
    "tail -f app.log | trowamp publish com.example.log --stdin lines",
    "trowamp subscribe com.example.a -o jsonl | trowamp publish com.example.b --stdin jsonl",
)


def _as_text(line: str) -> Payload:
    return Payload((line,), {})


def _as_json(line: str) -> Payload:
    return payload_of_json(from_json(line))


_READINGS: Final[dict[str, Callable[[str], Payload]]] = {"lines": _as_text, "jsonl": _as_json}


@click.command("publish", cls=Command, shared=CLIENT, examples=_EXAMPLES, takes_numbers=True)
@payload_arguments("TOPIC", PUBLISH)
@click.option("--ack", is_flag=True, help="Wait until the router has accepted the event, and print its id.")
@click.option(
    "--stdin",
    "reading",
    type=click.Choice(tuple(_READINGS)),
    help="Publish each line of standard input: as a string (lines), or as JSON (jsonl), in the form that subscribe -o jsonl prints.",
)
@click.option(
    "--exclude-me/--no-exclude-me", default=None, help="Whether the publisher gets the event, if it is subscribed."
)
@click.pass_obj
def publish(
    settings: Settings,
    *,
    uri: str,
    args: tuple[str, ...],
    kwargs: tuple[tuple[str, Any], ...],
    json_args: tuple[Any, ...],
    options: tuple[tuple[str, Any], ...],
    ack: bool,
    reading: str | None,
    exclude_me: bool | None,
) -> int:
    """Publish an event, or many.

    ARGS are typed as those of call. With --stdin they are not allowed; keyword values go with every line.
    """
    if reading is not None and (args or json_args):
        raise click.UsageError("--stdin takes the positional values from standard input: give no others")
    payload = payload_from(args, kwargs, json_args)
    printer = Printer(settings.output)

    async def main() -> None:
        async with open_client(settings) as session:
            view = session.with_options(acknowledge=ack or None, exclude_me=exclude_me, custom=dict(options))
            if reading is None:
                await _publish_one(view, uri, payload, printer)
                return
            async with aclosing(lines_of_stdin()) as lines:
                number = 0
                async for line in lines:
                    number += 1
                    each = _read(line, number, _READINGS[reading])
                    await _publish_one(view, uri, Payload(each.args, payload.kwargs | each.kwargs), printer)

    return run_job(main)


async def _publish_one(view: SessionView, topic: str, payload: Payload, printer: Printer) -> None:
    publication_id = await view.publish(topic, *payload.args, **payload.kwargs)
    if publication_id is not None:
        await printer.fact("publication_id", publication_id)


def _read(line: bytes, number: int, reading: Callable[[str], Payload]) -> Payload:
    try:
        return reading(line.decode("utf-8"))
    except ValueError as error:
        raise Failure(USAGE, f"line {number} of standard input: {error}") from error
