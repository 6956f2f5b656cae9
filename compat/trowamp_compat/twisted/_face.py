"""Twisted as sessions see it. A face belongs to one reactor, which is looked up when the first session needs it, never at import."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from types import GeneratorType
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList, FirstError, ensureDeferred, inlineCallbacks
from twisted.internet.error import ReactorNotRunning
from twisted.internet.threads import deferToThreadPool
from twisted.python import log
from twisted.python.failure import Failure

from .._logging import Framework
from ..wamp.exception import CanceledError

_PLAIN = frozenset({type(None), bool, int, float, str, bytes, list, dict, tuple})


class SeveralDeferreds(Deferred[list[Any]]):
    """The list of results of several Deferreds; iterating over it gives the Deferreds (C-7)."""

    deferreds: list[Deferred[Any]]
    are_taken = False  # somebody else sees to their errors

    def __iter__(self) -> Iterator[Deferred[Any]]:  # type: ignore[override]  # `await` does not use it
        self.are_taken = True
        return iter(self.deferreds)

    def finish(self, results: list[Any]) -> None:
        """All of them are done."""
        if not self.are_taken:
            for deferred in self.deferreds:
                deferred.addErrback(_handled)
        self.callback(results)


class _Handle:
    """A delayed call that may be cancelled at any time."""

    __slots__ = ("_call",)

    def __init__(self, call: Any) -> None:
        self._call = call

    def cancel(self) -> None:
        if self._call.active():
            self._call.cancel()


class CanceledCall(CancelledError, CanceledError):
    """What a Deferred fails with when it is cancelled: known to Twisted, and an application error (C-12)."""


def stop(reactor: Any) -> None:
    """Stop a reactor, unless it stops already, as after a signal."""
    with contextlib.suppress(ReactorNotRunning):
        reactor.stop()


class TwistedFace:
    """The face of one reactor.

    Args:
        loop: The reactor; default: the one that is installed when it is first needed.
    """

    framework: ClassVar[Framework] = "twisted"
    canceled: type[BaseException] = CancelledError
    resumes_later: ClassVar[bool] = False

    def __init__(self, loop: Any = None) -> None:
        if loop is not None:
            self.reactor = loop

    @functools.cached_property
    def reactor(self) -> Any:
        """The reactor."""
        from twisted.internet import reactor  # noqa: PLC0415  # importing it installs one

        return reactor

    def canceled_error(self) -> BaseException:
        return CanceledCall()

    def create_future(self, canceller: Callable[[Any], None] | None = None) -> Deferred[Any]:
        return Deferred(canceller)

    create_answer = create_future

    def is_canceled(self, answer: Deferred[Any]) -> bool:
        return not answer.called

    def forget_ended(self, answer: Deferred[Any], ended: Callable[[Any], None]) -> None:
        """Nothing is to be done: only somebody who cancels the Deferred before its end has it called."""

    def answer(self, answer: Deferred[Any], value: Any) -> bool:
        if not answer.called:
            answer.callback(value)
        return True

    def resolve(self, future: Deferred[Any], value: Any = None) -> None:
        if not future.called:
            future.callback(value)

    def reject(self, future: Deferred[Any], error: BaseException) -> None:
        if not future.called:
            future.errback(Failure(error))  # type: ignore[no-untyped-call]

    def is_done(self, future: Deferred[Any]) -> bool:
        return bool(future.called)

    def is_future(self, value: Any) -> bool:
        return isinstance(value, Deferred)

    def as_future(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        future: Deferred[Any] = Deferred()
        try:
            value = function(*args, **kwargs)
        except Exception:  # noqa: BLE001  # it goes to whoever waits
            future.errback(Failure())  # type: ignore[no-untyped-call]
            return future
        pending = self.future_of(value)
        if pending is not None:
            return pending  # type: ignore[no-any-return]
        future.callback(value)
        return future

    def future_of(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return None
        if isinstance(value, Deferred):
            return value
        if type(value) is GeneratorType:
            return inlineCallbacks(lambda: value)()
        if inspect.iscoroutine(value):
            return ensureDeferred(value)
        return ensureDeferred(_awaited(value)) if inspect.isawaitable(value) else None

    def when_done(
        self, future: Deferred[Any], on_result: Callable[[Any], None], on_error: Callable[[BaseException], None]
    ) -> None:
        future.addCallbacks(on_result, lambda failure: on_error(failure.value))

    def cancel(self, future: Deferred[Any]) -> None:
        future.cancel()

    def gather(self, futures: Iterable[Any], *, consume_exceptions: bool = True) -> Deferred[Any]:
        together: Deferred[Any] = DeferredList(
            list(futures), fireOnOneErrback=not consume_exceptions, consumeErrors=True
        )
        return together.addCallbacks(lambda results: [result for _, result in results], _first_failure)

    def several(self, futures: list[Deferred[Any]]) -> Deferred[list[Any]]:
        together = SeveralDeferreds()
        together.deferreds = futures
        observed: list[Deferred[Any]] = []
        for future in futures:
            copy: Deferred[Any] = Deferred()
            future.addBoth(_passed_on, copy)
            observed.append(copy)
        self.gather(observed).addCallback(together.finish)
        return together

    def call_soon(self, function: Callable[..., None], *args: Any) -> _Handle:
        return _Handle(self.reactor.callLater(0, function, *args))

    def call_later(self, seconds: float, function: Callable[..., None], *args: Any) -> _Handle:
        return _Handle(self.reactor.callLater(seconds, function, *args))

    def now(self) -> float:
        return self.reactor.seconds()  # type: ignore[no-any-return]

    def failure(self, error: BaseException) -> Failure:
        return Failure(error)  # type: ignore[no-untyped-call]

    def unhandled(self, error: BaseException, text: str) -> None:
        # txaio writes the traceback of what is logged so, and not that of what a `Logger` is given
        log.err(self.failure(error), f"Unhandled Error: {text}")  # type: ignore[no-untyped-call]

    def in_thread(self, function: Callable[[], Any]) -> Deferred[Any]:
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), function)


async def _awaited(value: Any) -> Any:
    return await value


def _passed_on(result: Any, copy: Deferred[Any]) -> Any:
    copy.callback(result)
    return result


def _first_failure(failure: Failure) -> Failure:
    first: Any = failure.value
    return first.subFailure if isinstance(first, FirstError) else failure


def _handled(_: Failure) -> None:
    """The error stands in the list of results."""
