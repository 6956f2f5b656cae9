"""Where a session's messages go: the link of a connection of ours, or any object with `send`, as tests and other transports have it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from trowamp.messages import Message

from ._convert import to_compat


class Carrier:
    """What tells whether what is queued will be written without being asked for; this one, where there is no transport of ours, never does."""

    _is_receiving = False


class ForeignChannel(Carrier):
    """A transport that is not ours: it gets message objects, and may call the session back from inside `send`.

    Args:
        transport: Its `send` takes messages of `trowamp_compat.wamp.message`.
        inbox: Holds what it says meanwhile.

    Attributes:
        queued_octets: How many messages were sent; there are no octets to count.
        sent_octets: The same: what was sent may have been executed.
    """

    def __init__(self, transport: Any, inbox: Inbox) -> None:
        self._transport = transport
        self._inbox = inbox
        self.queued_octets = 0

    @property
    def sent_octets(self) -> int:
        return self.queued_octets

    def send(self, message: Message) -> None:
        """Hand a message over; what the transport says before this returns is heard when the request has been noted."""
        self._inbox.is_held = True
        try:
            self._transport.send(to_compat(message))
        except BaseException:
            self._inbox.is_held = False  # there is no request to be noted
            raise
        self.queued_octets += 1


class Inbox:
    """What was received and waits its turn.

    Messages are handled one after the other, and none while the session is in the middle of something: a request that is just being sent, or a
    decision of the user's about a WELCOME.

    Args:
        handle: Takes a message.

    Attributes:
        is_draining: Whether a message is being handled.
        is_held: Whether a request is being sent.
        is_waiting: Whether the user has to decide something first.
        messages: What waits its turn.
    """

    __slots__ = ("_handle", "is_draining", "is_held", "is_waiting", "messages")

    def __init__(self, handle: Callable[[Any], None]) -> None:
        self._handle = handle
        self.messages: deque[Any] = deque()
        self.is_draining = False
        self.is_held = False
        self.is_waiting = False

    def put(self, messages: list[Any]) -> None:
        """Take messages, and handle what may be handled now."""
        self.messages.extend(messages)
        if not self.is_held:
            self.drain()

    def release(self) -> None:
        """The request has been noted: go on."""
        self.is_held = False
        if self.messages:
            self.drain()

    def drain(self) -> None:
        """Handle everything, unless that is being done already."""
        if self.is_draining:
            return
        self.is_draining = True
        messages, handle = self.messages, self._handle
        try:
            while messages and not self.is_waiting:
                handle(messages.popleft())
        finally:
            self.is_draining = False

    def clear(self) -> None:
        """Forget what waits."""
        self.messages.clear()
        self.is_held = self.is_waiting = False
