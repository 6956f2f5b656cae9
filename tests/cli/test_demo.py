from __future__ import annotations

import time

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
