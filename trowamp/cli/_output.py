"""Data on its way to standard output, in one of four formats. Everything else goes to standard error."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TextIO

import click
import trio

from .._types import Result
from ._values import Payload, to_json

_ALWAYS_FITS: Final = (
    4096  # octets that a pipe takes without blocking once it says that it can be written to (PIPE_BUF)
)


class StdoutClosed(Exception):
    """Whoever read standard output has gone, as `head -1` does: there is nobody left to work for."""


class StdoutFailed(Exception):
    """Standard output takes nothing: the disk is full, say, or it is closed."""


def payload_of(value: Any) -> Payload:
    """Turn what a call returned back into the payload that it arrived as."""
    if value is None:
        return Payload((), {})
    if isinstance(value, Result):
        return Payload(tuple(value.args), value.kwargs)
    return Payload((value,), {})


def line_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Write a payload in one line for people: values as JSON, keywords as `key=value`."""
    return " ".join([*map(to_json, args), *(f"{key}={to_json(value)}" for key, value in kwargs.items())])


def _text(payload: Payload, extra: Mapping[str, Any]) -> bytes:
    args, kwargs = payload
    prefix = f"{extra['topic']}: " if "topic" in extra else ""
    if len(args) == 1 and not kwargs and not extra and isinstance(args[0], list | dict):
        line = to_json(args[0], indent=2)
    else:
        line = prefix + line_of(args, kwargs)
    details = ", ".join(f"{key} {to_json(value)}" for key, value in extra.items() if key != "topic")
    if details:
        line += f"  ({details})"
    return f"{line}\n".encode()


def _json(payload: Payload, extra: Mapping[str, Any]) -> bytes:
    return f"{to_json({**extra, **payload._asdict()}, indent=2)}\n".encode()


def _jsonl(payload: Payload, extra: Mapping[str, Any]) -> bytes:
    return f"{to_json({**extra, **payload._asdict()})}\n".encode()


def _raw(payload: Payload, extra: Mapping[str, Any]) -> bytes:  # noqa: ARG001  # only what was sent
    args, kwargs = payload
    if len(args) == 1 and not kwargs and isinstance(args[0], bytes):
        return args[0]
    lines = [value if isinstance(value, str) else to_json(value) for value in args]
    lines += [f"{key}={value if isinstance(value, str) else to_json(value)}" for key, value in kwargs.items()]
    return "".join(f"{line}\n" for line in lines).encode()


FORMATS: Final[dict[str, Callable[[Payload, Mapping[str, Any]], bytes]]] = {
    "text": _text,
    "json": _json,
    "jsonl": _jsonl,
    "raw": _raw,
}


class Printer:
    """Writes payloads to standard output, whole and at once.

    A reader that is slow, or a terminal that is stopped, does not stop the event loop: the connection stays alive meanwhile.

    Args:
        form: One of `FORMATS`.
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._format = FORMATS[form]

    async def result(self, payload: Payload) -> None:
        """Write what a call returned; nothing for people if it is nothing. Raises as `payload` does."""
        if any(payload) or self._form != "text":
            await self.payload(payload)

    async def payload(self, payload: Payload, extra: Mapping[str, Any] | None = None) -> None:
        """Write one payload.

        Args:
            payload: The positional and keyword values.
            extra: What else is known of an event: its topic, its details.

        Raises:
            StdoutClosed: Nobody reads any more.
            StdoutFailed: Nothing can be written.
        """
        await self.octets(self._format(payload, extra or {}))

    async def fact(self, name: str, value: Any) -> None:
        """Write one value that is no payload: for people without its name. Raises as `payload` does."""
        is_json = self._form in ("json", "jsonl")
        await self.octets(f"{to_json({name: value} if is_json else value)}\n".encode())

    async def octets(self, data: bytes) -> None:
        """Write octets as they are; a checkpoint. Raises as `payload` does."""
        if len(data) <= _ALWAYS_FITS and _stdout_is_ready():
            write(data)
            await trio.lowlevel.checkpoint()
        else:
            await trio.to_thread.run_sync(write, data, abandon_on_cancel=True)


def write(data: bytes) -> None:
    """Write all of `data` to standard output, past Python's buffers: a thread that is given up holds no lock of theirs.

    Raises:
        StdoutClosed: Nobody reads any more.
        StdoutFailed: Nothing can be written.
    """
    view = memoryview(data)
    with failures_of_stdout():
        while view:
            try:
                view = view[os.write(1, view) :]
            except BlockingIOError:  # whoever opened it made it so
                select.select([], [1], [])


@contextmanager
def failures_of_stdout() -> Generator[None, None, None]:
    """Turn errors of a block that does nothing but write to standard output into StdoutClosed and StdoutFailed."""
    try:
        yield
    except BrokenPipeError as error:
        raise StdoutClosed from error
    except OSError as error:
        raise StdoutFailed(f"cannot write to standard output: {error.strerror or error}") from error


def notice(text: str, *, unless: bool = False) -> None:
    """Tell people something, in a line of standard error, unless they asked for quiet."""
    if not unless:
        click.echo(text, err=True)


def styled(text: str, stream: TextIO, **style: Any) -> str:
    """Style a text for a stream, if that is a terminal and NO_COLOR does not forbid it."""
    return click.style(text, **style) if stream.isatty() and not os.environ.get("NO_COLOR") else text


def _stdout_is_ready() -> bool:
    try:
        return bool(select.select([], [1], [], 0)[1])
    except OSError:  # Windows asks sockets only
        return False
