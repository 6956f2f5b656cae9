"""Components on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from .._logging import start_logging
from ..wamp import component
from ..wamp._face import Face
from ..wamp._transports import TransportConfig
from ._connect import check_endpoint, connect
from ._face import AsyncioFace
from ._running import run_until_done
from ._sessions import Session

__all__ = ["Component", "run"]


class Component(component.Component):
    """A component on asyncio."""

    session_factory: Any = Session
    _face_type: ClassVar[type[Face]] = AsyncioFace
    _check_endpoint = staticmethod(check_endpoint)

    def _connect(self, _loop: Any, config: TransportConfig, make_session: Callable[[], Any]) -> Any:
        return connect(config, make_session)

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> asyncio.Future[None]:
        """Start the component.

        Args:
            loop: The event loop; default: the one that runs.

        Returns:
            A future: done when the component is; fails with what ended it. Cancelling it stops the component.

        Raises:
            RuntimeError: The component has been started already, or no loop runs.
        """
        started: asyncio.Future[None] = self._start(loop if loop is not None else asyncio.get_running_loop())
        return started

    def _observed(self, future: asyncio.Future[None]) -> asyncio.Future[None]:
        return asyncio.shield(future)


def run(
    components: Any,
    start_loop: Any = True,
    log_level: str | None = "info",
    *,
    stop_at_close: bool = True,  # noqa: ARG001
) -> Any:
    """Run components until all of them are done; Ctrl-C and SIGTERM stop them with GOODBYE.

    Args:
        components: A component, or a list of them.
        start_loop: Whether to run the loop, which is the one that the program has set, else a new one, and is closed in the end. A text or None in
            this place is the log level (C-16).
        log_level: The level to log at; None leaves logging as it is.
        stop_at_close: For programs that run on Twisted, too; here the loop always stops.

    Returns:
        None; a future of all components if the loop is not started.

    Raises:
        ValueError: `components` are none, or one is there twice.
        RuntimeError: The loop runs already.
        Exception: What ended the first component that failed.
    """
    if start_loop is None or isinstance(start_loop, str):
        start_loop, log_level = True, start_loop
    components = component.components_of(components, Component)
    if log_level is not None:
        start_logging("asyncio", level=log_level)
    if not start_loop:
        return asyncio.ensure_future(_run_all(components))
    error = run_until_done(lambda: _run_all(components), lambda: [each.stop() for each in components])
    if error is not None:
        raise error
    return None


async def _run_all(components: Sequence[Component]) -> None:
    loop = asyncio.get_running_loop()
    futures = [AsyncioFace(loop).as_future(each.start, loop) for each in components]
    results = await asyncio.gather(*futures, return_exceptions=True)
    errors = [error for error in results if isinstance(error, BaseException)]
    for each, error in zip(components, results, strict=True):
        if isinstance(error, BaseException):
            each.log.error("the component has failed: {error!r}", error=error)
    if errors:
        raise errors[0]
