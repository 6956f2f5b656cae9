"""The session as users meet it: its view carries payloads; registering, subscribing and leaving are here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import trio

from . import uris
from ._events import DEFAULT_BUFFER, Event, EventStream, HandlerSubscription, OnError, Overflow, Subscription
from ._handlers import BoundHandler, Handler
from ._markers import marked
from ._opening import opening
from ._outgoing import INVOCATION_POLICIES, CallOptions, PublishOptions, present, require_features
from ._procedures import Invocation, Registration
from ._session_view import SessionView
from ._shell import SessionShell
from ._types import SessionDetails
from ._uri_pattern import Match, UriPattern
from ._waiter import ActivatingWaiter
from .protocol import SessionStatistics


class Session(SessionView):
    """A joined session. Made by `open_session`; every method raises `SessionClosed` or `SessionLost` once it is over."""

    def __init__(self, shell: SessionShell) -> None:
        super().__init__(shell, CallOptions(), PublishOptions())

    @property
    def details(self) -> SessionDetails:
        """Who this session is, as the router said."""
        return self._shell.core.details

    @property
    def id(self) -> int:
        """The session's id."""
        return self._shell.core.details.session_id

    @property
    def realm(self) -> str:
        """The realm."""
        return self._shell.core.details.realm

    @property
    def router_features(self) -> dict[str, frozenset[str]]:
        """What the router announced: role ("broker", "dealer") to the names of its features."""
        return self._shell.core.details.features

    @property
    def is_open(self) -> bool:
        """Whether requests can be made."""
        return self._shell.core.is_established

    async def register(
        self,
        procedure: str,
        handler: Handler,
        *,
        match: Match | None = None,
        invoke: Literal["single", "first", "last", "roundrobin", "random"] | None = None,
        concurrency: int | None = None,
        forward_timeout: bool | None = None,
        force_reregister: bool | None = None,
        check_types: bool | None = None,
        custom: dict[str, Any] | None = None,
    ) -> Registration:
        """Register a procedure; a checkpoint.

        A sync handler runs inline and must not block; an async handler runs in a task of the session, in a cancel scope that ends with the caller's
        CANCEL and has the caller's deadline. A parameter annotated `Invocation` receives the call's details.

        Args:
            procedure: The URI, or a pattern: `com.example.<name>.get` binds its components to the handler's parameters.
            handler: Any callable.
            match: "exact", "prefix" or "wildcard"; inferred from the pattern by default.
            invoke: Lets several sessions share the procedure: "single" (default: no sharing), "first", "last", "roundrobin", "random".
            concurrency: Calls that an async handler serves at once; the others wait. Default: no limit.
            forward_timeout: Let the callee keep the caller's deadline instead of the router. Default: if the router supports call timeouts, for async
                handlers without `concurrency`, whose cancel scope then has it; a call that waits for its turn is the router's to time out.
            force_reregister: Take the procedure over from the session that holds it.
            check_types: Convert arguments to what the handler's parameters are annotated with, refuse calls whose arguments do not fit, and convert
                what it returns to what can be sent. Default: as the session was told.
            custom: Further options, sent as they are.

        Returns:
            The registration; `await registration.unregister()` ends it.

        Raises:
            ApplicationError: The router refused, for example `ProcedureAlreadyExists`.
            FeatureNotSupported: The router does not announce what an option needs.
            TypeError: `handler` is not callable, or, with `check_types`, an annotation names a type that payloads cannot be converted to.
            ValueError: `procedure` is not a legal URI or pattern, or an argument is out of range.
            SessionClosed, SessionLost: The session ended.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        shell = self._shell
        if invoke is not None and invoke not in INVOCATION_POLICIES:
            raise ValueError(f"invoke must be one of {', '.join(INVOCATION_POLICIES)}, not {invoke!r}")
        pattern = UriPattern(procedure, match)
        bound = BoundHandler(handler, pattern, Invocation, check_types=self._checks_types(check_types))
        registration = Registration(shell, pattern, bound, concurrency=concurrency)
        if forward_timeout is None and bound.is_async and concurrency is None and shell.can_time_out_calls:
            forward_timeout = True
        given = present(
            match=_unless_exact(pattern),
            invoke=invoke,
            forward_timeout=forward_timeout,
            force_reregister=force_reregister,
        )
        options = {**given, **(custom or {})}
        if shell.check_features:
            require_features(self.details, "register", options)
        waiter = ActivatingWaiter(registration)
        request_id = shell.core.register(pattern.uri, options, registration, waiter)
        shell.pump.flush()
        await waiter.wait(lambda: shell.core.abandon(request_id))
        return registration

    async def subscribe(
        self,
        topic: str,
        handler: Handler,
        *,
        match: Match | None = None,
        concurrency: int = 1,
        buffer: int = DEFAULT_BUFFER,
        overflow: Overflow = "raise",
        on_error: OnError = "raise",
        get_retained: bool | None = None,
        check_types: bool | None = None,
        custom: dict[str, Any] | None = None,
    ) -> Subscription:
        """Subscribe a handler to a topic; a checkpoint.

        A sync handler runs inline and must not block; an async handler gets the events one after the other in arrival order. A parameter
        annotated `Event` receives the event's details.

        Args:
            topic: The URI, or a pattern: `com.example.<country>.news` binds its components to the handler's parameters.
            handler: Any callable.
            match: "exact", "prefix" or "wildcard"; inferred from the pattern by default.
            concurrency: Events that an async handler may handle at once; more than 1 gives up their order.
            buffer: Events that wait for an async handler. Default 10 000.
            overflow: When the buffer is full: "raise" ends the session's block with `BufferOverflow`, "drop_oldest" and "drop_newest" drop and count.
            on_error: What an exception of the handler does: "raise" ends the session's block with it, "log" logs it and goes on.
            get_retained: Ask the router for the event it keeps for this topic.
            check_types: Convert arguments to what the handler's parameters are annotated with; events that do not fit are logged and counted.
                Default: as the session was told.
            custom: Further options, sent as they are.

        Returns:
            The subscription; `await subscription.unsubscribe()` ends it.

        Raises:
            ApplicationError: The router refused.
            FeatureNotSupported: The router does not announce what an option needs.
            TypeError: `handler` is not callable, or, with `check_types`, an annotation names a type that payloads cannot be converted to.
            ValueError: `topic` is not a legal URI or pattern, or an argument is out of range.
            SessionClosed, SessionLost: The session ended.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        pattern = UriPattern(topic, match)
        subscription = HandlerSubscription(
            self._shell,
            pattern,
            BoundHandler(handler, pattern, Event, check_types=self._checks_types(check_types)),
            concurrency=concurrency,
            buffer=buffer,
            overflow=overflow,
            on_error=on_error,
        )
        await self._subscribe(subscription, {**present(get_retained=get_retained), **(custom or {})})
        return subscription

    @opening
    async def open_subscription(
        self,
        topic: str,
        *,
        match: Match | None = None,
        buffer: int = DEFAULT_BUFFER,
        overflow: Overflow = "raise",
        get_retained: bool | None = None,
        custom: dict[str, Any] | None = None,
    ) -> AsyncIterator[EventStream]:
        """Subscribe to a topic and iterate over its events: `async with session.open_subscription(...) as events: async for event in events: ...`.

        Args:
            topic: The URI or pattern.
            match: "exact", "prefix" or "wildcard"; inferred from the pattern by default.
            buffer: Events that wait to be taken. Default 10 000.
            overflow: When the buffer is full: "raise" makes the iteration raise `BufferOverflow`, "drop_oldest" and "drop_newest" drop and count.
            get_retained: Ask the router for the event it keeps for this topic.
            custom: Further options, sent as they are.

        Yields:
            The stream of events; leaving the block unsubscribes. Raises as `subscribe` does.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        stream = EventStream(self._shell, UriPattern(topic, match), buffer=buffer, overflow=overflow)
        try:
            await self._subscribe(stream, {**present(get_retained=get_retained), **(custom or {})})
            yield stream
        finally:
            stream.unsubscribe_nowait()

    async def add_object(self, target: object) -> list[Registration | Subscription]:
        """Register and subscribe everything in an object or module that is marked with `@trowamp.procedure` or `@trowamp.subscriber`.

        Returns:
            The registrations and subscriptions, in the order of their names.

        Raises:
            ValueError: Nothing is marked.
            Exception: As `register` and `subscribe` do; then nothing has been added.
        """
        add: dict[str, Callable[..., Any]] = {"register": self.register, "subscribe": self.subscribe}
        added: list[Registration | Subscription] = []
        try:
            for mark, handler in marked(target):
                added.append(await add[mark.kind](mark.uri, handler, **mark.options))  # all or nothing
        except BaseException:
            for handle in added:
                handle.unregister_nowait() if isinstance(handle, Registration) else handle.unsubscribe_nowait()
            raise
        return added

    def leave(self, reason: str = uris.CLOSE_CLOSE_REALM, message: str | None = None) -> None:
        """Say GOODBYE now, with a reason of your own; the block goes on without a session. Leaving the block does this by itself."""
        self._shell.say_goodbye(reason, message)

    def statistics(self) -> SessionStatistics:
        """Return how much of everything the session holds now."""
        return self._shell.core.statistics()

    def __repr__(self) -> str:
        state = "open" if self.is_open else f"over: {self._shell.error or 'left'}"
        return f"<Session {self.id} in {self.realm!r}, {state}>"

    def _checks_types(self, wanted: bool | None) -> bool:
        return self._shell.check_types if wanted is None else wanted

    async def _subscribe(self, subscription: Subscription, options: dict[str, Any]) -> None:
        shell = self._shell
        options = {**present(match=_unless_exact(subscription.pattern)), **options}
        if shell.check_features:
            require_features(self.details, "subscribe", options)
        waiter = ActivatingWaiter(subscription)
        request_id = shell.core.subscribe(subscription.pattern.uri, options, subscription, waiter)
        shell.pump.flush()
        await waiter.wait(lambda: shell.core.abandon(request_id))


def _unless_exact(pattern: UriPattern) -> str | None:
    return None if pattern.match == "exact" else pattern.match
