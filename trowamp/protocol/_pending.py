"""What the client core remembers of requests and handlers."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

W = TypeVar("W")
H = TypeVar("H")


class Pending(msgspec.Struct, Generic[W], gc=False):
    """A request without an answer yet. `position` tells on loss whether any of its octets had left."""

    waiter: W
    position: int


class PendingHandler(msgspec.Struct, Generic[W, H]):
    """A REGISTER or SUBSCRIBE: the handler is attached while the reply is processed, before the next message is read (ORD-C1)."""

    waiter: W | None  # None: the requester gave up; undo when the router agrees
    position: int
    handler: H
    subject: tuple[str, str]  # URI and matching policy


class PendingRemoval(msgspec.Struct, Generic[W]):
    """An UNREGISTER or UNSUBSCRIBE; nobody needs to wait for it."""

    waiter: W | None
    position: int
    target_id: int


class HandlerTable(dict[int, tuple[H, ...]]):
    """Registrations or subscriptions by the router's id, each with its handlers in the order they came (BP-C3)."""

    def attach(self, target_id: int, handler: H) -> None:
        """Add one handler."""
        self[target_id] = (*self.get(target_id, ()), handler)

    def detach(self, target_id: int, handler: H) -> bool:
        """Take one handler out, once if it is attached several times; tell whether it was the last one."""
        handlers = self.get(target_id, ())
        for index, other in enumerate(handlers):
            if other is handler:
                rest = handlers[:index] + handlers[index + 1 :]
                break
        else:
            return False
        if rest:
            self[target_id] = rest
        else:
            del self[target_id]
        return not rest


class ClientStatistics(msgspec.Struct, frozen=True):
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
