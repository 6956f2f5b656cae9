"""`trowamp demo`: the main job of trowamp on real sockets, between real processes, each line explained and each step checked."""

from __future__ import annotations

from typing import Final

import click
import trio

from .._exit_codes import INTERNAL
from ._command import Command
from ._demo_steps import show_everything
from ._demo_story import Story
from ._errors import Failure
from ._runner import run_job
from ._settings import TALK

_LIMIT: Final = 28.0  # seconds for the whole demo
_EXAMPLES = ("trowamp demo",)


@click.command("demo", cls=Command, shared=TALK, examples=_EXAMPLES)
def demo() -> int:
    """Show what trowamp does, and explain it.

    A router and two components run in processes of their own, on free ports of this machine. It takes a few seconds and ends by itself; if a step
    does not show what it should, the exit code is not 0.
    """

    async def main() -> None:
        with trio.move_on_after(_LIMIT) as scope:
            await show_everything(Story())
        if scope.cancelled_caught:
            raise Failure(INTERNAL, f"the demo did not end within {_LIMIT:g} s")

    return run_job(main)
