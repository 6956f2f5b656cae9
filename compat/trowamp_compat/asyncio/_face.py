"""asyncio as sessions see it. A face belongs to one loop; nothing here is global."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from types import GeneratorType
from typing import Any, ClassVar

from .._logging import Framework
from ..wamp._face import Handle

_PLAIN = frozenset({type(None), bool, int, float, str, bytes, list, dict, tuple})


class CancellableFuture(asyncio.Future[Any]):
    """A future that tells when somebody cancels it; a done callback would cost a turn of the loop for each that is not."""

    # It leads back here, as a rule: it is forgotten when this is done, or each would be garbage for the collector.
    canceller: Callable[[Any], None] | None = None

    def set_result(self, result: Any) -> None:
        """Be done."""
        self.canceller = None
        super().set_result(result)

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Have failed."""
        self.canceller = None
        super().set_exception(exception)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it, and tell."""
        if not super().cancel(msg):
            return False
        canceller, self.canceller = self.canceller, None
        if canceller is not None:
            canceller(self)
        return True


class SeveralFutures(asyncio.Future[list[Any]]):
    """The list of results of several futures; iterating over it gives the futures (C-7)."""

    futures: list[asyncio.Future[Any]]

    def __iter__(self) -> Iterator[asyncio.Future[Any]]:  # type: ignore[override]  # `await` does not use it
        return iter(self.futures)


class Failure:
    """What `onUserError` gets.

    Attributes:
        value: The exception.
    """

    def __init__(self, value: BaseException) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<Failure {self.value!r}>"

    def __str__(self) -> str:
        return str(self.value)


class AsyncioFace:
    """The face of one event loop.

    Args:
        loop: The loop; default: the one that runs when it is first needed.
    """

    framework: ClassVar[Framework] = "asyncio"
    canceled: type[BaseException] = asyncio.CancelledError
    resumes_later: ClassVar[bool] = True

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()  # the loop itself keeps no reference

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def call_soon(self, function: Callable[..., None], *args: Any) -> Handle:
        return self.loop.call_soon(function, *args)

    def call_later(self, seconds: float, function: Callable[..., None], *args: Any) -> Handle:
        return self.loop.call_later(seconds, function, *args)

    def canceled_error(self) -> BaseException:
        return asyncio.CancelledError()

    def create_future(self, canceller: Callable[[Any], None] | None = None) -> asyncio.Future[Any]:
        future = CancellableFuture(loop=self.loop)
        future.canceller = canceller
        return future

    def create_answer(self, ended: Callable[[Any], None]) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.Future(loop=self._loop or self.loop)
        answer.add_done_callback(ended)
        return answer

    def is_canceled(self, answer: asyncio.Future[Any]) -> bool:
        return answer.cancelled()

    def forget_ended(self, answer: asyncio.Future[Any], ended: Callable[[Any], None]) -> None:
        answer.remove_done_callback(ended)

    def answer(self, answer: asyncio.Future[Any], value: Any) -> bool:
        callbacks: Any = answer._callbacks  # nothing else tells who waits; it may be the list itself, or a copy
        if not callbacks:
            return False  # it is done
        ended, waiter = callbacks[0][0], callbacks[1] if len(callbacks) == 2 else None
        answer.remove_done_callback(ended)
        if waiter is not None and asyncio.current_task(self._loop) is None:  # within a task no other one can go on
            step, context = waiter
            if isinstance(getattr(step, "__self__", None), asyncio.Task):
                # A task, and nothing else, waits: it goes on here. In the loop's next turn, as from any future, would mean to ask the system once
                # more for events, and to schedule the task: a fifth of such a call.
                answer.remove_done_callback(step)
                answer.set_result(value)
                context.run(step, answer)
                return True
        answer.set_result(value)
        return False

    def resolve(self, future: asyncio.Future[Any], value: Any = None) -> None:
        if not future.done():
            future.set_result(value)

    def reject(self, future: asyncio.Future[Any], error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)

    def is_done(self, future: asyncio.Future[Any]) -> bool:
        return future.done()

    def is_future(self, value: Any) -> bool:
        return asyncio.isfuture(value)

    def as_future(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        future = self.loop.create_future()
        try:
            value = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # it goes to whoever waits
            future.set_exception(error)
            return future
        pending = self.future_of(value)
        if pending is not None:
            return pending  # type: ignore[no-any-return]
        future.set_result(value)
        return future

    def future_of(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return None
        if asyncio.isfuture(value):
            return value
        if type(value) is GeneratorType:
            return self._start(_driven(value))
        if inspect.iscoroutine(value):
            return self._start(value)
        return self._start(_awaited(value)) if inspect.isawaitable(value) else None

    def when_done(
        self,
        future: asyncio.Future[Any],
        on_result: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        def done(future: asyncio.Future[Any]) -> None:
            if future.cancelled():
                on_error(asyncio.CancelledError())
                return
            error = future.exception()
            if error is None:
                on_result(future.result())
            else:
                on_error(error)

        future.add_done_callback(done)

    def cancel(self, future: asyncio.Future[Any]) -> None:
        future.cancel()

    def gather(self, futures: Iterable[Any], *, consume_exceptions: bool = True) -> asyncio.Future[list[Any]]:
        futures = list(futures)
        if not futures:  # asyncio.gather() would ask for the current loop
            empty = self.loop.create_future()
            empty.set_result([])
            return empty
        return asyncio.gather(*futures, return_exceptions=consume_exceptions)

    def several(self, futures: list[Any]) -> asyncio.Future[list[Any]]:
        together = SeveralFutures(loop=self.loop)
        together.futures = futures
        self.when_done(
            self.gather(futures),
            lambda results: self.resolve(together, results),
            lambda error: self.reject(together, error),
        )
        return together

    def now(self) -> float:
        return self.loop.time()

    def failure(self, error: BaseException) -> Failure:
        return Failure(error)

    def unhandled(self, error: BaseException, text: str) -> None:
        self.loop.call_exception_handler({"message": text, "exception": error})

    def in_thread(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        return self.loop.run_in_executor(None, function)

    def _start(self, coroutine: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = self.loop.create_task(coroutine)
        if not task.done():  # an eager one may be
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


async def _driven(generator: Generator[Any, Any, Any]) -> Any:
    """Run a generator that yields what it waits for (C-35)."""
    try:
        waits_for = next(generator)
        while True:
            try:
                value = await waits_for if inspect.isawaitable(waits_for) else waits_for
            except Exception as error:  # noqa: BLE001  # the generator gets it
                waits_for = generator.throw(error)
            else:
                waits_for = generator.send(value)
    except StopIteration as stop:
        return stop.value
    finally:
        generator.close()
