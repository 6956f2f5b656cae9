"""trowamp/_service_session.py: the router calls procedures itself, whatever becomes of its own sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from trowamp import Router, Session, open_router
from trowamp._run_session import Opened
from trowamp._service_session import ServiceSessions
from trowamp._stream import AnyTransport
from trowamp.auth._router import Accept


class Connections:
    """Connects to a router, and remembers the connections."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._all: list[Opened] = []

    async def open(self, identity: Accept) -> Opened:
        self._all.append(await self._router._shell.connect(identity))
        return self._all[-1]

    @property
    def newest(self) -> AnyTransport:
        return self._all[-1].pump.transport

    def __len__(self) -> int:
        return len(self._all)


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[Session, ServiceSessions, Connections]]:
    """A session with a procedure `com.example.echo`, the sessions that call it, and their connections."""
    async with (
        open_router() as router,
        router.open_session(realm="realm1") as callee,
        trio.open_nursery() as nursery,
    ):
        await callee.register("com.example.echo", lambda value: value)
        connections = Connections(router)
        yield callee, ServiceSessions(connections.open, nursery), connections
        nursery.cancel_scope.cancel()


async def test_all_calls_of_a_realm_share_one_session() -> None:
    async with serving() as (_, services, connections):
        assert [await services.call("realm1", "com.example.echo", number) for number in range(3)] == [0, 1, 2]
        assert len(connections) == 1


async def test_a_session_that_is_lost_but_not_gone_yet_is_not_used_again() -> None:
    async with serving() as (callee, services, connections):
        for number in range(3):
            assert await services.call("realm1", "com.example.echo", number) == number
            connections.newest.abort()
            await trio.lowlevel.checkpoint()  # time enough to notice, and not to clean up
            await trio.lowlevel.checkpoint()
            assert await services.call("realm1", "com.example.echo", number) == number
            assert len(connections) == number + 2
        assert callee.is_open


async def test_the_end_of_a_lost_session_leaves_its_successor_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as (_, services, connections):
        await services.call("realm1", "com.example.echo", 1)
        close, may_close = connections.newest.aclose, trio.Event()

        async def close_late() -> None:
            await may_close.wait()
            await close()

        monkeypatch.setattr(connections.newest, "aclose", close_late)
        connections.newest.abort()
        await trio.testing.wait_all_tasks_blocked()
        await services.call("realm1", "com.example.echo", 2)
        may_close.set()
        await trio.testing.wait_all_tasks_blocked()
        await services.call("realm1", "com.example.echo", 3)
        assert len(connections) == 2
