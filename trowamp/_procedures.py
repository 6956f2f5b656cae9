"""Registrations: invocations on their way to a procedure and its answer on the way back."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any

import trio

from . import uris
from ._coding import is_encrypted, unsendable
from ._exceptions import (
    ApplicationError,
    CallTimeout,
    Canceled,
    InvalidArgument,
    LocalProtocolError,
    MessageTooLarge,
    PayloadSizeExceeded,
    SerializationError,
    Unavailable,
)
from ._handlers import BoundHandler
from ._held import Held
from ._inputs import InputStream
from ._typed import portable
from ._types import Result, positional
from ._uri_pattern import UriPattern
from ._workers import Workers
from .messages import Invocation as InvocationMessage
from .messages import Registered

if TYPE_CHECKING:
    from ._coding import Sent
    from ._shell import SessionShell

_log = logging.getLogger("trowamp.procedure")

_NOTHING: dict[str, Any] = {}

MAX_WAITING_INVOCATIONS = 10_000  # beyond this a procedure with `concurrency=` answers that it is unavailable


class Invocation:
    """One call that a procedure serves. A parameter annotated `Invocation` receives it.

    Attributes:
        procedure: The procedure that was called (for a pattern-based registration, the concrete one).
        details: `INVOCATION.Details` as received.
    """

    __slots__ = (
        "_deadline",
        "_inputs",
        "_is_interrupted",
        "_message",
        "_registration",
        "_scope",
        "_shell",
        "_started",
        "details",
        "procedure",
    )

    def __init__(self, registration: Registration, message: InvocationMessage) -> None:
        self._registration = registration
        self._shell = registration._shell
        self._message = message
        self._scope: trio.CancelScope | None = None  # the procedure's, once it runs
        self._is_interrupted = False
        self._inputs: InputStream | None = None  # what the caller sends beside the arguments, if it does
        self._started: CoroutineType[Any, Any, Any] | None = None  # what a procedure that seemed to be sync has begun
        timeout = message.details.get("timeout")
        self._deadline = (
            trio.current_time() + timeout / 1000 if timeout else math.inf
        )  # it runs while the call waits, too
        self.details: dict[str, Any] = message.details
        self.procedure: str = message.details.get("procedure") or registration.procedure
        if message.details.get("progress"):
            self._inputs = InputStream(self.procedure, is_finished=False)

    @property
    def caller(self) -> int | None:
        """The caller's session id, if it was disclosed."""
        return self.details.get("caller")

    @property
    def caller_authid(self) -> str | None:
        """The caller's authid, if it was disclosed."""
        return self.details.get("caller_authid")

    @property
    def caller_authrole(self) -> str | None:
        """The caller's authrole, if it was disclosed."""
        return self.details.get("caller_authrole")

    @property
    def trust_level(self) -> int | None:
        """How far the router trusts the call, 0 being the least, if it says so."""
        return self.details.get("trustlevel")

    @property
    def is_encrypted(self) -> bool:
        """Whether the caller encrypted it; then the answer is encrypted, too."""
        return is_encrypted(self.details)

    @property
    def wants_progress(self) -> bool:
        """Whether the caller takes progressive results; if not, `progress` does nothing."""
        return bool(self.details.get("receive_progress"))

    @property
    def inputs(self) -> InputStream:
        """What the caller sends while the call runs, to iterate over; nothing if it sends arguments only."""
        if self._inputs is None:
            self._inputs = InputStream(self.procedure, is_finished=True)
        return self._inputs

    async def progress(self, *args: Any, **kwargs: Any) -> None:
        """Send a progressive result; waits while the connection is congested; a checkpoint.

        Raises:
            LocalProtocolError: The call has been answered already, or was given up.
            SerializationError, MessageTooLarge: The payload cannot be sent.
            SessionClosed, SessionLost: The session ended.
        """
        await self._shell.wait_for_room()
        await trio.lowlevel.checkpoint_if_cancelled()
        self._send_progress(args, kwargs)
        await trio.lowlevel.cancel_shielded_checkpoint()

    def progress_nowait(self, *args: Any, **kwargs: Any) -> None:
        """Send a progressive result without waiting.

        Raises:
            trio.WouldBlock: The connection is congested.
            LocalProtocolError, SerializationError, MessageTooLarge, SessionClosed, SessionLost: As with `progress`.
        """
        if self._shell.pump.is_above_high_water:
            raise trio.WouldBlock
        self._send_progress(args, kwargs)

    def feed(self, message: InvocationMessage) -> None:
        """The caller sent one more input. One that cannot be decoded ends the call."""
        if self._inputs is None:
            return
        is_end = not (message.args or message.kwargs or message.details.get("progress"))
        undecodable = None if is_end else self._registration.open(message, self._message)
        if undecodable is None:
            self._inputs.add(message)
            return
        if self._scope is not None:
            self._registration.fail(self._message, undecodable)
        self._give_up(undecodable)

    def interrupt(self) -> None:
        """The caller gave the call up: cancel the procedure, or forget the call if its turn has not come."""
        self._give_up(Canceled())

    def refuse(self, error: ApplicationError) -> None:
        """Answer a call whose turn will not come."""
        if self._started is not None:
            self._started.close()
        self._registration.fail(self._message, error)

    def _give_up(self, error: ApplicationError) -> None:
        self._is_interrupted = True
        if self._scope is not None:
            self._scope.cancel()
        else:
            self.refuse(error)
            self._registration.skip_one()

    def _send_progress(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.wants_progress:
            if self._registration.handler.typed is not None:
                args, kwargs = portable(args), portable(kwargs)
            self._shell.core.require_established()
            payload, keywords, options = self._registration.encoded(self._message, args, kwargs)
            self._shell.core.progress(self._message.request_id, payload, keywords, options)
            self._shell.pump.flush_soon()

    def __repr__(self) -> str:
        return f"<Invocation of {self.procedure!r} {self._message.request_id}>"


class Registration(Held):
    """A procedure of this session; ends with the session, with `unregister`, or when the router revokes it.

    Attributes:
        procedure: The procedure or pattern as given.
        id: The router's id of the registration.
    """

    _noun = "registration of"

    def __init__(
        self, shell: SessionShell, pattern: UriPattern, handler: BoundHandler, *, concurrency: int | None
    ) -> None:
        if concurrency is not None and concurrency < 1:
            raise ValueError(f"concurrency must be at least 1 call, not {concurrency}")
        super().__init__(shell, pattern, _log)
        self.procedure = pattern.text
        self.handler = handler
        self._skippable = 0  # invocations in the queue that have been answered
        self._workers: Workers[Invocation] = Workers(shell.nursery, self._serve, concurrency, handler.name)

    @property
    def is_inline(self) -> bool:
        """Whether the function is a sync one."""
        return not self.handler.is_async

    def activate(self, message: Registered) -> None:
        """The router agreed."""
        self.begin(message.registration_id)

    def close(self) -> None:
        """Let the tasks end when they have served what came before."""
        self._workers.close()

    def invoke(self, message: InvocationMessage) -> None:
        """Serve one invocation: inline if the procedure is sync, else in a task."""
        handler = self.handler
        if message.details or self._shell.coding.own is not None:
            undecodable = self.open(message)
            if undecodable is not None:
                self._shell.core.fail(message.request_id, undecodable)
                return
        if handler.is_async:
            self._start(Invocation(self, message))
            return
        try:
            if handler.is_plain:
                result = handler.function(*positional(message.args), **(message.kwargs or _NOTHING))
            else:
                result = self._call(Invocation(self, message))
        except Exception as error:  # noqa: BLE001  # the user's code: answered and logged
            self._fail(message, error)
            return
        if type(result) is CoroutineType:  # a plain function that made a coroutine, such as a lambda
            handler.is_async = True
            invocation = Invocation(self, message)
            invocation._started = result
            self._start(invocation)
            return
        self._answer(message, result)

    def open(self, message: InvocationMessage, first: InvocationMessage | None = None) -> ApplicationError | None:
        """Decode the payload of an invocation, or an input after the `first`, in its place; return what the caller is told if that cannot be done."""
        coding = self._shell.coding
        try:
            if first is None:
                coding.open_invocation(self.pattern, message)
            else:
                coding.open_input(self.pattern, first, message)
        except ApplicationError as error:
            self._complaints.tell(logging.ERROR, "a call of %r cannot be decoded: %s", self.procedure, error)
            return error
        return None

    def encoded(self, message: InvocationMessage, args: Sequence[Any], kwargs: dict[str, Any]) -> Sent:
        """Encode a result in the form of its call.

        Raises:
            SerializationError, LocalProtocolError: It cannot be encoded.
        """
        coding = self._shell.coding
        if coding.own is None and not message.details:
            return args, kwargs, _NOTHING
        return coding.encode_result(self._uri(message), message, args, kwargs)

    def fail(self, message: InvocationMessage, error: ApplicationError) -> None:
        """Answer an invocation with an error, encoded in the form of its call."""
        coding, encoded = self._shell.coding, None
        if coding.own is not None or message.details:
            encoded = coding.encode_error(self._uri(message), message, error)
        self._shell.core.fail(message.request_id, error, encoded)

    def revoked(self, reason: str | None) -> None:
        """The router ended the registration."""
        super().revoked(reason)
        self.close()

    def skip_one(self) -> None:
        """An invocation was answered before its turn came. It is skipped later, because taking it out of the middle of the queue is dear."""
        self._skippable += 1
        if self._skippable >= MAX_WAITING_INVOCATIONS:
            queue = self._workers.queue
            waiting = [other for other in queue if not other._is_interrupted]
            queue.clear()
            queue.extend(waiting)
            self._skippable = 0

    async def unregister(self) -> None:
        """Stop serving calls; calls being served are finished. A checkpoint. Does nothing if the registration is over already.

        Cancelled, it takes effect all the same; then nobody waits for the router's agreement.

        Raises:
            ApplicationError: The router refused.
            SessionClosed, SessionLost: The session ended meanwhile.
        """
        await self._give_back(self._shell.core.unregister)

    def unregister_nowait(self) -> None:
        """Stop serving calls without waiting for the router's agreement."""
        self._give_back_nowait(self._shell.core.unregister)

    def _start(self, invocation: Invocation) -> None:
        if len(self._workers.queue) - self._skippable >= MAX_WAITING_INVOCATIONS:
            invocation.refuse(Unavailable(f"{MAX_WAITING_INVOCATIONS} calls are waiting already"))
            return
        self._shell.core.serve(invocation._message.request_id, invocation)
        self._workers.submit(invocation)

    async def _serve(self, invocation: Invocation) -> None:
        """Run the procedure under a scope that INTERRUPT cancels and the caller's timeout bounds (CT-C1)."""
        if invocation._is_interrupted:  # and answered, before its turn came
            self._skippable -= 1
            return
        message = invocation._message
        if trio.current_time() >= invocation._deadline:
            invocation.refuse(CallTimeout())
            self._shell.pump.flush_soon()
            return
        invocation._scope = scope = trio.CancelScope(deadline=invocation._deadline)
        try:
            with scope:
                result = invocation._started or self._call(invocation)
                if type(result) is CoroutineType or inspect.isawaitable(result):
                    result = await result
        except Exception as error:  # noqa: BLE001  # the user's code: answered and logged
            self._fail(message, error)
        else:
            if scope.cancelled_caught:
                self.fail(message, Canceled() if invocation._is_interrupted else CallTimeout())
            else:
                self._answer(message, result)
        self._shell.pump.flush_soon()

    def _call(self, invocation: Invocation) -> Any:
        message = invocation._message
        try:
            args, kwargs = self.handler.arguments(
                invocation.procedure, message.args, message.kwargs, lambda: invocation
            )
        except ValueError as error:  # a typed component of the URI: the caller's fault
            raise InvalidArgument(str(error)) from error
        try:
            return self.handler.function(*args, **kwargs)
        except TypeError as error:
            explained = self.handler.explain(error, args, kwargs)
            if explained is error:
                raise
            raise explained from error

    def _answer(self, message: InvocationMessage, result: Any) -> None:
        if self.handler.typed is not None:
            result = portable(result)
        if type(result) is Result:
            sent: Sent = (result.args, result.kwargs, _NOTHING)
        else:
            sent = (() if result is None else (result,), _NOTHING, _NOTHING)
        if self._shell.coding.own is not None or message.details:
            try:
                sent = self.encoded(message, sent[0], sent[1] or _NOTHING)
            except (SerializationError, LocalProtocolError) as error:
                self.fail(message, unsendable(error))
                return
        self._shell.core.answer(message.request_id, *sent)

    def _uri(self, message: InvocationMessage) -> str:
        return message.details.get("procedure") or self.pattern.uri

    def _fail(self, message: InvocationMessage, error: Exception) -> None:
        if self._shell.is_told_by_the_end(error):
            return
        if isinstance(error, TypeError) and self.handler.is_plain:
            error = self.handler.explain(error, tuple(positional(message.args)), message.kwargs or {})
        if isinstance(error, ApplicationError):
            self.fail(message, error)
            return
        _log.error("procedure %s for %r failed", self.handler.name, self.procedure, exc_info=error)
        if isinstance(error, MessageTooLarge):  # a progressive result, most likely: the same answer as to a result
            self.fail(message, PayloadSizeExceeded(str(error)))
            return
        text = (f"{type(error).__name__}: {error}",) if self._shell.reveal_errors else ()
        self.fail(message, ApplicationError(uris.ERROR_RUNTIME_ERROR, *text))
