"""What a component has declared, and how it is put in place in a new session: all of it, or an exception."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import msgspec
import trio

from ._events import Event
from ._exceptions import CallTimeout, ProcedureAlreadyExists
from ._failures import leaves
from ._handlers import BoundHandler
from ._keywords import require_known
from ._markers import marked
from ._procedures import Invocation
from ._session import Session
from ._uri_pattern import UriPattern

F = TypeVar("F", bound=Callable[..., Any])

OnConflict = Literal["retry", "raise", "force"]

_log = logging.getLogger("trowamp.component")

_FIRST_RETRY, _LONGEST_RETRY = 0.1, 2.0  # seconds between attempts to register what a dying session still holds
_PATIENCE = 15.0  # seconds for a router to agree to everything, beside the time for conflicts
_AT_ONCE = 100  # requests on their way together: a thousand declarations cost ten round trips, not a thousand


def _keywords_of(method: Callable[..., Any]) -> frozenset[str]:
    parameters = inspect.signature(method).parameters.values()
    return frozenset(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)


_OPTIONS = {"register": _keywords_of(Session.register), "subscribe": _keywords_of(Session.subscribe)}


class Declaration(msgspec.Struct, frozen=True):
    """One handler: `kind` is "register" or "subscribe", `options` are the keywords of that method of `Session`."""

    kind: str
    uri: str
    handler: Callable[..., Any]
    options: dict[str, Any]


class Declarations:
    """The handlers of a component.

    Args:
        on_conflict: What to do when a procedure is registered already.
        conflict_timeout: Seconds that "retry" goes on.
        check_types: Whether handlers get typed payloads unless they say otherwise.
    """

    def __init__(self, on_conflict: OnConflict, conflict_timeout: float, *, check_types: bool = False) -> None:
        if on_conflict not in ("retry", "raise", "force"):
            raise ValueError(f'on_conflict must be "retry", "raise" or "force", not {on_conflict!r}')
        if not conflict_timeout >= 0:
            raise ValueError(f"conflict_timeout must be 0 seconds or more, not {conflict_timeout}")
        self.on_conflict = on_conflict
        self._conflict_timeout = conflict_timeout
        self._check_types = check_types
        self._declared: list[Declaration] = []
        self._procedures: set[tuple[str, str]] = set()

    def add(self, declaration: Declaration) -> None:
        """Declare a handler.

        Raises:
            ValueError: Its URI is not legal, or the procedure is declared already.
            TypeError: It is not callable, there is no such option, or payloads cannot be converted to what a parameter is annotated with.
        """
        wants = Invocation if declaration.kind == "register" else Event
        require_known(declaration.options, _OPTIONS[declaration.kind])
        pattern = UriPattern(declaration.uri, declaration.options.get("match"))
        check_types = declaration.options.get("check_types")
        BoundHandler(
            declaration.handler, pattern, wants, check_types=self._check_types if check_types is None else check_types
        )
        if declaration.kind == "register":
            if (pattern.uri, pattern.match) in self._procedures:
                raise ValueError(f"{declaration.uri} is declared already: a session registers a procedure once")
            self._procedures.add((pattern.uri, pattern.match))
        self._declared.append(declaration)

    def add_object(self, target: object) -> None:
        """Declare everything in an object or module that is marked."""
        for mark, handler in marked(target):
            self.add(Declaration(mark.kind, mark.uri, handler, mark.options))

    def decorator(self, kind: str, uri: str, options: dict[str, Any]) -> Callable[[F], F]:
        """Return a decorator that declares what it decorates.

        Raises:
            TypeError: It was itself used as the decorator, without a URI.
        """
        if not isinstance(uri, str):
            raise TypeError(f'a URI is missing: write @component.{kind}("com.example.name")')

        def declare(function: F) -> F:
            self.add(Declaration(kind, uri, function, options))
            return function

        return declare

    async def restore(self, session: Session) -> None:
        """Put everything in place: procedures first, for event handlers may count on them.

        Raises:
            ApplicationError, SessionLost, SessionClosed, FeatureNotSupported: The first thing that could not be put in place.
            CallTimeout: The router does not answer.
        """
        timeout = _PATIENCE + self._conflict_timeout
        try:
            with trio.move_on_after(timeout) as scope:
                for kind in ("register", "subscribe"):
                    await self._restore_all([entry for entry in self._declared if entry.kind == kind], session)
        except BaseExceptionGroup as group:
            real = [leaf for leaf in leaves(group) if not isinstance(leaf, trio.Cancelled)]
            if not real:
                raise
            raise real[0] from None
        if scope.cancelled_caught:
            raise CallTimeout(f"the router did not agree to everything that is declared within {timeout:g} s")

    async def _restore_all(self, declared: list[Declaration], session: Session) -> None:
        turns = trio.CapacityLimiter(_AT_ONCE)
        async with trio.open_nursery() as nursery:
            for declaration in declared:
                nursery.start_soon(self._restore_one, session, declaration, turns)

    async def _restore_one(self, session: Session, declaration: Declaration, turns: trio.CapacityLimiter) -> None:
        async with turns:
            if declaration.kind == "subscribe":
                await session.subscribe(declaration.uri, declaration.handler, **declaration.options)
                return
            try:
                await _register(session, declaration)
            except ProcedureAlreadyExists:
                after_conflict = _AFTER_CONFLICT.get(self.on_conflict)
                if after_conflict is None:
                    raise
                await after_conflict(session, declaration, self._conflict_timeout)


async def _register(session: Session, declaration: Declaration, **more: Any) -> None:
    await session.register(declaration.uri, declaration.handler, **{**declaration.options, **more})


async def _register_again(session: Session, declaration: Declaration, timeout: float) -> None:
    """The router may not have noticed yet that the previous session is gone: wait for it to."""
    _log.warning("%s is registered by another session: trying again for up to %g s", declaration.uri, timeout)
    deadline = trio.current_time() + timeout
    delay = _FIRST_RETRY
    while True:
        await trio.sleep(delay)
        delay = min(delay * 2, _LONGEST_RETRY)
        try:
            await _register(session, declaration)
        except ProcedureAlreadyExists:
            if trio.current_time() + delay > deadline:
                raise
        else:
            return


async def _take_over(session: Session, declaration: Declaration, _: float) -> None:
    await _register(session, declaration, force_reregister=True)


_AFTER_CONFLICT: dict[str, Callable[[Session, Declaration, float], Awaitable[None]]] = {
    "retry": _register_again,
    "force": _take_over,
}
