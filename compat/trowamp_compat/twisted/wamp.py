"""WAMP sessions on Twisted, and what runs them."""

from __future__ import annotations

from ..wamp.types import ComponentConfig
from ._application import Application, Service
from ._runner import ApplicationRunner
from ._sessions import ApplicationSession, ApplicationSessionFactory, Session

__all__ = [
    "Application",
    "ApplicationRunner",
    "ApplicationSession",
    "ApplicationSessionFactory",
    "ComponentConfig",
    "Service",
    "Session",
]
