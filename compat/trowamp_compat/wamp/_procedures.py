"""Registered procedures, and their invocations while they run."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trowamp.messages import Invocation as InvocationMessage
from trowamp.protocol import ClientSession
from trowamp.uris import UriPattern

from ._binding import Binding
from ._errors import as_compat_errors
from ._payloads import Encoded, decoded, encoded, encoded_error
from ._turns import Turns
from .exception import ApplicationError
from .request import Endpoint
from .types import CallDetails, CallResult, Invocation, RegisterOptions, Registration

if TYPE_CHECKING:
    from ._session import SessionBase

_PLAIN = frozenset({type(None), bool, int, float, str, bytes, list, dict})
_NOTHING: dict[str, Any] = {}


class Procedure(Turns["Running"]):
    """A function that is, or is about to be, registered.

    Args:
        session: The session.
        function: What is called.
        pattern: What it is registered under.
        options: Options, or None.
    """

    __slots__ = (
        "_binding",
        "_core",
        "_is_limited",
        "function",
        "pattern",
        "registration",
        "session",
    )

    registration: Registration

    def __init__(
        self,
        session: SessionBase,
        function: Callable[..., Any],
        pattern: UriPattern,
        options: RegisterOptions | None,
    ) -> None:
        limit = options.concurrency if options is not None else None
        super().__init__(limit or 0)
        self._is_limited = limit is not None
        self.session = session
        self.function = function
        self.pattern = pattern
        self._binding = Binding(function, pattern, options.details_arg if options else None, (CallDetails, Invocation))
        self._core: ClientSession[Any, Any, Any] = session._require_core()

    def registered(self, registration_id: int) -> Registration:
        """The router agreed."""
        endpoint = Endpoint(self.function, None, self._binding.details_arg)
        self.registration = Registration(self.session, registration_id, self.pattern.text, endpoint)
        return self.registration

    def invoke(self, message: InvocationMessage) -> None:
        """Serve an invocation. What returns at once is answered at once."""
        args, kwargs = message.args or (), message.kwargs or _NOTHING
        if not self._binding.is_plain or type(args) is bytes or message.details or self._is_limited:
            self._invoke_fully(message)
            return
        try:
            result = self.function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # it is the caller's answer
            Running(self, message).fail(error)
            return
        if type(result) in _PLAIN:
            unsendable = self._core.answer(message.request_id, (result,), None)
            if unsendable is not None:
                self.cannot_send(unsendable, self.pattern.text)
            if not self.session._carrier._is_receiving:
                self.session._flush_soon()
        else:
            Running(self, message).returned(result)

    def cannot_send(self, error: Exception, uri: str) -> None:
        """The caller has got an error in place of a result: tell the user."""
        self.session._user_error(error, f"the result of {uri} cannot be sent")

    def _invoke_fully(self, message: InvocationMessage) -> None:
        running = Running(self, message)
        if not self._is_limited:
            running.begin()
            return
        if (
            self._waiting or self._running >= self._limit
        ):  # the router does not count, or counts all callees together (W-20)
            running.wait()
        self._waiting.append(running)
        self._go_on()

    def _begin(self, item: Running) -> None:
        self._running += 1
        item.begin()

    def given_up(self, running: Running) -> None:
        """An invocation that waits for its turn is not wanted any more."""
        self._waiting.remove(running)

    def ended(self) -> None:
        """An invocation has been answered: the next one may begin."""
        if self._is_limited:
            self._ended()


class Running:
    """An invocation that is being served.

    Args:
        procedure: What serves it.
        message: The invocation.

    Attributes:
        has_begun: Whether it does not wait for its turn any more.
    """

    __slots__ = (
        "_core",
        "_future",
        "_is_encrypted",
        "_message",
        "_procedure",
        "_session",
        "_timer",
        "_uri",
        "_why",
        "has_begun",
    )

    def __init__(self, procedure: Procedure, message: InvocationMessage) -> None:
        self._procedure = procedure
        self._message = message
        self._session = procedure.session
        self._core = procedure._core
        self._is_encrypted = type(message.args) is bytes
        self._uri: str = message.details.get("procedure", procedure.pattern.text)
        self._future: Any = None
        self.has_begun = True
        self._timer: Any = None
        self._why: str | None = None  # the URI of the error that the future was cancelled for

    def begin(self) -> None:
        """Call the function."""
        procedure, message = self._procedure, self._message
        self.has_begun = True
        self._session._running.discard(self)
        binding, uri = procedure._binding, self._uri
        try:
            args, kwargs = decoded(self._session._payload_codec, uri, message, is_originating=False)
            if not binding.is_plain:
                args, kwargs = binding.arguments(uri, args, kwargs, self.details(uri, binding.details_kind))
            result = procedure.function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # it is the caller's answer
            self.fail(error)
            return
        self.start_timer(message.details.get("timeout"))
        self.returned(result)

    def wait(self) -> None:
        """Wait for others to end."""
        self.has_begun = False
        self._core.serve(self._message.request_id, self)
        self._session._running.add(self)

    def details(self, uri: str, kind: type[CallDetails]) -> CallDetails:
        """Return what the function can be told."""
        told = self._message.details
        return kind(
            self._procedure.registration,
            self.progress if told.get("receive_progress") else None,
            told.get("caller"),
            told.get("caller_authid"),
            told.get("caller_authrole"),
            uri,
            told.get("transaction_hash"),
            told.get("enc_algo"),
            told.get("forward_for"),
        )

    def progress(self, *args: Any, **kwargs: Any) -> None:
        """Send a progressive result; what comes when the invocation is over goes nowhere."""
        if self._is_over():
            return
        payload, named, options = self._encoded(args, kwargs)
        with as_compat_errors():
            self._core.progress(self._message.request_id, payload, named, options)
        self._session._flush_soon()

    def returned(self, result: Any) -> None:
        """The function has returned something: the result, or what it will come from."""
        face = self._session._face
        future = face.future_of(result)
        if future is None:
            self._answer(result)
            return
        self._future = future
        self._core.serve(self._message.request_id, self)
        self._session._running.add(self)
        face.when_done(future, self._finished, self._failed)

    def start_timer(self, milliseconds: Any) -> None:
        """Stop it after some time, as the caller wishes (W-11)."""
        if milliseconds:
            self._timer = self._session._face.call_later(milliseconds / 1000, self._time_out)

    def interrupt(self) -> None:
        """The caller does not want it any more."""
        self._stop(ApplicationError.CANCELED)

    def abandon(self) -> None:
        """The session is over."""
        self._stop(ApplicationError.CANCELED)

    def _time_out(self) -> None:
        self._stop(ApplicationError.TIMEOUT)

    def _stop(self, why: str) -> None:
        if not self.has_begun and self._why is None:
            self._why = why
            self._session._running.discard(self)
            self._procedure.given_up(self)
            self.fail(self._session._face.canceled_error())
            return
        if self._future is not None and self._why is None:
            self._why = why
            self._session._face.cancel(self._future)

    def _is_over(self) -> bool:
        return (
            self._core is not self._session._core
            or self._why is not None
            or (self._future is not None and self not in self._session._running)
        )

    def _finished(self, result: Any) -> None:
        self._end()
        self._answer(result)

    def _failed(self, error: BaseException) -> None:
        self._end()
        self.fail(error)

    def _end(self) -> None:
        self._session._running.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _answer(self, result: Any) -> None:
        """Send a result; one that cannot be sent is answered with an error, and told to the user."""
        args: tuple[Any, ...] = (result,)
        kwargs = _NOTHING
        if isinstance(result, CallResult):
            args, kwargs = result.results, result.kwresults
        try:
            payload, named, options = self._encoded(args, kwargs)
        except Exception as error:  # noqa: BLE001  # a codec is the user's
            self.fail(error)
            return
        try:
            unsendable = self._core.answer(self._message.request_id, payload, named, options)
            if unsendable is not None:
                self._procedure.cannot_send(unsendable, self._uri)
            self._session._flush_soon()
        finally:
            self._procedure.ended()

    def fail(self, error: BaseException) -> None:
        """Send an error."""
        session = self._session
        if isinstance(error, session._face.canceled) and self._why is not None:
            answer = ApplicationError(self._why)  # W-14
        else:
            session._user_error(error, f"failure in the procedure {self._procedure.pattern.text}")
            answer = session._errors.to_send(error)
            if session.traceback_app:
                answer.kwargs["traceback"] = traceback.format_exception(error)
        try:
            error_to_send, encoded = encoded_error(session._payload_codec, answer)
            self._core.fail(self._message.request_id, error_to_send, encoded)
            session._flush_soon()
        finally:
            if self.has_begun:
                self._procedure.ended()

    def _encoded(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Encoded:
        """Encrypt a result if the call was."""
        codec = self._session._payload_codec if self._is_encrypted else None
        return encoded(codec, self._uri, args, kwargs, is_originating=False)
