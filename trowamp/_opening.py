"""What is opened for the length of a block, with words for those who open it otherwise."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Generic, NoReturn, ParamSpec, TypeVar

import trio

P = ParamSpec("P")
T = TypeVar("T")


class Opening(AbstractAsyncContextManager[T], Generic[T]):
    """To be entered with `async with`, on Trio.

    Args:
        name: The function that has returned it.
        manager: Does the work.
    """

    __slots__ = ("_manager", "_name")

    def __init__(self, name: str, manager: AbstractAsyncContextManager[T]) -> None:
        self._name = name
        self._manager = manager

    async def __aenter__(self) -> T:
        if not trio.lowlevel.in_trio_run():
            raise RuntimeError(f"{self._name}() runs on Trio: start the program with trio.run(main)")
        return await self._manager.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._manager.__aexit__(kind, error, traceback)

    if not TYPE_CHECKING:  # who checks types, is told by the checker

        def __enter__(self) -> NoReturn:
            raise TypeError(self._words)

        def __exit__(self, *_: object) -> None:
            """Never called; `with` looks for it first."""

        def __await__(self) -> NoReturn:
            raise TypeError(self._words)

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"no attribute {name!r}: {self._words}")

    @property
    def _words(self) -> str:
        return f"{self._name}() is for the length of a block: async with {self._name}(…) as …:"


def opening(function: Callable[P, AsyncIterator[T]]) -> Callable[P, Opening[T]]:
    """Make what `asynccontextmanager` makes of an async generator function, with words for those who use it otherwise."""
    manage = asynccontextmanager(function)
    name = function.__name__.lstrip("_")

    @functools.wraps(function)
    def open_it(*args: P.args, **kwargs: P.kwargs) -> Opening[T]:
        return Opening(name, manage(*args, **kwargs))

    return open_it
