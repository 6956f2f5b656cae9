from __future__ import annotations

import signal
from pathlib import Path

import click
import pytest

from trowamp import Component
from trowamp.cli._run import components_of, meeting_points

from .program import Run, Start

MODULE = """
import os
import trowamp

adder = trowamp.Component(os.environ["ROUTER"], realm="realm1")

@adder.register("com.example.run.add")
def add(x, y):
    return x + y

caller = trowamp.Component(os.environ["ROUTER"], realm="realm1")

@caller.main
async def main(session):
    while True:
        try:
            print(await session.call("com.example.run.add", 2, 3), flush=True)
            adder.stop()
            return
        except trowamp.NoSuchProcedure:
            pass

both = [adder, caller]
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(MODULE, encoding="utf-8")


def test_components_run_until_they_are_done(run: Run, router: str) -> None:
    code, out, err = run("run", "app:both", env={"ROUTER": router})
    assert (code, out) == (0, "5\n")
    assert {line.split()[0] for line in err.splitlines()} == {"ready:"}


def test_a_component_says_when_it_is_ready_and_stops_on_sigterm(start: Start, router: str) -> None:
    program = start("run", "app:adder", env={"ROUTER": router})
    assert program.tells("ready: ").endswith(" in realm realm1")
    assert program.end(signal=signal.SIGTERM) == (0, "", "")


def test_a_router_can_be_had_with_it(run: Run, tmp_path: Path) -> None:
    url = f"ws+unix://{tmp_path}/router.sock"
    code, out, err = run("run", "app:both", "--start-router", env={"ROUTER": url})
    assert (code, out) == (0, "5\n")
    assert err.startswith(f"listening on {url}\nready: ")


def test_the_router_is_where_the_components_look_for_one() -> None:
    one = Component("ws://127.0.0.1:1/ws", "ws://127.0.0.1:2/ws", realm="realm1")
    two = Component("ws://127.0.0.1:1/ws", realm="realm2")
    three = Component("rs://127.0.0.1:3", realm="realm1")
    assert meeting_points([one, two, three]) == (["realm1", "realm2"], ["ws://127.0.0.1:1/ws", "rs://127.0.0.1:3"])
    with pytest.raises(click.UsageError, match="no certificate for wss://127.0.0.1:1/ws"):
        meeting_points([Component("wss://127.0.0.1:1/ws", realm="realm1")])


def test_components_come_alone_or_together() -> None:
    one, two = Component("rs://127.0.0.1:1", realm="r"), Component("rs://127.0.0.1:1", realm="r")
    assert components_of(one, "app:one") == [one]
    assert components_of((one, two), "app:both") == [one, two]
    for nothing in ([], 5, [one, 5], None):
        with pytest.raises(click.UsageError, match="app:x is no Component and no list of Components"):
            components_of(nothing, "app:x")
