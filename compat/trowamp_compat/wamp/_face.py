"""What sessions need of an event loop and its kind of future; each framework has one implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol

from .._logging import Framework


class Handle(Protocol):
    """Something that will be called later."""

    def cancel(self) -> Any:
        """Do not call it; without effect when it has been called."""
        ...


class Face(Protocol):
    """A loop or reactor, and its futures.

    Args:
        loop: The loop or reactor; default: the one that runs, or is installed, when it is first needed.

    Attributes:
        framework: The name of the framework.
        canceled: What a cancelled future raises.
        resumes_later: Whether who waits for a future goes on in the next turn of the loop, instead of at once.
    """

    framework: ClassVar[Framework]
    canceled: type[BaseException]
    resumes_later: ClassVar[bool]

    def __init__(self, loop: Any = None) -> None: ...

    def create_future(self, canceller: Callable[[Any], None] | None = None) -> Any:
        """Make a future.

        Args:
            canceller: Called with the future when somebody cancels it.
        """
        ...

    def create_answer(self, ended: Callable[[Any], None]) -> Any:
        """Make a future for the result of a call, for `answer`.

        Args:
            ended: Called with the future when somebody has cancelled it, on asyncio in the next turn of the loop, before whoever waits goes on; there
                also when it has ended otherwise than by `answer`, unless that was forgotten.
        """
        ...

    def is_canceled(self, answer: Any) -> bool:
        """Tell whether the future that `ended` is called with has been cancelled."""
        ...

    def forget_ended(self, answer: Any, ended: Callable[[Any], None]) -> None:
        """Do not tell of the end of such a future, because it is a known one."""
        ...

    def answer(self, answer: Any, value: Any) -> bool:
        """Give a call its result; nothing happens if it is done. Only for what comes from the peer, as user code may run meanwhile.

        Returns:
            Whether who waits for it has gone on already, instead of in the next turn of the loop.
        """
        ...

    def resolve(self, future: Any, value: Any = None) -> None:
        """Give a future its result; nothing happens if it is done."""
        ...

    def reject(self, future: Any, error: BaseException) -> None:
        """Let a future fail; nothing happens if it is done."""
        ...

    def is_done(self, future: Any) -> bool:
        """Tell whether a future has a result or an error."""
        ...

    def is_future(self, value: Any) -> bool:
        """Tell whether a value is a future of this framework."""
        ...

    def as_future(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function now; return a future for whatever becomes of it."""
        ...

    def future_of(self, value: Any) -> Any:
        """Return a future for what a function of the user has returned, or None if that is a plain value."""
        ...

    def when_done(
        self, future: Any, on_result: Callable[[Any], None], on_error: Callable[[BaseException], None]
    ) -> None:
        """Call one of two functions when a future is done."""
        ...

    def canceled_error(self) -> BaseException:
        """Return what a future of ours fails with when its user cancels it."""
        ...

    def cancel(self, future: Any) -> None:
        """Cancel a future."""
        ...

    def gather(self, futures: Iterable[Any], *, consume_exceptions: bool = True) -> Any:
        """Return a future for the list of results.

        Args:
            futures: Futures.
            consume_exceptions: Whether errors stand in the list, instead of being the error of it all.
        """
        ...

    def several(self, futures: list[Any]) -> Any:
        """Return what `gather` returns, and what can also be iterated over: the futures themselves (C-7)."""
        ...

    def call_soon(self, function: Callable[..., None], *args: Any) -> Handle:
        """Call a function in the next turn of the loop."""
        ...

    def call_later(self, seconds: float, function: Callable[..., None], *args: Any) -> Handle:
        """Call a function after some time."""
        ...

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def failure(self, error: BaseException) -> Any:
        """Return what `onUserError` gets: an object with the error as `value`."""
        ...

    def unhandled(self, error: BaseException, text: str) -> None:
        """Tell of an error that nobody has handled, as the framework does, with its traceback: also where no logging was started.

        Args:
            error: The error.
            text: What has failed.
        """
        ...

    def in_thread(self, function: Callable[[], Any]) -> Any:
        """Call a function that computes for long in a thread; return a future."""
        ...
