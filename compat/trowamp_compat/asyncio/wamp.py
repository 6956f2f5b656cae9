"""WAMP sessions on asyncio."""

from __future__ import annotations

from ..wamp.types import ComponentConfig
from ._runner import ApplicationRunner
from ._sessions import ApplicationSession, ApplicationSessionFactory, Session

__all__ = ["ApplicationRunner", "ApplicationSession", "ApplicationSessionFactory", "ComponentConfig", "Session"]
