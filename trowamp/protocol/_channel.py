"""What the client's session needs of a connection."""

from __future__ import annotations

from typing import Protocol

from ..messages import Message


class Channel(Protocol):
    """What the session needs of a `wire.Link`."""

    @property
    def queued_octets(self) -> int:
        """Octets queued since the connection was opened, sent or not."""
        ...

    @property
    def sent_octets(self) -> int:
        """Octets handed to the network since the connection was opened."""
        ...

    def send(self, message: Message) -> None:
        """Serialize and queue one message; raise `SerializationError` or `MessageTooLarge` and queue nothing if it cannot be sent."""
        ...
