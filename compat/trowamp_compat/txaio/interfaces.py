"""What the objects of this package look like."""

from __future__ import annotations

import abc
from typing import Any

from .._logging import LOG_LEVELS

__all__ = ["IBatchedTimer", "IFailedFuture", "ILogger", "log_levels"]

#: The levels of logging, from none to all.
log_levels = list(LOG_LEVELS)


class IFailedFuture(abc.ABC):
    """What a future has failed with."""

    @property
    @abc.abstractmethod
    def value(self) -> BaseException:
        """The exception."""


class ILogger(abc.ABC):
    """Writes to the log, at the level that a method is named for."""

    @abc.abstractmethod
    def critical(self, message: str, **kwargs: Any) -> None:
        """Write at this level."""

    @abc.abstractmethod
    def error(self, message: str, **kwargs: Any) -> None:
        """Write at this level."""

    @abc.abstractmethod
    def warn(self, message: str, **kwargs: Any) -> None:
        """Write at this level."""

    @abc.abstractmethod
    def info(self, message: str, **kwargs: Any) -> None:
        """Write at this level."""

    @abc.abstractmethod
    def debug(self, message: str, **kwargs: Any) -> None:
        """Write at this level."""

    @abc.abstractmethod
    def trace(self, message: str, **kwargs: Any) -> None:
        """Write at this level."""


class IBatchedTimer(abc.ABC):
    """Calls functions later, those of about the same time together."""

    @abc.abstractmethod
    def call_later(self, delay: float, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function after some seconds; return an object with `cancel`."""
