"""Running a command for a call: with all that it starts it is one group of processes, which ends when the call is cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import trio

from .._failures import open_service_nursery

_GRACE: Final = 5.0  # seconds between SIGTERM and SIGKILL
_PIPE_SIZE: Final = 1 << 20  # octets that a pipe holds at most


async def run_command(command: Sequence[str], given: bytes) -> tuple[int, bytes]:
    """Run a command until it ends. What it leaves in the background is not waited for; if the caller is cancelled, it ends as well.

    Args:
        command: The program and its arguments.
        given: What it gets on standard input.

    Returns:
        Its exit code, negative for a signal, and what it printed.

    Raises:
        OSError: It cannot be run.
    """
    process = await trio.lowlevel.open_process(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with process.stdin, process.stdout:
            return await _talk(process, process.stdin, process.stdout, given)
    finally:
        if process.returncode is None:
            with trio.CancelScope(shield=True):
                await _end(process)


async def _talk(
    process: trio.Process, stdin: trio.abc.SendStream, stdout: trio.abc.ReceiveStream, given: bytes
) -> tuple[int, bytes]:
    printed = bytearray()
    at_end = trio.Event()
    async with open_service_nursery() as nursery:
        nursery.start_soon(_feed, stdin, given)
        nursery.start_soon(_read, stdout, printed, at_end)
        code = await process.wait()
        if sys.platform == "win32":  # where one cannot ask for what is there
            await at_end.wait()
    if not at_end.is_set():
        printed += _what_is_left(stdout)
    return code, bytes(printed)


async def _feed(stdin: trio.abc.SendStream, given: bytes) -> None:
    async with stdin:
        with suppress(trio.BrokenResourceError):  # it does not want to know
            await stdin.send_all(given)


async def _read(stdout: trio.abc.ReceiveStream, printed: bytearray, at_end: trio.Event) -> None:
    async for chunk in stdout:
        printed += chunk
    at_end.set()


def _what_is_left(stdout: trio.abc.ReceiveStream) -> bytes:
    """Read what the command has printed and nobody has read yet; others that it started may hold the pipe open."""
    assert isinstance(stdout, trio.lowlevel.FdStream)
    try:
        return os.read(stdout.fileno(), _PIPE_SIZE)
    except BlockingIOError:
        return b""


async def _end(process: trio.Process) -> None:
    """End the whole group: politely, then not."""
    _signal_group(process, signal.SIGTERM)
    with trio.move_on_after(_GRACE):
        await process.wait()
    if sys.platform != "win32":
        _signal_group(process, signal.SIGKILL)  # whoever ignored it, and is no child of ours
    else:
        process.kill()
    await process.wait()


def _signal_group(process: trio.Process, number: signal.Signals) -> None:
    if sys.platform == "win32":
        process.send_signal(number)
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
