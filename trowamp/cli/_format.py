"""Events as octets for standard output: in one of the formats of `-o`, or in one of the user's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from .._events import Event
from ._output import FORMATS
from ._values import Payload, to_json

Show = Callable[[Event], bytes]

_parts_of: Final = re.compile(r"%(.?)|([^%]+)", re.DOTALL).finditer


def show_as(form: str, *, with_topic: bool, with_details: bool) -> Show:
    """Show events in one of the formats of `-o`.

    Args:
        form: The name of the format.
        with_topic: Whether people are told each event's topic; machines always are.
        with_details: Whether the event's id and details are shown.
    """
    write = FORMATS[form]

    def show(event: Event) -> bytes:
        extra: dict[str, Any] = {"topic": event.topic} if with_topic or form != "text" else {}
        if with_details:
            extra |= {"publication_id": event.publication_id, "details": event.details}
        return write(Payload(event.args, event.kwargs), extra)

    return show


def show_by(template: str) -> Show:
    """Show events by a template with fields such as `%t`; each ends with a line feed.

    Raises:
        ValueError: A field does not exist.
    """
    parts: list[Show] = []
    for found in _parts_of(template):
        field, text = found.groups()
        if text is not None:
            parts.append(_constant(text))
        elif field in _FIELDS:
            parts.append(_FIELDS[field])
        else:
            raise ValueError(f"no such field: %{field} (known: {', '.join(f'%{name}' for name in _FIELDS)})")
    return lambda event: b"".join(part(event) for part in parts) + b"\n"


def _constant(text: str) -> Show:
    octets = text.encode()
    return lambda _: octets


def _raw(event: Event) -> bytes:
    return FORMATS["raw"](Payload(event.args, event.kwargs), {}).removesuffix(b"\n")


def _all(event: Event) -> bytes:
    return show_as("jsonl", with_topic=True, with_details=True)(event).rstrip()


def _now() -> datetime:
    return datetime.now(tz=UTC).astimezone()


_FIELDS: Final[dict[str, Show]] = {
    "t": lambda event: event.topic.encode(),
    "p": _raw,
    "a": lambda event: to_json(event.args).encode(),
    "k": lambda event: to_json(event.kwargs).encode(),
    "j": _all,
    "i": lambda event: str(event.publication_id).encode(),
    "s": lambda event: b"" if event.publisher is None else str(event.publisher).encode(),
    "I": lambda _: _now().isoformat(timespec="milliseconds").encode(),
    "U": lambda _: f"{_now().timestamp():.3f}".encode(),
    "%": lambda _: b"%",
}
