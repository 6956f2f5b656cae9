"""Sessions of the router's own: how it calls procedures itself."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import trio

from ._exceptions import ConnectError, SessionClosed, SessionLost
from ._run_session import Opened, run_session
from .auth._router import Accept

if TYPE_CHECKING:
    from ._session import Session

_log = logging.getLogger("trowamp.router")

SERVICE_ROLE = "router"


class ServiceSessions:
    """One session of the router's own for each realm, opened when it is first needed, and again when it was lost.

    Args:
        connect: Makes a connection to the router, for who is named.
        nursery: Where the sessions live.
    """

    def __init__(self, connect: Callable[[Accept], Awaitable[Opened]], nursery: trio.Nursery) -> None:
        self._connect = connect
        self._nursery = nursery
        self._sessions: dict[str, Session] = {}
        self._opening = trio.Lock()

    async def call(self, realm: str, procedure: str, *args: Any) -> Any:
        """Call a procedure.

        Raises:
            ApplicationError: The procedure failed, or there is none.
            ConnectError, JoinError, SessionClosed, SessionLost: The router is stopping, or has no such realm.
        """
        async with self._opening:
            session = self._sessions.get(realm)
            if session is None or not session.is_open:
                session = await self._nursery.start(self._keep, realm)
        return await session.call(procedure, *args)

    async def _keep(self, realm: str, *, task_status: trio.TaskStatus[Session]) -> None:
        """Hold a session until it ends."""
        identity = Accept(authid="router", role=SERVICE_ROLE, provider="local")
        session: Session | None = None
        try:
            async with run_session(await self._connect(identity), realm, {}) as session:
                self._sessions[realm] = session
                task_status.started(session)
                await trio.sleep_forever()
        except (SessionClosed, SessionLost, ConnectError) as error:
            if session is None:
                raise
            _log.info("the router's own session in realm %s ended: %s", realm, error)
        finally:
            if session is not None and self._sessions.get(realm) is session:  # and not its successor
                del self._sessions[realm]
