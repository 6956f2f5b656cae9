"""Components outlive a Crossbar.io node: it restarts, it crashes, or another one takes over."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

import trowamp
from trowamp import Component, Event, Session

from .conftest import NewNode
from .crossbar_node import REALM, CrossbarNode

ADD = "com.example.add"
TICK = "com.example.tick"


class Service:
    """A component that adds and counts ticks, and tells of each session that is ready."""

    def __init__(self, *urls: str) -> None:
        self.app = Component(*urls, realm=REALM, initial_retry_delay=0.2, retry_delay_growth=1)
        self.heard: list[tuple[Any, bool]] = []
        self.sessions, self._receive = trio.open_memory_channel[Session](100)
        self.app.register(ADD, invoke="roundrobin")(self.add)
        self.app.subscribe("com.example.<what>")(self.tick)
        self.app.on_ready(self.sessions.send_nowait)

    def add(self, x: int, y: int) -> int:
        return x + y

    def tick(self, what: str, number: int, event: Event) -> None:
        self.heard.append((number, event.after_gap))

    async def ready(self) -> Session:
        """Wait for the next session."""
        return await self._receive.receive()


@asynccontextmanager
async def running(*urls: str) -> AsyncGenerator[Service, None]:
    service = Service(*urls)
    with trio.fail_after(100):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.app.run)
            yield service
            service.app.stop()


async def check_it_serves(url: str, number: int, *services: Service) -> None:
    async with trowamp.open_session(url, realm=REALM) as client:
        assert await client.call(ADD, number, 1) == number + 1
        await client.with_options(acknowledge=True).publish(TICK, number)
    for service in services:
        assert service.app.session is not None
        await service.app.session.with_options(acknowledge=True).publish("com.example.far.away")
        assert service.heard[-1][0] == number


@pytest.fixture(scope="module")
def node(new_node: NewNode) -> CrossbarNode:
    return new_node()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("framing", "end"), [("ws", "stop"), ("rs", "kill")])
async def test_a_component_survives_the_end_of_its_node(node: CrossbarNode, framing: str, end: str) -> None:
    await trio.to_thread.run_sync(node.start)
    url = node.url(framing)
    async with running(url) as service:
        first = await service.ready()
        await check_it_serves(url, 1, service)
        await trio.to_thread.run_sync(getattr(node, end))
        await trio.to_thread.run_sync(node.start)
        await service.ready()
        assert not first.is_open
        await check_it_serves(url, 2, service)
    assert service.heard == [(1, False), (2, True)]
    await trio.to_thread.run_sync(node.stop)


@pytest.mark.timeout(120)
async def test_another_node_takes_over(node: CrossbarNode, crossbar: CrossbarNode) -> None:
    await trio.to_thread.run_sync(node.start)
    async with (
        running(node.url("ws"), crossbar.url("rs")) as service,
        running(node.url("rs"), crossbar.url("ws")) as twin,
    ):
        for each in (service, twin):
            await each.ready()
        await check_it_serves(node.url("ws"), 1, service, twin)
        await trio.to_thread.run_sync(node.kill)
        for each in (service, twin):
            await each.ready()
        await check_it_serves(crossbar.url("ws"), 2, service, twin)
        assert (service.heard, twin.heard) == ([(1, False), (2, True)],) * 2
