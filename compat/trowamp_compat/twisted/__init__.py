"""Sessions, components and transports on Twisted.

The names that programs import from here are looked up when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import twisted

from trowamp import __version__

__ident__: Final = f"trowamp/{__version__}-Twisted/{twisted.__version__}"

_PLACES: Final = {
    "ApplicationSession": "wamp",
    "WebSocketClientFactory": "websocket",
    "WebSocketClientProtocol": "websocket",
    "WebSocketServerFactory": "websocket",
    "WebSocketServerProtocol": "websocket",
    "WrappingWebSocketServerFactory": "websocket",
    "install_reactor": "choosereactor",
    "sleep": "util",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *_PLACES]
