"""Payloads with types: what a peer sent becomes what annotations say, or is refused with its place; what a procedure returns becomes portable.

Everything that can be decided when a handler is declared is decided then; handlers that did not ask for it pay nothing.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec

from ._exceptions import InvalidArgument, UnexpectedResult
from ._types import Result

_Parameter = inspect.Parameter
_POSITIONAL: Final = (_Parameter.POSITIONAL_ONLY, _Parameter.POSITIONAL_OR_KEYWORD)
_UNTYPED: Final = (_Parameter.empty, Any, object)
_AS_THEY_ARE: Final = (
    bytes,
    bytearray,
    memoryview,
)  # every serializer carries octets: no text is read, or written, as base64

_convert = functools.partial(msgspec.convert, builtin_types=_AS_THEY_ARE, str_keys=True)
_to_builtins = functools.partial(msgspec.to_builtins, builtin_types=_AS_THEY_ARE, str_keys=True)


class TypedArguments:
    """The annotated parameters of one handler.

    Args:
        function: The handler.
        own: Names of parameters that the payload does not fill: details, and components of the URI.
        components: How many positional arguments come before those of the payload.

    Raises:
        TypeError: An annotation cannot be resolved, or names a type that payloads cannot be converted to.
    """

    __slots__ = ("_by_name", "_names", "_rest", "_rest_of_names")

    def __init__(self, function: Callable[..., Any], own: Collection[str], components: int) -> None:
        self._names: list[
            str | None
        ] = []  # of the parameters that positional arguments fill; None: not from the payload
        self._by_name: dict[str, Any] = {}  # parameter -> its type, or None
        self._rest: Any = None  # the type of `*args`, if it has one
        self._rest_of_names: Any = None  # and of `**kwargs`
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in _POSITIONAL:
                is_component = parameter.name not in own and components > 0
                components -= is_component
                self._names.append(None if is_component else parameter.name)
                if is_component:
                    self._by_name[parameter.name] = None
                    continue
            self._add(parameter, function, own)

    def _add(self, parameter: inspect.Parameter, function: Callable[..., Any], own: Collection[str]) -> None:
        wanted = _Parameter.empty if parameter.name in own else _resolved(parameter, function)
        if wanted in _UNTYPED:
            self._by_name[parameter.name] = None  # and not the type of `**kwargs`
            return
        _require_convertible(wanted, f"parameter {parameter.name!r} of {_name(function)}")
        if parameter.kind is parameter.VAR_POSITIONAL:
            self._rest = wanted
        elif parameter.kind is parameter.VAR_KEYWORD:
            self._rest_of_names = wanted
        else:
            self._by_name[parameter.name] = wanted

    def convert(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Convert the arguments of one call; what is not annotated, or fits no parameter, stays as it is.

        Raises:
            InvalidArgument: A value is not what its parameter's annotation says; the text names the argument and the place in it.
        """
        return tuple(map(self._positional, range(len(args)), args)), {
            name: _argument(name, value, self._by_name.get(name, self._rest_of_names)) for name, value in kwargs.items()
        }

    def _positional(self, index: int, value: Any) -> Any:
        if index >= len(self._names):
            return _argument(f"#{index + 1}", value, self._rest)
        name = self._names[index]
        return value if name is None else _argument(name, value, self._by_name.get(name))


def portable(value: Any) -> Any:
    """Turn what a procedure returned into what serializers carry: structs, dataclasses, enumerations, times and the like.

    What cannot be turned stays as it is: the serializer says best why it cannot be sent.
    """
    try:
        if type(value) is Result:
            return Result(*_to_builtins(value.args), **_to_builtins(value.kwargs))
        return _to_builtins(value)
    except (TypeError, ValueError, RecursionError):
        return value


def require_result_type(wanted: Any) -> None:
    """Refuse a type that no result can be converted to; None stands for no type.

    Raises:
        TypeError: It is such a type.
    """
    if wanted is not None and wanted not in _UNTYPED:
        _require_convertible(wanted, "result_type")


def convert_result(procedure: str, value: Any, wanted: Any) -> Any:
    """Convert what a call returns; several positional values are taken as a list, keywords alone as a dictionary.

    Raises:
        UnexpectedResult: It is something else.
    """
    if wanted in _UNTYPED:
        return value
    if type(value) is Result and not (value.args and value.kwargs):
        value = value.kwargs or value.args
    try:
        return _convert(value, wanted)
    except msgspec.ValidationError as error:
        raise UnexpectedResult(procedure, _explained("result", error)) from error


def _argument(name: str, value: Any, wanted: Any) -> Any:
    if wanted is None:
        return value
    try:
        return _convert(value, wanted)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"argument {_explained(name, error)}") from error


def _explained(name: str, error: msgspec.ValidationError) -> str:
    """Put the place first, and say it in terms of the argument: `order.items[0].price: expected …`."""
    text, _, place = str(error).partition(" - at `$")
    return f"{name}{place.rstrip('`')}: {text[:1].lower()}{text[1:]}"


def _resolved(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    """Return what an annotation means, one at a time: the annotation of details may be for type checkers only."""
    if parameter.annotation is _Parameter.empty:
        return _Parameter.empty
    holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        hints = typing.get_type_hints(holder, globalns=_globals_of(function), include_extras=True)
    except Exception as error:
        raise TypeError(
            f"the annotation {parameter.annotation!r} of {parameter.name!r} of {_name(function)} cannot be resolved: {error}"
        ) from error
    return hints[parameter.name]


def _globals_of(function: Any) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isclass(function):
        function = function.__init__
    elif not inspect.isroutine(function):
        function = type(function).__call__
    return getattr(inspect.unwrap(function), "__globals__", {})


def _require_convertible(wanted: Any, where: str) -> None:
    try:
        odd = _odd_type(msgspec.inspect.type_info(wanted), set())
    except TypeError as error:
        raise TypeError(f"{where} has a type that payloads cannot be converted to: {error}") from error
    if odd is not None:
        raise TypeError(f"{where} has a type that payloads cannot be converted to: {odd!r}")


def _odd_type(info: Any, seen: set[int]) -> Any:
    """Find a class in a type that says nothing about what it is made of."""
    if id(info) in seen:
        return None
    seen.add(id(info))
    if isinstance(info, msgspec.inspect.CustomType):
        return None if info.cls is object else info.cls
    parts = info if isinstance(info, tuple) else _parts_of(info)
    return next((odd for part in parts if (odd := _odd_type(part, seen)) is not None), None)


def _parts_of(info: Any) -> list[Any]:
    if not isinstance(info, msgspec.inspect.Type | msgspec.inspect.Field):
        return []
    return [getattr(info, name) for name in info.__struct_fields__ if name not in ("default", "default_factory")]


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
