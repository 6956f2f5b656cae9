"""The session classes of Twisted."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from ..wamp import protocol
from ._face import TwistedFace

__all__ = ["ApplicationSession", "ApplicationSessionFactory", "Session"]


class _OnTwisted:
    """Belongs to the reactor that is installed when the session first needs one."""

    _framework: ClassVar[Literal["asyncio", "twisted"]] = "twisted"

    def _make_face(self) -> Any:
        return TwistedFace()


class ApplicationSession(_OnTwisted, protocol.ApplicationSession):
    """A WAMP session on Twisted; its requests return Deferreds, its hooks may, too, or be coroutine functions."""


class Session(_OnTwisted, protocol.Pep8Session):
    """A WAMP session on Twisted with hooks in snake case: `on_join`, `on_leave` and so on."""


class ApplicationSessionFactory(protocol.ApplicationSessionFactory):
    """Makes sessions on Twisted."""

    session: Any = ApplicationSession
