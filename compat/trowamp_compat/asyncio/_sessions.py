"""The session classes of asyncio."""

from __future__ import annotations

from typing import Any, ClassVar

from ..wamp import protocol
from ..wamp._face import Face
from ._face import AsyncioFace

__all__ = ["ApplicationSession", "ApplicationSessionFactory", "Session"]


class ApplicationSession(protocol.ApplicationSession):
    """A WAMP session on asyncio; its requests return futures, its hooks may be coroutine functions."""

    _face_type: ClassVar[type[Face]] = AsyncioFace


class Session(protocol.Pep8Session):
    """A WAMP session on asyncio with hooks in snake case: `on_join`, `on_leave` and so on."""

    _face_type: ClassVar[type[Face]] = AsyncioFace


class ApplicationSessionFactory(protocol.ApplicationSessionFactory):
    """Makes sessions on asyncio."""

    session: Any = ApplicationSession
