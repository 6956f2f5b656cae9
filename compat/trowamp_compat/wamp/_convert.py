"""Messages of the core and the message objects of the API: each can be turned into the other."""

from __future__ import annotations

from typing import Any

from trowamp.messages import Message

from . import message as _every_class  # noqa: F401  # `from_core` knows the classes that exist
from ._message import from_core


def to_compat(message: Message) -> Any:
    """Return the API's object for a message of the core."""
    return from_core(message)


def to_core(message: Any) -> Message:
    """Return the core's message for an object of the API; one of the core's stays what it is."""
    return message if isinstance(message, Message) else message.to_core()  # type: ignore[no-any-return, unused-ignore]
