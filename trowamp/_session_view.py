"""What carries a payload: calls and publications, with the options of a session or with others."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal

import trio

from ._calls import CallStream
from ._coding import Exchange, Sent
from ._exceptions import ApplicationError, CallTimeout, FeatureNotSupported, SessionClosed, SessionLost
from ._outgoing import CallOptions, PublishOptions, as_list, check_range, missing_feature, present, require_features
from ._shell import SessionShell
from ._typed import convert_result, require_result_type
from ._types import unwrap
from ._waiter import Waiter
from .payloads import PayloadCodec

CancelMode = Literal["killnowait", "kill", "skip"]

_KILL_GRACE = 10.0  # seconds a cancelled call with mode "kill" waits for its callee at most
_LONGEST_TIMEOUT = 2**53 / 1000  # seconds
_CLOCK_NOISE = 0.001  # milliseconds that adding and subtracting floats may make


class SessionView:
    """What carries a payload: `call`, `open_call`, `publish`. `Session` is one; `with_options` makes others that share its session."""

    def __init__(self, shell: SessionShell, call: CallOptions, publish: PublishOptions) -> None:
        self._shell = shell
        self._call_options = call
        self._publish_options = publish

    async def call(self, procedure: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a procedure; a checkpoint. Cancelling it cancels the call at the router and the callee.

        The deadline of the surrounding cancel scopes travels to a router that enforces call timeouts.

        Args:
            procedure: The procedure's URI.
            args: Positional payload.
            kwargs: Keyword payload.

        Returns:
            None for an empty answer, the value for one positional value, a `Result` for anything else.

        Raises:
            ApplicationError: The router or callee answered ERROR; well-known URIs arrive as their own subclass.
            CallTimeout: The timeout given with `with_options` ran out.
            UnexpectedResult: The result does not convert to the `result_type` given with `with_options`; the procedure has been executed.
            DecryptionFailed, TrustedUriMismatch: The answer cannot be decrypted; the procedure may have been executed.
            SerializationError, MessageTooLarge: The payload cannot be sent.
            LocalProtocolError: The payload has to be encrypted, and cannot be: the router, or the key, is not made for it.
            SessionClosed, SessionLost: The session ended; `maybe_executed` tells whether the call may have been executed.
        """
        options = self._call_options
        if options.timeout is None:
            return await self._call(procedure, args, kwargs)
        with trio.move_on_after(options.timeout):
            return await self._call(procedure, args, kwargs)
        raise CallTimeout(f"{procedure} did not answer within {options.timeout:g} s")

    def open_call(self, procedure: str, /, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[CallStream]:
        """Call a procedure and take its progressive results: `async with session.open_call(...) as call: async for part in call: ...`.

        With `with_options(stream_inputs=True)` the caller streams as well: `await call.send(...)`, then `await call.end_inputs()`.

        Args:
            procedure: The procedure's URI.
            args: Positional payload.
            kwargs: Keyword payload.

        Returns:
            A context manager for the `CallStream`; leaving it early cancels the call. Entering it raises what `call` raises before the answer, and
            `FeatureNotSupported` if the router does not announce progressive results.
        """
        return self._open_call(procedure, args, kwargs)

    async def publish(self, topic: str, /, *args: Any, **kwargs: Any) -> int | None:
        """Publish an event; a checkpoint. Waits while the connection is congested.

        Args:
            topic: The topic's URI.
            args: Positional payload.
            kwargs: Keyword payload.

        Returns:
            The publication id if the view was made with `acknowledge=True`, else None.

        Raises:
            ApplicationError: The router refused (acknowledged publishes only).
            SerializationError, MessageTooLarge: The payload cannot be sent.
            LocalProtocolError: The payload has to be encrypted, and cannot be: the router, or the key, is not made for it.
            SessionClosed, SessionLost: The session ended.
        """
        shell = self._shell
        if shell.pump.is_above_high_water:
            await shell.wait_for_room()
        await trio.lowlevel.checkpoint_if_cancelled()
        payload, keywords, wire = self._event(topic, args, kwargs)
        if self._publish_options.is_acknowledged:
            waiter = Waiter()
            request_id = shell.core.publish(topic, payload, keywords, wire, waiter)
            shell.pump.flush()
            published = await waiter.wait(lambda: shell.core.forget_publish(request_id))
            return int(published.publication_id)
        shell.core.publish(topic, payload, keywords, wire)
        shell.pump.flush_soon()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return None

    def publish_nowait(self, topic: str, /, *args: Any, **kwargs: Any) -> None:
        """Publish an event without waiting and without acknowledgement.

        Raises:
            trio.WouldBlock: The connection is congested.
            SerializationError, MessageTooLarge, LocalProtocolError, SessionClosed, SessionLost: As with `publish`.
        """
        shell = self._shell
        if shell.pump.is_above_high_water:
            raise trio.WouldBlock
        payload, keywords, wire = self._event(topic, args, kwargs)
        if self._publish_options.is_acknowledged:
            wire = {name: value for name, value in wire.items() if name != "acknowledge"}
        shell.core.publish(topic, payload, keywords, wire)
        shell.pump.flush_soon()

    def with_options(
        self,
        *,
        timeout: float | None = None,
        cancel_mode: CancelMode | None = None,
        buffer: int | None = None,
        disclose_me: bool | None = None,
        acknowledge: bool | None = None,
        exclude_me: bool | None = None,
        exclude: Iterable[int] | None = None,
        exclude_authid: Iterable[str] | None = None,
        exclude_authrole: Iterable[str] | None = None,
        eligible: Iterable[int] | None = None,
        eligible_authid: Iterable[str] | None = None,
        eligible_authrole: Iterable[str] | None = None,
        retain: bool | None = None,
        result_type: Any = None,
        stream_inputs: bool | None = None,
        payload_codec: PayloadCodec | None = None,
        custom: dict[str, Any] | None = None,
    ) -> SessionView:
        """Make a view of this session whose calls and publishes carry options. Cheap; keep it or make it on the spot.

        Args:
            timeout: Seconds after which a call raises `CallTimeout`.
            cancel_mode: What cancelling a call asks of the router: "killnowait" (default: the callee is interrupted), "kill" (interrupted,
                and the cancelled task waits until the callee has stopped, 10 s at most), "skip" (the callee is not told).
            buffer: Progressive results that `open_call` keeps for a slow consumer. Default 10 000.
            disclose_me: Tell the callee or subscribers who you are.
            acknowledge: `publish` waits for the router's acknowledgement and returns the publication id.
            exclude_me: False: receive your own event if you are subscribed.
            exclude: Session ids that do not get the event.
            exclude_authid: Authids that do not get the event.
            exclude_authrole: Authroles that do not get the event.
            eligible: The only session ids that may get the event.
            eligible_authid: The only authids that may get the event.
            eligible_authrole: The only authroles that may get the event.
            retain: The router keeps the event for later subscribers.
            result_type: What results of calls are converted to: a dataclass, a `msgspec.Struct`, a `TypedDict`, `list[datetime]` and so on. Several
                positional values convert as a list does, keywords alone as a dictionary does.
            stream_inputs: `open_call` goes on sending: `call.send(...)` for each further input, `call.end_inputs()` after the last.
            payload_codec: What encodes calls and events, and decodes results, instead of the session's codec.
            custom: Further options, sent as they are with calls and publishes.

        Raises:
            FeatureNotSupported: The router does not announce what an option needs.
            ValueError: `cancel_mode`, `timeout` or `buffer` is out of range.
            TypeError: `result_type` is a type that payloads cannot be converted to.
        """
        check_range(timeout=timeout, cancel_mode=cancel_mode, buffer=buffer)
        require_result_type(result_type)
        for_calls = present(disclose_me=disclose_me)
        for_publishes = present(
            acknowledge=acknowledge,
            disclose_me=disclose_me,
            exclude_me=exclude_me,
            exclude=as_list(exclude),
            exclude_authid=as_list(exclude_authid),
            exclude_authrole=as_list(exclude_authrole),
            eligible=as_list(eligible),
            eligible_authid=as_list(eligible_authid),
            eligible_authrole=as_list(eligible_authrole),
            retain=retain,
        )
        self._require_of_calls(stream_inputs, cancel_mode)
        call_lacks, publish_lacks = self._lacking(for_calls, for_publishes)
        old = self._call_options
        return SessionView(
            self._shell,
            CallOptions(
                wire={**old.wire, **for_calls, **(custom or {})},
                timeout=timeout if timeout is not None else old.timeout,
                cancel_mode=cancel_mode or old.cancel_mode,
                buffer=buffer or old.buffer,
                result_type=result_type if result_type is not None else old.result_type,
                streams_inputs=stream_inputs if stream_inputs is not None else old.streams_inputs,
                lacks=call_lacks or old.lacks,
                codec=payload_codec or old.codec,
            ),
            PublishOptions(
                wire={**self._publish_options.wire, **for_publishes, **(custom or {})},
                lacks=publish_lacks or self._publish_options.lacks,
                codec=payload_codec or self._publish_options.codec,
            ),
        )

    def __repr__(self) -> str:
        options = {**self._call_options.wire, **self._publish_options.wire}
        return f"<SessionView of session {self._shell.core.details.session_id} with {options}>"

    def _require_of_calls(self, stream_inputs: bool | None, cancel_mode: CancelMode | None) -> None:
        """Refuse to stream inputs, or to wait for the end of a cancelled call, where the router has no part in it."""
        if self._shell.check_features:
            waits_for_end = cancel_mode if cancel_mode == "kill" else None
            needed = present(progress=stream_inputs or None, cancel_mode=waits_for_end)
            require_features(self._shell.core.details, "call", needed)

    def _lacking(self, for_calls: dict[str, Any], for_publishes: dict[str, Any]) -> tuple[str | None, str | None]:
        """Refuse what the router supports in no way; return what it lacks for calls only and for publishes only, where the other is of use."""
        if not self._shell.check_features:
            return None, None
        details = self._shell.core.details
        require_features(details, "publish", for_publishes.keys() - for_calls.keys())
        lacking = missing_feature(details, "call", for_calls), missing_feature(details, "publish", for_publishes)
        if all(lacking):
            require_features(details, "call", for_calls)
        return lacking

    async def _call(self, procedure: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        shell = self._shell
        if shell.pump.is_above_high_water:
            await shell.wait_for_room()
        await trio.lowlevel.checkpoint_if_cancelled()
        waiter = Waiter()
        (payload, keywords, wire), exchange = self._outgoing_call(procedure, args, kwargs)
        request_id = shell.core.call(procedure, payload, keywords, wire, waiter)
        try:
            message = await shell.wait_for_result(waiter, lambda: self._cancel(request_id))
        except ApplicationError as error:
            opened = (exchange or shell.coding.exchange(procedure)).opened_error(error)
            if opened is error:
                raise
            raise opened from opened.__cause__
        except trio.Cancelled:
            if self._call_options.cancel_mode == "kill" and shell.can_cancel_calls:
                await self._wait_for_kill(request_id, waiter)
            raise
        if exchange is not None or message.details:
            (exchange or shell.coding.exchange(procedure)).open(message)
        result = unwrap(message.args, message.kwargs)
        if self._call_options.result_type is Any:
            return result
        return convert_result(procedure, result, self._call_options.result_type)

    @asynccontextmanager
    async def _open_call(
        self, procedure: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AsyncIterator[CallStream]:
        shell, options = self._shell, self._call_options
        if shell.check_features:
            require_features(shell.core.details, "call", ("receive_progress",))
        scope = trio.CancelScope()
        if options.timeout is not None:
            scope.deadline = trio.current_time() + options.timeout
        stream = CallStream(shell, procedure, options, scope)
        try:
            with scope:
                await shell.wait_for_room()
                await trio.lowlevel.checkpoint_if_cancelled()
                (payload, keywords, wire), exchange = self._outgoing_call(procedure, args, kwargs)
                wire = {**wire, "receive_progress": True}
                if options.streams_inputs:
                    wire["progress"] = True
                request_id = shell.core.call(procedure, payload, keywords, wire, stream)
                stream.started(request_id, exchange or shell.coding.exchange(procedure))
                shell.pump.flush()
                await trio.lowlevel.cancel_shielded_checkpoint()
                yield stream
        finally:
            stream.cancel()
        if scope.cancelled_caught:
            raise CallTimeout(f"{procedure} did not answer within {options.timeout:g} s")

    def _event(self, topic: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sent:
        """What a PUBLISH holds: its payload, encoded if there is a codec, and its options."""
        options, coding = self._publish_options, self._shell.coding
        if options.lacks is not None:
            raise FeatureNotSupported(options.lacks)
        if options.codec is None and coding.own is None:
            return args, kwargs, options.wire
        return coding.encode_event(options.codec, topic, args, kwargs, options.wire)

    def _outgoing_call(
        self, procedure: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Sent, Exchange | None]:
        """What a CALL holds, and what reads its answers if a codec has seen it."""
        codec, coding, wire = self._call_options.codec, self._shell.coding, self._wire_options()
        if codec is None and coding.own is None:
            return (args, kwargs, wire), None
        return coding.begin_call(codec, procedure, args, kwargs, wire)

    def _wire_options(self) -> dict[str, Any]:
        """The options of a CALL: the caller's deadline goes along if the router enforces it (CT-C1).

        Not with the modes "kill" and "skip": the router's timeout would interrupt the callee, and wait for nothing.
        """
        options = self._call_options
        if options.lacks is not None:
            raise FeatureNotSupported(options.lacks)
        wire = options.wire
        if self._shell.can_time_out_calls and options.cancel_mode == "killnowait":
            remaining = trio.current_effective_deadline() - trio.current_time()
            if remaining < _LONGEST_TIMEOUT:
                # rounded up, so that the scope, which rules, ends the call before the router does
                return {**wire, "timeout": max(1, math.ceil(remaining * 1000 - _CLOCK_NOISE))}
        return wire

    def _cancel(self, request_id: int) -> None:
        self._shell.core.cancel(request_id, self._call_options.cancel_mode, notify=self._shell.can_cancel_calls)
        self._shell.pump.flush_soon()

    async def _wait_for_kill(self, request_id: int, waiter: Waiter) -> None:
        """Mode "kill": the callee has stopped when its answer is there; what it answered is of no interest to a cancelled task."""
        if waiter.has_answer:  # it came after the cancellation, but before this task went on
            return
        with trio.move_on_after(_KILL_GRACE, shield=True):
            try:
                await waiter.wait(lambda: self._shell.core.forget_call(request_id))
            except (ApplicationError, SessionClosed, SessionLost):
                return
