from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from trowamp.cli._values import content_of, from_json, json_value, payload_of_json, to_json, typed, typed_pair


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("18446744073709551615", 18446744073709551615),
        ("true", True),
        ("false", False),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ('{"a": [true]}', {"a": [True]}),
        ("'1'", "1"),
        ('"1"', "1"),
        ("''", ""),
        ('"\\u00e9"', "é"),
        ('"\\u0000aGk="', b"hi"),
        ("hello", "hello"),
        ("", ""),
        ("'", "'"),
        ("@", "@"),
        ("007", "007"),
        ("+49 30", "+49 30"),
        ("True", "True"),
        ("truth", "truth"),
        ("None", "None"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("[1, 2", "[1, 2"),
        ("1.2.3", "1.2.3"),
        ("snow in Oslo", "snow in Oslo"),
        ("-", "-"),
    ],
)
def test_a_word_means_what_it_looks_like(word: str, value: Any) -> None:
    assert typed(word) == value
    assert type(typed(word)) is type(value)


def test_a_word_can_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all,\n42\n", encoding="utf-8")
    (tmp_path / "number").write_text("42", encoding="utf-8")
    (tmp_path / "image").write_bytes(b"\x89PNG\xff")
    assert typed(f"@{tmp_path}/letter.txt") == "Dear all,\n42\n"
    assert typed(f"@{tmp_path}/number") == "42"
    assert typed(f"@{tmp_path}/image") == b"\x89PNG\xff"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read .*nowhere: No such file"):
        typed(f"@{tmp_path}/nowhere")


def test_standard_input_can_be_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert content_of("-") == "from a pipe"


def test_a_pair_has_a_key_and_a_typed_value() -> None:
    assert typed_pair("count=3") == ("count", 3)
    assert typed_pair("name='3'") == ("name", "3")
    assert typed_pair("term=a=b") == ("term", "a=b")
    assert typed_pair("empty=") == ("empty", "")


@pytest.mark.parametrize("word", ["count", "=3", ""])
def test_what_is_no_pair_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="not of the form key=value"):
        typed_pair(word)


def test_json_can_be_given_or_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "args.json").write_text("[1, {}]", encoding="utf-8")
    assert json_value("[1]") == [1]
    assert json_value(f"@{tmp_path}/args.json") == [1, {}]
    for wrong in ("[1", "hello", "NaN"):
        with pytest.raises(ValueError, match="is not JSON"):
            json_value(wrong)


@pytest.mark.parametrize(
    ("value", "args", "kwargs"),
    [
        ([1, 2], (1, 2), {}),
        ([], (), {}),
        ({"args": [1], "kwargs": {"a": 2}}, (1,), {"a": 2}),
        ({"kwargs": {"a": 2}, "topic": "com.example"}, (), {"a": 2}),
        ({"a": 2}, ({"a": 2},), {}),
        ("text", ("text",), {}),
        (None, (None,), {}),
    ],
)
def test_json_becomes_a_payload(value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    assert payload_of_json(value) == (args, kwargs)


@pytest.mark.parametrize("value", [{"args": 1}, {"kwargs": []}, {"args": {}, "kwargs": {}}])
def test_an_object_that_describes_no_payload_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match='"args" must be an array and "kwargs" an object'):
        payload_of_json(value)


@pytest.mark.parametrize("value", [b"", b"\x00\xff", [b"x", {"k": b"y"}], "é", 1.5, None, {"a": [1, True]}])
def test_what_is_written_as_json_is_read_as_the_same(value: Any) -> None:
    assert from_json(to_json(value)) == value


def test_json_is_compact_and_readable() -> None:
    assert to_json({"ü": [1, b"hi"]}) == '{"ü":[1,"\\u0000aGk="]}'
    with pytest.raises(TypeError, match="set is not a value"):
        to_json({1})
