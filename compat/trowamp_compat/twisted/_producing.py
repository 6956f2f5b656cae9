"""Producers that want to be asked for each piece (`IPullProducer`), as those that write until they are told to pause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]


@implementer(IPushProducer)
class AskedProducer:
    """Asks a producer for one piece after the other, as long as the peer takes them.

    Args:
        producer: A producer that wants to be asked.
        call_soon: Has a function called in the next turn of the reactor.
        on_error: Called with what the producer raises; it is not asked any more.
    """

    def __init__(self, producer: Any, call_soon: Callable[..., Any], on_error: Callable[[BaseException], None]) -> None:
        def failed(failure: Failure) -> None:
            error: Any = failure.value
            on_error(error)

        self._producer = producer
        self._task = Cooperator(scheduler=call_soon).cooperate(self._ask())
        self._task.whenDone().addErrback(failed)
        self._is_paused = False
        self._is_stopped = False

    def _ask(self) -> Iterator[None]:
        while not self._is_stopped:
            try:
                self._producer.resumeProducing()
            except BaseException:
                self._is_stopped = True
                raise
            yield

    def pauseProducing(self) -> None:
        """Do not ask."""
        if not (self._is_paused or self._is_stopped):
            self._is_paused = True
            self._task.pause()

    def resumeProducing(self) -> None:
        """Ask."""
        if self._is_paused and not self._is_stopped:
            self._is_paused = False
            self._task.resume()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.stop()
        self._producer.stopProducing()

    def stop(self) -> None:
        """Ask no more."""
        self._is_stopped = True
