"""The client's protocol without I/O: handshake, session, reconnect schedule.

A shell (Trio in `trowamp`, asyncio and Twisted in `trowamp_compat`) feeds messages in and carries messages and outcomes out:

    join = Join(link, "realm1", agent="my-shell")
    ...                                    # for message in link.received(): outcome = join.receive(message)
    session = ClientSession(link, outcome)
    ...                                    # for message in link.received(): item = session.receive(message)
"""

from __future__ import annotations

from ._channel import Channel
from ._client import ClientSession
from ._features import CLIENT_ROLES
from ._inbound import Delivery, Ended, Fed, Inbound, Interrupted, Invoked, Progress, Reply, Revoked, SessionStatistics
from ._join import Join
from ._reconnect import ReconnectSchedule, Rotation

__all__ = [
    "CLIENT_ROLES",
    "Channel",
    "ClientSession",
    "Delivery",
    "Ended",
    "Fed",
    "Inbound",
    "Interrupted",
    "Invoked",
    "Join",
    "Progress",
    "ReconnectSchedule",
    "Reply",
    "Revoked",
    "Rotation",
    "SessionStatistics",
]
