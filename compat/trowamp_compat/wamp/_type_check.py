"""Compares the arguments of a call with the annotations of the function (`check_types=True`)."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from .exception import TypeCheckError


def type_checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that raises `TypeCheckError` when an argument is not what its parameter is annotated with.

    Args:
        function: Any function, sync or async.
    """
    signature = inspect.signature(function)
    hints = typing.get_type_hints(function if inspect.isroutine(function) else type(function).__call__)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeCheckError(str(error)) from None
        for name, value in bound.arguments.items():
            if name in hints and not _fits_parameter(signature.parameters[name], value, hints[name]):
                raise TypeCheckError(
                    f'"{_name_of(function)}" argument "{name}" of type "{type(value).__name__}" is not {hints[name]}'
                )
        return function(*args, **kwargs)

    return checked


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", None) or repr(function)


def _fits_parameter(parameter: inspect.Parameter, value: Any, hint: Any) -> bool:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return all(_fits(item, hint) for item in value)
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return all(_fits(item, hint) for item in value.values())
    return _fits(value, hint)


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is what a hint says; what cannot be judged fits."""
    if hint is Any or isinstance(hint, typing.TypeVar):
        return True
    if hint is None:
        return value is None
    if hint is float:
        return isinstance(value, int | float)
    origin = typing.get_origin(hint)
    if origin is None:
        return not isinstance(hint, type) or isinstance(value, hint)
    judge = _JUDGES.get(origin)
    if judge is not None:
        return judge(value, typing.get_args(hint))
    return not isinstance(origin, type) or isinstance(value, origin)


def _fits_all(value: Any, arguments: tuple[Any, ...]) -> bool:
    return isinstance(value, list | tuple | set) and all(_fits(item, arguments[0]) for item in value)


def _fits_tuple(value: Any, arguments: tuple[Any, ...]) -> bool:
    if len(arguments) == 2 and arguments[1] is ...:
        return _fits_all(value, arguments)
    return isinstance(value, list | tuple) and len(value) == len(arguments) and all(map(_fits, value, arguments))


def _fits_mapping(value: Any, arguments: tuple[Any, ...]) -> bool:
    return isinstance(value, Mapping) and all(
        _fits(key, arguments[0]) and _fits(item, arguments[1]) for key, item in value.items()
    )


def _fits_any(value: Any, arguments: tuple[Any, ...]) -> bool:
    return any(_fits(value, argument) for argument in arguments)


# Sequences of every kind arrive as lists.
_JUDGES: dict[Any, Callable[[Any, tuple[Any, ...]], bool]] = {
    typing.Union: _fits_any,
    types.UnionType: _fits_any,
    typing.Literal: lambda value, arguments: value in arguments,
    typing.Annotated: lambda value, arguments: _fits(value, arguments[0]),
    list: _fits_all,
    set: _fits_all,
    collections.abc.Sequence: _fits_all,
    collections.abc.Iterable: _fits_all,
    tuple: _fits_tuple,
    dict: _fits_mapping,
    collections.abc.Mapping: _fits_mapping,
}
