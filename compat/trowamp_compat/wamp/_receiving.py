"""What follows from the messages that a session receives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from trowamp.messages import Abort, Goodbye, Message, Result
from trowamp.protocol import (
    Delivery,
    Ended,
    Fed,
    Inbound,
    Interrupted,
    Invoked,
    Progress,
    Reply,
    Revoked,
)

from ._channel import Inbox
from ._convert import to_core
from ._lifecycle import Lifecycle
from ._procedures import Procedure, Running
from ._requests import Pending
from ._subscribers import Subscriber
from .types import ComponentConfig


class Receiving(Lifecycle):
    """The part of a session that takes messages, one after the other."""

    _has_settled = False  # whether something has come together with the message in hand for somebody who goes on later

    def __init__(self, config: ComponentConfig | None = None) -> None:
        super().__init__(config)
        self._inbox = Inbox(self._handle)

    def onMessage(self, msg: Any) -> None:
        """Take a message of the transport."""
        inbox = self._inbox
        was_held = inbox.is_held
        self._has_settled = False
        inbox.put([to_core(msg)])
        if not was_held:
            inbox.release()  # what was sent in answer to it may have been answered, too

    def _take(self, messages: list[Message]) -> None:
        """Take messages of a connection of ours, which have come together."""
        core, inbox = self._core, self._inbox
        is_busy = inbox.messages or inbox.is_draining or inbox.is_waiting or inbox.is_held
        if core is not None and not is_busy and len(messages) == 1 and type(messages[0]) is Result:
            waiter = core.waiter_of(messages[0])
            if waiter is not None:  # he gets at once what has come for him alone
                inbox.is_draining = True
                try:
                    waiter.settle_at_once(messages[0])
                finally:
                    inbox.is_draining = False
                if inbox.messages:
                    inbox.drain()
                return
        self._has_settled = False
        inbox.put(messages)

    def _handle(self, message: Message) -> None:
        """Handle the next message; what that means depends on the phase."""
        core = self._core
        if core is None:
            self._handle_outside(message)
            return
        if isinstance(message, _FAREWELLS):
            self._farewell = message
        inbound = core.receive(message)
        if inbound is not None:
            _INBOUND[type(inbound)](self, inbound)

    def _on_reply(self, inbound: Reply[Pending]) -> None:
        if inbound.message is None or self._has_settled:  # in the order in which it has come: others go on before him
            inbound.waiter.settle(inbound.message, inbound.error)
            self._has_settled = True
        else:
            self._has_settled = not inbound.waiter.settle_at_once(inbound.message)

    def _on_progress(self, inbound: Progress[Pending]) -> None:
        inbound.waiter.progress(inbound.message)

    def _on_delivery(self, inbound: Delivery[Subscriber]) -> None:
        if self._has_settled and self._face.resumes_later:
            # Who waits for what came before the event goes on before it (W-19).
            self._has_settled = False
            self._inbox.is_waiting = True
            self._face.call_soon(self._deliver_late, inbound, self._transport)
        else:
            self._deliver(inbound)

    def _deliver_late(self, inbound: Delivery[Subscriber], transport: Any) -> None:
        if self._transport is not transport:
            return  # lost meanwhile, and what it had said with it
        self._inbox.is_waiting = False
        core = self._core
        if core is not None and core.is_established:
            self._deliver(inbound)
        self._inbox.drain()
        self._flush()  # nothing else does: no read is under way

    def _deliver(self, inbound: Delivery[Subscriber]) -> None:
        message = inbound.message
        for subscriber in inbound.handlers:
            subscriber.deliver(message)

    def _on_invoked(self, inbound: Invoked[Procedure]) -> None:
        inbound.handler.invoke(inbound.message)

    def _on_fed(self, inbound: Fed[Running]) -> None:
        """Not announced: a procedure gets one input."""

    def _on_interrupted(self, inbound: Interrupted[Running]) -> None:
        inbound.token.interrupt()

    def _on_revoked(self, inbound: Revoked[Procedure | Subscriber]) -> None:
        """The router itself has ended a registration or subscription (W-15)."""
        for handler in inbound.handlers:
            if isinstance(handler, Procedure):
                self._forget_registration(handler.registration)
            else:
                self._forget_subscription(handler.subscription)
            self.log.warn(
                "the router has revoked {uri}: {reason}", uri=handler.pattern.text, reason=inbound.reason or "no reason"
            )


_FAREWELLS: Final = (Goodbye, Abort)

_INBOUND: dict[type[Inbound], Callable[[Receiving, Any], None]] = {
    Reply: Receiving._on_reply,
    Progress: Receiving._on_progress,
    Delivery: Receiving._on_delivery,
    Invoked: Receiving._on_invoked,
    Fed: Receiving._on_fed,
    Interrupted: Receiving._on_interrupted,
    Revoked: Receiving._on_revoked,
    Ended: Receiving._on_ended,
}
