"""trowamp/cli/_processes.py: a command and all that it starts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import trio

from trowamp.cli._processes import run_command


async def process_in(file: Path) -> int:
    """Return the process id that a shell has written to a file."""
    while not (text := _text_of(file)).endswith("\n"):  # noqa: ASYNC110  # real time passes
        await trio.sleep(0.01)
    return int(text)


async def ends(process: int) -> bool:
    """Wait until a process has ended; its parent, which may not look after it, is not ours."""
    while _text_of(Path(f"/proc/{process}/stat")).rpartition(")")[2].split()[:1] not in ([], ["Z"]):  # noqa: ASYNC110  # real time passes
        await trio.sleep(0.01)
    return True


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def test_a_command_reads_and_prints() -> None:
    assert await run_command(["cat"], b"x" * 200_000) == (0, b"x" * 200_000)


async def test_a_command_need_not_read_what_it_is_given() -> None:
    assert await run_command(["true"], b"x" * 2_000_000) == (0, b"")


async def test_a_command_that_cannot_be_run_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        await run_command(["/nowhere/command"], b"")


async def test_the_end_of_a_command_is_the_end_of_the_command_itself(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with trio.fail_after(10):
        assert await run_command(["sh", "-c", f"sleep 60 & echo $! >{file}; echo 1; exit 3"], b"") == (3, b"1\n")
    os.kill(await process_in(file), signal.SIGKILL)


async def test_nothing_of_what_it_printed_is_lost() -> None:
    """More than is read at once, and its last words when somebody else holds the pipe."""
    script = "head -c 300000 /dev/zero; sleep 60 <&- & echo end $!"
    with trio.fail_after(10):
        code, printed = await run_command(["sh", "-c", script], b"")
    assert (code, printed[:300_000]) == (0, bytes(300_000))
    words = printed[300_000:].split()
    assert words[0] == b"end"
    os.kill(int(words[1]), signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("trap", ["", "trap : TERM;", "trap '' TERM;"])
async def test_a_command_that_is_cancelled_ends_with_all_that_it_started(
    tmp_path: Path, trap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trowamp.cli._processes._GRACE", 0.2)
    file = tmp_path / "pid"
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_command, ["sh", "-c", f"{trap} sleep 60 & echo $! >{file}; wait; wait"], b"")
            started = await process_in(file)
            nursery.cancel_scope.cancel()
        assert await ends(started)
