"""Arguments and options as click types: payloads, matching policies, times and counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from .._options import Checks, wrong_key
from .._uri_pattern import is_uri
from ._command import words
from ._values import Payload, json_value, payload_of_json, to_json, typed, typed_pair

F = TypeVar("F", bound=Callable[..., Any])
Pairs = tuple[tuple[str, Any], ...]

SECONDS: Final = click.FloatRange(min=0, min_open=True)
COUNT: Final = click.IntRange(min=1)
MATCH: Final = click.Choice(("exact", "prefix", "wildcard"))


class Parsed(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4, and only there
    """A word that a function understands, or refuses with ValueError."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Understand one word; click may ask again with what it got, which stays as it is."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


JSON: Final = Parsed("json", json_value)
PAIR: Final = Parsed("key=value", typed_pair)


def request_options(checks: Checks) -> Callable[[F], F]:
    """Give a command options of the WAMP request, `-O OPTION=VALUE`, of which those that are known have to have the type that `checks` asks for."""

    def refuse_wrong_types(_: click.Context, __: click.Parameter, pairs: Pairs) -> Pairs:
        for name, value in pairs:
            if wrong_key({name: value}, checks) is not None:
                raise click.BadParameter(f"the option {name} of the request cannot be {to_json(value)}")
        return pairs

    return click.option(
        "-O",
        "options",
        type=PAIR,
        multiple=True,
        metavar="OPTION=VALUE",
        callback=refuse_wrong_types,
        help="An option of the request. Repeatable.",
    )


def payload_arguments(name: str, checks: Checks) -> Callable[[F], F]:
    """Give a command a URI and a payload: `URI [ARGS]... -k KEY=VALUE --json-args JSON -O OPTION=VALUE`.

    Args:
        name: What the URI is called for people.
        checks: The options of the request that are known.
    """
    decorators = (
        request_options(checks),
        click.option(
            "--json-args",
            type=JSON,
            multiple=True,
            metavar="JSON",
            help="A JSON array of positional values, or an object of keyword values; @FILE reads it from a file.",
        ),
        click.option(
            "-k",
            "--kwarg",
            "kwargs",
            type=PAIR,
            multiple=True,
            metavar="KEY=VALUE",
            help="A keyword value. Repeatable.",
        ),
        click.argument("args", nargs=-1, metavar="[ARGS]...", callback=words),
        click.argument("uri", metavar=name, callback=_concrete_uri),
    )

    def decorate(function: F) -> F:
        for decorator in decorators:
            function = decorator(function)
        return function

    return decorate


def _concrete_uri(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse what is no URI, before anything is connected."""
    words(context, parameter, value)
    if not is_uri(value):
        raise click.BadParameter(f"{value!r} is not a legal URI")
    return value


def payload_from(args: Sequence[str], kwargs: Sequence[tuple[str, Any]], json_args: Sequence[Any]) -> Payload:
    """Put a payload together from what the command line says of it.

    Raises:
        click.UsageError: A value cannot be had, or positional values are given in two ways.
    """
    try:
        values: list[Any] = [typed(word) for word in args]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    named: dict[str, Any] = {}
    for value in json_args:
        if isinstance(value, dict):
            named |= value
        elif values:
            raise click.UsageError("give positional values either as words or as one --json-args '[...]'")
        else:
            values = list(payload_of_json(value).args)
    return Payload(tuple(values), named | dict(kwargs))
