"""Sessions for tests, ready to talk: a router in memory with a caller and a callee, and answers of a scripted router."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar, Unpack

import trio
from trio.testing import wait_all_tasks_blocked

from trowamp import Router, RouterStatistics, Session, SessionStatistics, open_router
from trowamp._join import JoinOptions
from trowamp.messages import Message
from trowamp.testing import ScriptedRouter

M = TypeVar("M", bound=Message)


class Pair(NamedTuple):
    """Two sessions in one realm."""

    router: Router
    caller: Session
    callee: Session


@asynccontextmanager
async def open_pair(**callee_options: Unpack[JoinOptions]) -> AsyncGenerator[Pair, None]:
    async with (
        open_router() as router,
        router.open_session(realm="realm1", **callee_options) as callee,
        router.open_session(realm="realm1") as caller,
    ):
        yield Pair(router, caller, callee)


@asynccontextmanager
async def answering(
    router: ScriptedRouter, kind: type[M], answer: Callable[[M], Message]
) -> AsyncGenerator[None, None]:
    """Have the scripted router answer the next message, which must be of a kind, while the block runs."""

    async def expect_and_answer() -> None:
        router.send(answer(await router.expect(kind)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_and_answer)
        yield


def pending(session: Session) -> dict[str, int]:
    """Return what a session still holds; registrations, subscriptions and what it counts for ever left out."""
    return {name: value for name, value in _numbers(session.statistics()).items() if name in _TRANSIENT and value}


def in_flight(router: Router) -> tuple[int, int]:
    """Return the router's calls without an answer and its pending deadlines."""
    statistics: RouterStatistics = router.statistics()
    return statistics.calls_in_flight, statistics.deadlines


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    await wait_all_tasks_blocked()


def _numbers(statistics: SessionStatistics) -> dict[str, int]:
    return {name: getattr(statistics, name) for name in statistics.__struct_fields__}


_TRANSIENT = frozenset(
    {
        "pending_calls",
        "pending_publishes",
        "pending_registers",
        "pending_subscribes",
        "pending_removals",
        "running_invocations",
    }
)
