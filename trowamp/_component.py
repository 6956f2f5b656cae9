"""Components: handlers declared once, served over as many sessions as that takes.

There is one code path for the first session and every later one: connect, join, restore everything that was declared, run the join handlers, be
ready. If any step fails, the session is given up as a whole and the next attempt begins; nothing is ever half restored.
"""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, Unpack, cast

import trio

from . import uris
from ._attempt import Attempt, Listeners
from ._declarations import Declarations, OnConflict
from ._exceptions import (
    AuthenticationDenied,
    AuthenticationFailed,
    AuthenticationRequired,
    NoMatchingAuthMethod,
    NoSuchPrincipal,
    NotAuthorized,
    ProcedureAlreadyExists,
    SerializationError,
    SessionClosed,
    WampError,
)
from ._join import JoinOptions
from ._keywords import known_to, require_known
from ._open import ConnectOptions, SessionOptions
from ._session import Session
from ._transport import Transport
from .protocol import ReconnectSchedule, Rotation

F = TypeVar("F", bound=Callable[..., Any])

_log = logging.getLogger("trowamp.component")

_HOPELESS = (
    AuthenticationDenied,
    AuthenticationFailed,
    AuthenticationRequired,
    NoMatchingAuthMethod,
    NoSuchPrincipal,
    NotAuthorized,
    SerializationError,
)


def is_fatal(error: BaseException) -> bool:
    """Tell whether another attempt is pointless: what `Component` asks by default.

    Fatal are refused credentials and permissions, values that cannot be sent, and everything that is neither an error of trowamp nor of the operating
    system: a bug. A realm or a dynamic authenticator that is not there yet may come; so may the router.
    """
    return isinstance(error, _HOPELESS) or not isinstance(error, WampError | OSError)


class Component:
    """Procedures and event handlers that come back after every interruption.

    ```python
    app = trowamp.Component("ws://127.0.0.1:8080/ws", realm="realm1")

    @app.register("com.example.add2")
    async def add2(x: int, y: int) -> int:
        return x + y

    trowamp.run(app)
    ```

    Args:
        transports: URLs, or `Transport`s, tried in turn.
        realm: The realm to join.
        is_fatal: Told each error that ended an attempt or a session; True ends `run` with it. Default: `trowamp.is_fatal`.
        on_conflict: What to do when a procedure is registered already, as happens when a router has not noticed yet that the previous session is
            gone: "retry" (default; for up to `conflict_timeout`, then the attempt has failed), "raise" (`run` raises `ProcedureAlreadyExists`),
            "force" (take it over).
        conflict_timeout: Seconds. Default 30.
        max_retries: Attempts after a failed one, for each transport; -1 for no end (default). Success resets the count.
        initial_retry_delay: Seconds before the first attempt after a failure. Default 1.5.
        max_retry_delay: Seconds at most. Default 300.
        retry_delay_growth: Factor from one delay to the next. Default 1.5.
        retry_delay_jitter: Part of the delay that is random, so that a fleet does not come back at once. Default 0.1.
        options: What `open_session` takes: `auth`, `tls`, `serializers`, ….

    Raises:
        ValueError: There is no transport, a URL is none, or a number is out of range.
        TypeError: There is no such option.
    """

    def __init__(
        self,
        *transports: str | Transport,
        realm: str,
        is_fatal: Callable[[BaseException], bool] = is_fatal,
        on_conflict: OnConflict = "retry",
        conflict_timeout: float = 30.0,
        max_retries: int = -1,
        initial_retry_delay: float = 1.5,
        max_retry_delay: float = 300.0,
        retry_delay_growth: float = 1.5,
        retry_delay_jitter: float = 0.1,
        **options: Unpack[SessionOptions],
    ) -> None:
        require_known(options, known_to(ConnectOptions, JoinOptions))
        self._transports = _as_transports(transports)
        self._schedule = functools.partial(
            ReconnectSchedule,
            max_retries,
            initial_retry_delay,
            max_retry_delay,
            retry_delay_growth,
            retry_delay_jitter,
        )
        self._schedule()  # so that a number out of range is refused here
        self._realm = realm
        self._is_fatal = is_fatal
        self._to_connect = cast(ConnectOptions, _part(options, ConnectOptions))
        self._to_join = cast(JoinOptions, _part(options, JoinOptions))
        self._declarations = Declarations(
            on_conflict, conflict_timeout, check_types=self._to_join.get("check_types", False)
        )
        self._listeners = Listeners()
        self._main: Callable[[Session], Any] | None = None
        self._scope: trio.CancelScope | None = None
        self._session: Session | None = None
        self._has_started = False

    # ---- declaring

    def register(self, procedure: str, **options: Any) -> Callable[[F], F]:
        """Declare a procedure; the decorated function stays as it is. Takes the options of `Session.register`.

        Raises:
            ValueError: `procedure` is not a legal URI or pattern, or declared already.
            TypeError: The function is not callable, or there is no such option.
        """
        return self._declarations.decorator("register", procedure, options)

    def subscribe(self, topic: str, **options: Any) -> Callable[[F], F]:
        """Declare an event handler; the decorated function stays as it is. Takes the options of `Session.subscribe`.

        After an interruption the first event has `after_gap` set. Raises as `register` does.
        """
        return self._declarations.decorator("subscribe", topic, options)

    def add_object(self, target: object) -> None:
        """Declare everything in an object or module that is marked with `@trowamp.procedure` or `@trowamp.subscriber`.

        Raises:
            ValueError, TypeError: Nothing is marked, or as `register` and `subscribe` do.
        """
        self._declarations.add_object(target)

    def main(self, function: F) -> F:
        """Run this function with the session once it is ready; when it returns, the component is done.

        After an interruption it is started again with the new session. Without a main function the component serves until it is stopped, or until a
        handler calls `session.leave()`.
        """
        self._main = function
        return function

    def on_connect(self, function: F) -> F:
        """Call this function with the URL when a connection has been made."""
        self._listeners.add("connect", function)
        return function

    def on_join(self, function: F) -> F:
        """Call this function with the session and its details when everything declared is in place; it is ready when all these have returned.

        An exception fails the attempt; `is_fatal` decides whether it is logged and there is another one, or `run` raises it.
        """
        self._listeners.add("join", function)
        return function

    def on_ready(self, function: F) -> F:
        """Call this function with the session after all join handlers."""
        self._listeners.add("ready", function)
        return function

    def on_leave(self, function: F) -> F:
        """Call this function with the error that ended a joined session, or None if this side left it."""
        self._listeners.add("leave", function)
        return function

    def on_disconnect(self, function: F) -> F:
        """Call this function with the error that ended a connection, or None if this side closed it."""
        self._listeners.add("disconnect", function)
        return function

    def on_connect_failure(self, function: F) -> F:
        """Call this function with the error of an attempt that led to no ready session."""
        self._listeners.add("connectfailure", function)
        return function

    # ---- running

    @property
    def realm(self) -> str:
        """The realm that the component joins."""
        return self._realm

    @property
    def transports(self) -> tuple[Transport, ...]:
        """The ways to a router, in the order in which they are tried."""
        return tuple(self._transports)

    @property
    def session(self) -> Session | None:
        """The session while it is ready."""
        return self._session

    async def run(
        self,
        *,
        transports: Sequence[str | Transport] | None = None,
        task_status: trio.TaskStatus[Session] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `main` has returned, a handler left the session, `stop` is called, the task is cancelled, or a fatal error.

        Args:
            transports: What to try instead of the component's own transports, for example `[router.transport]` in a test.
            task_status: Started with the first ready session: `session = await nursery.start(app.run)`.

        Raises:
            ConnectError, JoinError, SessionLost, SessionClosed: The last attempt's error, when retries are used up or it is fatal.
            Exception: What a handler, join handler or `main` raised, if it is fatal.
            RuntimeError: The component runs already.
            ValueError: A URL among `transports` is none.
        """
        if self._scope is not None:
            raise RuntimeError("this component is running already")
        chosen = self._transports if transports is None else _as_transports(transports)
        self._scope = trio.CancelScope()
        self._has_started = False
        try:
            with self._scope:
                await self._run_sessions(chosen, task_status)
        finally:
            self._scope = None

    def stop(self) -> None:
        """Leave the session and let `run` return. Does nothing if the component does not run."""
        if self._scope is not None:
            self._scope.cancel()

    async def _run_sessions(self, transports: Sequence[Transport], task_status: trio.TaskStatus[Session]) -> None:
        rotation = Rotation([self._fresh_schedule(transport) for transport in transports])
        turn = rotation.next_attempt(random.random())  # spreads load, keeps no secret
        assert turn is not None, "the first attempt is always allowed"
        had_session = False
        while True:
            index, delay = turn
            await trio.sleep(delay)
            attempt = Attempt(
                self._listeners, self._declarations, self._main, functools.partial(self._ready, task_status)
            )
            try:
                await attempt.serve(
                    transports[index], self._to_connect, self._realm, self._to_join, after_gap=had_session
                )
                return
            except Exception as error:  # judged here: raised again, or reported and retried
                if not attempt.was_ready:
                    await self._listeners.tell("connectfailure", error)
                _note(rotation, index, attempt, error)
                next_turn = None if self._is_hopeless(error) else rotation.next_attempt(random.random())
                if next_turn is None:
                    raise
                _log_retry(error, attempt, transports[index], transports[next_turn[0]], next_turn[1])
            turn = next_turn
            had_session = had_session or attempt.has_joined

    def _fresh_schedule(self, transport: Transport) -> ReconnectSchedule:
        schedule = transport.schedule or self._schedule()
        schedule.reset()
        return schedule

    def _ready(self, task_status: trio.TaskStatus[Session], session: Session | None) -> None:
        self._session = session
        if session is not None and not self._has_started:
            self._has_started = True
            task_status.started(session)

    def _is_hopeless(self, error: Exception) -> bool:
        is_conflict = isinstance(error, ProcedureAlreadyExists) and self._declarations.on_conflict == "raise"
        return is_conflict or self._is_fatal(error)


def _as_transports(entries: Sequence[str | Transport]) -> list[Transport]:
    if not entries:
        raise ValueError("a component needs at least one URL or Transport")
    return [Transport(entry) if isinstance(entry, str) else entry for entry in entries]


def _note(rotation: Rotation, index: int, attempt: Attempt, error: Exception) -> None:
    """Tell the rotation how an attempt ended."""
    if attempt.was_ready:
        rotation.succeeded(index)
    else:
        rotation.failed(index)
    if isinstance(error, SessionClosed) and error.reason == uris.CLOSE_SYSTEM_SHUTDOWN:
        rotation.move_on(lasted=attempt.lasted())


def _log_retry(error: Exception, attempt: Attempt, failed: Transport, following: Transport, delay: float) -> None:
    """Say why there is no session now and when there may be one again; an error that `run` raises is not logged too."""
    _log.warning(
        "%s at %s ended: %s; next attempt in %.1f s: %s",
        "session" if attempt.was_ready else "attempt",
        failed.url,
        error,
        delay,
        following.url,
        exc_info=None if isinstance(error, WampError) else error,
    )


def _part(options: SessionOptions, of: type) -> dict[str, Any]:
    """Pick the options that belong to one of the two steps, connecting and joining."""
    known = known_to(of)
    return {name: value for name, value in options.items() if name in known}
