"""Sync handlers that block hold the whole program up: they are told of by name, and others are not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio

from trowamp import Session, _shell, open_router

TOPIC = "com.example.topic"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shell, "_BLOCKED", 0.2)


def block(number: int = 0) -> None:
    if not number:
        threading.Event().wait(0.3)


async def wait_async(number: int = 0) -> None:
    await trio.sleep(0.3)


async def told(caplog: pytest.LogCaptureFixture, action: Callable[[Session, Session], Any]) -> list[str]:
    async with open_router() as router:
        async with router.open_session(realm="realm1") as one, router.open_session(realm="realm1") as other:
            await action(one, other)
    return caplog.messages


async def test_a_sync_procedure_that_blocks_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def action(one: Session, other: Session) -> None:
        await one.register("com.example.block", block)
        await one.register("com.example.quick", lambda: None)
        await other.call("com.example.block")
        await other.call("com.example.quick")

    assert await told(caplog, action) == ["handlers blocked the program for 0.3 s: block for 'com.example.block'"]
    assert {record.name for record in caplog.records} == {"trowamp.session"}


async def test_a_sync_event_handler_that_blocks_is_among_those_that_are_named(caplog: pytest.LogCaptureFixture) -> None:
    async def action(one: Session, other: Session) -> None:
        await one.subscribe(TOPIC, block)
        for number in (3, 2, 1, 0):
            other.publish_nowait(TOPIC, number)
        await other.with_options(acknowledge=True).publish(TOPIC, 1)
        await one.call("wamp.session.count")

    assert await told(caplog, action) == [f"handlers blocked the program for 0.3 s: block for {TOPIC!r}"]


async def test_handlers_that_wait_block_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def action(one: Session, other: Session) -> None:
        await one.register("com.example.wait", wait_async)
        await one.register("com.example.thread", lambda: trio.to_thread.run_sync(block))
        await other.call("com.example.wait")
        await other.call("com.example.thread")
        await trio.sleep(0.3)
        await other.call("wamp.session.count")

    assert await told(caplog, action) == []
