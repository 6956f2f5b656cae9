"""URIs as decorators note them on functions and exceptions, and the patterns among them.

    >>> Pattern("com.example.<country>.on_concert", Pattern.URI_TARGET_HANDLER).match("com.example.us.on_concert")
    ([], {'country': 'us'})

A pattern is what `trowamp.uris.UriPattern` understands: `<name>`, `<type:name>` or `<name:type>` with the types `int`, `str`, `string` and
`suffix`, and empty components, which are bound by position. With an explicit `match` in the options, empty components are WAMP's own and
nothing is bound to them (C-9).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from trowamp.uris import Match, UriPattern

from ._described import require
from ._options import RegisterOptions, SubscribeOptions

__all__ = [
    "Pattern",
    "convert_starred_uri",
    "error",
    "patterns_of",
    "procedure",
    "register",
    "subscribe",
    "topic",
]

F = TypeVar("F", bound=Callable[..., Any])
E = TypeVar("E", bound=type[BaseException])

_ATTRIBUTE: Final = "_wampuris"


class Pattern:
    """A URI or a pattern of URIs, and what it is for.

    Args:
        uri: The URI, with or without components to be bound.
        target: `URI_TARGET_ENDPOINT`, `URI_TARGET_HANDLER` or `URI_TARGET_EXCEPTION`.
        options: Options for registering or subscribing; a `match` in them decides.
        check_types: Whether the arguments are compared with the annotations of the function.

    Raises:
        AssertionError: An argument has the wrong type.
        TypeError: The text is no legal URI or pattern.

    Attributes:
        uri_type: `URI_TYPE_EXACT`, `URI_TYPE_PREFIX` or `URI_TYPE_WILDCARD`.
        options: The options, or None.
        check_types: As given.
        wire: How it travels, and how it binds: its `uri`, `match`, `binds`, `names` and `bind`.
    """

    URI_TARGET_ENDPOINT = 1
    URI_TARGET_HANDLER = 2
    URI_TARGET_EXCEPTION = 3

    URI_TYPE_EXACT = 1
    URI_TYPE_PREFIX = 2
    URI_TYPE_WILDCARD = 3

    def __init__(
        self,
        uri: str,
        target: int,
        options: RegisterOptions | SubscribeOptions | None = None,
        check_types: bool | None = None,
    ) -> None:
        require(isinstance(uri, str) and uri, f"a URI must be a string that is not empty, not {uri!r}")
        require(target in _OPTIONS_OF, f"no such target: {target!r}")
        require(options is None or isinstance(options, _OPTIONS_OF[target]), f"options of another kind: {options}")
        self._uri = uri
        self._target = target
        self.options = options
        self.check_types = check_types
        self.wire = _wire_form(uri, getattr(options, "match", None))
        self.uri_type = _TYPES[self.wire.match]

    def __repr__(self) -> str:
        return f"<Pattern {self._uri!r} ({self.wire.match})>"

    def uri(self) -> str:
        """Return the text that was declared."""
        return self._uri

    def match(self, uri: str) -> tuple[list[Any], dict[str, Any]]:
        """Take a URI apart: what is bound by position, and what by name.

        Raises:
            ValueError: It does not match, or a component is not of its type.
        """
        positional, named = self.wire.bind(uri)
        return list(positional), named

    def is_endpoint(self) -> bool:
        """Tell whether it is for procedures."""
        return self._target == self.URI_TARGET_ENDPOINT

    def is_handler(self) -> bool:
        """Tell whether it is for events."""
        return self._target == self.URI_TARGET_HANDLER

    def is_exception(self) -> bool:
        """Tell whether it is for errors."""
        return self._target == self.URI_TARGET_EXCEPTION


_TYPES: Final[dict[str, int]] = {
    "exact": Pattern.URI_TYPE_EXACT,
    "prefix": Pattern.URI_TYPE_PREFIX,
    "wildcard": Pattern.URI_TYPE_WILDCARD,
}
_OPTIONS_OF: Final[dict[int, tuple[type, ...]]] = {
    Pattern.URI_TARGET_ENDPOINT: (RegisterOptions,),
    Pattern.URI_TARGET_HANDLER: (SubscribeOptions,),
    Pattern.URI_TARGET_EXCEPTION: (),
}


def _wire_form(uri: str, match: Match | None) -> UriPattern:
    try:
        return UriPattern(uri, match)
    except ValueError as error:
        raise TypeError(f"invalid URI: {error}") from None


def patterns_of(target: object) -> list[Pattern]:
    """Return what the decorators have noted on a function, a method or an exception class; nothing that a base class has noted for itself."""
    owner = getattr(target, "__func__", target)
    if isinstance(owner, type):
        return list(owner.__dict__.get(_ATTRIBUTE, ()))
    return list(getattr(owner, _ATTRIBUTE, ()))


def convert_starred_uri(uri: str) -> tuple[str, str]:
    """Turn a URI with stars into what travels, and how it matches.

    Args:
        uri: Stars at the end only mean "prefix", others "wildcard".

    Returns:
        The URI without stars, and "exact", "prefix" or "wildcard".

    Raises:
        AssertionError: It is no string.
    """
    require(isinstance(uri, str), f"a URI must be a string, not {uri!r}")
    if "*" not in uri:
        return uri, "exact"
    return uri.replace("*", ""), "prefix" if re.fullmatch(r"[^*]*\*+", uri) else "wildcard"


@overload
def register(uri: F) -> F: ...
@overload
def register(
    uri: str | None = None, options: RegisterOptions | None = None, check_types: bool | None = None
) -> Callable[[F], F]: ...
def register(
    uri: str | F | None = None, options: RegisterOptions | None = None, check_types: bool | None = None
) -> F | Callable[[F], F]:
    """Decorate a function with the URI that it is registered under. Several may be stacked.

    Args:
        uri: The URI or pattern; default: the function's name.
        options: Options of the registration.
        check_types: Whether the arguments of calls are compared with the annotations.
    """
    return _decorate(uri, Pattern.URI_TARGET_ENDPOINT, options, check_types)


@overload
def subscribe(uri: F) -> F: ...
@overload
def subscribe(
    uri: str | None = None, options: SubscribeOptions | None = None, check_types: bool | None = None
) -> Callable[[F], F]: ...
def subscribe(
    uri: str | F | None = None, options: SubscribeOptions | None = None, check_types: bool | None = None
) -> F | Callable[[F], F]:
    """Decorate a function with the topic that it is subscribed to. Several may be stacked.

    Args:
        uri: The topic or pattern; default: the function's name.
        options: Options of the subscription.
        check_types: Whether the payload of events is compared with the annotations.
    """
    return _decorate(uri, Pattern.URI_TARGET_HANDLER, options, check_types)


procedure = register
topic = subscribe


def error(uri: str) -> Callable[[E], E]:
    """Decorate an exception class with the URI that it travels as.

    Args:
        uri: The URI.

    Raises:
        AssertionError: What is decorated is no exception class.
    """

    def decorate(kind: E) -> E:
        require(isinstance(kind, type) and issubclass(kind, BaseException), "only exception classes have error URIs")
        _note(kind, Pattern(uri, Pattern.URI_TARGET_EXCEPTION))
        return kind

    return decorate


def _decorate(uri: str | F | None, target: int, options: Any, check_types: bool | None) -> F | Callable[[F], F]:
    def decorate(function: F) -> F:
        owner = getattr(function, "__func__", function)  # a method, or a staticmethod within its class
        require(callable(owner), "only what can be called is registered or subscribed")
        name = uri if isinstance(uri, str) else getattr(owner, "__name__", type(owner).__name__)
        _note(owner, Pattern(name, target, options, check_types))
        return function

    if uri is None or isinstance(uri, str):
        return decorate
    return decorate(uri)


def _note(owner: Any, pattern: Pattern) -> None:
    setattr(owner, _ATTRIBUTE, [*vars(owner).get(_ATTRIBUTE, ()), pattern])
