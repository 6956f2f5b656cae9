"""The value objects of the API: options, details, results."""

from __future__ import annotations

import abc
from typing import Any

from . import _details, _options, _session_details
from ._details import *  # noqa: F403
from ._options import *  # noqa: F403
from ._session_details import *  # noqa: F403
from .request import Publication, Registration, Subscription

__all__ = ["IPublication", "IRegistration", "ISubscription", "Publication", "Registration", "Subscription"]
__all__ += _details.__all__
__all__ += _options.__all__
__all__ += _session_details.__all__


class IPublication(abc.ABC):
    """An acknowledged publication."""

    @abc.abstractmethod
    def id(self) -> int:
        """Return its id."""


class ISubscription(abc.ABC):
    """A subscription."""

    @abc.abstractmethod
    def id(self) -> int:
        """Return its id."""

    @abc.abstractmethod
    def active(self) -> bool:
        """Return whether it has not ended."""

    @abc.abstractmethod
    def unsubscribe(self) -> Any:
        """End it; returns a future."""


class IRegistration(abc.ABC):
    """A registration."""

    @abc.abstractmethod
    def id(self) -> int:
        """Return its id."""

    @abc.abstractmethod
    def active(self) -> bool:
        """Return whether it has not ended."""

    @abc.abstractmethod
    def unregister(self) -> Any:
        """End it; returns a future."""


IPublication.register(Publication)
ISubscription.register(Subscription)
IRegistration.register(Registration)
