"""What programs for Autobahn ask of txaio, for where txaio is not installed: `from trowamp_compat import txaio`.

One framework is chosen per process, with `use_asyncio()` or `use_twisted()`. Nothing else of `trowamp_compat` depends on that choice.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import Any

from .. import __version__ as version
from .._logging import get_global_log_level, set_global_log_level
from . import interfaces
from ._api import Api, Choice, Config
from .interfaces import IFailedFuture, ILogger

__all__ = [
    "IFailedFuture",
    "ILogger",
    "add_callbacks",
    "as_future",
    "call_later",
    "cancel",
    "config",
    "create_failure",
    "create_future",
    "create_future_error",
    "create_future_success",
    "failure_format_traceback",
    "failure_message",
    "failure_traceback",
    "gather",
    "get_global_log_level",
    "interfaces",
    "is_called",
    "is_future",
    "make_batched_timer",
    "make_logger",
    "perf_counter_ns",
    "reject",
    "resolve",
    "set_global_log_level",
    "sleep",
    "start_logging",
    "time_ns",
    "use_asyncio",
    "use_twisted",
    "using_asyncio",
    "using_twisted",
    "version",
    "with_config",
]

config = Config()

_choice = Choice()
_api = Api(_choice, config)

using_asyncio: bool
using_twisted: bool

add_callbacks = _api.add_callbacks
as_future = _api.as_future
call_later = _api.call_later
cancel = _api.cancel
create_failure = _api.create_failure
create_future = _api.create_future
create_future_error = _api.create_future_error
create_future_success = _api.create_future_success
failure_format_traceback = _api.failure_format_traceback
failure_message = _api.failure_message
failure_traceback = _api.failure_traceback
gather = _api.gather
is_called = _api.is_called
is_future = _api.is_future
make_batched_timer = _api.make_batched_timer
make_logger = _api.make_logger
reject = _api.reject
resolve = _api.resolve
sleep = _api.sleep
start_logging = _api.start_logging
with_config = _api.with_config


def use_asyncio() -> None:
    """Choose asyncio.

    Raises:
        RuntimeError: Twisted has been chosen.
    """
    _choice.take("asyncio")


def use_twisted() -> None:
    """Choose Twisted.

    Raises:
        RuntimeError: asyncio has been chosen.
    """
    _choice.take("twisted")


def __getattr__(name: str) -> Any:
    if name in ("using_asyncio", "using_twisted"):
        return _choice.framework == name.removeprefix("using_")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
