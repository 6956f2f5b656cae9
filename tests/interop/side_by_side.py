"""The same faults beside each other: trowamp and its compatibility layer with its router, and Autobahn with Crossbar.io, all with their defaults.

    python -m tests.interop.side_by_side          (after `make peers`; takes some minutes)

Prints a table in Markdown, which docs/explanation/reliability.md shows.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from tests.faults.proxy import FaultProxy, Plan, Way, open_proxy
from tests.faults.supervisor import RouterProcess, environment, open_router_process, resident_kib
from tests.serve_tools import open_socket_peer
from trowamp import open_session
from trowamp.messages import Event, Published
from trowamp.wire import get_serializer, rawsocket_client

from .crossbar_node import CrossbarNode
from .peers import folder_of

CLIENTS: Final = Path(__file__).parent / "clients"
PATIENCE: Final = 45.0  # seconds after which nobody is waited for
CALLS: Final = 10
SLOW: Final = Plan(down=Way(rate=262_144.0))
EVENTS: Final = 4000
TOPIC: Final = "com.example.topic"
SERIALIZERS: Final = ("json", "msgpack", "cbor")


class Stack(ABC):
    """A router, and a client program for it."""

    command: list[str]
    environment: dict[str, str]

    @abstractmethod
    def url(self, scheme: str) -> str:
        """Return where the router is."""

    @abstractmethod
    def send(self, number: signal.Signals) -> None:
        """Send the router a signal."""

    @abstractmethod
    def memory(self) -> int:
        """Return how many KiB the router holds."""


class Ours(Stack):
    """trowamp's router, with its own client, or with the compatibility layer on a framework."""

    def __init__(self, router: RouterProcess, framework: str | None) -> None:
        program = "pending_autobahn.py" if framework else "pending_trowamp.py"
        self.command = [sys.executable, str(CLIENTS / program)]
        self.environment = {"PACKAGE": "trowamp_compat", "FRAMEWORK": framework or ""}
        self._router = router

    def url(self, scheme: str) -> str:
        return self._router.url(scheme)

    def send(self, number: signal.Signals) -> None:
        self._router.process.send_signal(number)

    def memory(self) -> int:
        return self._router.resident_kib()


class Theirs(Stack):
    """Autobahn on a framework, and Crossbar.io."""

    def __init__(self, node: CrossbarNode, framework: str) -> None:
        self._node = node
        self.environment = {"PACKAGE": "autobahn", "FRAMEWORK": framework}
        self.command = [str(folder_of("clients") / "bin" / "python"), str(CLIENTS / "pending_autobahn.py")]

    def url(self, scheme: str) -> str:
        return self._node.url(scheme)

    def send(self, number: signal.Signals) -> None:
        os.killpg(self._group, number)

    def memory(self) -> int:
        return sum(resident_kib(pid) for pid in _members(self._group))

    @property
    def _group(self) -> int:
        assert self._node._process is not None
        return self._node._process.pid


def _members(group: int) -> list[int]:
    """Return the processes of a group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


@asynccontextmanager
async def open_ours(framework: str | None = None) -> AsyncGenerator[Stack, None]:
    """Run trowamp's router."""
    async with open_router_process() as router:
        yield Ours(router, framework)


@asynccontextmanager
async def open_theirs(framework: str) -> AsyncGenerator[Stack, None]:
    """Run a Crossbar.io node."""
    with tempfile.TemporaryDirectory() as folder:
        node = CrossbarNode(folder_of("crossbar") / "bin" / "crossbar", Path(folder))
        await trio.to_thread.run_sync(node.start)
        try:
            yield Theirs(node, framework)
        finally:
            node.kill()


# ---- pending calls


async def pending_calls(stack: Stack, harm: Callable[[Stack, FaultProxy], None], plan: Plan) -> str:
    """Harm the connection of a program whose calls wait; return what became of them."""
    async with open_proxy(stack.url("ws"), lambda _: plan) as proxy:
        command = [*stack.command, proxy.url("ws", "/ws"), stack.url("ws")]
        process = await trio.lowlevel.open_process(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment() | stack.environment
        )
        ends: list[dict[str, Any]] = []
        began = 0.0
        try:
            assert process.stdout is not None
            with trio.move_on_after(PATIENCE + 30) as scope:
                async for line in _lines(process.stdout):
                    if "pending" in line:
                        ends = [end for end in ends if end["ended"] != "result"]
                        began = time.monotonic()
                        harm(stack, proxy)
                        scope.deadline = trio.current_time() + PATIENCE
                    else:
                        ends.append(line)
                    if began and len(ends) >= CALLS - (plan is not SLOW):
                        break
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
    assert began, "the calls were not made"
    kinds = Counter(end["ended"] for end in ends if end["ended"] != "result")
    ended = sum(kinds.values())
    if not ended:
        return f"none has ended after {min(PATIENCE, time.monotonic() - began):.0f} s"
    last = max(end["at"] for end in ends) - began
    return f"{ended} ended, the last after {last:.1f} s: {', '.join(kinds)}"


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncGenerator[dict[str, Any], None]:
    pending = b""
    async for chunk in stream:
        *lines, pending = (pending + bytes(chunk)).split(b"\n")
        for line in lines:
            if line.startswith(b"{"):  # and no word of a library's
                yield json.loads(line)


# ---- the router alone


async def slow_consumer(stack: Stack) -> str:
    """One subscriber reads nothing of some tens of megabytes; another one reads everything."""
    got = []
    async with open_socket_peer(stack.url("rs")) as stalled, open_session(stack.url("ws"), realm="realm1") as healthy:
        await stalled.join()
        await stalled.subscribe(TOPIC)
        await healthy.subscribe(TOPIC, lambda number, payload: got.append(number))
        before = most = stack.memory()
        async with open_session(stack.url("ws"), realm="realm1") as publisher:
            for number in range(EVENTS):
                await publisher.with_options(acknowledge=True).publish(TOPIC, number, "x" * 16_000)
                if number % 100 == 0:
                    most = max(most, stack.memory())
            await publisher.call("wamp.session.count")
            sessions = await publisher.call("wamp.session.count")
    fate = "ended, and told why" if sessions == 2 else "kept"
    return f"router + {(most - before) / 1024:.0f} MiB of {EVENTS * 16_000 / 2**20:.0f}; the slow session is {fate}"


async def poison(stack: Stack) -> str:
    """Publish a lone surrogate, and then something harmless; see who gets what."""
    async with trio.open_nursery() as nursery:
        got: Counter[str] = Counter()

        async def listen(serializer: str, task_status: trio.TaskStatus[None]) -> None:
            link = partial(rawsocket_client, get_serializer(serializer))
            async with open_socket_peer(stack.url("rs"), link) as peer:
                await peer.join()
                await peer.subscribe(TOPIC)
                task_status.started()
                while True:
                    if isinstance(await peer.next_message(), Event):
                        got[serializer] += 1

        for serializer in SERIALIZERS:
            await nursery.start(listen, serializer)
        answer = await _publish_poison(stack)
        await trio.sleep(2)
        poisoned = len(got)
        nursery.cancel_scope.cancel()
    return f"publisher: {answer}; {poisoned} of {len(SERIALIZERS)} subscribers get it"


async def _publish_poison(stack: Stack) -> str:
    octets = f'[16,1,{{"acknowledge":true}},"{TOPIC}",["\\ud800"]]'.encode("utf-8", "surrogatepass")
    octets = octets.replace("\ud800".encode("utf-8", "surrogatepass"), b"\\ud800")
    async with open_socket_peer(stack.url("rs")) as peer:
        await peer.join()
        await peer.transport.send_all(len(octets).to_bytes(4, "big") + octets)
        with trio.move_on_after(3):
            try:
                message = await peer.next_message()
            except AssertionError:
                return "connection closed"
            if isinstance(message, Published):
                return "PUBLISHED"
            return f"{type(message).__name__.upper()} {getattr(message, 'reason', '')}".strip()
    return "no answer"


def send(number: signal.Signals) -> Callable[[Stack, FaultProxy], None]:
    """Return what sends the router a signal."""
    return lambda stack, proxy: stack.send(number)


FAULTS: Final[dict[str, Callable[[Stack], Awaitable[str]]]] = {
    "router killed": partial(pending_calls, harm=send(signal.SIGKILL), plan=Plan()),
    "router frozen": partial(pending_calls, harm=send(signal.SIGSTOP), plan=Plan()),
    "half-open connection": partial(pending_calls, harm=lambda stack, proxy: proxy.freeze(), plan=Plan()),
    "reset in a frame": partial(pending_calls, harm=lambda stack, proxy: proxy.reset_all(), plan=SLOW),
    "slow consumer": slow_consumer,
    "poison payload": poison,
}


STACKS: Final[dict[str, Callable[[], AbstractAsyncContextManager[Stack]]]] = {
    "trowamp": open_ours,
    "Autobahn on asyncio, Crossbar.io": partial(open_theirs, "asyncio"),
    "Autobahn on Twisted, Crossbar.io": partial(open_theirs, "twisted"),
    "trowamp_compat on asyncio": partial(open_ours, "asyncio"),
    "trowamp_compat on Twisted": partial(open_ours, "twisted"),
}
OF_ROUTERS: Final = {"slow consumer", "poison payload"}  # where it does not matter whose client there is


async def row(fault: str) -> str:
    """Try a fault on all stacks at once; return a row of the table."""
    cells = dict.fromkeys(STACKS, "")

    async def fill(name: str) -> None:
        async with STACKS[name]() as stack:
            cells[name] = await FAULTS[fault](stack)

    async with trio.open_nursery() as nursery:
        for name in list(STACKS)[:2] if fault in OF_ROUTERS else STACKS:
            nursery.start_soon(fill, name)
    return f"| {fault} | {' | '.join(cells.values())} |"


async def main(names: list[str]) -> None:
    """Print the table, or the rows that are named."""
    print(f"| Fault | {' | '.join(STACKS)} |\n|{'---|' * (len(STACKS) + 1)}", flush=True)
    for name in names or FAULTS:
        print(await row(name), flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1:])
