"""How the payload of a message becomes the arguments of a user's function. Looked up once, when it is registered or subscribed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

from trowamp.uris import UriPattern

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

Arguments = tuple[Sequence[Any], dict[str, Any]]


class Binding:
    """What a function gets besides the payload: components of the URI, and details.

    Args:
        function: The function.
        pattern: What it is registered or subscribed under.
        details_arg: The parameter that receives the details, if the options say so.
        kinds: The classes whose instances are details: a parameter with one of them as its default receives them (C-5).

    Attributes:
        details_arg: The parameter that receives the details, or None.
        details_kind: The class that the default names, or the first of `kinds`.
        is_plain: Whether the payload is all there is.
    """

    __slots__ = ("_names", "_pattern", "details_arg", "details_kind", "is_plain")

    def __init__(
        self, function: Callable[..., Any], pattern: UriPattern, details_arg: str | None, kinds: Sequence[type]
    ) -> None:
        parameters = _parameters(function)
        self.details_kind = kinds[0]
        if details_arg is None:
            for parameter in parameters:
                if parameter.default in kinds:
                    details_arg = parameter.name
                    self.details_kind = parameter.default
                    break
        self.details_arg = details_arg
        self._pattern = pattern
        self._names = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]
        self.is_plain = details_arg is None and not pattern.binds

    def arguments(self, uri: str, args: Sequence[Any], kwargs: dict[str, Any], details: Any) -> Arguments:
        """Put everything in its place: what is bound by name where it is named, the payload into the parameters left over.

        Args:
            uri: The URI of this message.
            args: Positional payload.
            kwargs: Keyword payload; not changed, for several handlers may share it (W-18).
            details: For the parameter that wants them.

        Raises:
            ValueError: A component of the URI is not of its type.
        """
        taken: dict[str, Any] = {}
        if self._pattern.binds:
            components, taken = self._pattern.bind(uri)
            args = (*components, *args)
        if self.details_arg is not None:
            taken[self.details_arg] = details
        return self._in_order(args, taken, {**kwargs, **taken})

    def _in_order(self, args: Sequence[Any], taken: dict[str, Any], named: dict[str, Any]) -> Arguments:
        ordered: list[Any] = []
        used = 0
        for name in self._names:
            if used == len(args):
                break
            if name in taken:
                ordered.append(named.pop(name))
            else:
                ordered.append(args[used])
                used += 1
        return (*ordered, *args[used:]), named


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # no signature can be had: some builtins
        return []
