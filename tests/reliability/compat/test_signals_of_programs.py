"""R19 on asyncio and Twisted: Ctrl-C and SIGTERM at random moments of busy programs: a soon end, in good order, with the documented code."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import trio

from tests.faults.forks import Forks, open_forks
from tests.faults.goals import check, scaled, seed_of
from trowamp import open_router

from .memory import Framework, on_frameworks
from .threads import until

SIGNALS = 200
ATTEMPTS = 3  # the moment of a signal may come before the program has taken signals into its hands
AT_ONCE = 2
SOON = 1.0 + 1.0  # seconds: one, and the deadline for closing
BUSY = 3.0  # times longer, on a machine that does other things as well

# Starts, connects, joins, registers, calls itself, publishes, handles, loses its connection; over and over.
PROGRAM = """
import sys
from trowamp_compat.FRAMEWORK.component import Component, run
from trowamp_compat.wamp.types import PublishOptions

url, name, notes = sys.argv[1:]


def pause(seconds):
    future = component._face.create_future()
    component._face.call_later(seconds, component._face.resolve, future)
    return future


def note(session, details):
    with open(notes, "a") as file:
        file.write(f"{details.reason}\\n")


again = {"initial_retry_delay": 0.01, "max_retry_delay": 0.02, "max_retries": -1}
component = Component(transports={"url": url, **again})
component.on("leave", note)


@component.register(name)
async def work(x):
    await pause(0.001)
    return x


@component.subscribe(name)
async def handle(x):
    await pause(0.001)


@component.on_join
async def joined(session, details):
    await pause(0.005)


@component.on_ready
async def ready(session):
    everybody = PublishOptions(acknowledge=True, exclude_me=False)
    if component._work.is_stopping:  # in the moment between two listeners
        return
    pending = [session.call(name, number) for number in range(5)]
    pending.append(session.publish(name, 1, options=everybody))
    await component._face.gather(pending)
    await pause(0.02)
    if not component._work.is_stopping:
        session._transport.abort()  # and once more


open(notes, "a").close()
run([component], log_level="error")
"""


class End(NamedTuple):
    """How a program ended."""

    number: signal.Signals
    code: int
    took: float
    said: str
    reasons: list[str]


async def interrupt(forks: Forks, url: str, folder: Path, tag: int, delay: float) -> End:
    """Run a program, and send it a signal."""
    number = (signal.SIGINT, signal.SIGTERM)[tag % 2]
    output, notes = folder / f"{tag}.out", folder / f"{tag}.notes"
    pid = await forks.start(folder / "program.py", [url, f"com.example.p{tag}", str(notes)], output)
    await until(notes.exists, within=10)
    await trio.sleep(delay)
    began = trio.current_time()
    os.kill(pid, number)
    code = await forks.end_of(pid)
    took = trio.current_time() - began
    return End(number, code, took, output.read_text(encoding="utf-8"), notes.read_text(encoding="utf-8").splitlines())


def is_too_early(end: End) -> bool:
    """Tell whether the program had not come to handle signals: Python ends it as it ends every program."""
    lines = end.said.splitlines()  # what Python says of a half-made loop comes after the traceback
    is_interrupted = end.code in {1, -signal.SIGINT} and any(line.startswith("KeyboardInterrupt") for line in lines)
    return not end.reasons and (is_interrupted or end.code == -signal.SIGTERM)


@on_frameworks
async def test_a_busy_program_ends_at_any_moment_in_good_order(framework: Framework, tmp_path: Path) -> None:
    chance = random.Random(seed_of(f"signals, {framework}"))
    (tmp_path / "program.py").write_text(PROGRAM.replace("FRAMEWORK", framework), encoding="utf-8")
    count = scaled(SIGNALS)
    ends: list[End] = []
    turns = trio.CapacityLimiter(AT_ONCE)
    modules = [f"trowamp_compat.{framework}.component", f"trowamp_compat.{framework}.wamp", "trowamp_compat.wamp.types"]

    async def one(tag: int) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            async with turns:
                with trio.fail_after(20):
                    end = await interrupt(forks, router.urls[0], tmp_path, tag, chance.random() * 0.4 * attempt)
            ends.append(end)
            if not is_too_early(end):
                return
            tag += count

    async with (
        open_router(["realm1"], ["ws://127.0.0.1:0/"]) as router,
        open_forks(modules, ["-W", "error::ResourceWarning"]) as forks,
    ):
        async with trio.open_nursery() as nursery:
            for tag in range(count):
                nursery.start_soon(one, tag)
        with trio.fail_after(5):
            while router.connections:
                await trio.lowlevel.checkpoint()
        left = router.statistics()
    handled = [end for end in ends if not is_too_early(end)]
    unexpected = [end for end in handled if end.code != 0 or end.said]
    assert unexpected == [], [end._replace(reasons=[]) for end in unexpected[:2]]
    reasons = Counter(reason for end in ends for reason in end.reasons)
    assert set(reasons) == {"wamp.close.goodbye_and_out", "wamp.close.transport_lost"}
    check("R19", f"programs that got a signal at a random moment, {framework}", len(ends), ">=", count)
    check("R19", f"of those, in their hands, {framework}", len(handled), ">=", count / 2)
    check("R19", f"of those, left with GOODBYE, {framework}", reasons["wamp.close.goodbye_and_out"], ">=", count / 10)
    slowest = max(end.took for end in ends)
    check("R19", f"slowest end of a program, {framework}", slowest, "<=", SOON * BUSY, unit="s")
    check("R19", f"programs with another code, or with words on standard error, {framework}", len(unexpected), "==", 0)
    check("R19", f"registrations left behind, {framework}", left.registrations + left.subscriptions, "==", 0)
