"""docs/how-to/scale-out.md: one component, unchanged, over the embedded router, over a Crossbar.io node, and over two of which one fails."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

import trowamp

from .conftest import NewNode

Start = Callable[..., "Service"]


class Service:
    """`examples/shared_service.py`, running."""

    def __init__(self, program: Path, name: str, urls: tuple[str, ...]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(program), name, *urls], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    async def ready(self) -> None:
        """Wait until it serves, once more."""
        assert self.process.stdout is not None
        line = await trio.to_thread.run_sync(self.process.stdout.readline, abandon_on_cancel=True)
        assert line == f"{self.name} is serving\n"

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await trio.to_thread.run_sync(self.process.wait, abandon_on_cancel=True)


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    services: list[Service] = []

    def begin(name: str, *urls: str) -> Service:
        services.append(Service(project / "examples" / "shared_service.py", name, urls))
        return services[-1]

    yield begin
    for service in services:
        service.process.kill()
        service.process.wait()
        assert service.process.stdout is not None
        service.process.stdout.close()


async def check_both_serve(url: str) -> None:
    async with trowamp.open_session(url, realm="realm1") as session:
        served = [await session.call("com.example.who") for _ in range(4)]
    assert sorted(served) == ["A", "A", "B", "B"]


async def test_two_share_the_calls_of_the_embedded_router(start: Start) -> None:
    with trio.fail_after(30):
        async with trowamp.open_router(["realm1"], ["ws://127.0.0.1:0/ws"]) as router:
            services = [start(name, router.urls[0]) for name in ("A", "B")]
            for service in services:
                await service.ready()
            await check_both_serve(router.urls[0])
            assert [await service.end() for service in services] == [0, 0]


@pytest.mark.timeout(120)
async def test_the_same_two_move_to_another_node_when_theirs_fails(
    start: Start, new_node: NewNode, project: Path
) -> None:
    first, second = (new_node(config=project / "examples" / "crossbar" / "config.json") for _ in range(2))
    with trio.fail_after(100):
        async with trio.open_nursery() as nursery:
            for node in (first, second):
                nursery.start_soon(trio.to_thread.run_sync, node.start)
        services = [start(name, first.url("ws"), second.url("rs")) for name in ("A", "B")]
        for service in services:
            await service.ready()
        await check_both_serve(first.url("rs"))
        await trio.to_thread.run_sync(first.kill)
        for service in services:
            await service.ready()
        await check_both_serve(second.url("ws"))
        assert [await service.end() for service in services] == [0, 0]
    await trio.to_thread.run_sync(second.stop)
