"""trowamp: WAMP for Trio, with structured concurrency all the way to the remote callee.

`open_session` joins a realm, `Component` stays joined, `open_router` runs a router; everything else is what these hand out.
"""

from __future__ import annotations

from . import _exceptions, auth, payloads, uris
from ._calls import CallStream
from ._component import Component, is_fatal
from ._events import Event, EventStream, Subscription, SubscriptionStatistics
from ._exceptions import *  # noqa: F403  # the tree of errors, whole
from ._markers import procedure, subscriber
from ._open import open_session
from ._procedures import Invocation, Registration
from ._run import run
from ._serve import Router, open_router, serve_router
from ._session import Session
from ._session_view import SessionView
from ._ssh_agent import SshAgentKey, ssh_agent_keys
from ._transport import Transport
from ._types import Result, SessionDetails
from ._version import __version__
from .auth._authority import RouterAuth
from .protocol import ReconnectSchedule, SessionStatistics
from .router import HistoryRule, Role, RouterOptions, RouterStatistics, Rule

__all__ = [
    "CallStream",
    "Component",
    "Event",
    "EventStream",
    "HistoryRule",
    "Invocation",
    "ReconnectSchedule",
    "Registration",
    "Result",
    "Role",
    "Router",
    "RouterAuth",
    "RouterOptions",
    "RouterStatistics",
    "Rule",
    "Session",
    "SessionDetails",
    "SessionStatistics",
    "SessionView",
    "SshAgentKey",
    "Subscription",
    "SubscriptionStatistics",
    "Transport",
    "__version__",
    "auth",
    "is_fatal",
    "open_router",
    "open_session",
    "payloads",
    "procedure",
    "run",
    "serve_router",
    "ssh_agent_keys",
    "subscriber",
    "uris",
]
__all__ += _exceptions.__all__
