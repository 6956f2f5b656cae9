"""R19: Ctrl-C and SIGTERM at random moments of busy programs and routers: they end soon, in good order, with the code that is documented."""

from __future__ import annotations

import math
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import trio

from tests.faults.goals import check, scaled, seed_of
from tests.faults.supervisor import environment, open_router_process
from trowamp import Router, SessionClosed, open_router, open_session

SIGNALS = 8
AT_ONCE = 2
CLIENT = 1.0 + 2.0  # seconds: one, and the deadline for closing
ROUTER = 3.0
BUSY = 2.0  # times longer, on a machine that does other things as well
CODES = {
    signal.SIGINT: {130},
    signal.SIGTERM: {0, -signal.SIGTERM},
}  # before there is a handler, SIGTERM ends any program

# Starts, connects, joins, registers, calls itself, publishes, handles, leaves; over and over.
PROGRAM = """
import sys
import trio
import trowamp

print("started", flush=True)
app = trowamp.Component(sys.argv[1], realm="realm1", initial_retry_delay=0.05, max_retry_delay=0.1)
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


class End(NamedTuple):
    """How a program ended."""

    number: signal.Signals
    code: int
    took: float
    errors: str


async def interrupt(url: str, folder: Path, tag: int, number: signal.Signals, delay: float) -> End:
    path = folder / "program.py"
    command = [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", str(path), url, str(tag)]
    process = await trio.lowlevel.open_process(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.receive_some()
        await trio.sleep(delay)
        began = trio.current_time()
        process.send_signal(number)
        errors = b"".join([bytes(chunk) async for chunk in process.stderr])
        code = await process.wait()
        return End(number, code, trio.current_time() - began, errors.decode())
    finally:
        if process.returncode is None:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                await stream.aclose()


async def test_a_busy_program_ends_at_any_moment_in_good_order(tmp_path: Path) -> None:
    chance = random.Random(seed_of("signals"))
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    ends: list[End] = []
    turns = trio.CapacityLimiter(AT_ONCE)

    async def one(router: Router, tag: int) -> None:
        number = (signal.SIGINT, signal.SIGTERM)[tag % 2]
        async with turns:
            with trio.fail_after(20):
                ends.append(await interrupt(router.urls[0], tmp_path, tag, number, chance.random() * 0.5))

    async with open_router(["realm1"], ["ws://127.0.0.1:0/"]) as router:
        async with trio.open_nursery() as nursery:
            for tag in range(scaled(SIGNALS)):
                nursery.start_soon(one, router, tag)
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


async def stay(url: str, goodbyes: list[str]) -> None:
    """Be a session that calls until the router says goodbye; note how it said so."""
    try:
        async with open_session(url, realm="realm1") as session:
            await session.register(f"com.example.p{session.id}", print)
            while True:
                await session.call("wamp.session.count")
                await trio.sleep(0.001)
    except SessionClosed as error:
        goodbyes.append(error.reason)


async def test_a_router_with_sessions_ends_at_any_moment_in_good_order() -> None:
    chance = random.Random(seed_of("signals to a router"))
    slowest, told = 0.0, 0
    rounds = math.ceil(scaled(SIGNALS) / 4)
    for number in range(rounds):
        async with open_router_process() as router:
            goodbyes: list[str] = []
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(stay, router.url("ws"), goodbyes)
                await trio.sleep(0.1 + chance.random() * 0.2)
                began = trio.current_time()
                router.process.send_signal((signal.SIGTERM, signal.SIGINT)[number % 2])
                await router.process.wait()
                slowest = max(slowest, trio.current_time() - began)
            told += goodbyes.count("wamp.close.system_shutdown")
            assert router.process.returncode == (0, 130)[number % 2]
            assert await router.errors() == ""
    check("R19", "slowest end of a router with sessions", slowest, "<=", ROUTER * BUSY, unit="s")
    check("R19", "sessions that got the GOODBYE of a router that was stopped", told, "==", 5 * rounds)
