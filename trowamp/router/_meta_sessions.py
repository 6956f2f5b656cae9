"""The session meta API: who is here, and out with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .. import uris
from .._exceptions import InvalidUri, NoSuchSession
from .._uri_pattern import is_uri
from ._meta import Arguments, MetaProcedure, MetaProcedures

if TYPE_CHECKING:
    from ._session import Session

Kill = Callable[["Session", str, str | None, float], None]  # ends a session: the reason's URI, words or None, the time


class _Filter(Arguments):
    filter_authroles: list[str] | None = None


class _OfSession(Arguments):
    session: int


class _Farewell(Arguments):
    reason: str | None = None
    message: str | None = None


# Declared apart: what comes first in a class comes first in the arguments.
class _KillSession(Arguments):
    session: int
    reason: str | None = None
    message: str | None = None


class _KillByAuthid(Arguments):
    authid: str
    reason: str | None = None
    message: str | None = None


class _KillByAuthrole(Arguments):
    authrole: str
    reason: str | None = None
    message: str | None = None


_Killing = _Farewell | _KillSession | _KillByAuthid | _KillByAuthrole


class SessionMeta:
    """The procedures `wamp.session.*` of one realm; they know nothing of other realms (SM-R1).

    Args:
        sessions: The realm's sessions by id.
        kill: Ends one.
        is_strict: Whether a reason must be a strict URI.
    """

    def __init__(self, sessions: dict[int, Session], kill: Kill, *, is_strict: bool) -> None:
        self._sessions = sessions
        self._kill = kill
        self._is_strict = is_strict
        self.procedures: MetaProcedures = {
            uris.SESSION_COUNT: MetaProcedure(_Filter, self._count),
            uris.SESSION_LIST: MetaProcedure(_Filter, self._list),
            uris.SESSION_GET: MetaProcedure(_OfSession, self._get),
            uris.SESSION_KILL: MetaProcedure(_KillSession, self._kill_one),
            uris.SESSION_KILL_BY_AUTHID: MetaProcedure(_KillByAuthid, self._kill_by_authid),
            uris.SESSION_KILL_BY_AUTHROLE: MetaProcedure(_KillByAuthrole, self._kill_by_authrole),
            uris.SESSION_KILL_ALL: MetaProcedure(_Farewell, self._kill_all),
        }

    def _count(self, caller: Session, arguments: _Filter, now: float) -> list[Any]:
        return [sum(1 for _ in self._filtered(arguments))]

    def _list(self, caller: Session, arguments: _Filter, now: float) -> list[Any]:
        return [list(self._filtered(arguments))]

    def _filtered(self, arguments: _Filter) -> Iterator[int]:
        roles = arguments.filter_authroles
        return (
            session.session_id
            for session in self._sessions.values()
            if not session.is_service and (roles is None or session.authrole in roles)
        )

    def _get(self, caller: Session, arguments: _OfSession, now: float) -> list[Any]:
        session = self._sessions.get(arguments.session)
        if session is None or session.is_service:
            raise NoSuchSession(f"no session {arguments.session}")
        return [session.describe()]

    def _kill_one(self, caller: Session, arguments: _KillSession, now: float) -> list[Any]:
        victim = self._sessions.get(arguments.session)
        if victim is None or victim is caller or victim.is_service:  # SM-R2
            raise NoSuchSession(f"no other session {arguments.session}")
        self._kill_each([victim], arguments, now)
        return []

    def _kill_by_authid(self, caller: Session, arguments: _KillByAuthid, now: float) -> list[Any]:
        victims = [victim for victim in self._others(caller) if victim.authid == arguments.authid]
        return [self._kill_each(victims, arguments, now)]

    def _kill_by_authrole(self, caller: Session, arguments: _KillByAuthrole, now: float) -> list[Any]:
        victims = [victim for victim in self._others(caller) if victim.authrole == arguments.authrole]
        return [len(self._kill_each(victims, arguments, now))]  # §6 S10

    def _kill_all(self, caller: Session, arguments: _Farewell, now: float) -> list[Any]:
        return [len(self._kill_each(self._others(caller), arguments, now))]

    def _others(self, caller: Session) -> list[Session]:
        """Return everybody but the caller, who is never killed by its own call (SM-R2)."""
        return [session for session in self._sessions.values() if session is not caller and not session.is_service]

    def _kill_each(self, victims: list[Session], arguments: _Killing, now: float) -> list[int]:
        """End sessions; return their ids (SM-R3)."""
        reason = uris.CLOSE_KILLED if arguments.reason is None else arguments.reason
        if not is_uri(reason, strict=self._is_strict):
            raise InvalidUri("the reason is not a legal URI")
        for victim in victims:
            self._kill(victim, reason, arguments.message, now)
        return [victim.session_id for victim in victims]
