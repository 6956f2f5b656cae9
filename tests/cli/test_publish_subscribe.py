from __future__ import annotations

import functools
import json
import re

import pytest

from .program import Program, Run, Start


@pytest.fixture
def publish(here: Run, router: str) -> Run:
    """Publish at the shared router."""
    return functools.partial(here, "--url", router, "publish")


@pytest.fixture
def publish_lines(run: Run, router: str) -> Run:
    """Publish lines of standard input at the shared router."""
    return functools.partial(run, "--url", router, "publish")


@pytest.fixture
def subscribe(start: Start, router: str) -> Start:
    """Subscribe at the shared router, and wait until that is done."""

    def begin(topic: str, *arguments: str) -> Program:
        program = start("--url", router, "subscribe", topic, *arguments)
        program.tells(f"subscribed to {topic}")
        return program

    return begin


def test_an_event_goes_from_one_terminal_to_the_other(publish: Run, subscribe: Start) -> None:
    program = subscribe("com.example.weather", "-C", "2")
    assert publish("com.example.weather", "snow", "-3", "-k", "town=Oslo") == (0, "", "")
    assert publish("com.example.weather") == (0, "", "")
    assert program.end() == (0, '"snow" -3 town="Oslo"\n\n', "")


def test_patterns_show_topics(publish: Run, subscribe: Start) -> None:
    by_prefix = subscribe("com.example.pattern", "--match", "prefix", "-C", "1")
    by_wildcard = subscribe("com.example..end", "--match", "wildcard", "-C", "1", "-o", "jsonl")
    publish("com.example.pattern.end", "1")
    assert by_prefix.end().out == "com.example.pattern.end: 1\n"
    assert json.loads(by_wildcard.end().out) == {"topic": "com.example.pattern.end", "args": [1], "kwargs": {}}


def test_details_and_formats_tell_more(publish: Run, subscribe: Start) -> None:
    detailed = subscribe("com.example.detailed", "-C", "1", "--details")
    formatted = subscribe("com.example.detailed", "-C", "1", "--format", "%t [%p] %a %k %i [%s] 100%%")
    dated = subscribe("com.example.detailed", "-C", "1", "--format", "%I %U")
    complete = subscribe("com.example.detailed", "-C", "1", "--format", "%j")
    code, out, err = publish("com.example.detailed", "hi", "-k", "a=1", "--ack", "-O", "disclose_me=true")
    assert (code, err) == (0, "")
    publication = int(out)
    assert detailed.end().out.startswith(f'com.example.detailed: "hi" a=1  (publication_id {publication}, details {{')
    assert re.fullmatch(
        rf'com\.example\.detailed \[hi\na=1\] \["hi"\] \{{"a":1\}} {publication} \[\d+\] 100%\n', formatted.end().out
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d \d+\.\d{3}\n", dated.end().out)
    event = json.loads(complete.end().out)
    assert (event["publication_id"], event["args"], event["kwargs"]) == (publication, ["hi"], {"a": 1})


def test_each_line_of_standard_input_is_an_event(publish_lines: Run, subscribe: Start) -> None:
    program = subscribe("com.example.lines", "-C", "3")
    assert publish_lines("com.example.lines", "--stdin", "lines", "-k", "a=1", given="1\ntwo words\n\n").code == 0
    assert program.end().out == '"1" a=1\n"two words" a=1\n"" a=1\n'


def test_what_subscribe_prints_can_be_published(publish_lines: Run, subscribe: Start) -> None:
    program = subscribe("com.example.jsonl", "-C", "3", "-o", "jsonl")
    lines = '{"topic":"com.example.a","args":[1,"\\u0000aGk="],"kwargs":{"b":2}}\n[3, 4]\n"five"'
    code, out, err = publish_lines("com.example.jsonl", "--stdin", "jsonl", "--ack", "-o", "jsonl", given=lines)
    assert (code, err) == (0, "")
    assert [list(json.loads(line)) for line in out.splitlines()] == [["publication_id"]] * 3
    payloads = [(event["args"], event["kwargs"]) for event in map(json.loads, program.end().out.splitlines())]
    assert payloads == [([1, "\0aGk="], {"b": 2}), ([3, 4], {}), (["five"], {})]


def test_a_line_that_cannot_be_read_is_named(publish_lines: Run) -> None:
    code, out, err = publish_lines("com.example.jsonl", "--stdin", "jsonl", given="[1]\n[2\n")
    assert (code, out) == (2, "")
    assert err.startswith("error: line 2 of standard input: ")


def test_lines_are_published_as_they_come(start: Start, subscribe: Start, router: str) -> None:
    subscriber = subscribe("com.example.live")
    publisher = start("--url", router, "publish", "com.example.live", "--stdin", "lines")
    publisher.write("first\n")
    assert subscriber.says('"') == '"first"'
    publisher.write("second\n")
    assert subscriber.says('"') == '"second"'
    assert publisher.end()[:2] == (0, "")


def test_a_closed_pipe_ends_quietly(publish: Run, subscribe: Start) -> None:
    program = subscribe("com.example.pipe")
    publish("com.example.pipe", "1")
    assert program.says("1")
    assert program.process.stdout is not None
    program.process.stdout.close()
    publish("com.example.pipe", "2")
    assert program.process.wait(30) == 0
    assert program.process.stderr is not None
    assert program.process.stderr.read() == ""


def test_quiet_tells_nothing(start: Start, publish: Run, router: str) -> None:
    program = start("--url", router, "subscribe", "com.example.nothing", "-q", "-W", "0.1")
    assert program.end() == (124, "", "error: time is up: 0.1 s\n")
