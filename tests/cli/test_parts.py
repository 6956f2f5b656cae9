"""Small parts: how long calls took, which failure of several is told, what is said of it."""

from __future__ import annotations

import click
import pytest
import trio

from trowamp import ApplicationError, BufferOverflow, ConnectError, FeatureNotSupported, NoSuchProcedure, SessionLost
from trowamp.cli._errors import Failure, code_of, line_about, report, worst_of
from trowamp.cli._output import StdoutClosed
from trowamp.cli._settings import Settings
from trowamp.cli._timing import Timing, describe


def test_times_are_summed_up_in_a_line() -> None:
    assert describe([], 0.0) == "0 call in 0.00 ms"
    assert describe([0.0125], 0.0125) == "1 call in 12.50 ms"
    durations = [number / 1000 for number in range(1, 101)]
    assert describe(durations, 2.0) == (
        "100 calls in 2.00 s, 50/s; each: fastest 1.00 ms, median 51.00 ms, 99% 99.00 ms, slowest 100.00 ms"
    )


def test_a_call_that_fails_is_not_counted() -> None:
    timing = Timing()
    timing.start()
    with pytest.raises(ValueError, match="x"), timing.measured():
        raise ValueError("x")
    with timing.measured():
        pass
    assert timing.summary().startswith("1 call in ")


LOST = SessionLost("gone")
BUG = ZeroDivisionError("x")


@pytest.mark.parametrize(
    ("errors", "worst"),
    [
        ([LOST], LOST),
        ([LOST, BUG], BUG),
        ([BUG, LOST], BUG),
        ([LOST, ExceptionGroup("inner", [BUG])], BUG),
        ([NoSuchProcedure(), LOST], None),
    ],
)
def test_of_several_failures_the_one_that_tells_most_is_told(errors: list[Exception], worst: Exception | None) -> None:
    assert worst_of(ExceptionGroup("several", errors)) is (worst or errors[0])


def test_ctrl_c_is_told_before_anything_else() -> None:
    interrupt = KeyboardInterrupt()
    assert worst_of(BaseExceptionGroup("several", [BUG, interrupt, StdoutClosed()])) is interrupt


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ApplicationError("com.example.failed", 1, "two", a=3), 1, 'error: com.example.failed: 1 "two" a=3'),
        (ApplicationError("com.example.failed"), 1, "error: com.example.failed"),
        (click.UsageError("Nothing like that."), 2, "error: Nothing like that"),
        (FeatureNotSupported("call_timeout"), 2, "error: the router does not announce the feature 'call_timeout'"),
        (ConnectError("two\nlines"), 3, "error: two lines"),
        (LOST, 5, "error: gone"),
        (
            BufferOverflow("com.example.topic", 5, "hurry"),
            5,
            "error: 'com.example.topic' overflowed its buffer of 5: hurry",
        ),
        (BUG, 70, "error: ZeroDivisionError: x (-v shows where)"),
        (Failure(124, "time is up"), 124, "error: time is up"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (StdoutClosed(), 0, ""),
        (ExceptionGroup("one", [LOST]), 5, "error: gone"),
    ],
)
def test_each_error_has_a_code_and_a_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, Settings()) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == (1 if line else 0)


async def test_a_cancelled_task_is_not_what_went_wrong() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        with pytest.raises(trio.Cancelled) as caught:
            await trio.lowlevel.checkpoint()
    assert worst_of(BaseExceptionGroup("both", [caught.value, LOST])) is LOST


def test_machines_are_told_errors_in_json() -> None:
    settings = Settings()
    settings.output = "jsonl"
    error = ApplicationError("com.example.failed", 1, a=b"hi")
    assert line_about(error, settings) == '{"error":"com.example.failed","args":[1],"kwargs":{"a":"\\u0000aGk="}}'
    assert line_about(LOST, settings) == "error: gone"
    assert code_of(error) == 1
