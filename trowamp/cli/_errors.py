"""How a command ends when something went wrong: one line on standard error, and an exit code that tells what it was."""

from __future__ import annotations

import sys
import traceback

import click
import trio

from .._exceptions import ApplicationError
from .._exit_codes import INTERNAL, INTERRUPTED, OUTPUT_FAILED, USAGE, exit_code_of
from .._failures import leaves
from ._output import StdoutClosed, StdoutFailed, line_of, notice, styled
from ._settings import Settings
from ._values import to_json


class Failure(Exception):
    """A command could not do what it is for; `code` is the exit code, the text says why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def report(error: BaseException, settings: Settings) -> int:
    """Tell what went wrong in one line, with its traceback if `-v` asks for it.

    Returns:
        The exit code.
    """
    error = worst_of(error)
    code = code_of(error)
    if settings.verbose and not isinstance(error, click.ClickException):
        notice("".join(traceback.format_exception(error)).rstrip())
    line = line_about(error, settings)
    if line:
        notice(line)
    return code


def worst_of(error: BaseException) -> BaseException:
    """Pick the one failure of a group that tells most: Ctrl-C, then output that goes nowhere, then a bug, then the first."""
    failures = [leaf for leaf in leaves(error) if not isinstance(leaf, trio.Cancelled)] or [error]
    return min(failures, key=_rank)


def _rank(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return 0
    if isinstance(error, StdoutClosed | StdoutFailed):
        return 1
    return 2 if code_of(error) == INTERNAL else 3


def code_of(error: BaseException) -> int:
    """Return the exit code that tells this error."""
    if isinstance(error, Failure):
        return error.code
    if isinstance(error, StdoutClosed):
        return 0
    if isinstance(error, StdoutFailed):
        return OUTPUT_FAILED
    if isinstance(error, click.Abort):
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        return USAGE
    code = exit_code_of(error)
    return INTERNAL if code is None else code


def line_about(error: BaseException, settings: Settings) -> str:
    """Return the line that tells an error; empty if there is nothing to say."""
    if isinstance(error, StdoutClosed | KeyboardInterrupt | click.Abort):
        return ""
    if isinstance(error, ApplicationError) and settings.output in ("json", "jsonl"):
        return to_json({"error": error.uri, "args": error.args, "kwargs": error.kwargs})
    return f"{styled('error:', sys.stderr, fg='red', bold=True)} {_words(error, settings)}"


def _words(error: BaseException, settings: Settings) -> str:
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, ApplicationError):
        payload = line_of(error.args, error.kwargs)
        return f"{error.uri}: {payload}" if payload else error.uri
    if isinstance(error, Failure) or code_of(error) != INTERNAL:
        return _one_line(str(error)) or type(error).__name__
    hint = "" if settings.verbose else " (-v shows where)"
    return _one_line(f"{type(error).__name__}: {error}") + hint


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    text = _one_line(error.format_message()).rstrip(".")
    return text if context is None else f"{text} (see {context.command_path} --help)"


def _one_line(text: str) -> str:
    return " ".join(text.split())
