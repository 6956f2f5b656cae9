from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .program import LONG_ENOUGH, Run, Start, environment_of


@pytest.fixture
def echo(serve: Start) -> str:
    serve("com.example.echo", "--echo")
    return "com.example.echo"


def test_what_is_sent_comes_back_in_the_format_that_is_asked_for(call: Run, echo: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all", encoding="utf-8")
    words = ("1", "-2", "'3'", "hello", "true", "[1, {}]", "-k", "a=4", "-k", f"b=@{tmp_path}/letter.txt")
    payload = {"args": [1, -2, "3", "hello", True, [1, {}]], "kwargs": {"a": 4, "b": "Dear all"}}
    code, out, err = call(echo, *words, "-o", "jsonl")
    assert (code, json.loads(out), err) == (0, payload, "")
    assert out.count("\n") == 1
    code, out, _ = call(echo, *words, "--json")
    assert (code, json.loads(out)) == (0, payload)
    assert call(echo, *words).out == '1 -2 "3" "hello" true [1,{}] a=4 b="Dear all"\n'
    assert call(echo, *words, "-o", "raw").out == "1\n-2\n3\nhello\ntrue\n[1,{}]\na=4\nb=Dear all\n"


def test_json_arguments_are_positional_or_keywords(call: Run, echo: str) -> None:
    code, out, _ = call(echo, "--json-args", "[1, [2]]", "--json-args", '{"a": 3, "b": 4}', "-k", "b=5", "-o", "jsonl")
    assert (code, json.loads(out)) == (0, {"args": [1, [2]], "kwargs": {"a": 3, "b": 5}})


def test_standard_input_can_be_an_argument(run: Run, echo: str, router: str) -> None:
    assert run("--url", router, "call", echo, "@-", "-o", "raw", given="from a pipe") == (0, "from a pipe\n", "")


def test_words_after_two_dashes_are_arguments(call: Run, echo: str) -> None:
    assert call(echo, "--", "--timeout", "-x") == (0, '"--timeout" "-x"\n', "")


def test_variables_say_what_no_option_says(here: Run, echo: str, router: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"URL": router, "OUTPUT": "jsonl", "SERIALIZER": "json"}.items():
        monkeypatch.setenv(f"TROWAMP_{name}", value)
    assert here("call", echo, "1") == (0, '{"args":[1],"kwargs":{}}\n', "")
    assert here("call", echo, "1", "-o", "text") == (0, "1\n", "")
    assert here("-o", "raw", "call", echo, "'1'") == (0, "1\n", "")
    monkeypatch.setenv("TROWAMP_REALM", "nowhere")
    assert here("call", echo, "1").code == 4


def test_options_are_taken_before_and_after_the_command(here: Run, echo: str, router: str) -> None:
    assert here("call", "--url", router, echo, "1").code == 0
    assert here("--realm", "nowhere", "call", "--url", router, "--realm", "realm1", echo, "1").code == 0
    assert here("call", "--realm", "nowhere", "--url", router, echo, "1").code == 4


@pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor"])
def test_every_serializer_carries_octets(call: Run, echo: str, tmp_path: Path, serializer: str) -> None:
    (tmp_path / "image").write_bytes(b"\x89PNG\xff")
    code, out, _ = call("--serializer", serializer, echo, f"@{tmp_path}/image", "-o", "jsonl")
    assert (code, json.loads(out)["args"]) == (0, ["\0iVBOR/8="])


def test_repeated_calls_print_every_result_and_can_be_timed(call: Run, echo: str) -> None:
    code, out, err = call(echo, "1", "--repeat", "20", "--concurrency", "5", "--time")
    assert (code, out) == (0, "1\n" * 20)
    assert re.fullmatch(
        r"20 calls in \S+ m?s, \d+/s; each: fastest \S+ ms, median \S+ ms, 99% \S+ ms, slowest \S+ m?s\n", err
    )
    assert re.fullmatch(r"1 call in \S+ m?s\n", call(echo, "1", "--time").err)


COUNTING = """
import trowamp

async def count(total: int, call: trowamp.Invocation) -> str:
    for number in range(1, total + 1):
        await call.progress(number, total)
    await call.progress("almost", reason="done")
    return "counted"
"""


@pytest.fixture
def count(serve: Start, tmp_path: Path) -> str:
    (tmp_path / "counting.py").write_text(COUNTING, encoding="utf-8")
    serve("com.example.count", "--file", "counting:count")
    return "com.example.count"


def test_progress_is_shown_beside_the_result(call: Run, count: str) -> None:
    lines = 'progress: 1/2 (50%)\nprogress: 2/2 (100%)\n"almost" reason="done"\n'
    assert call(count, "2", "--progress") == (0, '"counted"\n', lines)
    assert call(count, "2", "--progress", "-q") == (0, '"counted"\n', "")
    assert call(count, "2") == (0, '"counted"\n', "")


def test_a_terminal_sees_a_bar(count: str, router: str, project: Path) -> None:
    terminal, far = pty.openpty()
    environment = environment_of(project, {"TERM": "xterm", "COLUMNS": "80"})
    command = [sys.executable, "-m", "trowamp", "--url", router, "call", count, "4", "--progress"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=far, env=environment, timeout=LONG_ENOUGH, check=True)
    seen = os.read(terminal, 65536).decode()
    os.close(far)
    os.close(terminal)
    assert done.stdout == b'"counted"\n'
    assert "━" in seen
    assert "100%" in seen
    assert '"almost"' in seen


def test_errors_are_red_on_a_terminal_unless_it_wants_no_colour(router: str, project: Path) -> None:
    for more, start in (({}, b"\x1b[31m\x1b[1merror:\x1b[0m"), ({"NO_COLOR": "1"}, b"error: ")):
        terminal, far = pty.openpty()
        command = [sys.executable, "-m", "trowamp", "--url", router, "call", "com.example.nowhere"]
        environment = environment_of(project, {"TERM": "xterm", **more})
        assert subprocess.run(command, stderr=far, env=environment, timeout=LONG_ENOUGH, check=False).returncode == 1
        assert os.read(terminal, 65536).startswith(start)
        os.close(far)
        os.close(terminal)
