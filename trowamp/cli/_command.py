"""Commands with examples to copy, with the shared options in a section of their own, and with negative numbers as arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import click

from ._output import failures_of_stdout
from ._settings import CLIENT, Settings, SharedOption, shared_options

_is_number = re.compile(r"-\.?\d[\d_.eE+-]*").fullmatch
_LITERAL = "trowamp.literal"  # the words after `--`, in the context's meta


class Command(click.Command):
    """A command of `trowamp`.

    Args:
        shared: The shared options that it takes; others are refused, so that none is without effect.
        examples: Lines to copy, shown by `--help`.
        takes_numbers: Whether words such as `-5` are arguments.
        options: What click takes.
    """

    def __init__(
        self, *, shared: Iterable[str], examples: Sequence[str], takes_numbers: bool = False, **options: Any
    ) -> None:
        settings = {"ignore_unknown_options": takes_numbers, **options.pop("context_settings", {})}
        super().__init__(context_settings=settings, **options)
        self.params.extend(shared_options(shared))
        self.examples = examples
        self._names = {parameter.name for parameter in self.params}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember which words stand after `--`: they are no options, whatever they look like."""
        ctx.meta[_LITERAL] = frozenset(args[args.index("--") :]) if "--" in args else frozenset()
        with failures_of_stdout():  # --help
            rest = super().parse_args(ctx, args)
        self._refuse_what_has_no_effect(ctx)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        ctx.ensure_object(Settings).configure_logging()
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                (shared if isinstance(parameter, SharedOption) else own).append(record)
        for title, records in (("Options", own), ("Options of every command", shared)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples, one a line, as they are."""
        write_examples(formatter, self.examples)

    def _refuse_what_has_no_effect(self, ctx: click.Context) -> None:
        unused = ctx.ensure_object(Settings).explicit - self._names
        if unused and not ctx.resilient_parsing:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(unused))
            raise click.UsageError(f"{flags} has no effect on the command {self.name}", ctx)


class Group(click.Group):
    """The program `trowamp` as a whole."""

    def __init__(self, *, examples: Sequence[str], **options: Any) -> None:
        super().__init__(no_args_is_help=False, **options)
        self.params.extend(shared_options(CLIENT, with_variables=True))
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Understand the words before the command."""
        with failures_of_stdout():  # --help, --version
            return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples and exit codes."""
        write_examples(formatter, self.examples)
        super().format_epilog(ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the commands in the order in which a newcomer needs them."""
        return list(self.commands)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """Write lines to copy, as they are: a wrapped one could not be copied."""
    with formatter.section("Examples"):
        for line in examples:
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def words(ctx: click.Context, _: click.Parameter, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Refuse options that do not exist, among the words of a command that takes numbers (a callback for arguments)."""
    literal: frozenset[str] = ctx.meta.get(_LITERAL, frozenset())
    for word in (value,) if isinstance(value, str) else value:
        if len(word) > 1 and word[0] == "-" and word not in literal and not _is_number(word):
            raise click.NoSuchOption(word.partition("=")[0], ctx=ctx)
    return value
