"""Logging as programs for Autobahn know it, with txaio if that is there and without it else (S-97).

A format is a text with `{name}` and `{name.attribute}`; what it names is given by keyword, and looked at only if the level is enabled. A method
of a level that is not enabled is one that does nothing. An exception given as `exc_info` is written with its traceback.

    log = make_logger("asyncio")
    log.info("joined {details.realm}", details=details)

Loggers of asyncio write to Python's `logging`, those of Twisted to Twisted's observers. txaio knows one of the two per process. Where it is asked for
the other one, it is as if it was not there.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal, TextIO
from weakref import WeakSet

__all__ = [
    "LOG_LEVELS",
    "SINKS",
    "Logger",
    "announce",
    "first_framework",
    "get_global_log_level",
    "make_logger",
    "set_global_log_level",
    "start_logging",
]

Framework = Literal["asyncio", "twisted"]

LOG_LEVELS: Final = ("none", "critical", "error", "warn", "info", "debug", "trace")

_NUMBERS: Final = {"critical": 50, "error": 40, "warn": 30, "info": 20, "debug": 10, "trace": 5}

Sink = Callable[..., None]  # called with name, level, format, and the values by keyword


class Logger:
    """Writes to the log; each level is a method: `critical`, `error`, `warn`, `info`, `debug` and `trace`.

    Args:
        name: Where messages come from.
        sink: Where they go.
    """

    critical: Callable[..., None]
    error: Callable[..., None]
    warn: Callable[..., None]
    info: Callable[..., None]
    debug: Callable[..., None]
    trace: Callable[..., None]

    def __init__(self, name: str, sink: Sink) -> None:
        self._name = name
        self._sink = sink
        self._set_log_level(_state.level)
        _state.loggers.add(self)

    def emit(self, level: str, format: str | None = None, /, **values: Any) -> None:  # noqa: A002
        """Write at a level that is told by its name.

        Raises:
            ValueError: There is no such level.
        """
        if level not in _NUMBERS:
            raise ValueError(f"no such log level: {level!r}")
        getattr(self, level)(format, **values)

    def failure(self, format: str | None = None, failure: Any = None, /, **values: Any) -> None:  # noqa: A002
        """Write an error with its traceback, at the level "critical".

        Args:
            format: The text; `{log_failure.value}` names the exception.
            failure: The exception, or an object with it as `value`; default: the one that is being handled.
            values: What the text names besides.
        """
        error = getattr(failure, "value", failure) or sys.exc_info()[1]
        self.critical(format, **values, log_failure=_failure_of(failure, error))

    def _set_log_level(self, level: str) -> None:
        self._log_level = level
        enabled = LOG_LEVELS.index(level)
        for number, name in enumerate(LOG_LEVELS[1:], 1):
            setattr(self, name, partial(self._sink, self._name, name) if number <= enabled else _do_nothing)


class _State:
    """What loggers share.

    Attributes:
        level: The level that they are enabled up to.
        loggers: All of them.
        started: The frameworks whose logging has been started.
        has_root: Whether Python's root logger was configured here.
        framework: The first framework that was in use.
    """

    def __init__(self) -> None:
        self.level = "info"
        self.loggers: WeakSet[Logger] = WeakSet()
        self.started: set[str] = set()
        self.has_root = False
        self.framework: Framework | None = None


_state: Final = _State()


class _Failure:
    """An exception in the form that formats know."""

    def __init__(self, value: BaseException | None) -> None:
        self.value = value

    def __str__(self) -> str:
        return repr(self.value)


def _failure_of(failure: Any, error: BaseException | None) -> Any:
    return failure if hasattr(failure, "value") else _Failure(error)


def _do_nothing(*_args: Any, **_values: Any) -> None:
    """Stand for a level that is not enabled."""


def announce(framework: Framework) -> None:
    """Tell txaio which framework is in use, unless it has been told of another one or is not there.

    Programs that were written for Autobahn call txaio's functions without having chosen: importing Autobahn did it.
    """
    _txaio(framework)


def make_logger(framework: Framework, name: str | None = None) -> Any:
    """Make a logger.

    Args:
        framework: Where it writes to.
        name: Where messages come from; default: the module that calls.

    Returns:
        One of txaio's, or a `Logger`, which has the same methods.
    """
    txaio = _txaio(framework)
    if txaio is not None:
        return txaio.make_logger()
    return Logger(name or sys._getframe(1).f_globals.get("__name__", "trowamp_compat"), SINKS[framework])


def start_logging(framework: Framework, out: TextIO | None = None, level: str = "info") -> None:
    """Write what is logged to a stream, once per process and framework; a later call changes the level only.

    Python's `logging` is left as it is if somebody has configured it. With txaio the level can later be lowered only: it is so there.

    Args:
        framework: Whose logging.
        out: The stream; default: the standard output.
        level: The level to enable.

    Raises:
        ValueError: There is no such level.
    """
    _check_level(level)
    set_global_log_level(level)
    stream = sys.stdout if out is None else out
    txaio = _txaio(framework)
    if txaio is not None:
        txaio.start_logging(out=stream, level=level)
    elif framework not in _state.started:
        _STARTERS[framework](stream, level)
    _state.started.add(framework)


def get_global_log_level() -> str:
    """Return the level that all loggers are enabled up to."""
    return _state.level


def set_global_log_level(level: str) -> None:
    """Enable all loggers up to a level, also those of txaio.

    Raises:
        ValueError: There is no such level.
    """
    _check_level(level)
    _state.level = level
    for logger in list(_state.loggers):
        logger._set_log_level(level)
    if _state.has_root:
        logging.getLogger().setLevel(_python_level(level))
    txaio: Any = sys.modules.get("txaio")
    if _is_foreign(txaio) and (txaio.using_asyncio or txaio.using_twisted):
        txaio.set_global_log_level(level)


def _check_level(level: str) -> None:
    if level not in LOG_LEVELS:
        raise ValueError(f"no such log level: {level!r} ({', '.join(LOG_LEVELS)})")


def _txaio(framework: Framework) -> Any:
    """Return txaio if it is there and knows the framework, or nothing yet; else None."""
    _state.framework = _state.framework or framework
    try:
        import txaio  # noqa: PLC0415  # optional
    except ImportError:
        return None
    try:
        getattr(txaio, f"use_{framework}")()
    except RuntimeError:  # it has been told of the other one
        return None
    return txaio if _is_foreign(txaio) else None


def first_framework() -> Framework | None:
    """Return the first framework that was in use in this process, or None."""
    return _state.framework


def _is_foreign(txaio: Any) -> bool:
    """Tell whether a module is not the one of this package under another name."""
    return txaio is not None and not txaio.__name__.startswith(__name__.partition(".")[0])


def _text(format: str | None, values: dict[str, Any]) -> str:  # noqa: A002
    """Fill a format in. Logging never raises: what cannot be filled in is written as it is."""
    if format is None:
        return ", ".join(f"{name}={value}" for name, value in values.items())
    try:
        return format.format(**values)
    except Exception as error:  # noqa: BLE001  # whatever the values' own methods raise
        return f"{format} (cannot be filled in: {error!r})"


def _to_logging(name: str, level: str, format: str | None = None, /, **values: Any) -> None:  # noqa: A002
    logger = logging.getLogger(name)
    number = _NUMBERS[level]
    if logger.isEnabledFor(number):
        error = getattr(values.get("log_failure"), "value", values.get("exc_info"))
        logger.log(number, "%s", _text(format, values), exc_info=error)


def _to_twisted(name: str, level: str, format: str | None = None, /, **values: Any) -> None:  # noqa: A002
    from twisted.logger import Logger as TwistedLogger  # noqa: PLC0415  # only where Twisted is in use
    from twisted.logger import LogLevel  # noqa: PLC0415
    from twisted.python.failure import Failure  # noqa: PLC0415

    error = getattr(values.get("log_failure"), "value", values.get("exc_info"))
    if isinstance(error, BaseException) and not isinstance(values.get("log_failure"), Failure):
        values["log_failure"] = Failure(error)  # type: ignore[no-untyped-call]
    known = "debug" if level == "trace" else level
    text = _text(None, values) if format is None else format
    TwistedLogger(namespace=name).emit(LogLevel.levelWithName(known), text, **values)


#: Where the loggers of a framework write to.
SINKS: Final[dict[str, Sink]] = {"asyncio": _to_logging, "twisted": _to_twisted}


def _python_level(level: str) -> int:
    return _NUMBERS.get(level, logging.CRITICAL + 1)


def _start_python(stream: TextIO, level: str) -> None:
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(_python_level(level))
    _state.has_root = True


def _start_twisted(stream: TextIO, level: str) -> None:  # noqa: ARG001  # the loggers know their level
    from twisted.logger import FileLogObserver, eventAsText, globalLogBeginner  # noqa: PLC0415

    def stamp(seconds: float | None) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))

    def line(event: Any) -> str:
        return eventAsText(event, includeSystem=False, formatTime=stamp) + "\n"

    observer: Any = FileLogObserver(stream, line)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


_STARTERS: Final[dict[str, Callable[[TextIO, str], None]]] = {"asyncio": _start_python, "twisted": _start_twisted}
