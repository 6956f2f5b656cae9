"""What `trowamp register` serves a procedure with when there is no Python function: a command, an echo, a constant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .. import uris
from .._exceptions import ApplicationError
from .._types import Result
from ._processes import run_command
from ._values import from_json, payload_of_json, text_or_octets, to_json

Answer = Callable[..., Awaitable[Any]]


def answer_with_echo() -> Answer:
    """Answer each call with its own payload."""

    async def echo(*args: Any, **kwargs: Any) -> Result:
        return Result(*args, **kwargs)

    return echo


def answer_with_value(value: Any) -> Answer:
    """Answer each call with the same value."""

    async def constant(*_: Any, **__: Any) -> Any:
        return value

    return constant


def answer_with_command(command: Sequence[str]) -> Answer:
    """Answer each call with what a command prints.

    The command gets `{"args": [...], "kwargs": {...}}` on standard input. What it prints is the result: JSON is that value, an object with `args`
    or `kwargs` several values, anything else a string, nothing no value. If it fails, so does the call: with `wamp.error.runtime_error`, or with
    the error that it printed as `{"error": URI, "args": [...], "kwargs": {...}}`. A call that is cancelled ends its command.
    """

    async def run(*args: Any, **kwargs: Any) -> Any:
        request = f"{to_json({'args': args, 'kwargs': kwargs})}\n".encode()
        try:
            code, printed = await run_command(command, request)
        except OSError as error:
            raise ApplicationError(uris.ERROR_RUNTIME_ERROR, f"cannot run {command[0]}: {error.strerror}") from error
        if code:
            raise _error_of(printed, code)
        return _value_of(printed)

    return run


def _value_of(printed: bytes) -> Any:
    if not printed.strip():
        return None
    text = text_or_octets(printed)
    if isinstance(text, bytes):
        return text
    try:
        value = from_json(text)
    except ValueError:
        return text.removesuffix("\n")
    if isinstance(value, dict) and ("args" in value or "kwargs" in value):
        payload = payload_of_json(value)
        return Result(*payload.args, **payload.kwargs)
    return value


def _error_of(printed: bytes, code: int) -> ApplicationError:
    try:
        value = from_json(printed)
    except ValueError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("error"), str):
        payload = payload_of_json({"args": value.get("args", []), "kwargs": value.get("kwargs", {})})
        return ApplicationError.from_wire(value["error"], list(payload.args), payload.kwargs)
    how = f"exit code {code}" if code > 0 else f"signal {-code}"
    return ApplicationError(uris.ERROR_RUNTIME_ERROR, f"the command ended with {how}")
