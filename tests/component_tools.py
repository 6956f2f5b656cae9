"""What tests of components need: a way to a router that can be cut and mended, and a memory of what happened."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trowamp import Component, ConnectError, ReconnectSchedule, Router, RouterOptions, Session, Transport, open_router
from trowamp._open import ConnectOptions
from trowamp._run_session import Opened

REALM = "realm1"


class Wire(Transport):
    """A way to whichever router runs at its end now, if any."""

    def __init__(
        self, router: Router | None = None, name: str = "wire", schedule: ReconnectSchedule | None = None
    ) -> None:
        self.url = name
        self.schedule = schedule
        self.options = {}
        self.router = router
        self.attempts: list[float] = []
        self._opened: Opened | None = None

    async def connect(self, defaults: ConnectOptions) -> Opened:
        await trio.lowlevel.checkpoint()
        self.attempts.append(trio.current_time())
        if self.router is None:
            raise ConnectError(f"nobody at the end of {self.url}")
        self._opened = await self.router._shell.connect()
        return self._opened

    def cut(self) -> None:
        """Break the connection without a word."""
        assert self._opened is not None
        self._opened.pump.transport.abort()

    def gaps(self) -> list[float]:
        """Return how long it took from each attempt to the next."""
        return [round(later - sooner, 6) for sooner, later in zip(self.attempts, self.attempts[1:], strict=False)]


class Diary:
    """Everything that a component tells of itself, in order."""

    def __init__(self, component: Component) -> None:
        self.entries: list[tuple[Any, ...]] = []
        component.on_connect(lambda url: self.note("connect", url))
        component.on_join(lambda session, details: self.note("join", session.id == details.session_id))
        component.on_ready(lambda session: self.note("ready", session.is_open))
        component.on_leave(lambda error: self.note("leave", type(error)))
        component.on_disconnect(lambda error: self.note("disconnect", type(error)))
        component.on_connect_failure(lambda error: self.note("connectfailure", type(error)))

    def note(self, *entry: Any) -> None:
        self.entries.append(entry)

    @property
    def events(self) -> list[str]:
        return [entry[0] for entry in self.entries]


def component(*wires: Transport | str, **options: Any) -> Component:
    """Make a component without jitter."""
    return Component(*wires, **{"realm": REALM, "retry_delay_jitter": 0, **options})


async def ready(app: Component, after: Session | None = None) -> Session:
    """Wait until a component has a session other than the one before."""
    while app.session is None or app.session is after:  # noqa: ASYNC110  # under the jumping clock that costs nothing
        await trio.sleep(0.01)
    return app.session


@asynccontextmanager
async def open_plain_router(**limits: Any) -> AsyncGenerator[Router, None]:
    """Open a router in memory that pings nobody."""
    async with open_router([REALM], limits=RouterOptions(**limits)) as router:
        yield router
