"""URI checks (checklist §1.7) and the patterns under which handlers are registered and subscribed.

Rule 1: every check matches the whole text. A regex with `$` would accept a URI with a line feed at its end (URI-B1).
Rule 2: a `UriPattern` is prepared once; binding the components of a concrete URI costs one regex match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal

Match = Literal["exact", "prefix", "wildcard"]

# In a loose wildcard pattern every component may be empty, so any arrangement of dots is legal; in a prefix only the last may be.
_LOOSE: Final = {
    "exact": re.compile(r"[^\s.#]++(?:\.[^\s.#]++)*+").fullmatch,
    "prefix": re.compile(r"(?:[^\s.#]++(?:\.[^\s.#]++)*+\.?)?").fullmatch,
    "wildcard": re.compile(r"[^\s#]*+").fullmatch,
}
_STRICT: Final = {
    "exact": re.compile(r"[0-9a-z_]++(?:\.[0-9a-z_]++)*+").fullmatch,
    "prefix": re.compile(r"(?:[0-9a-z_]++(?:\.[0-9a-z_]++)*+\.?)?").fullmatch,
    "wildcard": re.compile(r"[0-9a-z_.]*+").fullmatch,
}
_is_loose_uri: Final = _LOOSE["exact"]
_is_strict_uri: Final = _STRICT["exact"]


def is_uri(uri: str, *, strict: bool = False) -> bool:
    """Tell whether `uri` is a concrete URI: components without whitespace, dot or `#`, none of them empty.

    Args:
        uri: The text to check.
        strict: Allow lower-case letters, digits and underscores only.
    """
    return (_is_strict_uri(uri) if strict else _is_loose_uri(uri)) is not None


def is_pattern(uri: str, match: str, *, strict: bool = False) -> bool:
    """Tell whether `uri` is legal under a matching policy, as REGISTER and SUBSCRIBE carry it.

    Args:
        uri: The text to check.
        match: "exact", "prefix" (the last component may be empty) or "wildcard" (any component may be empty).
        strict: Allow lower-case letters, digits and underscores only.

    Raises:
        ValueError: `match` is none of the three.
    """
    try:
        return (_STRICT if strict else _LOOSE)[match](uri) is not None
    except KeyError:
        raise ValueError(f"no such matching policy: {match!r} (exact, prefix or wildcard)") from None


def is_reserved(uri: str) -> bool:
    """Tell whether the first component of a URI or pattern is `wamp`, which belongs to the protocol (URI-B2)."""
    return uri.startswith("wamp.") or uri == "wamp"


class UriPattern:
    """A URI or pattern as a handler declares it, and how the components of a concrete URI become the handler's arguments.

    A component is literal text, `<name>` (bound by name), `<type:name>` or `<name:type>` with the type `int`, `str` or `string`, or
    empty (bound by position). `<name:suffix>` as the last component, or an empty last component, takes all that remains of the URI.
    There is no float: the dot of a number would separate two components.

    Without `match` the pattern's own form decides: a last component that takes the remainder makes a prefix, any other component to
    be bound a wildcard, none an exact URI. With `match` the text is taken as WAMP knows it, and empty components are not bound.

    Args:
        text: The URI, with or without components to be bound.
        match: The matching policy, or None to infer it.

    Raises:
        TypeError: It is no text.
        ValueError: The text is not a legal URI or pattern, or does not fit `match`.

    Attributes:
        text: What was declared.
        uri: What is sent to the router: components to be bound are empty.
        match: "exact", "prefix" or "wildcard".
        binds: Whether the components of a concrete URI have to be bound.
        names: The names of those components, in their order; empty for one that is bound by position.
    """

    __slots__ = ("_converters", "_fullmatch", "binds", "match", "names", "text", "uri")

    def __init__(self, text: str, match: Match | None = None) -> None:
        if not isinstance(text, str):  # the arguments of `register` and `subscribe`, the other way round
            raise TypeError(f"a URI is a str, not {type(text).__name__}; it comes first, and then the handler")
        self.text = text
        components = [_Component(part) for part in text.split(".")]
        if match is None:
            _bind_empty(components)
        self.match: Match = match or _inferred(components)
        self.uri = ".".join(component.literal for component in components)
        self._check(components, text)
        bound = [component for component in components if component.is_bound]
        self.binds = bool(bound)
        self.names = [component.name for component in bound]
        self._converters = [component.convert for component in bound]
        regex = r"\.".join(component.regex for component in components)
        if self.match == "prefix" and not bound:
            regex = re.escape(self.uri) + ".*"
        self._fullmatch = re.compile(regex, re.DOTALL).fullmatch

    def __repr__(self) -> str:
        return f"<UriPattern {self.text!r} ({self.match})>"

    def matches(self, uri: str) -> bool:
        """Tell whether a concrete URI is one of those that the pattern stands for."""
        return self._fullmatch(uri) is not None

    def bind(self, uri: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Split a concrete URI into arguments: empty components by position, named ones by name, converted to their types.

        Args:
            uri: The topic or procedure that the router reports.

        Returns:
            Positional and keyword arguments.

        Raises:
            ValueError: The URI does not match, or a component does not convert to its type.
        """
        found = self._fullmatch(uri)
        if found is None:
            raise ValueError(f"{uri!r} does not match {self.text!r}")
        positional = []
        named = {}
        for name, convert, value in zip(self.names, self._converters, found.groups(), strict=True):
            converted = convert(value) if convert is not None else value
            if name:
                named[name] = converted
            else:
                positional.append(converted)
        return tuple(positional), named

    def _check(self, components: list[_Component], text: str) -> None:
        """Refuse what WAMP's three matching policies cannot express, or what the text's own components contradict."""
        names = [component.name for component in components if component.name]
        if len(set(names)) != len(names):
            raise ValueError(f"two components of {text!r} have the same name")
        if any(component.is_suffix for component in components[:-1]):
            raise ValueError(f"a suffix can only be the last component: {text!r}")
        if components[-1].is_suffix and any(component.is_bound for component in components[:-1]):
            raise ValueError(f"no WAMP pattern has both a suffix and other components to bind: {text!r}")
        if any(component.is_bound for component in components) and self.match != _inferred(components):
            raise ValueError(
                f"{text!r} is a {_inferred(components)} pattern and cannot be used with match={self.match!r}"
            )
        if not is_pattern(self.uri, self.match):
            raise ValueError(f"not a legal URI ({self.match}): {text!r}")


class _Component:
    """One component of a declared pattern."""

    __slots__ = ("convert", "is_bound", "is_suffix", "literal", "name", "regex")

    def __init__(self, part: str) -> None:
        self.literal = part
        self.name = ""
        self.is_bound = self.is_suffix = False
        self.convert: Callable[[str], object] | None = None
        self.regex = re.escape(part) if part else "[^.]+"
        if "<" in part or ">" in part:
            self._parse(part)

    def bind(self, kind: str) -> None:
        """Make this component one whose text becomes an argument."""
        self.literal = ""
        self.is_bound = True
        self.is_suffix = kind == "suffix"
        self.convert = _integer if kind == "int" else None
        self.regex = "(.*)" if self.is_suffix else "([^.]+)"

    def _parse(self, part: str) -> None:
        """Read `<name>`, `<type:name>` or `<name:type>`."""
        if not (part.startswith("<") and part.endswith(">")):
            raise ValueError(f"'<' and '>' must enclose a whole component: {part!r}")
        first, colon, second = part[1:-1].partition(":")
        if colon and (first in _TYPES) == (second in _TYPES):
            problem = "two types" if first in _TYPES else "no known type (int, str, string, suffix)"
            raise ValueError(f"a component is <name>, <type:name> or <name:type>; {part!r} has {problem}")
        kind, self.name = (first, second) if colon and first in _TYPES else (second, first)
        if not self.name.isidentifier():
            raise ValueError(f"{self.name!r} in {part!r} is not a name that a parameter can have")
        self.bind(kind)


_TYPES: Final = frozenset({"int", "str", "string", "suffix"})


def _integer(text: str) -> int:
    # int() alone would take "1_000", " 7" and digits of every script
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(f"not an integer: {text!r}")
    return int(text)


def _bind_empty(components: list[_Component]) -> None:
    """Bind the anonymous components; a last one that stands alone takes the remainder of the URI."""
    empty = [component for component in components if not component.literal and not component.is_bound]
    if len(components) == 1 and empty:
        raise ValueError("an empty URI; to match everything, say match='prefix'")
    alone = empty == components[-1:] and not any(component.is_bound for component in components)
    for component in empty:
        component.bind("suffix" if alone else "")


def _inferred(components: list[_Component]) -> Match:
    if components[-1].is_suffix:
        return "prefix"
    return "wildcard" if any(component.is_bound for component in components) else "exact"
