"""A peer: one connection to the router, from before HELLO to its end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import uris
from ..messages import Goodbye
from ._outbox import Backlog, Outbox

if TYPE_CHECKING:
    from ..wire import Link
    from ._accept import Handshake
    from ._options import RouterOptions
    from ._session import Session
    from ._statistics import Counters

_MAX_WAITING = 256 * 1024  # octets received while a session's requests wait


class Phase:
    """Until when a peer has to do what it owes.

    Attributes:
        peer: Who; None once its connection has gone: a reminder must not keep it, and what waits for it, in memory.
        deadline: Until when.
    """

    __slots__ = ("deadline", "peer")

    def __init__(self, peer: Peer) -> None:
        self.peer: Peer | None = peer
        self.deadline = math.inf


class Peer:
    """A connection. It is in a handshake, or has a session, or is being left (the router's GOODBYE was sent), or is closing.

    Attributes:
        link: Its link.
        token: The shell's own.
        transport: What the shell knows of the connection.
        is_closing: Whether the shell shall flush the link, close the transport, then detach the peer.
        close_reason: Why, in words.
        is_slow: Whether that is because it did not read fast enough.
        session: The session, while there is one.
        handshake: The state of joining, while there is no session yet.
        outbox: Where messages go.
        phase: When the present phase must be over.
    """

    __slots__ = (
        "_counters",
        "_doomed",
        "close_reason",
        "handshake",
        "is_closing",
        "is_slow",
        "link",
        "outbox",
        "phase",
        "session",
        "token",
        "transport",
    )

    def __init__(
        self,
        link: Link,
        transport: dict[str, Any],
        *,
        dirty: list[Peer],
        doomed: list[Peer],
        backlogs: list[Backlog],
        options: RouterOptions,
        counters: Counters,
    ) -> None:
        self.link = link
        self.transport = transport
        self.token: Any = None
        self.is_closing = False
        self.close_reason = ""
        self.is_slow = False
        self.session: Session | None = None
        self.handshake: Handshake | None = None
        self.outbox = Outbox(link, self, dirty=dirty, backlogs=backlogs, options=options, counters=counters)
        self.phase = Phase(self)
        self._doomed = doomed
        self._counters = counters

    def __repr__(self) -> str:
        if self.is_closing:
            state = f"closing: {self.close_reason}"
        elif self.session is not None:
            state = repr(self.session)
        else:
            state = "joining" if self.handshake is not None else "leaving"
        return f"<Peer {state}>"

    @property
    def is_paused(self) -> bool:
        """Whether the shell shall read no more for now: enough requests wait for the authorizer. When that is over, the peer is dirty."""
        session = self.session
        if session is None or session.waiting is None or self.is_closing:
            return False
        return self.link.received_octets - session.waiting.received > _MAX_WAITING

    def give_up(self, reason: str) -> None:
        """End the connection. Its session is still known: the router takes it apart when the present message has been dealt with."""
        if not self.is_closing:
            self.is_closing = True
            self.close_reason = reason
            self.outbox.shut()
            self._doomed.append(self)

    def give_up_slow(self) -> None:
        """End the connection because the peer does not read what is sent to it."""
        self._counters.slow_consumers += 1
        self.is_slow = True
        reason = f"the peer does not read fast enough: {self.outbox.size} octets were waiting for it"
        if self.session is not None:
            self.outbox.send_last(Goodbye({"message": reason}, uris.CLOSE_KILLED))  # SES-R5
        self.give_up(reason)
