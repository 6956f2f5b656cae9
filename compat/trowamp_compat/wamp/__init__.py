"""WAMP without an event loop: errors, options, details, decorators, messages, serializers, authentication.

The modules of this package are reachable as its attributes: `wamp.types`, `wamp.protocol`, `wamp.auth`, …
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from . import exception, request, types, uri
from .exception import (
    ApplicationError,
    Error,
    InvalidUri,
    ProtocolError,
    SerializationError,
    SessionNotReady,
    TransportLost,
)
from .interfaces import ISession
from .types import (
    CallDetails,
    CallOptions,
    CallResult,
    CloseDetails,
    ComponentConfig,
    EventDetails,
    Invocation,
    PublishOptions,
    RegisterOptions,
    SessionDetails,
    SubscribeOptions,
)
from .uri import procedure, register, subscribe, topic

if TYPE_CHECKING:
    from .uri import error
else:
    from . import error

__all__ = [
    "ApplicationError",
    "CallDetails",
    "CallOptions",
    "CallResult",
    "CloseDetails",
    "ComponentConfig",
    "Error",
    "EventDetails",
    "ISession",
    "InvalidUri",
    "Invocation",
    "ProtocolError",
    "PublishOptions",
    "RegisterOptions",
    "SerializationError",
    "SessionDetails",
    "SessionNotReady",
    "SubscribeOptions",
    "TransportLost",
    "error",
    "exception",
    "procedure",
    "register",
    "request",
    "subscribe",
    "topic",
    "types",
    "uri",
]

# Imported when somebody asks for them: some need what not every program has, and some import from here.
_LATER: Final = frozenset(
    {
        "auth",
        "component",
        "cryptobox",
        "cryptosign",
        "interfaces",
        "message",
        "mnemonic",
        "protocol",
        "role",
        "serializer",
    }
)


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
