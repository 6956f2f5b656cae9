"""Sessions of the router's own: how it calls procedures itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import trio

from ._exceptions import ConnectError, SessionClosed, SessionLost
from ._run_session import run_session
from .auth._router import Accept

if TYPE_CHECKING:
    from ._serve import Router
    from ._session import Session

_log = logging.getLogger("trowamp.router")

SERVICE_ROLE = "router"


class ServiceSessions:
    """One session of the router's own for each realm, opened when it is first needed, and again when it was lost.

    Args:
        router: The router.
        nursery: Where the sessions live.
    """

    def __init__(self, router: Router, nursery: trio.Nursery) -> None:
        self._router = router
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
            if session is None:
                session = await self._nursery.start(self._keep, realm)
        return await session.call(procedure, *args)

    async def _keep(self, realm: str, *, task_status: trio.TaskStatus[Session]) -> None:
        """Hold a session until it ends."""
        identity = Accept(authid="router", role=SERVICE_ROLE, provider="local")
        try:
            async with run_session(await self._router.connect(identity), realm, {}) as session:
                self._sessions[realm] = session
                task_status.started(session)
                await trio.sleep_forever()
        except (SessionClosed, SessionLost, ConnectError) as error:
            if realm not in self._sessions:
                raise
            _log.info("the router's own session in realm %s ended: %s", realm, error)
        finally:
            self._sessions.pop(realm, None)
