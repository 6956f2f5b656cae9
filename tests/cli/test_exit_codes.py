"""Each exit code, as a process ends with it, with one line on standard error."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trowamp import _exit_codes

from .program import LONG_ENOUGH, Program, Run, Start, environment_of


@pytest.fixture
def nobody() -> Iterator[str]:
    """Return a URL at which nobody listens, and nobody can start to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"ws://127.0.0.1:{taken.getsockname()[1]}/ws"


def test_0_is_a_result(serve: Start, call: Run) -> None:
    serve("com.example.seven", "--returns", "7")
    assert call("com.example.seven") == (0, "7\n", "")


def test_1_is_an_answer_that_is_an_error(call: Run) -> None:
    code, out, err = call("com.example.nowhere")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"error: wamp.error.no_such_procedure: .*\n", err)


def test_1_is_told_to_machines_in_json(call: Run) -> None:
    code, out, err = call("com.example.nowhere", "--json")
    assert (code, out) == (1, "")
    assert err.startswith('{"error":"wamp.error.no_such_procedure","args":["')


def test_2_is_wrong_usage(run: Run) -> None:
    assert run("call") == (2, "", "error: Missing argument 'URI' (see trowamp call --help)\n")


def test_3_is_a_router_that_is_not_there(run: Run, nobody: str) -> None:
    code, out, err = run("--url", nobody, "call", "com.example.seven")
    assert (code, out) == (3, "")
    assert re.fullmatch(rf"error: cannot connect to {re.escape(nobody)}: .*\n", err)


def test_3_is_an_address_that_cannot_be_listened_at(run: Run, nobody: str) -> None:
    code, out, err = run("router", "--listen", nobody)
    assert (code, out) == (3, "")
    assert re.fullmatch(r"error: cannot listen at .*\n", err)


def test_3_is_encryption_that_does_not_come_about(run: Run, router: str) -> None:
    code, out, err = run("--url", router.replace("ws:", "wss:"), "call", "com.example.seven")
    assert (code, out, err.count("\n")) == (3, "", 1)


def test_4_is_a_realm_that_does_not_exist(run: Run, router: str) -> None:
    code, out, err = run("--url", router, "--realm", "nowhere", "call", "com.example.seven")
    assert (code, out) == (4, "")
    assert re.fullmatch(r"error: .*wamp.error.no_such_realm.*\n", err)


def test_5_is_a_router_that_is_killed(start: Start) -> None:
    router = start("router", "--listen", "ws://127.0.0.1:0/ws")
    program = start("--url", router.says("listening on ").split()[-1], "subscribe", "com.example.topic")
    program.tells("subscribed to com.example.topic")
    router.process.kill()
    code, out, err = program.end()
    assert (code, out, err.count("\n")) == (5, "", 1)


def test_5_is_a_router_that_shuts_down(start: Start) -> None:
    router = start("router", "--listen", "ws://127.0.0.1:0/ws")
    program = start("--url", router.says("listening on ").split()[-1], "register", "com.example.echo", "--echo")
    program.tells("registered com.example.echo")
    assert router.end(signal=signal.SIGTERM) == (0, "", "")
    code, out, err = program.end()
    assert (code, out) == (5, "")
    assert re.fullmatch(r"error: .*wamp.close.system_shutdown.*\n", err)


def test_70_is_a_bug(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "import trowamp\napp = trowamp.Component('rs://127.0.0.1:1', realm='realm1')\n"
        "@app.on_connect_failure\ndef failed(error):\n    return 1 / 0\n",
        encoding="utf-8",
    )
    code, out, err = run("-q", "run", "broken:app")
    assert (code, out, err) == (70, "", "error: ZeroDivisionError: division by zero (-v shows where)\n")
    code, out, err = run("-v", "run", "broken:app")
    assert code == 70
    assert "Traceback" in err
    assert err.endswith("\nerror: ZeroDivisionError: division by zero\n")


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", ["--help", "--version", "call --help", "call com.example.full"])
def test_74_is_a_disk_that_is_full(serve: Start, router: str, project: Path, words: str) -> None:
    if "example" in words:
        serve("com.example.full", "--returns", "7")
    code, err = redirected(project, f"--url {router} {words} >{FULL}")
    assert (code, err) == (74, "error: cannot write to standard output: No space left on device\n")


def test_74_is_a_closed_standard_output(serve: Start, router: str, project: Path) -> None:
    serve("com.example.closed", "--returns", "7")
    code, err = redirected(project, f"--url {router} call com.example.closed >&-")
    assert (code, err) == (74, "error: cannot write to standard output: Bad file descriptor\n")


def test_other_streams_may_be_closed(serve: Start, router: str, project: Path) -> None:
    serve("com.example.silent", "--echo")
    assert redirected(project, f"--url {router} call com.example.silent <&- 2>&- >/dev/null") == (0, "")
    assert redirected(project, f"--url {router} call com.example.nowhere <&- >&- 2>&-") == (1, "")
    code, err = redirected(project, f"--url {router} call com.example.silent @- <&-")
    assert (code, err) == (2, "error: cannot read -: Bad file descriptor (see trowamp call --help)\n")


def redirected(project: Path, words: str) -> tuple[int, str]:
    """Run `trowamp` in a shell, which redirects its streams."""
    done = subprocess.run(
        ["sh", "-c", f"exec {shlex.quote(sys.executable)} -m trowamp {words}"],
        env=environment_of(project, {}),
        stderr=subprocess.PIPE,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    return done.returncode, done.stderr


def test_124_is_a_call_that_takes_too_long(serve: Start, call: Run) -> None:
    serve("com.example.slow", "--", "sleep", "60")
    code, out, err = call("com.example.slow", "--timeout", "0.1")
    assert (code, out) == (124, "")
    assert re.fullmatch(r"error: time is up: 0.1 s\n|error: wamp.error.timeout.*\n", err)


def test_124_is_a_router_that_says_nothing(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts
        began = time.monotonic()
        ended = run("--url", f"rs://127.0.0.1:{silent.getsockname()[1]}", "call", "com.example.f", "--timeout", "0.3")
        assert ended == (124, "", "error: time is up: 0.3 s\n")
        assert time.monotonic() - began < 10  # of 15 that connecting may take otherwise


def test_124_is_a_router_that_is_frozen(start: Start, here: Run) -> None:
    router = start("router", "--listen", "rs://127.0.0.1:0")
    url = router.says("listening on ").removeprefix("listening on ")
    freeze = f"import os, signal; os.kill({router.process.pid}, signal.SIGSTOP)"
    served = start("--url", url, "register", "com.example.freeze", "--", sys.executable, "-c", freeze)
    served.tells("registered ")
    began = time.monotonic()
    assert here("--url", url, "call", "com.example.freeze", "--timeout", "1") == (124, "", "error: time is up: 1 s\n")
    assert time.monotonic() - began < 2.5  # 1 s, and 2 that leaving may take otherwise


def test_124_is_an_event_that_does_not_come(run: Run, router: str) -> None:
    code, out, err = run("--url", router, "subscribe", "com.example.nothing", "-C", "1", "-W", "0.1")
    assert (code, out) == (124, "")
    assert err.splitlines()[-1] == "error: time is up: 0.1 s"


@pytest.mark.parametrize("command", [("subscribe", "com.example.t"), ("register", "com.example.p", "--echo")])
def test_130_is_ctrl_c_and_0_is_sigterm(start: Start, router: str, command: tuple[str, ...]) -> None:
    for asked, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
        program = start("--url", router, *command)
        program.tells(f"{command[0].removesuffix('e')}")
        assert program.end(signal=asked)[:2] == (code, "")


def test_130_is_ctrl_c_while_code_of_the_user_blocks(start: Start, serve: Start, router: str, tmp_path: Path) -> None:
    (tmp_path / "blocking.py").write_text(
        "import sys\nasync def block():\n    print('blocking', file=sys.stderr, flush=True)\n    while True:\n        pass\n",
        encoding="utf-8",
    )
    program = serve("com.example.block", "--file", "blocking:block")
    caller = start("--url", router, "call", "com.example.block")
    program.tells("blocking")
    assert program.end(signal=signal.SIGINT) == (130, "", "")
    assert caller.end().code == 1


def test_130_is_ctrl_c_for_a_call(start: Start, serve: Start, router: str) -> None:
    program = serve("com.example.long", "--", "sh", "-c", "echo called >&2; sleep 60")
    caller = start("--url", router, "call", "com.example.long")
    program.tells("called")
    assert caller.end(signal=signal.SIGINT) == (130, "", "")


def test_what_a_script_started_in_the_background_ignores_ctrl_c(start: Start, router: str, project: Path) -> None:
    ignoring = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); from trowamp.cli import main; main()"
    arguments = ("--url", router, "subscribe", "com.example.background", "-C", "1")
    program = Program(arguments, environment_of(project, {}), project, ("-c", ignoring))
    try:
        program.tells("subscribed to")
        program.process.send_signal(signal.SIGINT)
        assert start("--url", router, "publish", "com.example.background", "1").end().code == 0
        assert program.end() == (0, "1\n", "")
    finally:
        program.close()


def test_130_is_ctrl_c_for_the_router_too(start: Start) -> None:
    router = start("router", "--listen", "ws://127.0.0.1:0/ws")
    router.says("listening on ")
    assert router.end(signal=signal.SIGINT)[:2] == (130, "")


def test_143_is_sigterm_for_a_call_without_result(start: Start, serve: Start, router: str) -> None:
    program = serve("com.example.forever", "--", "sh", "-c", "echo called >&2; sleep 60")
    caller = start("--url", router, "call", "com.example.forever")
    program.tells("called")
    assert caller.end(signal=signal.SIGTERM) == (143, "", "")


def test_143_is_sigterm_while_the_input_is_read(start: Start, router: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "words")
    program = start("--url", router, "call", "com.example.f", f"@{tmp_path / 'words'}", "@-")
    (tmp_path / "words").write_text("it reads")  # waits until it does
    assert program.end(signal=signal.SIGTERM) == (143, "", "")


def test_the_reference_lists_every_code(project: Path) -> None:
    page = (project / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    known = {value for value in vars(_exit_codes).values() if isinstance(value, int)}
    assert listed == known | {143}
