"""Components: handlers declared once, served over as many sessions as that takes.

There is one code path for the first session and every later one: connect, join, restore everything that was declared, run the join handlers, be
ready. If any step fails, the session is given up as a whole and the next attempt begins; nothing is ever half restored.
"""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Callable
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
    SessionClosed,
    WampError,
)
from ._join import JoinOptions
from ._open import ConnectOptions, SessionOptions
from ._session import Session
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
)


def is_fatal(error: BaseException) -> bool:
    """Tell whether another attempt is pointless: what `Component` asks by default.

    Fatal are refused credentials and permissions, and everything that is neither an error of trowamp nor of the operating system: a bug. A realm or
    a dynamic authenticator that is not there yet may come; so may the router.
    """
    return isinstance(error, _HOPELESS) or not isinstance(error, WampError | OSError)


class Transport:
    """One way to reach a router, with options of its own.

    Args:
        url: The router's URL.
        schedule: How attempts over this transport are spaced; default: the component's.
        options: What `open_session` takes about connecting: `tls`, `headers`, `proxy`, `serializers`, ….
    """

    def __init__(
        self, url: str, *, schedule: ReconnectSchedule | None = None, **options: Unpack[ConnectOptions]
    ) -> None:
        self.url = url
        self.schedule = schedule
        self.options = options

    def __repr__(self) -> str:
        return f"<Transport {self.url}>"


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
        ValueError: There is no transport, or a number is out of range.
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
        if not transports:
            raise ValueError("a component needs at least one URL or Transport")
        self._transports = [Transport(entry) if isinstance(entry, str) else entry for entry in transports]
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
        self._declarations = Declarations(on_conflict, conflict_timeout)
        self._listeners = Listeners()
        self._main: Callable[[Session], Any] | None = None
        self._scope: trio.CancelScope | None = None
        self._session: Session | None = None
        self._has_started = False

    # ---- declaring

    def register(self, procedure: str, **options: Any) -> Callable[[F], F]:
        """Declare a procedure; the decorated function stays as it is. Takes the options of `Session.register`.

        Raises:
            ValueError: `procedure` is not a legal URI or pattern.
            TypeError: The function is not callable.
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
            ValueError: Nothing is marked.
        """
        self._declarations.add_object(target)

    def main(self, function: F) -> F:
        """Run this function with the session once it is ready; when it returns, the component is done.

        After an interruption it is started again with the new session.
        """
        self._main = function
        return function

    def on_connect(self, function: F) -> F:
        """Call this function with the URL when a connection has been made."""
        self._listeners.add("connect", function)
        return function

    def on_join(self, function: F) -> F:
        """Call this function with the session and its details when everything declared is in place; it is ready when all these have returned.

        An exception fails the attempt: it is logged, and `is_fatal` decides whether there is another one.
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
    def session(self) -> Session | None:
        """The session while it is ready."""
        return self._session

    async def run(self, *, task_status: trio.TaskStatus[Session] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `main` has returned, `stop` is called, the task is cancelled, or a fatal error.

        Args:
            task_status: Started with the first ready session: `session = await nursery.start(app.run)`.

        Raises:
            ConnectError, JoinError, SessionLost, SessionClosed: The last attempt's error, when retries are used up or it is fatal.
            Exception: What a handler, join handler or `main` raised, if it is fatal.
            RuntimeError: The component runs already.
        """
        if self._scope is not None:
            raise RuntimeError("this component is running already")
        self._scope = trio.CancelScope()
        self._has_started = False
        try:
            with self._scope:
                await self._run_sessions(task_status)
        finally:
            self._scope = None

    def stop(self) -> None:
        """Leave the session and let `run` return. Does nothing if the component does not run."""
        if self._scope is not None:
            self._scope.cancel()

    async def _run_sessions(self, task_status: trio.TaskStatus[Session]) -> None:
        rotation = Rotation([transport.schedule or self._schedule() for transport in self._transports])
        error: Exception | None = None
        after_gap = False
        while (turn := rotation.next_attempt(random.random())) is not None:  # spreads load, keeps no secret
            index, delay = turn
            transport = self._transports[index]
            if delay:
                _log.info("next attempt in %.1f s: %s", delay, transport.url)
            await trio.sleep(delay)
            attempt = Attempt(
                self._listeners, self._declarations, self._main, functools.partial(self._ready, task_status)
            )
            to_connect: ConnectOptions = {**self._to_connect, **transport.options}
            try:
                await attempt.serve(transport.url, self._realm, to_connect, self._to_join, after_gap=after_gap)
            except Exception as failure:  # noqa: BLE001  # judged here: raised again, or reported and retried
                error = failure
            else:
                return
            await self._report(transport, error, was_ready=attempt.was_ready)
            if self._is_hopeless(error):
                raise error
            if attempt.was_ready:
                after_gap = True
                rotation.succeeded(index)
            else:
                rotation.failed(index)
            if isinstance(error, SessionClosed) and error.reason == uris.CLOSE_SYSTEM_SHUTDOWN:
                rotation.move_on()
        assert error is not None, "the first attempt is always allowed"
        raise error

    def _ready(self, task_status: trio.TaskStatus[Session], session: Session | None) -> None:
        self._session = session
        if session is not None and not self._has_started:
            self._has_started = True
            task_status.started(session)

    def _is_hopeless(self, error: Exception) -> bool:
        is_conflict = isinstance(error, ProcedureAlreadyExists) and self._declarations.on_conflict == "raise"
        return is_conflict or self._is_fatal(error)

    async def _report(self, transport: Transport, error: Exception, *, was_ready: bool) -> None:
        """Tell the world why there is no session now."""
        is_expected = isinstance(error, WampError | OSError)
        what = "session" if was_ready else "attempt"
        _log.warning("%s at %s ended: %s", what, transport.url, error, exc_info=None if is_expected else error)
        if not was_ready:
            await self._listeners.tell("connectfailure", error)


def _part(options: SessionOptions, of: type) -> dict[str, Any]:
    """Pick the options that belong to one of the two steps, connecting and joining.

    Raises:
        TypeError: There is an option that belongs to neither.
    """
    unknown = options.keys() - ConnectOptions.__annotations__.keys() - JoinOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
    return {name: value for name, value in options.items() if name in of.__annotations__}
