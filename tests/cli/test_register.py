from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import trio

from trowamp import ApplicationError, Result
from trowamp.cli._answers import answer_with_command
from trowamp.cli._register import Countdown

from .program import Run, Start

MODULE = """
import trowamp

def add(x, y):
    return x + y

async def greet(name, *, polite=False):
    return f"{'Dear' if polite else 'Hi'} {name}"

def fail():
    raise trowamp.ApplicationError("com.example.error.failed", 1, a=2)

def whoever(call: trowamp.Invocation):
    return call.procedure

class Shop:
    def stock(self, item):
        return trowamp.Result(item, left=3)

shop = Shop()
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(MODULE, encoding="utf-8")


def test_functions_of_a_module_serve(serve: Start, call: Run) -> None:
    serve("com.example.add", "--file", "served:add")
    serve("com.example.greet", "--file", "served:greet")
    serve("com.example.fail", "--file", "served:fail")
    serve("com.example.stock", "--file", "served:shop.stock", "-C", "1")
    assert call("com.example.add", "2", "3").out == "5\n"
    assert call("com.example.greet", "Joe", "-k", "polite=true", "-o", "raw").out == "Dear Joe\n"
    assert call("com.example.fail") == (1, "", "error: com.example.error.failed: 1 a=2\n")
    assert call("com.example.stock", "7").out == "7 left=3\n"


def test_a_pattern_serves_what_it_matches(serve: Start, call: Run) -> None:
    program = serve("com.example.shelf", "--match", "prefix", "--file", "served:whoever", "-C", "2")
    assert call("com.example.shelf.one", "-o", "raw").out == "com.example.shelf.one\n"
    assert call("com.example.shelf.two", "-o", "raw").out == "com.example.shelf.two\n"
    assert program.end() == (0, "", "")


def test_procedures_can_be_shared(serve: Start, call: Run) -> None:
    for number in ("1", "2"):
        serve("com.example.shared", "--returns", number, "--invoke", "roundrobin")
    assert {call("com.example.shared").out for _ in range(2)} == {"1\n", "2\n"}


def test_a_procedure_that_is_taken_is_refused(serve: Start, here: Run, router: str) -> None:
    serve("com.example.taken", "--echo")
    code, out, err = here("--url", router, "register", "com.example.taken", "--echo")
    assert (code, out) == (1, "")
    assert err.startswith("error: wamp.error.procedure_already_exists")


def test_a_command_serves(serve: Start, call: Run) -> None:
    program = "import json, sys; given = json.load(sys.stdin); print(json.dumps([given['args'], given['kwargs']]))"
    serve("com.example.command", "--", sys.executable, "-c", program)
    code, out, _ = call("com.example.command", "1", "-k", "a=2", "-o", "jsonl")
    assert (code, json.loads(out)["args"]) == (0, [[[1], {"a": 2}]])


def test_a_cancelled_call_ends_its_command(serve: Start, call: Run, tmp_path: Path) -> None:
    program = "import os, time; print(os.getpid(), file=open('pid', 'w')); time.sleep(60)"
    server = serve("com.example.endless", "-C", "1", "--", sys.executable, "-c", program)
    assert call("com.example.endless", "--timeout", "1").code == 124
    assert server.end() == (0, "", "")  # the only call is over
    with pytest.raises(ProcessLookupError):
        _signal_nothing(int((tmp_path / "pid").read_text()))


def _signal_nothing(process: int) -> None:
    import os

    os.kill(process, 0)


def test_options_of_the_request_are_sent_as_they_are(serve: Start, call: Run) -> None:
    first = serve("com.example.taken_over", "--returns", "1")
    serve("com.example.taken_over", "--returns", "2", "-O", "force_reregister=true", "-O", "invoke=single")
    assert call("com.example.taken_over").out == "2\n"
    assert first.tells("WARNING trowamp.procedure: registration of 'com.example.taken_over' was revoked")


async def answered(script: str, *args: object, **kwargs: object) -> object:
    return await answer_with_command([sys.executable, "-c", script])(*args, **kwargs)


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("print(42)", 42),
        ("print('[1, 2]')", [1, 2]),
        ("print('two words')", "two words"),
        ("print('')", None),
        ("pass", None),
        ("import sys; sys.stdout.buffer.write(bytes([255]))", b"\xff"),
        ("""print('{"args": [1, 2], "kwargs": {"a": 3}}')""", Result(1, 2, a=3)),
        ("""print('{"a": 3}')""", {"a": 3}),
    ],
)
async def test_what_a_command_prints_is_the_answer(script: str, answer: object) -> None:
    assert await answered(script) == answer


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("exit(3)", "ApplicationError('wamp.error.runtime_error', 'the command ended with exit code 3')"),
        ("print('[1'); exit(3)", "ApplicationError('wamp.error.runtime_error', 'the command ended with exit code 3')"),
        (
            """print('{"error": "com.example.failed", "args": [1], "kwargs": {"a": 2}}'); exit(1)""",
            "ApplicationError('com.example.failed', 1, a=2)",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            "ApplicationError('wamp.error.runtime_error', 'the command ended with signal 9')",
        ),
    ],
)
async def test_a_command_that_fails_is_an_error(script: str, error: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        await answered(script)
    assert repr(caught.value) == error


async def test_a_command_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ApplicationError, match="cannot run /nowhere/command: No such file"):
        await answer_with_command(["/nowhere/command"])()


async def test_a_countdown_counts_failures_too() -> None:
    countdown = Countdown(2)

    @countdown.around
    def divide(x: int, y: int) -> float:
        return x / y

    assert await divide(1, 2) == 0.5
    assert not countdown.over.is_set()
    with pytest.raises(ZeroDivisionError):
        await divide(1, 0)
    assert countdown.over.is_set()


async def test_a_countdown_without_count_never_ends(autojump_clock: trio.testing.MockClock) -> None:
    with trio.move_on_after(1000) as scope:
        await Countdown(None).over.wait()
    assert scope.cancelled_caught
