"""What goes wrong with a transport."""

from __future__ import annotations

__all__ = ["Disconnected", "PayloadCorruptError", "PayloadExceededError"]


class PayloadExceededError(RuntimeError):
    """A message is larger than its receiver accepts, or than this side wants to send."""


class PayloadCorruptError(RuntimeError):
    """A payload does not carry what it says, for example because its checksum is wrong."""


class Disconnected(RuntimeError):
    """Something was to be sent over a connection that is closed or closing."""
