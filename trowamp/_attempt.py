"""One connection of a component, from connect to disconnect, with the events in between."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import trio

from ._declarations import Declarations
from ._join import JoinOptions
from ._open import ConnectOptions
from ._run_session import DEFAULT_CLOSE_TIMEOUT, Opened, run_session
from ._session import Session
from ._transport import Transport

_log = logging.getLogger("trowamp.component")


class Listeners:
    """Functions that want to know of a component's events, sync or async, called in the order they were added."""

    def __init__(self) -> None:
        self._by_event: dict[str, list[Callable[..., Any]]] = {}

    def add(self, event: str, function: Callable[..., Any]) -> None:
        """Call `function` when `event` happens."""
        self._by_event.setdefault(event, []).append(function)

    async def tell(self, event: str, *args: object) -> None:
        """Call everybody who wants to know of `event`."""
        for function in self._by_event.get(event, ()):
            result = function(*args)
            if inspect.isawaitable(result):
                await result

    async def tell_the_end(self, event: str, error: BaseException | None) -> None:
        """Call everybody who wants to know of an end, also while this task is being cancelled; that counts as an end without error."""
        if event not in self._by_event:
            return
        reason = error if isinstance(error, Exception) else None
        with trio.move_on_after(DEFAULT_CLOSE_TIMEOUT, shield=True) as scope:
            await self.tell(event, reason)
        if scope.cancelled_caught:
            _log.warning("the functions to be told of %r did not finish within %g s", event, DEFAULT_CLOSE_TIMEOUT)


class Attempt:
    """One connection of a component.

    Args:
        listeners: Who is told.
        declarations: What has to be in place.
        main: What to run when the session is ready; None: serve until the session ends.
        on_ready: Called when the session is ready, with it; and with None when it is over.
    """

    def __init__(
        self,
        listeners: Listeners,
        declarations: Declarations,
        main: Callable[[Session], Any] | None,
        on_ready: Callable[[Session | None], object],
    ) -> None:
        self._listeners = listeners
        self._declarations = declarations
        self._main = main
        self._on_ready = on_ready
        self.has_joined = False
        self._ready_since: float | None = None

    @property
    def was_ready(self) -> bool:
        """Whether there was a session with everything in place."""
        return self._ready_since is not None

    def lasted(self) -> float:
        """Return for how many seconds the session has been ready."""
        return 0.0 if self._ready_since is None else trio.current_time() - self._ready_since

    async def serve(
        self, transport: Transport, to_connect: ConnectOptions, realm: str, to_join: JoinOptions, *, after_gap: bool
    ) -> None:
        """Connect, join, restore, be ready; return when `main` has returned or a handler left the session.

        Args:
            transport: The way to the router.
            to_connect: How to connect.
            realm: The realm.
            to_join: How to join.
            after_gap: Whether there was a session before.

        Raises:
            Exception: Why there is no session, or none any more.
        """
        opened = await transport.connect(to_connect)
        error: BaseException | None = None
        try:
            await self._listeners.tell("connect", transport.url)
            await self._serve_session(opened, realm, to_join, after_gap)
        except BaseException as failure:
            error = failure
            raise
        finally:
            opened.pump.transport.abort()
            await self._listeners.tell_the_end("disconnect", error)

    async def _serve_session(self, opened: Opened, realm: str, to_join: JoinOptions, after_gap: bool) -> None:
        error: BaseException | None = None
        try:
            async with run_session(opened, realm, to_join, after_gap=after_gap) as session:
                self.has_joined = True
                try:
                    await self._be_ready(session)
                    await self._work(session)
                finally:
                    self._on_ready(None)
        except BaseException as failure:
            error = failure
            raise
        finally:
            if self.has_joined:
                await self._listeners.tell_the_end("leave", error)

    async def _be_ready(self, session: Session) -> None:
        await self._declarations.restore(session)
        await self._listeners.tell("join", session, session.details)
        await trio.lowlevel.checkpoint_if_cancelled()  # by a join handler, or because the session has ended meanwhile
        self._ready_since = trio.current_time()
        self._on_ready(session)
        await self._listeners.tell("ready", session)

    async def _work(self, session: Session) -> None:
        """Run `main`, or serve until somebody on this side leaves the session."""
        if self._main is None:
            await session._shell.ended.wait()
            return
        result = self._main(session)
        if inspect.isawaitable(result):
            await result
