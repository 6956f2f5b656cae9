"""R19: Ctrl-C and SIGTERM at random moments of busy programs and routers: they end soon, in good order, with the code that is documented."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import NamedTuple

import trio

from tests.faults.forks import Forks, open_forks
from tests.faults.goals import check, scaled, seed_of
from trowamp import SessionClosed, open_router, open_session

SIGNALS = 200
AT_ONCE = 6
SESSIONS = 3  # of each router
FLAGS = ("-X", "dev", "-W", "error::ResourceWarning")
CLIENT = 1.0 + 2.0  # seconds: one, and the deadline for closing
ROUTER = 3.0
BUSY = 3.0  # times longer, on a machine that does other things as well
CODES = {
    signal.SIGINT: {130},
    signal.SIGTERM: {0, -signal.SIGTERM},
}  # before there is a handler, SIGTERM ends any program

# Starts, connects, joins, registers, calls itself, publishes, handles, leaves; over and over.
PROGRAM = """
import sys
import trio
import trowamp

class App(trowamp.Component):
    async def run(self):  # from here on signals are in our hands, and no more in those of Python and Trio
        print("started", flush=True)
        await super().run()

app = App(sys.argv[1], realm="realm1", initial_retry_delay=0.05, max_retry_delay=0.1)
NAME = f"com.example.p{sys.argv[2]}"

@app.register(NAME)
async def work(x):
    await trio.sleep(0.001)
    return x

@app.subscribe(NAME)
async def handle(x):
    await trio.sleep(0.001)

@app.on_join
async def joined(session, details):
    await trio.sleep(0.005)

@app.on_leave
async def left(error):
    await trio.sleep(0.005)

@app.main
async def main(session):
    publisher = session.with_options(acknowledge=True, exclude_me=False)
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(session.call, NAME, number)
            nursery.start_soon(publisher.publish, NAME, number)
        nursery.start_soon(trio.sleep, 0.02)
    async with trowamp.open_session(sys.argv[1], realm="realm1") as other:
        while True:
            await other.call(NAME, 1)
            await trio.sleep(0.002)

trowamp.run(app)
"""


ROUTER_PROGRAM = """
import sys
from trowamp.cli import main

sys.argv[1:] = ["router", "--listen", "ws://127.0.0.1:0/ws"]
main()
"""


class End(NamedTuple):
    """How a program ended."""

    number: signal.Signals
    code: int
    took: float
    errors: str


def lines(output: Path) -> list[str]:
    """Return what a program has said so far, in whole lines."""
    return output.read_text(encoding="utf-8").split("\n")[:-1] if output.exists() else []


async def wait_for_words(output: Path) -> str:
    """Wait for the first line that a program says."""
    with trio.fail_after(20):
        while not lines(output):  # noqa: ASYNC110  # nobody tells us
            await trio.sleep(0.005)
    return lines(output)[0]


async def end(forks: Forks, pid: int, number: signal.Signals, output: Path) -> End:
    """Send a signal, and wait for the end."""
    began = trio.current_time()
    os.kill(pid, number)
    code = await forks.end_of(pid)
    took = trio.current_time() - began
    return End(number, code, took, "\n".join(lines(output)[1:]))


async def interrupt(forks: Forks, url: str, folder: Path, tag: int, delay: float) -> End:
    """Run a program, and send it a signal after a while."""
    number = (signal.SIGINT, signal.SIGTERM)[tag % 2]
    output = folder / f"{tag}.out"
    pid = await forks.start(folder / "program.py", [url, str(tag)], output)
    await wait_for_words(output)
    await trio.sleep(delay)
    return await end(forks, pid, number, output)


async def test_a_busy_program_ends_at_any_moment_in_good_order(tmp_path: Path) -> None:
    chance = random.Random(seed_of("signals"))
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    ends: list[End] = []
    turns = trio.CapacityLimiter(AT_ONCE)

    async def one(tag: int) -> None:
        async with turns:
            with trio.fail_after(30):
                ends.append(await interrupt(forks, router.urls[0], tmp_path, tag, chance.random() * 0.3))

    async with open_router(["realm1"], ["ws://127.0.0.1:0/"]) as router, open_forks(["trowamp"], FLAGS) as forks:
        async with trio.open_nursery() as nursery:
            for tag in range(scaled(SIGNALS)):
                nursery.start_soon(one, tag)
        with trio.fail_after(5):
            while router.connections:
                await trio.lowlevel.checkpoint()
        left = router.statistics()
    unexpected = [end for end in ends if end.code not in CODES[end.number] or end.errors]
    assert unexpected == []
    check("R19", "programs that got a signal at a random moment", len(ends), ">=", scaled(SIGNALS))
    check("R19", "slowest end of a program", max(end.took for end in ends), "<=", CLIENT * BUSY, unit="s")
    check("R19", "programs with another code, or with words on standard error", len(unexpected), "==", 0)
    check("R19", "registrations and subscriptions left behind", left.registrations + left.subscriptions, "==", 0)


async def stay(url: str, goodbyes: list[str], *, task_status: trio.TaskStatus[None]) -> None:
    """Be a session that calls until the router says goodbye; note how it said so."""
    try:
        async with open_session(url, realm="realm1") as session:
            await session.register(f"com.example.p{session.id}", print)
            task_status.started()
            while True:
                await session.call("wamp.session.count")
                await trio.sleep(0.01)
    except SessionClosed as error:
        goodbyes.append(error.reason)


async def test_a_router_with_sessions_ends_at_any_moment_in_good_order(tmp_path: Path) -> None:
    chance = random.Random(seed_of("signals to a router"))
    (tmp_path / "router.py").write_text(ROUTER_PROGRAM, encoding="utf-8")
    ends: list[End] = []
    goodbyes: list[str] = []
    turns = trio.CapacityLimiter(AT_ONCE)

    async def one(tag: int) -> None:
        output = tmp_path / f"{tag}.out"
        async with turns:
            pid = await forks.start(tmp_path / "router.py", [], output)
            url = (await wait_for_words(output)).split()[-1]
            async with trio.open_nursery() as sessions:
                for _ in range(SESSIONS):
                    await sessions.start(stay, url, goodbyes)
                await trio.sleep(chance.random() * 0.1)
                ends.append(await end(forks, pid, (signal.SIGTERM, signal.SIGINT)[tag % 2], output))

    async with open_forks(["trowamp.cli", "trowamp"], FLAGS) as forks, trio.open_nursery() as nursery:
        for tag in range(scaled(SIGNALS)):
            nursery.start_soon(one, tag)
    unexpected = [end for end in ends if end.code != {signal.SIGINT: 130, signal.SIGTERM: 0}[end.number] or end.errors]
    assert unexpected == []
    told = goodbyes.count("wamp.close.system_shutdown")
    check("R19", "routers that got a signal at a random moment", len(ends), ">=", scaled(SIGNALS))
    check("R19", "slowest end of a router with sessions", max(end.took for end in ends), "<=", ROUTER * BUSY, unit="s")
    check("R19", "sessions that got the GOODBYE of a router that was stopped", told, "==", SESSIONS * len(ends))
