"""WAMP sessions on Twisted, and what runs them."""

from __future__ import annotations

from typing import Any

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


def __getattr__(name: str) -> Any:
    if name == "WampWebSocketClientFactory":  # programs import it from here, too; it needs what comes with pyOpenSSL
        from .websocket import WampWebSocketClientFactory  # noqa: PLC0415

        return WampWebSocketClientFactory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
