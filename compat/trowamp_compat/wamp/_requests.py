"""What waits for the router's answer to a request: the future of the user, and what becomes of it.

The core hands these back exactly once, with the answer or with the loss of the session. A user may cancel the future before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import trowamp
from trowamp.messages import Message, Published, Registered, Result, Subscribed

from ._payloads import decoded
from ._turns import Turns
from .exception import CallTimeoutError
from .types import CallOptions, CallResult, Publication

if TYPE_CHECKING:
    from ._procedures import Procedure
    from ._session import SessionBase
    from ._subscribers import Subscriber

DEFAULT_CANCEL_MODE: Final = "killnowait"  # what routers do with a CANCEL that names none


class Pending:
    """A request that waits.

    Attributes:
        future: The user's.
        request_id: The request's id, once it has been sent.
    """

    __slots__ = ("future", "request_id", "session")

    def __init__(self, session: SessionBase) -> None:
        self.session = session
        self.request_id = 0
        self.future: Any = session._face.create_future(self.canceled)

    def settle(self, message: Message | None, error: Exception | None) -> None:
        """The request has ended: with an answer, or with an error."""
        if error is not None:
            self.session._face.reject(self.future, self.session._errors.received(error))
        else:
            self.answered(message)

    def settle_at_once(self, message: Message) -> bool:
        """The request has ended with an answer, and who waits may go on before this returns.

        Returns:
            Whether he has.
        """
        self.settle(message, None)
        return False

    def answered(self, message: Any) -> None:  # noqa: ARG002 - for those whose answer says something
        """The router agreed."""
        self.session._face.resolve(self.future)

    def progress(self, message: Result) -> None:
        """A part of an answer; nobody asked for it, but calls that have `on_progress` (W-16)."""

    def canceled(self, future: Any) -> None:
        """The user waits no more."""
        self.session._face.reject(future, self.session._face.canceled_error())


class PendingCall(Pending):
    """A CALL. It has no `request_id` any more when it has been answered, or the next session's call of that id would be cancelled with it."""

    __slots__ = ("options", "procedure", "timer")

    def __init__(self, session: SessionBase, procedure: str, options: CallOptions | None) -> None:
        self.session = session
        self.request_id = 0
        self.future = session._face.create_answer(self.ended)
        self.procedure = procedure
        self.options = options
        self.timer: Any = None

    def settle(self, message: Any, error: Exception | None) -> None:
        self._stop_timer()
        self._forget_ended()
        self.request_id = 0
        super().settle(message, error)

    def answered(self, message: Result) -> None:
        self._answer(message, self.session._face.resolve)

    def settle_at_once(self, message: Any) -> bool:
        self.request_id = 0
        values = message.args
        if self.options is None and type(values) is list and len(values) == 1 and not message.kwargs:
            # As nearly always; and without options there is no timer.
            return self.session._face.answer(self.future, values[0])
        self._stop_timer()
        return self._answer(message, self.session._face.answer)

    def _answer(self, message: Result, give: Callable[[Any, Any], bool | None]) -> bool:
        """Give whoever waits what a RESULT says; return whether he has gone on."""
        try:
            value = self._value_of(message)
        except Exception as failure:  # noqa: BLE001  # a codec is the user's: whoever called learns of it
            self._forget_ended()
            self.session._face.reject(self.future, failure)
            return False
        return bool(give(self.future, value))

    def _forget_ended(self) -> None:
        self.session._face.forget_ended(self.future, self.ended)

    def _value_of(self, message: Result) -> Any:
        args, kwargs = decoded(self.session._payload_codec, self.procedure, message, is_originating=True)
        wants_all = self.options is not None and self.options.details
        if wants_all or kwargs or len(args) > 1:
            return CallResult.from_wire(args, kwargs, **metadata_of(message.details))
        return args[0] if args else None

    def start_timer(self, seconds: float) -> None:
        """Give the call up after some time (C-11)."""
        self.timer = self.session._face.call_later(seconds, self._timed_out, seconds)

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def _timed_out(self, seconds: float) -> None:
        self._give_up()
        self._forget_ended()
        self.session._face.reject(self.future, CallTimeoutError(f"no answer within {seconds:g} s"))

    def ended(self, future: Any) -> None:
        """The user has cancelled the future, or has given it a result himself."""
        if self.session._face.is_canceled(future):
            self.canceled(future)

    def canceled(self, future: Any) -> None:
        self._stop_timer()
        self._give_up()
        super().canceled(future)

    def _give_up(self) -> None:
        session = self.session
        core = session._core
        if core is not None:
            mode = (self.options and self.options.cancel_mode) or DEFAULT_CANCEL_MODE
            core.cancel(self.request_id, mode, notify=core.details.supports("dealer", "call_canceling"))
            session._flush()


class PendingProgress(PendingCall):
    """A CALL whose parts are wanted: they are handled one after the other, and the answer comes after the last.

    Args:
        session: The session.
        procedure: What is called.
        options: The options.
        on_progress: Gets the parts.
    """

    __slots__ = ("on_progress", "parts")

    def __init__(
        self, session: SessionBase, procedure: str, options: CallOptions, on_progress: Callable[..., Any]
    ) -> None:
        super().__init__(session, procedure, options)
        self.on_progress = on_progress
        self.parts = _Parts(self)

    def progress(self, message: Result) -> None:
        self.parts.put(message)

    def settle(self, message: Any, error: Exception | None) -> None:
        self.request_id = 0
        if error is None or isinstance(error, trowamp.ApplicationError):
            self.parts.put((message, error))
        else:  # the session is over
            self.parts.drop()
            super().settle(message, error)

    def settle_at_once(self, message: Any) -> bool:
        self.settle(message, None)  # parts before it may take time
        return False

    def handle(self, message: Result, ended: Callable[[], None]) -> bool:
        """Handle a part; return whether that takes its time, until `ended` is called."""
        session = self.session
        try:
            args, kwargs = decoded(session._payload_codec, self.procedure, message, is_originating=True)
        except Exception as error:  # noqa: BLE001  # a codec is the user's
            session._user_error(error, f"a progressive result of {self.procedure} cannot be decoded")
            return False
        return session._run(self.on_progress, args, kwargs, f"on_progress of the call of {self.procedure}", ended)

    def answer(self, message: Message | None, error: Exception | None) -> None:
        """The answer's turn has come."""
        super().settle(message, error)

    def _give_up(self) -> None:
        self.parts.drop()
        super()._give_up()


class _Parts(Turns[Any]):
    """The parts of a call's result, and its answer."""

    __slots__ = ("_call",)

    def __init__(self, call: PendingProgress) -> None:
        super().__init__(1)
        self._call = call

    def put(self, item: Any) -> None:
        """Take the next: a message, or a tuple of the answer and the error."""
        self._waiting.append(item)
        self._go_on()

    def drop(self) -> None:
        """Nobody wants them any more."""
        self._waiting.clear()

    def _begin(self, item: Any) -> None:
        if type(item) is tuple:
            self._call.answer(*item)
            return
        has_begun = False
        self._running += 1
        try:
            has_begun = self._call.handle(item, self._ended)
        finally:
            if not has_begun:
                self._running -= 1


class PendingPublish(Pending):
    """A PUBLISH that is to be acknowledged."""

    __slots__ = ("was_encrypted",)

    def __init__(self, session: SessionBase, *, was_encrypted: bool) -> None:
        super().__init__(session)
        self.was_encrypted = was_encrypted

    def answered(self, message: Published) -> None:
        self.session._face.resolve(self.future, Publication(message.publication_id, self.was_encrypted))

    def canceled(self, future: Any) -> None:
        if self.session._core is not None:
            self.session._core.forget_publish(self.request_id)
        super().canceled(future)


class _PendingHandler(Pending):
    """A REGISTER or SUBSCRIBE: if the user gives up, it is undone as soon as the router agrees (W-8)."""

    __slots__ = ()

    def canceled(self, future: Any) -> None:
        if self.session._core is not None:
            self.session._core.abandon(self.request_id)
        super().canceled(future)


class PendingRegister(_PendingHandler):
    """A REGISTER."""

    __slots__ = ("procedure",)

    def __init__(self, session: SessionBase, procedure: Procedure) -> None:
        super().__init__(session)
        self.procedure = procedure

    def answered(self, message: Registered) -> None:
        registration = self.procedure.registered(message.registration_id)
        self.session._procedures[registration.id] = self.procedure
        self.session._registrations[registration.id] = registration
        self.session._face.resolve(self.future, registration)


class PendingSubscribe(_PendingHandler):
    """A SUBSCRIBE."""

    __slots__ = ("subscriber",)

    def __init__(self, session: SessionBase, subscriber: Subscriber) -> None:
        super().__init__(session)
        self.subscriber = subscriber

    def answered(self, message: Subscribed) -> None:
        subscription = self.subscriber.subscribed(message.subscription_id)
        self.session._subscribers[subscription] = self.subscriber
        self.session._subscriptions.setdefault(subscription.id, []).append(subscription)
        self.session._face.resolve(self.future, subscription)


class PendingRemoval(Pending):
    """An UNREGISTER or UNSUBSCRIBE.

    Attributes:
        value: The result.
    """

    __slots__ = ("value",)

    def __init__(self, session: SessionBase, value: Any) -> None:
        super().__init__(session)
        self.value = value

    def answered(self, message: Any) -> None:  # noqa: ARG002
        self.session._face.resolve(self.future, self.value)


def metadata_of(details: dict[str, Any]) -> dict[str, Any]:
    """Return what a RESULT or ERROR tells besides its payload."""
    if not details:
        return {}
    return {name: details[name] for name in _METADATA if name in details}


_METADATA: Final = ("enc_algo", "callee", "callee_authid", "callee_authrole", "forward_for")
