"""WAMP sessions on asyncio."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from ..wamp import protocol
from ..wamp.types import ComponentConfig
from ._face import AsyncioFace
from ._runner import ApplicationRunner

__all__ = ["ApplicationRunner", "ApplicationSession", "ApplicationSessionFactory", "ComponentConfig", "Session"]


class _OnAsyncio:
    """Belongs to the loop that runs when the session first needs one."""

    _framework: ClassVar[Literal["asyncio", "twisted"]] = "asyncio"

    def _make_face(self) -> Any:
        return AsyncioFace()


class ApplicationSession(_OnAsyncio, protocol.ApplicationSession):
    """A WAMP session on asyncio; its requests return futures, its hooks may be coroutine functions."""


class Session(_OnAsyncio, protocol.Pep8Session):
    """A WAMP session on asyncio with hooks in snake case: `on_join`, `on_leave` and so on."""


class ApplicationSessionFactory(protocol.ApplicationSessionFactory):
    """Makes sessions on asyncio."""

    session: Any = ApplicationSession
