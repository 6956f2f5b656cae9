"""What the client core hands to its shell: one small value per thing that happened.

The shell looks its handler up by the value's type. "Event" means a WAMP EVENT and nothing else here; what comes out of the core is *inbound*.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from .._exceptions import SessionClosed, SessionLost
from ..messages import Event, Invocation, Message, Result

W = TypeVar("W")
H = TypeVar("H")
T = TypeVar("T")


class Reply(msgspec.Struct, Generic[W]):
    """A request has ended: `message` answers it, or `error` says why there is no answer."""

    waiter: W
    message: Message | None
    error: Exception | None = None


class Progress(msgspec.Struct, Generic[W]):
    """A progressive RESULT; the call goes on."""

    waiter: W
    message: Result


class Delivery(msgspec.Struct, Generic[H]):
    """An EVENT for each of `handlers`, in the order they subscribed."""

    message: Event
    handlers: tuple[H, ...]


class Invoked(msgspec.Struct, Generic[H]):
    """An INVOCATION to be served by `handler`; answer it with `ClientSession.answer` or `ClientSession.fail`, exactly once."""

    message: Invocation
    handler: H


class Fed(msgspec.Struct, Generic[T]):
    """One more input of the invocation that the shell serves under `token`."""

    token: T
    message: Invocation


class Interrupted(msgspec.Struct, Generic[T]):
    """The invocation that the shell serves under `token` shall stop."""

    token: T
    mode: str | None


class Revoked(msgspec.Struct, Generic[H]):
    """The router itself ended a registration or subscription; its handlers get nothing any more."""

    handlers: tuple[H, ...]
    reason: str | None


class Ended(msgspec.Struct, Generic[W]):
    """The session is over: why, and every request that was still pending."""

    error: SessionClosed | SessionLost
    replies: list[Reply[W]]


class SessionStatistics(msgspec.Struct, frozen=True):
    """How much of everything a session holds now; all but the last three return to zero when nothing is going on."""

    pending_calls: int
    pending_publishes: int
    pending_registers: int
    pending_subscribes: int
    pending_removals: int
    running_invocations: int
    registrations: int
    subscriptions: int
    late_replies: int
    unknown_events: int
    refused_invocations: int


Inbound = (
    Reply[Any] | Progress[Any] | Delivery[Any] | Invoked[Any] | Fed[Any] | Interrupted[Any] | Revoked[Any] | Ended[Any]
)
