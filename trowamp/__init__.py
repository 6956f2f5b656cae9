"""trowamp: WAMP for Trio, with structured concurrency all the way to the remote callee.

`open_session` joins a realm, `Component` stays joined, `open_router` runs a router; everything else is what these hand out.
"""

from __future__ import annotations

from . import auth, uris
from ._calls import CallStream
from ._component import Component, Transport, is_fatal
from ._events import Event, EventStream, Subscription, SubscriptionStatistics
from ._exceptions import *  # noqa: F403  # the tree of errors, whole; its module says what belongs to it
from ._markers import procedure, subscriber
from ._open import open_session
from ._procedures import Invocation, Registration
from ._run import run
from ._serve import Router, open_router, serve_router
from ._session import Session, SessionView
from ._types import Result, SessionDetails
from ._version import __version__
from .protocol import ClientStatistics as SessionStatistics
from .protocol import ReconnectSchedule
from .router import RouterOptions, RouterStatistics
