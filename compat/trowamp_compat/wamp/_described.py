"""How the small value objects of the vocabulary are shown, compared and checked."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["Described", "require"]


def require(condition: object, text: str) -> None:
    """Raise an AssertionError unless a condition holds: Autobahn's error for wrong arguments, here also under `python -O`.

    Raises:
        AssertionError: With the text.
    """
    if not condition:
        raise AssertionError(text)


class Described:
    """Base of value objects that show their fields: `Name(field=value, …)`.

    Attributes:
        SHOWN: The fields in the order of the text. One in angle brackets or quotes is shown within those.
    """

    __slots__ = ()

    SHOWN: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(_shown(self, field) for field in self.SHOWN)})"


def _shown(value: Any, field: str) -> str:
    name = field.strip("<>'\"")
    if name == field:
        return f"{name}={getattr(value, name)}"
    return f"{name}={field[0]}{getattr(value, name)}{field[-1]}"
