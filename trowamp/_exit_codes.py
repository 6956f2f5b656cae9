"""How a program of ours ends: one table for `run` and the command line."""

from __future__ import annotations

from typing import Final

from ._exceptions import (
    ApplicationError,
    BufferOverflow,
    CallTimeout,
    ConnectError,
    JoinError,
    LocalProtocolError,
    MessageTooLarge,
    ProtocolError,
    SerializationError,
    SessionClosed,
    SessionLost,
)

OK: Final = 0
PEER_ERROR: Final = 1
USAGE: Final = 2
NOT_CONNECTED: Final = 3
NOT_JOINED: Final = 4
LOST: Final = 5
INTERNAL: Final = 70  # EX_SOFTWARE of sysexits.h: a bug, here or in the code that was run
OUTPUT_FAILED: Final = 74  # EX_IOERR
TIMEOUT: Final = 124
INTERRUPTED: Final = 130

_BY_ERROR: Final[tuple[tuple[type[BaseException], int], ...]] = (  # the first that fits
    (CallTimeout, TIMEOUT),
    (ApplicationError, PEER_ERROR),
    (ConnectError, NOT_CONNECTED),
    (JoinError, NOT_JOINED),
    (SessionLost, LOST),
    (SessionClosed, LOST),
    (BufferOverflow, LOST),
    (LocalProtocolError, USAGE),
    (ProtocolError, LOST),
    (SerializationError, USAGE),
    (MessageTooLarge, USAGE),
    (KeyboardInterrupt, INTERRUPTED),
)


def exit_code_of(error: BaseException) -> int | None:
    """Return the exit code that tells this error, or None for one that deserves its traceback."""
    for kind, code in _BY_ERROR:
        if isinstance(error, kind):
            return code
    return None
