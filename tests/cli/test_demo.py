from __future__ import annotations

import time
from pathlib import Path

import pytest

from trowamp.cli._demo_process import open_child
from trowamp.cli._demo_story import Story
from trowamp.cli._errors import Failure

from .program import Run


def test_the_demo_shows_everything_and_ends_by_itself(run: Run) -> None:
    started = time.monotonic()
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    assert time.monotonic() - started < 30
    for line in (
        "router      listening on ws://127.0.0.1:",
        "router      listening on rs://127.0.0.1:",
        "demo        demo.add(2, 3) -> 5",
        "demo        20 calls of demo.nap(0.3) -> ",
        "demo        demo.count(3): 2 of 3",
        "calculator  demo.endless has stopped",
        "station     oslo: snow, -3 degrees",
        "demo        demo.divide(1, 0) -> demo.error.division_by_zero",
        "demo        SessionLost: ",
        "calculator  ready",
        "station     bergen: rain, 7 degrees, after a gap",
        "All 11 steps showed what they should",
    ):
        assert line in out
    told = [line for line in out.splitlines() if line.startswith("   ") and not line.startswith("    ")]
    explained = [line for line in out.splitlines() if line.strip().startswith("^ ")]
    assert len(told) == len(explained)


def test_a_step_that_shows_something_else_fails_the_demo(capfd: pytest.CaptureFixture[str]) -> None:
    story = Story()
    story.step("A call")
    story.check("the sum", 5, 5)
    with pytest.raises(Failure, match="step 1: the sum should be 5, but is 6") as caught:
        story.check("the sum", 6, 5)
    assert caught.value.code == 70
    assert capfd.readouterr().out == "\n1. A call\n"


async def test_a_process_that_ends_without_its_line_fails_the_demo() -> None:
    async with open_child("child", "this") as child:
        with pytest.raises(Failure, match="child ended without saying 'ready'"):
            await child.says("ready")


def test_a_demo_that_takes_too_long_fails(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trowamp.cli._demo._LIMIT", 0.01)
    code, _, err = here("demo")
    assert (code, err) == (70, "error: the demo did not end within 0.01 s\n")


async def test_a_process_that_says_nothing_or_does_not_end_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with open_child("router", "trowamp", "router", "--listen", f"rs+unix://{tmp_path}/router.sock") as child:
        await child.says("listening on ")
        monkeypatch.setattr("trowamp.cli._demo_process._PATIENCE", 0.001)
        with pytest.raises(Failure, match="router did not say 'ready' within 0.001 s"):
            await child.says("ready")
        with pytest.raises(Failure, match="router does not end when asked to"):
            await child.stop()
