"""The functions of txaio over the faces of this package."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TextIO

from .. import _logging
from .._logging import Framework
from .interfaces import IBatchedTimer, ILogger

__all__ = ["Api", "Config"]

_UNSET: Final[Any] = object()

ILogger.register(_logging.Logger)


class Config:
    """What can be set.

    Attributes:
        loop: The loop or reactor to use; default: the one that runs, or is installed.
    """

    def __init__(self, loop: Any = None) -> None:
        self.loop = loop


class Choice:
    """Which framework is in use in this process: the one that was chosen, or else the first one that was used."""

    def __init__(self) -> None:
        self._chosen: Framework | None = None

    @property
    def framework(self) -> Framework | None:
        """The framework, or None."""
        return self._chosen or _logging.first_framework()

    def take(self, framework: Framework) -> None:
        """Choose, for good.

        Raises:
            RuntimeError: The other one has been chosen.
        """
        if self._chosen not in (None, framework):
            raise RuntimeError(f"{self._chosen} has been chosen, {framework} cannot be")
        self._chosen = framework


class Api:
    """Everything that depends on a loop or reactor.

    Args:
        choice: Which framework.
        config: What is set.
    """

    def __init__(self, choice: Choice, config: Config) -> None:
        self.config = config
        self._choice = choice

    def _face(self) -> Any:
        """Return the face of the framework and loop in use."""
        if self._framework() == "twisted":
            from ..twisted._face import TwistedFace  # noqa: PLC0415  # nothing is loaded that is not in use

            return TwistedFace(self.config.loop)
        import asyncio  # noqa: PLC0415

        from ..asyncio._face import AsyncioFace  # noqa: PLC0415

        return AsyncioFace(self.config.loop or asyncio.get_event_loop())

    def _framework(self) -> Framework:
        framework = self._choice.framework
        if framework is None:
            raise RuntimeError("To use txaio, you must first select a framework with .use_twisted() or .use_asyncio()")
        return framework

    def with_config(self, loop: Any = None) -> Api:
        """Return the same functions for another loop or reactor."""
        return Api(self._choice, Config(loop))

    def create_future(self, result: Any = _UNSET, error: Any = _UNSET, canceller: Any = _UNSET) -> Any:
        """Make a future, perhaps one that is done.

        Args:
            result: Its result.
            error: What it fails with.
            canceller: Called with the future when it is cancelled.

        Raises:
            ValueError: It has a result and an error.
        """
        if result is not _UNSET and error is not _UNSET:
            raise ValueError("a future has either a result or an error")
        face = self._face()
        future = face.create_future(None if canceller is _UNSET else canceller)
        if result is not _UNSET:
            face.resolve(future, result)
        elif error is not _UNSET:
            self.reject(future, error)
        return future

    def create_future_success(self, result: Any) -> Any:
        """Make a future with a result."""
        return self.create_future(result=result)

    def create_future_error(self, error: Any = None) -> Any:
        """Make a future that has failed, by default with the exception that is being handled."""
        return self.create_future(error=self.create_failure() if error is None else error)

    def as_future(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function; return a future for whatever becomes of it."""
        return self._face().as_future(fun, *args, **kwargs)

    def is_future(self, obj: Any) -> bool:
        """Tell whether something is a future of the framework, or a coroutine."""
        face = self._face()
        return bool(face.is_future(obj) or hasattr(obj, "__await__"))

    def call_later(self, delay: float, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function after some seconds; return an object with `cancel`."""
        return self._face().call_later(delay, partial(fun, *args, **kwargs))

    def sleep(self, delay: float) -> Any:
        """Return a future that is done after some seconds."""
        face = self._face()
        timer: Any = None

        def stop(_future: Any) -> None:
            timer.cancel()

        future = face.create_future(stop)
        timer = face.call_later(delay, partial(face.resolve, future))
        return future

    def is_called(self, future: Any) -> bool:
        """Tell whether a future is done."""
        return bool(self._face().is_done(future))

    def resolve(self, future: Any, result: Any = None) -> None:
        """Give a future its result."""
        self._face().resolve(future, result)

    def reject(self, future: Any, error: Any = None) -> None:
        """Let a future fail, by default with the exception that is being handled."""
        failure = self.create_failure() if error is None else error
        self._face().reject(future, getattr(failure, "value", failure))

    def cancel(self, future: Any, msg: Any = None) -> None:  # noqa: ARG002  # not every framework has words for it
        """Cancel a future."""
        self._face().cancel(future)

    def create_failure(self, exception: BaseException | None = None) -> Any:
        """Make what error callbacks get, by default of the exception that is being handled.

        Raises:
            ValueError: There is no exception.
        """
        error = exception or sys.exc_info()[1]
        if error is None:
            raise ValueError("there is no exception that is being handled")
        return self._face().failure(error)

    def add_callbacks(
        self, future: Any, callback: Callable[[Any], Any] | None, errback: Callable[[Any], Any] | None
    ) -> Any:
        """Call one of two functions when a future is done: with its result, or with what it has failed with.

        With Twisted what they return goes on along the chain. Returns the future.
        """
        if self._framework() == "twisted":
            return future.addCallbacks(callback or _same, errback or _same)
        face = self._face()

        def failed(error: BaseException) -> None:
            if errback is not None:
                errback(face.failure(error))

        face.when_done(future, callback or _same, failed)
        return future

    def gather(self, futures: Iterable[Any], consume_exceptions: bool = True) -> Any:
        """Return a future for the list of results.

        Args:
            futures: The futures.
            consume_exceptions: Whether errors stand in the list, instead of being the error of it all.
        """
        return self._face().gather(futures, consume_exceptions=consume_exceptions)

    def failure_message(self, fail: Any) -> str:
        """Return the class of an exception and its words."""
        return f"{type(fail.value).__name__}: {fail.value}"

    def failure_traceback(self, fail: Any) -> Any:
        """Return the traceback of an exception."""
        return fail.value.__traceback__

    def failure_format_traceback(self, fail: Any) -> str:
        """Return an exception with its traceback as text."""
        return "".join(traceback.format_exception(fail.value))

    def make_batched_timer(self, bucket_seconds: float, chunk_size: int = 100) -> IBatchedTimer:  # noqa: ARG002
        """Return a timer that calls functions of about the same time together.

        Args:
            bucket_seconds: How far apart times are that are not the same.
            chunk_size: Not needed here.
        """
        return _BatchedTimer(self, bucket_seconds)

    def make_logger(self) -> Any:
        """Return a logger for the module that calls."""
        name = sys._getframe(1).f_globals.get("__name__", "txaio")
        return _logging.Logger(name, _logging.SINKS[self._framework()])

    def start_logging(self, out: TextIO | None = None, level: str = "info") -> None:
        """Write what is logged to a stream, by default to the standard output.

        Raises:
            ValueError: There is no such level.
        """
        _logging.start_logging(self._framework(), out, level)


def _same(value: Any) -> Any:
    return value


class _BatchedTimer(IBatchedTimer):
    """Puts calls off to the next multiple of a time."""

    def __init__(self, api: Api, bucket_seconds: float) -> None:
        self._api = api
        self._bucket = bucket_seconds

    def call_later(self, delay: float, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function after some seconds; return an object with `cancel`."""
        now = self._api._face().now()
        at = math.ceil((now + delay) / self._bucket) * self._bucket
        return self._api.call_later(max(at - now, 0), func, *args, **kwargs)
