"""What every part of a session shares: its state, its inbox, and what follows from the messages of an established session."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from trowamp.messages import Abort, Goodbye, Message
from trowamp.protocol import (
    ClientSession,
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

from .._logging import Framework, make_logger
from ._channel import Inbox
from ._convert import to_core
from ._errors import ErrorMap
from ._face import Face
from ._observable import Observable
from ._procedures import Procedure, Running
from ._requests import Pending
from ._subscribers import Subscriber
from .exception import ApplicationError, SessionNotReady, TransportLost
from .interfaces import IPayloadCodec
from .types import CloseDetails, ComponentConfig, Registration, SessionDetails, Subscription

Core = ClientSession[Pending, Any, Running]


class SessionBase(Observable):
    """The state of a session, joined or not.

    Args:
        config: Its configuration; default: the realm "realm1".

    Attributes:
        config: The configuration.
        traceback_app: Whether callers get the traceback of what a procedure raises.
    """

    EVENTS: ClassVar[Sequence[str]] = ("join", "leave", "ready", "connect", "disconnect")

    _framework: ClassVar[Framework]
    traceback_app = False

    @functools.cached_property
    def log(self) -> Any:
        """The logger."""
        return make_logger(self._framework, type(self).__module__)

    def __init__(self, config: ComponentConfig | None = None) -> None:
        super().__init__()
        self._face = self._make_face()
        self.config = config if config is not None else ComponentConfig(realm="realm1")
        self._transport: Any = None
        self._core: Core | None = None  # while the session is established
        self._flush: Callable[[], None] = _nothing  # what was queued shall leave now
        self._flush_soon: Callable[[], None] = _nothing  # or with what else is queued in this turn of the loop
        self._inbox = Inbox(self._handle)
        self._errors = ErrorMap(self._user_error, lambda: self._payload_codec)
        keyring = getattr(self.config, "keyring", None)
        self._payload_codec: Any = keyring if isinstance(keyring, IPayloadCodec) else None  # C-33
        self._session_details: SessionDetails | None = None
        self._session_id: int | None = None
        self._realm: str | None = None
        self._authid: str | None = None
        self._authrole: str | None = None
        self._authmethod: str | None = None
        self._authprovider: str | None = None
        self._authextra: dict[str, Any] | None = None
        self._registrations: dict[int, Registration] = {}
        self._subscriptions: dict[int, list[Subscription]] = {}
        self._procedures: dict[int, Procedure] = {}
        self._subscribers: dict[Subscription, Subscriber] = {}
        self._running: set[Running] = set()
        self._farewell: Goodbye | Abort | None = None

    def _make_face(self) -> Face:
        """Return the event loop."""
        raise NotImplementedError

    # ---- user code

    def onUserError(self, fail: Any, msg: str) -> None:
        """Called when a function of the user fails; logs it, an `ApplicationError` at the level "info".

        Args:
            fail: Has the exception as `value`.
            msg: What failed, in words.
        """
        log = self.log.info if isinstance(fail.value, ApplicationError) else self.log.error  # that one is an answer
        log("{msg}: {error!r}", msg=msg, error=fail.value)
        self.log.debug("{traceback}", traceback=_traceback_of(fail.value))

    def _user_error(self, error: BaseException, what: str) -> None:
        self.onUserError(self._face.failure(error), what)

    def _run(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], what: object) -> None:
        """Call a function of the user; whatever comes of it ends nothing."""
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # told, and that is all
            self._user_error(error, f"failure in {what}")
            return
        future = self._face.future_of(result)
        if future is not None:
            self._face.when_done(future, _ignore, lambda error: self._user_error(error, f"failure in {what}"))

    # ---- messages

    def onMessage(self, msg: Any) -> None:
        """Take a message of the transport."""
        inbox = self._inbox
        was_held = inbox.is_held
        inbox.put([to_core(msg)])
        if not was_held:
            inbox.release()  # what was sent in answer to it may have been answered, too

    def _take(self, messages: list[Message]) -> None:
        """Take messages of a connection of ours."""
        self._inbox.put(messages)

    def _handle(self, message: Message) -> None:
        """Handle the next message; what that means depends on the phase."""
        core = self._core
        if core is None:
            self._handle_outside(message)
            return
        if type(message) is Goodbye or type(message) is Abort:
            self._farewell = message
        inbound = core.receive(message)
        if inbound is not None:
            _INBOUND[type(inbound)](self, inbound)

    def _handle_outside(self, message: Message) -> None:
        """Handle a message while no session is established."""
        raise NotImplementedError

    def _on_reply(self, inbound: Reply[Pending]) -> None:
        inbound.waiter.settle(inbound.message, inbound.error)

    def _on_progress(self, inbound: Progress[Pending]) -> None:
        inbound.waiter.progress(inbound.message)

    def _on_delivery(self, inbound: Delivery[Subscriber]) -> None:
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

    def _on_ended(self, inbound: Ended[Pending]) -> None:
        """The session is over: everybody who waits learns of it, what runs is stopped."""
        raise NotImplementedError

    def _forget_registration(self, registration: Registration) -> None:
        registration.active = False
        self._registrations.pop(registration.id, None)
        self._procedures.pop(registration.id, None)

    def _forget_subscription(self, subscription: Subscription) -> None:
        subscription.active = False
        self._subscribers.pop(subscription, None)
        others = self._subscriptions.get(subscription.id, [])
        if subscription in others:
            others.remove(subscription)
        if not others:
            self._subscriptions.pop(subscription.id, None)

    # ---- what requests need

    def _require_core(self) -> Core:
        """Return the established session.

        Raises:
            TransportLost: There is no transport.
            SessionNotReady: There is one, but no session on it.
        """
        core = self._core
        if core is None:
            if self._transport is None:
                raise TransportLost("there is no transport")
            raise SessionNotReady("the session has not been joined, or has been left")
        return core

    def _close_details(self) -> CloseDetails:
        """Return why the session ended, in the router's words."""
        farewell = self._farewell
        if farewell is None:
            return CloseDetails(
                CloseDetails.REASON_TRANSPORT_LOST, "the transport was lost before the session was left"
            )
        message = farewell.details.get("message")
        return CloseDetails(farewell.reason, message if isinstance(message, str) else None)


def _nothing() -> None:
    pass


def _ignore(result: Any) -> None:
    pass


def _traceback_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


_INBOUND: dict[type[Inbound], Callable[[SessionBase, Any], None]] = {
    Reply: SessionBase._on_reply,
    Progress: SessionBase._on_progress,
    Delivery: SessionBase._on_delivery,
    Invoked: SessionBase._on_invoked,
    Fed: SessionBase._on_fed,
    Interrupted: SessionBase._on_interrupted,
    Revoked: SessionBase._on_revoked,
    Ended: lambda session, inbound: session._on_ended(inbound),
}
