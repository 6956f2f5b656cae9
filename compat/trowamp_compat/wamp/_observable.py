"""Events of a session or component that anybody may listen to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ._face import Face

Listener = Callable[..., Any]


class Observable:
    """Keeps the listeners of some events.

    Attributes:
        EVENTS: The events there are.
    """

    EVENTS: ClassVar[Sequence[str]] = ()

    _face: Face

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def on(self, event: str, handler: Listener) -> Listener:
        """Call a function at each event of a kind.

        Args:
            event: The kind of event.
            handler: The function.

        Returns:
            The function.

        Raises:
            RuntimeError: There is no such event.
        """
        self._check_event(event)
        self._listeners.setdefault(event, []).append(handler)
        return handler

    def off(self, event: str | None = None, handler: Listener | None = None) -> None:
        """Stop calling a function; all functions if none is named, and at all events if no event is.

        Raises:
            RuntimeError: There is no such event.
        """
        if event is None:
            self._listeners.clear()
            return
        self._check_event(event)
        if handler is None:
            self._listeners.pop(event, None)
        elif handler in self._listeners.get(event, ()):
            self._listeners[event].remove(handler)

    def fire(self, event: str, *args: Any, **kwargs: Any) -> Any:
        """Call every listener of an event; return a future that is done when they all have finished.

        Raises:
            RuntimeError: There is no such event.
        """
        self._check_event(event)
        futures = []
        for listener in list(self._listeners.get(event, ())):
            given, named = _fitting(listener, args, kwargs) if kwargs else (args, kwargs)
            futures.append(self._face.as_future(listener, *given, **named))
        return self._face.gather(futures, consume_exceptions=False)

    def _told(
        self, event: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[list[Any], BaseException | None]:
        """Call the listeners in the order they were added; return the futures of those that go on, and the first error of the others."""
        pending = []
        first: BaseException | None = None
        for listener in list(self._listeners.get(event, ())):
            given, named = _fitting(listener, args, kwargs) if kwargs else (args, kwargs)
            try:
                future = self._face.future_of(listener(*given, **named))
            except Exception as error:  # noqa: BLE001  # the others are called nevertheless
                first = first or error
            else:
                if future is not None:
                    pending.append(future)
        return pending, first

    def _check_event(self, event: str) -> None:
        if event not in self.EVENTS:
            raise RuntimeError(f"no such event: {event!r} ({', '.join(self.EVENTS)})")


def _fitting(
    listener: Listener, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what the listener takes: keywords by name if it knows them, else by position, else not at all (C-34)."""
    try:
        signature = inspect.signature(listener)
    except (TypeError, ValueError):  # no signature can be had: some builtins
        return args, kwargs
    attempts: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (args, kwargs),
        ((*args, *kwargs.values()), {}),
        (args, {}),
    ]
    for given, named in attempts:
        try:
            signature.bind(*given, **named)
        except TypeError:
            continue
        return given, named
    return args, kwargs
