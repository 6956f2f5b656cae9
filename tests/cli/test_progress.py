from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from trowamp.cli._progress import ProgressDisplay, advance_of
from trowamp.cli._values import Payload


@pytest.mark.parametrize(
    ("args", "kwargs", "advance"),
    [
        ((3, 10), {}, (3, 10)),
        (([3, 10],), {}, (3, 10)),
        ((), {"done": 3, "total": 10}, (3, 10)),
        (({"done": 3, "total": 10, "file": "x"},), {}, (3, 10)),
        ((), {"percent": 40}, (40, 100)),
        (({"percent": 40.5},), {}, (40.5, 100)),
        ((0.4,), {}, (0.4, 1.0)),
        (("40%",), {}, (40, 100)),
        (("12.5 %",), {}, (12.5, 100)),
        ((0, 1), {}, (0, 1)),
    ],
)
def test_a_result_that_says_how_far_the_call_is_is_understood(
    args: tuple[Any, ...], kwargs: dict[str, Any], advance: tuple[float, float]
) -> None:
    assert advance_of(Payload(args, kwargs)) == advance


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((5,), {}),
        ((True,), {}),
        ((1.5,), {}),
        ((11, 10), {}),
        ((-1, 10), {}),
        ((0, 0), {}),
        ((True, 10), {}),
        (("a", "b"), {}),
        ((1, 2, 3), {}),
        (("done",), {}),
        (("x%",), {}),
        (("101%",), {}),
        (({"done": "x", "total": 1},), {}),
        ((), {"line": "text"}),
    ],
)
def test_any_other_result_is_just_a_value(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    assert advance_of(Payload(args, kwargs)) is None


def shown(*parts: Payload, is_quiet: bool = False) -> None:
    with ProgressDisplay("com.example.longop", is_quiet=is_quiet) as display:
        for part in parts:
            display.show(part)


PARTS = (Payload((1, 4), {}), Payload(("working",), {"on": "x"}), Payload((4, 4), {}))


def test_a_file_gets_a_line_for_each_result(capsys: pytest.CaptureFixture[str]) -> None:
    shown(*PARTS)
    assert capsys.readouterr() == ("", 'progress: 1/4 (25%)\n"working" on="x"\nprogress: 4/4 (100%)\n')


def test_quiet_means_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    shown(*PARTS, is_quiet=True)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_other_values_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    shown(*PARTS)
    text = terminal.getvalue()
    assert "com.example.longop" in text
    assert " 25%" in text
    assert "100%" in text
    assert '"working" on="x"' in text


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    shown(*PARTS)
    assert terminal.getvalue().splitlines()[0] == "progress: 1/4 (25%)"
