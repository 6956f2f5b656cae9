"""Components on Twisted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.python.failure import Failure

from .._collector import spare_what_is_there
from .._logging import start_logging
from ..wamp import component
from ..wamp._face import Face
from ..wamp._transports import TransportConfig
from ._connect import check_endpoint, connect
from ._face import TwistedFace, stop
from ._sessions import Session
from ._signals import HeldSignals

__all__ = ["Component", "run"]


class Component(component.Component):
    """A component on Twisted."""

    session_factory: Any = Session
    _face_type: ClassVar[type[Face]] = TwistedFace
    _check_endpoint = staticmethod(check_endpoint)

    def _connect(self, loop: Any, config: TransportConfig, make_session: Callable[[], Any]) -> Any:
        return connect(loop, config, make_session)

    def start(self, reactor: Any = None) -> Deferred[None]:
        """Start the component.

        Args:
            reactor: The reactor; default: the installed one.

        Returns:
            A Deferred: fires when the component is done; fails with what ended it. Cancelling it stops the component.

        Raises:
            RuntimeError: The component has been started already.
        """
        if reactor is None:
            reactor = TwistedFace().reactor
        started: Deferred[None] = self._start(reactor)
        return started

    def _observed(self, future: Deferred[None]) -> Deferred[None]:
        observed: Deferred[None] = Deferred()

        def passed_on(result: Any) -> Any:
            observed.callback(None)
            return result

        future.addBoth(passed_on)
        return observed


def run(components: Any, log_level: str | None = "info", stop_at_close: bool = True, *, start_loop: bool = True) -> Any:
    """Run components until all of them are done; Ctrl-C and SIGTERM stop them with GOODBYE.

    Args:
        components: A component, or a list of them.
        log_level: The level to log at; None leaves logging as it is.
        stop_at_close: Whether the reactor stops when all components are done.
        start_loop: Whether to run the reactor.

    Returns:
        None; a Deferred of all components if the reactor is not started.

    Raises:
        ValueError: `components` are none, or one is there twice.
        Exception: What ended the first component that failed.
    """
    components = component.components_of(components, Component)
    errors: list[BaseException] = []
    if not start_loop:
        return _run_all(_logging_reactor(log_level), components, errors)
    with HeldSignals() as signals:
        reactor = _logging_reactor(log_level)

        def begin() -> None:
            reactor.addSystemEventTrigger("before", "shutdown", _stop_all, components)
            done = _run_all(reactor, components, errors)
            if stop_at_close:
                done.addBoth(lambda _: stop(reactor))

        reactor.callWhenRunning(signals.begin, reactor, begin)
        spare_what_is_there()
        reactor.run()
    if errors:
        raise errors[0]
    return None


def _logging_reactor(log_level: str | None) -> Any:
    if log_level is not None:
        start_logging("twisted", level=log_level)
    return TwistedFace().reactor


def _run_all(reactor: Any, components: Sequence[Component], errors: list[BaseException]) -> Deferred[Any]:
    def failed(failure: Failure, component: Component) -> None:
        error: Any = failure.value
        component.log.error("the component has failed: {error!r}", error=error)
        errors.append(error)

    return DeferredList([maybeDeferred(each.start, reactor).addErrback(failed, each) for each in components])


def _stop_all(components: Sequence[Component]) -> Deferred[Any]:
    """Stop what runs; the reactor waits for it."""
    return DeferredList([each.stop() for each in components])
