"""What every part of a session shares: its state, and how functions of the user are called."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from trowamp.messages import Abort, Goodbye
from trowamp.protocol import ClientSession

from .._logging import make_logger
from ._channel import Carrier, Inbox
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

    _face_type: ClassVar[type[Face]]  # a framework's sessions have it
    _inbox: Inbox
    traceback_app = False

    @functools.cached_property
    def log(self) -> Any:
        """The logger."""
        return make_logger(self._face_type.framework, type(self).__module__)

    def __init__(self, config: ComponentConfig | None = None) -> None:
        super().__init__()
        self._face: Face = self._face_type()
        self.config = config if config is not None else ComponentConfig(realm="realm1")
        self._transport: Any = None
        self._core: Core | None = None  # while the session is established
        self._carrier: Any = Carrier()  # the transport, if it is one of ours
        self._flush: Callable[[], None] = _nothing  # what was queued shall leave now
        self._flush_soon: Callable[[], None] = _nothing  # or with what else is queued in this turn of the loop
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
        self._left_with: str | None = None  # the reason, if `leave` was called in the last session
        self._ends_by = _goes_on  # told of what fails at an event; whether that ends the session

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
        if self._is_of_the_end(error) or isinstance(error, self._face.canceled):  # as at the end of a program
            self.log.debug("{msg}: {error!r}", msg=what, error=error)
            return
        try:
            self.onUserError(self._face.failure(error), what)
        except Exception as failure:  # noqa: BLE001  # it may be overridden; and not every error can be shown
            self.log.error("{what}; and onUserError failed: {kind}", what=what, kind=type(failure).__name__)

    def _is_of_the_end(self, error: BaseException) -> bool:
        """Tell whether an error says only that the connection is gone, or that the session was left by either side, which others tell."""
        if isinstance(error, TransportLost):
            return self._transport is None
        if self._core is not None and self._core.is_established:
            return False
        reason = self._left_with or (self._farewell.reason if self._farewell is not None else None)
        if reason is None:
            return False
        return isinstance(error, SessionNotReady) or (isinstance(error, ApplicationError) and error.error == reason)

    def _run(
        self,
        function: Callable[..., Any],
        args: Any,
        kwargs: dict[str, Any],
        what: object,
        ended: Callable[[], None] | None = None,
    ) -> bool:
        """Call a function of the user; whatever comes of it ends nothing.

        Args:
            function: The function.
            args: Its positional arguments.
            kwargs: Its keyword arguments.
            what: What it is, in words.
            ended: Called when what the function has begun has ended.

        Returns:
            Whether it has begun something; `ended` may have been called already.
        """
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # told, and that is all
            self._user_error(error, f"failure in {what}")
            return False
        future = self._face.future_of(result)
        if future is None:
            return False

        def done(_: Any = None) -> None:
            if ended is not None:
                ended()

        def failed(error: BaseException) -> None:
            try:
                self._user_error(error, f"failure in {what}")
            finally:
                done()

        self._face.when_done(future, done, failed)
        return True

    def _forget_registration(self, registration: Registration) -> None:
        registration.active = False
        self._registrations.pop(registration.id, None)
        self._procedures.pop(registration.id, None)

    def _forget_subscription(self, subscription: Subscription) -> None:
        subscription.active = False
        subscriber = self._subscribers.pop(subscription, None)
        if subscriber is not None:
            subscriber.stop()
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


def _goes_on(event: str, error: BaseException) -> bool:  # noqa: ARG001
    return False


def _ignore(result: Any) -> None:
    pass


def _traceback_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
