"""Results that are there at once, for an API that promises futures."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

__all__ = ["face_in_use", "ready"]


def face_in_use() -> Any:
    """Return the face of what runs: Twisted's reactor if that does, else asyncio's loop.

    Raises:
        RuntimeError: Neither runs.
    """
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None and reactor.running:
        from ..twisted._face import TwistedFace  # noqa: PLC0415  # nothing is loaded that is not in use

        return TwistedFace(reactor)
    import asyncio  # noqa: PLC0415

    from ..asyncio._face import AsyncioFace  # noqa: PLC0415

    return AsyncioFace(asyncio.get_running_loop())


class _Text(str):
    """A text that can also be awaited."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, str]:
        return str(self)
        yield


class _Octets(bytes):
    """Octets that can also be awaited."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, bytes]:
        return bytes(self)
        yield


def ready(value: str | bytes) -> Any:
    """Return a future of the framework that runs, with a result; where none runs, a value that can be awaited and used as it is."""
    try:
        face = face_in_use()
    except RuntimeError:
        return _Text(value) if isinstance(value, str) else _Octets(value)
    future = face.create_future()
    face.resolve(future, value)
    return future
