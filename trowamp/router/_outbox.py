"""What waits to be sent to one peer, and what happens when the peer does not read it.

Octets go straight into the link's buffer; the outbox decides whether they may, and notes that the shell has something to flush.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .._exceptions import MessageTooLarge, SerializationError

if TYPE_CHECKING:
    from ..messages import Message
    from ..wire import Link
    from ._options import RouterOptions
    from ._peer import Peer
    from ._statistics import Counters


class Outbox:
    """The way out to one peer.

    Args:
        link: The peer's connection.
        peer: Whose outbox it is.
        dirty: Peers for the shell to look after; this one is put there once.
        options: Limits.
        counters: Where losses are counted.
    """

    __slots__ = ("_counters", "_dirty", "_event_limit", "_limit", "_link", "_peer", "is_dirty", "is_shut")

    def __init__(self, link: Link, peer: Peer, dirty: list[Peer], options: RouterOptions, counters: Counters) -> None:
        self._link = link
        self._peer = peer
        self._dirty = dirty
        self._counters = counters
        drops_events = options.slow_consumer == "drop_events"
        self._limit = options.outbox_limit * 2 if drops_events else options.outbox_limit
        self._event_limit = options.outbox_limit if drops_events else None
        self.is_dirty = False
        self.is_shut = False  # nothing may be sent any more (SES-B3)

    @property
    def size(self) -> int:
        """Octets that wait."""
        return self._link.queued_octets - self._link.sent_octets

    def queue(self, octets: bytes) -> None:
        """Queue an encoded message; a peer that lets too much pile up is given up."""
        if self.is_shut:
            return
        link = self._link
        link.send_encoded(octets)
        if not self.is_dirty:
            self.is_dirty = True
            self._dirty.append(self._peer)
        if link.queued_octets - link.sent_octets > self._limit:
            self._peer.give_up_slow()

    def queue_event(self, octets: bytes) -> None:
        """Queue an encoded EVENT; under the policy "drop_events" it is lost when too much waits already."""
        if self._event_limit is not None and self.size + len(octets) > self._event_limit and not self.is_shut:
            self._counters.dropped_events += 1
        else:
            self.queue(octets)

    def send(self, message: Message) -> None:
        """Queue a message of the router's own; a peer whose connection cannot carry it is given up."""
        if self.is_shut:
            return
        try:
            octets = self._link.encode(message)
        except (MessageTooLarge, SerializationError) as error:
            self._peer.give_up(f"{message.name} cannot be sent: {error}")
        else:
            self.queue(octets)

    def send_last(self, message: Message) -> None:
        """Queue the last message, whatever waits already, if the connection can carry it at all."""
        if self._link.is_open and not self.is_shut:
            with suppress(MessageTooLarge, SerializationError):  # a courtesy: the end of the connection says enough
                self._link.send(message)
        self.shut()

    def shut(self) -> None:
        """Let nothing out any more; what is queued already still leaves."""
        self.is_shut = True
        self.mark()

    def mark(self) -> None:
        """Have the shell look after this peer."""
        if not self.is_dirty:
            self.is_dirty = True
            self._dirty.append(self._peer)
