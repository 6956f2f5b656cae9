"""User functions as handlers: what they want to know, how their arguments are bound, what runs inline and what gets a task."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from ._exceptions import InvalidArgument
from ._typed import TypedArguments
from ._types import positional
from ._uri_pattern import UriPattern

Handler = Callable[..., Any]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class BoundHandler:
    """A user's function, prepared once so that each message costs little.

    Args:
        function: Any callable, sync or async.
        pattern: The URI pattern it is registered or subscribed under; named components become arguments.
        wants: The class (`Event` or `Invocation`) whose instance a parameter annotated with it receives.
        check_types: Whether the payload is converted to what the parameters are annotated with.

    Raises:
        TypeError: `function` is not callable, for example because it was called by mistake; or payloads cannot be converted to an annotation.
    """

    def __init__(self, function: Handler, pattern: UriPattern, wants: type, *, check_types: bool = False) -> None:
        if not callable(function):
            hint = "pass the function itself, not the result of calling it" if inspect.isawaitable(function) else ""
            if inspect.iscoroutine(function):
                function.close()
            raise TypeError(f"a handler must be callable, not {type(function).__name__}{hint and ': ' + hint}")
        self.function = function
        self.pattern = pattern
        self.is_async = _is_async(function)
        self.details_parameter = _parameter_annotated(function, wants)
        self._parameters = _positional_parameters(function)
        self.name = getattr(function, "__qualname__", None) or repr(function)
        self.typed: TypedArguments | None = None
        if check_types:
            own = {name for name in (*pattern.names, self.details_parameter) if name}
            self.typed = TypedArguments(function, own, pattern.names.count(""))
        # takes the payload as it is, and nothing else
        self.is_plain = not pattern.binds and self.details_parameter is None and self.typed is None

    def arguments(
        self, uri: str, args: Any, kwargs: dict[str, Any] | None, details: Callable[[], object]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Build the arguments of one call of the function: named components and details go where they are named, the payload fills the rest.

        Args:
            uri: The concrete URI.
            args: Positional payload.
            kwargs: Keyword payload.
            details: Makes the `Event` or `Invocation`; called only if the function wants it.

        Raises:
            ValueError: A typed component of the URI does not convert.
            InvalidArgument: A value is not what its parameter is annotated with.
        """
        values = tuple(positional(args))
        named = dict(kwargs) if kwargs else {}
        taken: dict[str, Any] = {}
        if self.pattern.binds:
            components, taken = self.pattern.bind(uri)
            values = (*components, *values)
        if self.details_parameter is not None:
            taken[self.details_parameter] = details()
        named.update(taken)
        ordered = self._in_order(values, named, taken)
        return (ordered, named) if self.typed is None else self.typed.convert(ordered, named)

    def _in_order(self, values: tuple[Any, ...], named: dict[str, Any], taken: dict[str, Any]) -> tuple[Any, ...]:
        """Put taken values between the payload's, as far as it reaches: for `f(country, title)` a title alone must not become the country."""
        ordered: list[Any] = []
        used = 0
        for name in self._parameters:
            if used == len(values):
                break
            if name in taken:
                ordered.append(named.pop(name))
            else:
                ordered.append(values[used])
                used += 1
        return (*ordered, *values[used:])

    def explain(self, error: TypeError, args: Sequence[Any], kwargs: dict[str, Any]) -> Exception:
        """Tell a call with wrong arguments (the caller's fault) from a TypeError inside the function (the callee's)."""
        try:
            inspect.signature(self.function).bind(*args, **kwargs)
        except TypeError as mismatch:
            return InvalidArgument(str(mismatch))
        except ValueError:  # no signature can be had: some builtins
            return error
        return error


def _is_async(function: Handler) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _positional_parameters(function: Handler) -> list[str]:
    """Return the names of the parameters that positional arguments fill, in order."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # no signature can be had: some builtins
        return []
    return [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]


def _parameter_annotated(function: Handler, wanted: type) -> str | None:
    """Return the name of the parameter annotated with `wanted`, whether the annotation is a class or a string."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    try:
        hints = typing.get_type_hints(
            inspect.unwrap(function) if inspect.isroutine(function) else type(function).__call__
        )
    except Exception:  # noqa: BLE001  # annotations are the user's code: whatever they raise, plain names still do
        hints = {}
    for name, parameter in parameters.items():
        if _means(hints.get(name, parameter.annotation), wanted):
            return name
    return None


def _means(annotation: object, wanted: type) -> bool:
    """Tell whether an annotation, perhaps one that could not be resolved, is `wanted` or `wanted | None`."""
    if isinstance(annotation, str):
        return any(part.strip().split(".")[-1] == wanted.__name__ for part in annotation.split("|"))
    return annotation is wanted or (
        typing.get_origin(annotation) in (typing.Union, types.UnionType) and wanted in typing.get_args(annotation)
    )
