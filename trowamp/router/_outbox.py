"""What waits to be sent to one peer, and what happens when the peer does not read it.

Octets go straight into the link's buffer; the outbox decides whether they may, and notes that the shell has something to flush.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from .._exceptions import MessageTooLarge, SerializationError

if TYPE_CHECKING:
    from ..messages import Message
    from ..wire import Link
    from ..wire._pieces import Octets
    from ._options import RouterOptions
    from ._peer import Peer
    from ._statistics import Counters


class Backlog:
    """What waits for a peer is more than the soft limit. Once that is noted, the peer has until `deadline` to take as much as that limit.

    Attributes:
        outbox: Where it waits; None if nobody is interested any more.
        deadline: See above.
        goal: How many octets the peer must have taken by then, counted from the beginning of its connection.
    """

    __slots__ = ("deadline", "goal", "outbox")

    def __init__(self, outbox: Outbox) -> None:
        self.outbox: Outbox | None = outbox
        self.deadline = math.inf
        self.goal = 0


class Outbox:
    """The way out to one peer.

    Args:
        link: The peer's connection.
        peer: Whose outbox it is.
        dirty: Peers for the shell to look after; this one is put there once.
        backlogs: Backlogs that have to be timed; this one's is put there when it begins.
        options: Limits.
        counters: Where losses are counted.
    """

    __slots__ = (
        "_backlog",
        "_backlogs",
        "_counters",
        "_dirty",
        "_event_limit",
        "_limit",
        "_link",
        "_options",
        "_peer",
        "is_dirty",
        "is_shut",
    )

    def __init__(
        self,
        link: Link,
        peer: Peer,
        *,
        dirty: list[Peer],
        backlogs: list[Backlog],
        options: RouterOptions,
        counters: Counters,
    ) -> None:
        self._link = link
        self._peer = peer
        self._dirty = dirty
        self._backlogs = backlogs
        self._backlog: Backlog | None = None
        self._options = options
        self._counters = counters
        drops_events = options.slow_consumer == "drop_events"
        self._event_limit = options.outbox_limit if drops_events else None
        self._limit = options.outbox_limit * 2 if drops_events else min(options.outbox_limit, options.outbox_soft_limit)
        self.is_dirty = False
        self.is_shut = False  # nothing may be sent any more (SES-B3)

    @property
    def size(self) -> int:
        """Octets that wait."""
        return self._link.queued_octets - self._link.sent_octets

    def queue(self, octets: Octets) -> None:
        """Queue an encoded message; a peer that lets too much pile up is given up."""
        if self.is_shut:
            return
        link = self._link
        link.send_encoded(octets)
        if not self.is_dirty:
            self.is_dirty = True
            self._dirty.append(self._peer)
        if link.queued_octets - link.sent_octets > self._limit:
            self._pile_up()

    def queue_event(self, octets: Octets) -> None:
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
            octets = self._link.encode_in_pieces(message)
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

    def is_still_behind(self, backlog: Backlog) -> bool:
        """Look at a backlog whose time is over: the peer is given up if it has taken too little. Tell whether it has to be timed once more."""
        link, limit = self._link, self._options.outbox_soft_limit
        if self.size <= limit:
            self._backlog = None
            self._limit = limit
        elif link.sent_octets < backlog.goal:
            self._peer.give_up_slow()
        return self._backlog is not None

    def time(self, backlog: Backlog) -> None:
        """Its time begins."""
        backlog.goal = self._link.sent_octets + self._options.outbox_soft_limit

    def shut(self) -> None:
        """Let nothing out any more; what is queued already still leaves."""
        self.is_shut = True
        if self._backlog is not None:
            self._backlog.deadline = math.inf
            self._backlog.outbox = None  # a reminder must not keep what waits here in memory
            self._backlog = None
        self.mark()

    def part(self) -> None:
        """The connection is gone. Peer and outbox would keep each other in memory until the collector comes."""
        self.is_dirty = True  # or a late `mark` would look for the peer
        del self._peer

    def _pile_up(self) -> None:
        """More waits than may: for long, or at all."""
        hard_limit = self._options.outbox_limit
        if self._event_limit is not None or self.size > hard_limit:
            self._peer.give_up_slow()
        else:
            self._limit = hard_limit
            self._backlog = Backlog(self)
            self._backlogs.append(self._backlog)

    def mark(self) -> None:
        """Have the shell look after this peer."""
        if not self.is_dirty:
            self.is_dirty = True
            self._dirty.append(self._peer)
