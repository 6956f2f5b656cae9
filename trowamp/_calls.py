"""A call whose progressive results are taken one by one, and whose inputs may be sent one by one."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

import trio

from ._coding import Exchange, is_encrypted
from ._exceptions import ApplicationError, BufferOverflow, LocalProtocolError
from ._intake import Intake
from ._typed import convert_result
from ._types import unwrap
from ._waiter import Waiter
from .messages import Message, Result

if TYPE_CHECKING:
    from ._outgoing import CallOptions
    from ._shell import SessionShell

_ADVICE = "take its progressive results faster, or enlarge buffer= of with_options"


class CallStream(Waiter, AsyncIterator[Any]):
    """A running call: iterate over its progressive results, then ask for its `result`.

    Made by `Session.open_call`. Leaving its block while the call runs cancels the call.
    """

    __slots__ = (
        "_exchange",
        "_has_inputs",
        "_options",
        "_parts",
        "_procedure",
        "_request_id",
        "_shell",
        "_timer",
    )

    def __init__(self, shell: SessionShell, procedure: str, options: CallOptions, timer: trio.CancelScope) -> None:
        super().__init__()
        self._shell = shell
        self._procedure = procedure
        self._options = options
        self._timer = timer  # bounds the call, not what the block does after it
        self._parts: Intake[Any] = Intake()
        self._request_id = 0
        self._exchange: Exchange = shell.coding.exchange(procedure)
        self._has_inputs = options.streams_inputs  # more of them

    def started(self, request_id: int, exchange: Exchange) -> None:
        """The call has been sent."""
        self._request_id = request_id
        self._exchange = exchange

    def progress(self, message: Result) -> None:
        """Keep one progressive result for the iterating task."""
        if self._parts.is_over:
            return
        try:
            self._exchange.open(message)
        except ApplicationError as error:
            self._give_up(error)
            return
        if len(self._parts.items) >= self._options.buffer:
            self._give_up(BufferOverflow(self._procedure, self._options.buffer, _ADVICE))
            return
        self._parts.add(unwrap(message.args, message.kwargs))

    def resolve(self, message: Message | None, error: Exception | None) -> None:
        """The call is over."""
        if isinstance(message, Result):
            try:
                self._exchange.open(message)
            except ApplicationError as failure:
                message, error = None, failure
        elif isinstance(error, ApplicationError):
            error = self._exchange.opened_error(error)
        self._end(error)
        super().resolve(message, error)

    def cancel(self) -> None:
        """Give the call up: the router is told, and the callee if it can be. Does nothing if the call is over."""
        if not self._parts.is_over:
            self._end()
            mode = self._options.cancel_mode
            mode = "killnowait" if mode == "kill" else mode  # nobody is left who would wait
            self._shell.core.cancel(self._request_id, mode, notify=self._shell.can_cancel_calls)
            self._shell.pump.flush_soon()

    async def send(self, *args: Any, **kwargs: Any) -> None:
        """Send one more input to the procedure; waits while the connection is congested; a checkpoint.

        Args:
            args: Positional payload.
            kwargs: Keyword payload.

        Raises:
            LocalProtocolError: The call was not made with `with_options(stream_inputs=True)`.
            trio.ClosedResourceError: You have ended the inputs, or the call.
            trio.BrokenResourceError: The procedure has answered without waiting for more: ask for the `result`.
            SerializationError, MessageTooLarge: The payload cannot be sent; the call goes on.
            SessionClosed, SessionLost: The session ended.
        """
        await self._send(args, kwargs, is_last=False)

    async def end_inputs(self, *args: Any, **kwargs: Any) -> None:
        """Tell the procedure that there are no more inputs, perhaps together with the last one; a checkpoint.

        Does nothing if the procedure has answered already.

        Args:
            args: Positional payload of the last input. Without any payload there is none: the procedure's iteration ends.
            kwargs: Keyword payload of the last input.

        Raises:
            LocalProtocolError, trio.ClosedResourceError, SerializationError, MessageTooLarge, SessionClosed, SessionLost: As with `send`.
        """
        await self._send(args, kwargs, is_last=True)

    async def _send(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_last: bool) -> None:
        await self._shell.wait_for_room()
        await trio.lowlevel.checkpoint_if_cancelled()
        self._shell.core.require_established()
        if not (is_last and self.has_answer):
            self._require_open_inputs()
            self._send_input(args, kwargs, is_last=is_last)
            self._has_inputs = not is_last
            self._shell.pump.flush_soon()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def _send_input(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_last: bool) -> None:
        """Send an input in the form of the call; the end of the inputs alone has no payload that could be encoded."""
        sent: Any = args
        payload: dict[str, Any] | None = kwargs
        exchange = self._exchange
        if exchange.request and (args or kwargs or not is_last):
            (sent, payload, form), _ = self._shell.coding.begin_call(exchange.codec, self._procedure, args, kwargs, {})
            if is_encrypted(exchange.request) and not is_encrypted(form):
                raise LocalProtocolError(f"the call of {self._procedure} is encrypted, and has lost its key")
        self._shell.core.send_input(self._request_id, self._procedure, sent, payload, is_last=is_last)

    def _require_open_inputs(self) -> None:
        if not self._options.streams_inputs:
            raise LocalProtocolError("to send inputs, make the call with with_options(stream_inputs=True)")
        if self.has_answer:
            raise trio.BrokenResourceError("the call has ended already: ask for its result")
        if not self._has_inputs or self._parts.is_over:
            raise trio.ClosedResourceError("the inputs of this call have ended")

    def _give_up(self, error: Exception) -> None:
        """No further result is of use: the router is told, and whoever waits learns why."""
        self.cancel()
        self._end(error)
        super().resolve(None, error)

    def _end(self, error: Exception | None = None) -> None:
        self._parts.end(error)
        self._timer.deadline = math.inf

    def __aiter__(self) -> CallStream:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        """Return the next progressive result; a checkpoint.

        Raises:
            ApplicationError: The call failed.
            BufferOverflow: Results came faster than they were taken; the call was cancelled.
            SessionClosed, SessionLost: The session ended.
            StopAsyncIteration: The final result is there.
        """
        return self._parts.take()

    async def result(self) -> Any:
        """Return the call's final result; progressive results that were not taken are dropped. A checkpoint.

        Raises:
            UnexpectedResult: The result does not convert to the view's `result_type`; progressive results are not converted.
            ApplicationError, BufferOverflow, SessionClosed, SessionLost: As iterating does.
        """
        async for _ in self:
            pass
        if self._message is None:
            raise trio.ClosedResourceError("the call was cancelled")
        result = unwrap(self._message.args, self._message.kwargs)
        return convert_result(self._procedure, result, self._options.result_type)

    def __repr__(self) -> str:
        return f"<CallStream {self._procedure!r} {'over' if self._parts.is_over else 'running'}>"
