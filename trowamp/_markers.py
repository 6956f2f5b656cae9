"""Decorators that tell, where a function or method is written, under which URI it serves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__trowamp_marks__"


class Mark(msgspec.Struct, frozen=True):
    """What a decorator noted: `kind` is "register" or "subscribe"; `options` are the keywords of that method of `Session`."""

    kind: str
    uri: str
    options: dict[str, Any]


def procedure(uri: str, **options: Any) -> Callable[[F], F]:
    """Mark a function or method as a procedure; `Session.add_object` and `Component.add_object` register it.

    Args:
        uri: The procedure or pattern.
        options: Keywords of `Session.register`.
    """
    return _marking(Mark("register", uri, options))


def subscriber(topic: str, **options: Any) -> Callable[[F], F]:
    """Mark a function or method as an event handler; `Session.add_object` and `Component.add_object` subscribe it.

    Args:
        topic: The topic or pattern.
        options: Keywords of `Session.subscribe`.
    """
    return _marking(Mark("subscribe", topic, options))


def marked(target: object) -> Iterator[tuple[Mark, Callable[..., Any]]]:
    """Find the marked members of an object or module; a marked function yields itself.

    Raises:
        ValueError: Nothing is marked.
    """
    found = False
    members: list[Any] = [target]
    if not hasattr(target, _ATTRIBUTE):
        members = [member for _, member in inspect.getmembers(target, callable)]
    for member in members:
        for mark in getattr(member, _ATTRIBUTE, ()):
            found = True
            yield mark, member
    if not found:
        raise ValueError(f"nothing in {target!r} is marked with @trowamp.procedure or @trowamp.subscriber")


def _marking(mark: Mark) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        target = getattr(
            function, "__func__", function
        )  # a staticmethod or classmethod is looked up without its wrapper
        marks: list[Mark] = target.__dict__.setdefault(_ATTRIBUTE, [])
        marks.append(mark)
        return function

    return decorate
