"""Two things at once: `from …wamp.error import CanceledError`, and `@wamp.error("com.example.error")`, so this module can be called (C-12)."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .exception import ApplicationError, CallTimeoutError, CanceledError, Error, TypeCheckError
from .uri import error

__all__ = ["ApplicationError", "CallTimeoutError", "CanceledError", "Error", "TimeoutError", "TypeCheckError", "error"]

TimeoutError = CallTimeoutError  # noqa: A001  # the name that programs import from here


class _Callable(ModuleType):
    """A module that is the decorator `error` when it is called."""

    def __call__(self, uri: str) -> Any:
        return error(uri)


sys.modules[__name__].__class__ = _Callable
