"""What the values of WebSocket's protocol options must be, in factories as in the transports of components."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Check = tuple[Callable[[Any], bool], str]  # whether a value can be an option, and what it has to be

BOOL: Final[Check] = (lambda value: isinstance(value, bool), "a bool")
SECONDS: Final[Check] = (
    lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= 0,
    "a number of seconds",
)
SIZE: Final[Check] = (
    lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "a number from 0",
)
PING_SIZE: Final[Check] = (lambda value: SIZE[0](value) and 4 <= value <= 125, "a number from 4 to 125")
CALLABLE: Final[Check] = (callable, "callable")
LIST: Final[Check] = (lambda value: isinstance(value, list | tuple), "a list")
TEXT: Final[Check] = (lambda value: isinstance(value, str), "a string")

COMMON_CHECKS: Final[dict[str, Check]] = {
    "utf8validateIncoming": BOOL,
    "applyMask": BOOL,
    "maxFramePayloadSize": SIZE,
    "maxMessagePayloadSize": SIZE,
    "autoFragmentSize": SIZE,
    "failByDrop": BOOL,
    "echoCloseCodeReason": BOOL,
    "openHandshakeTimeout": SECONDS,
    "closeHandshakeTimeout": SECONDS,
    "tcpNoDelay": BOOL,
    "autoPingInterval": SECONDS,
    "autoPingTimeout": SECONDS,
    "autoPingSize": PING_SIZE,
    "autoPingRestartOnAnyTraffic": BOOL,
    "perMessageCompressionAccept": CALLABLE,
}
