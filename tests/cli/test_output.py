from __future__ import annotations

import io
import os
from typing import Any

import pytest

from trowamp import Result
from trowamp.cli._output import FORMATS, Printer, StdoutClosed, notice, payload_of, styled, write
from trowamp.cli._values import Payload


@pytest.mark.parametrize(
    ("returned", "args", "kwargs"),
    [(None, (), {}), (5, (5,), {}), ([1, 2], ([1, 2],), {}), (Result(1, 2, a=3), (1, 2), {"a": 3})],
)
def test_a_returned_value_becomes_the_payload_that_it_was(
    returned: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert payload_of(returned) == (args, kwargs)


@pytest.mark.parametrize(
    ("form", "args", "kwargs", "printed"),
    [
        ("text", (5,), {}, b"5\n"),
        ("text", ("hello",), {}, b'"hello"\n'),
        ("text", (1, "two"), {"three": [3]}, b'1 "two" three=[3]\n'),
        ("text", ([1, 2],), {}, b"[\n  1,\n  2\n]\n"),
        ("text", (), {}, b"\n"),
        ("json", (1,), {"a": 2}, b'{\n  "args": [\n    1\n  ],\n  "kwargs": {\n    "a": 2\n  }\n}\n'),
        ("jsonl", (1, b"hi"), {"a": None}, b'{"args":[1,"\\u0000aGk="],"kwargs":{"a":null}}\n'),
        ("raw", ("hello",), {}, b"hello\n"),
        ("raw", (b"\xff\n",), {}, b"\xff\n"),
        ("raw", (1, "two"), {"three": [3], "four": "x"}, b"1\ntwo\nthree=[3]\nfour=x\n"),
        ("raw", (), {}, b""),
    ],
)
def test_a_payload_is_printed(form: str, args: tuple[Any, ...], kwargs: dict[str, Any], printed: bytes) -> None:
    assert FORMATS[form](Payload(args, kwargs), {}) == printed


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        ("text", b'com.example: [1]  (publication_id 7, details {"x":1})\n'),
        ("jsonl", b'{"topic":"com.example","publication_id":7,"details":{"x":1},"args":[[1]],"kwargs":{}}\n'),
        ("raw", b"[1]\n"),
    ],
)
def test_an_event_is_printed_with_what_is_known_of_it(form: str, printed: bytes) -> None:
    extra = {"topic": "com.example", "publication_id": 7, "details": {"x": 1}}
    assert FORMATS[form](Payload(([1],), {}), extra) == printed


async def test_people_are_not_shown_an_empty_result(capfd: pytest.CaptureFixture[str]) -> None:
    await Printer("text").result(payload_of(None))
    await Printer("text").result(payload_of(0))
    await Printer("jsonl").result(payload_of(None))
    assert capfd.readouterr().out == '0\n{"args":[],"kwargs":{}}\n'


async def test_a_fact_has_its_name_for_machines_only(capfd: pytest.CaptureFixture[str]) -> None:
    await Printer("text").fact("publication_id", 7)
    await Printer("jsonl").fact("publication_id", 7)
    assert capfd.readouterr().out == '7\n{"publication_id":7}\n'


async def test_more_than_a_pipe_takes_at_once_is_printed_whole(capfd: pytest.CaptureFixture[str]) -> None:
    await Printer("raw").octets(b"x" * 100_000)
    assert len(capfd.readouterr().out) == 100_000


def test_a_reader_that_has_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int, __: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr("os.write", broken)
    with pytest.raises(StdoutClosed):
        write(b"x")


def test_an_output_that_does_not_block_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_for_real, busy = os.write, iter([True, False])

    def write_when_ready(file: int, data: memoryview) -> int:
        if next(busy):
            raise BlockingIOError
        return write_for_real(file, data)

    monkeypatch.setattr("os.write", write_when_ready)
    write(b"late\n")
    monkeypatch.undo()
    assert capfd.readouterr().out == "late\n"


def test_quiet_silences_notices(capsys: pytest.CaptureFixture[str]) -> None:
    notice("heard")
    notice("not heard", unless=True)
    assert capsys.readouterr() == ("", "heard\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_sees_colours_and_only_if_it_wants_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert styled("x", Terminal(), fg="red") == "\x1b[31mx\x1b[0m"
    assert styled("x", io.StringIO(), fg="red") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert styled("x", Terminal(), fg="red") == "x"
