"""A component at work: attempt after attempt, each a connection with a session, until one ends as it should or no attempt is left.

Rules of this file:

1. An attempt ends exactly once, in `_Attempt.finish`: with None, because this side left, or with what went wrong.
2. What went wrong leads to the next attempt, unless it is fatal. A bug in `main`, `is_fatal`, a function for the jitter, or in a listener or the
   session's method for start, connect, join, ready or connectfailure is fatal, but in join and ready not what a peer has said; in one for leave or
   disconnect it is logged, for the session is over anyway.
3. Who stops a component stops whatever it is doing: connecting, waiting, or a session, which is left with GOODBYE.
4. An attempt has succeeded when its session is ready; any other is a failure, which "connectfailure" and the delays learn of. As there are programs
   that never come back from "join", a session that has lasted counts, too.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from trowamp.protocol import Rotation

from ._errors import explanation_of
from ._face import Face
from ._transports import TransportConfig, jitter_of
from .exception import ApplicationError, TransportLost
from .types import CloseDetails

if TYPE_CHECKING:
    from .component import Component

LASTING: Final = 60.0  # seconds after which a session counts as one, though a listener of "join" is still at work


class Work:
    """A component that has been started.

    Args:
        component: The component.
        face: The event loop.
        loop: What `main` and the listeners of "start" are told: the loop or reactor.

    Attributes:
        done: A future: done when the component is; fails with what ended it.
    """

    def __init__(self, component: Component, face: Face, loop: Any) -> None:
        self.component = component
        self.face = face
        self.loop = loop
        self.done = face.create_future(lambda _: self.stop())
        self.is_stopping = False
        self._rotation = Rotation([config.schedule() for config in component._transports])
        self._timer: Any = None
        self._attempt: _Attempt | None = None

    def next(self, error: BaseException | None = None) -> None:
        """Wait for the turn of the next attempt.

        Args:
            error: Why the last one has ended.
        """
        if self.is_stopping:
            self.face.resolve(self.done)
            return
        transports = self.component._transports
        try:
            jitter = jitter_of(transports)
        except Exception as bug:  # noqa: BLE001  # in a function of the user's
            self.face.reject(self.done, bug)
            return
        turn = self._rotation.next_attempt(jitter)
        if turn is None:
            self.face.reject(self.done, error or RuntimeError("no transport is left to be tried"))
            return
        index, delay = turn
        delay = min(delay, transports[index].longest_delay)
        if error is not None:
            self.component.log.warn(
                "{error}; trying {transport} in {delay:.2f} s",
                error=_words(error),
                transport=str(transports[index]),
                delay=delay,
            )
        if delay:
            self._timer = self.face.call_later(delay, self._try, index)
        else:
            self._try(index)

    def stop(self) -> None:
        """Stop, whatever goes on."""
        if self.is_stopping:
            return
        self.is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.face.resolve(self.done)
        elif self._attempt is not None:
            self._attempt.stop()
        else:  # listeners of "start" go on
            self.face.resolve(self.done)

    def ended(self, index: int, error: BaseException | None, *, has_succeeded: bool, is_fatal: bool) -> None:
        """An attempt has ended. If it had succeeded, the next failure is the first again (S-35)."""
        self._attempt = None
        if error is None or self.is_stopping:
            self.face.resolve(self.done)
            return
        component = self.component
        if isinstance(error, Fatal):
            self.face.reject(self.done, error.error)
            return
        try:
            is_fatal = is_fatal or (component._is_fatal is not None and bool(component._is_fatal(error)))
        except Exception as bug:  # noqa: BLE001  # in a function of the user's
            self.face.reject(self.done, bug)
            return
        if has_succeeded:
            self._rotation.succeeded(index)
        if not has_succeeded or is_fatal:
            self._rotation.failed(index, fatal=is_fatal)
        self.next(error)

    def _try(self, index: int) -> None:
        self._timer = None
        attempt = self._attempt = _Attempt(self, index)
        attempt.begin(self.component._transports[index])


class Fatal(Exception):
    """Wraps what ends a component without another attempt."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class _Attempt:
    """One connection, from connecting to its end."""

    def __init__(self, work: Work, index: int) -> None:
        self._work = work
        self._index = index
        self._face = work.face
        self._component = work.component
        self._connecting: Any = None
        self._connection: Any = None
        self._session: Any = None
        self._joined_at: float | None = None
        self._is_ready = False
        self._is_over = False
        self._outcome: BaseException | None = None
        self._is_decided = False  # whether the outcome is known, though the connection may last a moment

    def begin(self, config: TransportConfig) -> None:
        """Connect."""
        face = self._face
        self._connecting = face.as_future(self._component._connect, self._work.loop, config, self._make_session)
        face.when_done(self._connecting, self._connected, self._not_connected)

    def stop(self) -> None:
        """Leave the session, or give up what comes before it."""
        session = self._session
        if session is not None and session.is_attached():
            self._decide(None)
            session.leave()
        elif session is not None:
            self._decide(None)
            session.disconnect()
        elif self._connection is not None:  # its handshake goes on
            self._decide(None)
            self._connection.abort()
        else:
            self._face.cancel(self._connecting)

    # ---- connecting

    def _connected(self, connection: Any) -> None:
        self._connection = connection
        self._face.when_done(connection.when_closed(), lambda _: self._closed(connection), self._failed)
        if self._work.is_stopping:
            connection.abort()

    def _not_connected(self, error: BaseException) -> None:
        """What can only be a mistake is not tried again. Errors of TLS are ValueErrors, too, and may pass; a RuntimeError may be want of threads."""
        is_mistake = isinstance(error, ValueError | TypeError) and not isinstance(error, OSError)
        self._failed(Fatal(error) if is_mistake else error)

    def _failed(self, error: BaseException) -> None:
        """There is no session that was ready: listeners are told, and one that raises something fails the transport (W-31)."""
        if self._work.is_stopping:
            self._finish(error)
            return
        if isinstance(error, self._face.canceled):  # somebody wants an end
            self._finish(Fatal(error))
            return
        component = self._component
        told = error.error if isinstance(error, Fatal) else error
        pending, failure = component._told("connectfailure", (component, told), {})
        if failure is not None:
            self._finish(failure, is_fatal=True)
        elif pending:
            self._face.when_done(
                self._face.gather(pending, consume_exceptions=False),
                lambda _: self._finish(error),
                lambda failure: self._finish(failure, is_fatal=True),
            )
        else:
            self._finish(error)

    def _make_session(self) -> Any:
        try:
            session = self._component._make_session()
        except Exception as error:
            self._decide(Fatal(error))
            raise
        session.on("join", self._joined)
        session.on("leave", self._left)
        session._ends_by = self._is_ended_by
        session.on("ready", self._ready)
        self._component._forward(session)
        session.on("ready", self._begin_main)
        self._session = session
        return session

    # ---- the session

    def _joined(self, _session: Any, _details: Any) -> None:
        self._joined_at = self._face.now()

    def _ready(self, _session: Any) -> None:
        self._is_ready = True

    def _begin_main(self, session: Any) -> None:
        main = self._component._main
        if main is None:
            return
        future = self._face.as_future(main, *main_arguments(main, self._work.loop, session))
        self._face.when_done(
            future, lambda _: self._main_done(session), lambda error: self._main_failed(session, error)
        )

    def _main_done(self, session: Any) -> None:
        self._decide(None)
        self._leave(session)

    def _main_failed(self, session: Any, error: BaseException) -> None:
        if session._is_of_the_end(error) or (isinstance(error, TransportLost) and not session.is_attached()):
            return  # it could not go on: the connection's end says why
        self._component.log.error("failure in main: {error!r}", error=error)
        self._decide(Fatal(error))
        self._leave(session)

    def _is_ended_by(self, event: str, error: BaseException) -> bool:
        """A listener or method has failed: end a session that is not what it should be (W-12)."""
        session = self._session
        if event not in self._component._needed or self._is_decided or not session.is_connected():
            return False
        if event == "connect":
            self._decide(Fatal(error))
        elif session.is_attached():
            self._decide(error if isinstance(error, ApplicationError | TransportLost) else Fatal(error))
        else:
            return False
        self._leave(session)
        return True

    def _leave(self, session: Any) -> None:
        if session.is_attached():
            session.leave()
        else:
            session.disconnect()

    def _left(self, session: Any, details: CloseDetails) -> None:
        if session._left_with is not None:
            self._decide(None)
        else:
            self._decide(ApplicationError(details.reason or "", *([details.message] if details.message else [])))

    # ---- the end

    def _decide(self, outcome: BaseException | None) -> None:
        """Note the outcome; what is known first counts."""
        if not self._is_decided:
            self._is_decided = True
            self._outcome = outcome

    def _closed(self, connection: Any) -> None:
        if not self._is_decided:
            words = connection.close_reason or "the connection was closed"
            self._decide(connection.error or TransportLost(words))
        if self._outcome is None or self._has_succeeded():
            self._finish(self._outcome)
        else:
            self._failed(self._outcome)

    def _finish(self, error: BaseException | None, *, is_fatal: bool = False) -> None:
        if not self._is_over:
            self._is_over = True
            self._work.ended(self._index, error, has_succeeded=self._has_succeeded(), is_fatal=is_fatal)

    def _has_succeeded(self) -> bool:
        joined_at = self._joined_at
        return self._is_ready or (joined_at is not None and self._face.now() - joined_at >= LASTING)


def main_arguments(main: Any, loop: Any, session: Any) -> tuple[Any, ...]:
    """Return what `main` takes: the loop or reactor and the session, or the session alone (C-31)."""
    try:
        inspect.signature(main).bind(loop, session)
    except TypeError:
        return (session,)
    except ValueError:  # no signature can be had: some builtins
        pass
    return loop, session


def _words(error: BaseException) -> str:
    explanation = explanation_of(error)
    about = f"{explanation}: " if explanation else ""
    if isinstance(error, ApplicationError):
        return about + (error.error_message() if error.args or error.kwargs else error.error)
    return about + (f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
