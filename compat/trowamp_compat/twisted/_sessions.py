"""The session classes of Twisted."""

from __future__ import annotations

from typing import Any, ClassVar

from ..wamp import protocol
from ..wamp._face import Face
from ._face import TwistedFace

__all__ = ["ApplicationSession", "ApplicationSessionFactory", "Session"]


class ApplicationSession(protocol.ApplicationSession):
    """A WAMP session on Twisted; its requests return Deferreds, its hooks may, too, or be coroutine functions."""

    _face_type: ClassVar[type[Face]] = TwistedFace


class Session(protocol.Pep8Session):
    """A WAMP session on Twisted with hooks in snake case: `on_join`, `on_leave` and so on."""

    _face_type: ClassVar[type[Face]] = TwistedFace


class ApplicationSessionFactory(protocol.ApplicationSessionFactory):
    """Makes sessions on Twisted."""

    session: Any = ApplicationSession
