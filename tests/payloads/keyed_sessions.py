"""Sessions with payload codecs, in one realm."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
import trio

from trowamp import Router, Session, open_router
from trowamp.payloads import PayloadCodec

from .keys import SECRET

TOPIC = f"{SECRET}topic"
OPEN = "com.example.open"
PAYLOAD: tuple[list[Any], dict[str, Any]] = (["grüß", 2.5, None, b"\0\xff", [1, {"a": []}]], {"deep": {"b": True}})
Dialect = Literal["ppt", "autobahn"]
both_dialects = pytest.mark.parametrize("dialect", ["ppt", "autobahn"])


@asynccontextmanager
async def open_sessions(
    *codecs: PayloadCodec | None,
) -> AsyncGenerator[list[Session], None]:
    """Open sessions in one realm, each with its codec."""
    async with open_router() as router, trio.open_nursery() as nursery:
        ends = trio.Event()
        yield [await nursery.start(_keep, router, codec, ends) for codec in codecs]
        ends.set()


async def _keep(
    router: Router, codec: PayloadCodec | None, ends: trio.Event, *, task_status: trio.TaskStatus[Session]
) -> None:
    async with router.open_session(realm="realm1", payload_codec=codec) as session:
        task_status.started(session)
        await ends.wait()
