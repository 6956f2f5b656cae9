"""The values that every serializer carries alike, and the search for one that it would not.

Portable are: None, bool, int from -2**63 to 2**64 - 1, finite float, str without lone surrogates, bytes, list, and dict with str keys, nested at
most 64 deep. Everything that enters or leaves by a serializer stays inside, so what one peer sends every other one can receive: no payload is
changed on the way, and none breaks a receiver that uses another serializer.

Four things share the work. `PLAIN` is a type: msgspec checks what it decodes against it on the way, at no cost, but it does not know all that is
portable. `is_certainly_plain` has it check what another codec has decoded. `is_plain` runs for every other message, says only yes or no, and costs
about as much as the codec. `Copier` runs when the answer was no: it brings values into the plain types that codecs take, or raises with the place
and the reason.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union

import msgspec

from .._exceptions import RemoteProtocolError, SerializationError

if TYPE_CHECKING:
    from ..messages import Message

# Called with a value that is not portable, and whether it is a key: what is sent in its place, a str for a key; or the value itself for nothing.
Substitute = Callable[[Any, bool], Any]

# Containers within each other in one argument; the lists and dictionaries of the message itself are not counted.
MAX_DEPTH: Final = 64

# The same limit as a codec counts it: with the message's own list, and its Arguments or ArgumentsKw.
MESSAGE_DEPTH: Final = MAX_DEPTH + 2

ATOMS: Final = frozenset((NoneType, bool, str, bytes))

_BELOW_MESSAGE: Final = MESSAGE_DEPTH - 1

_PLAIN_LEVELS: Final = 6  # of containers within a message; the type doubles in size with each


def _plain(levels: int) -> Any:
    """Return the type of values with at most `levels` levels of containers."""
    integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    number = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]  # neither infinite nor NaN
    atom = Union[None, bool, integer, number, str]  # noqa: UP007  # Annotated types have no `|`
    if not levels:
        return atom
    item = _plain(levels - 1)
    return Union[atom, list[item], dict[str, item]]  # type: ignore[valid-type]  # noqa: UP007


# A message whose values are certainly portable. What does not fit may be portable all the same: octets, integers from 2**63, deeper values.
PLAIN: Final[Any] = list[_plain(_PLAIN_LEVELS)]  # type: ignore[misc]
PLAIN_DICT: Final[Any] = dict[str, _plain(_PLAIN_LEVELS)]  # type: ignore[misc]


_Fitting = msgspec.defstruct("_Fitting", [("value", PLAIN)], array_like=True, gc=False)


def is_certainly_plain(decoded: list[Any]) -> bool:
    """Tell whether what a codec has decoded fits `PLAIN`: at a third of what `is_plain` costs for many values.

    That is for codecs that know no types. Octets, integers from 2**63 and deep values do not fit, though they are portable; to find that out costs
    a microsecond. It is not for values of programs, whose sets and mappings would fit as well.
    """
    try:
        msgspec.convert((decoded,), _Fitting)
    except msgspec.ValidationError:
        return False
    return True


def is_plain(values: Iterable[Any], atoms: frozenset[type], levels: int = _BELOW_MESSAGE) -> bool:
    """Tell whether values are portable and exactly of the types that codecs take; tuples pass for lists.

    Lone surrogates are not looked for: codecs refuse those themselves.

    Args:
        values: The elements of a message, or of a container in it.
        atoms: The types that need no look at the value: `ATOMS`, less or more what the codec at hand does itself.
        levels: How many containers may still be nested in each of the values.
    """
    for value in values:
        kind = type(value)
        if kind in atoms:
            continue
        if kind is int:
            if not -0x8000_0000_0000_0000 <= value <= 0xFFFF_FFFF_FFFF_FFFF:
                return False
        elif kind is list or kind is tuple:
            if not levels or (value and not is_plain(value, atoms, levels - 1)):
                return False
        elif kind is dict:
            for key in value:
                if type(key) is not str:
                    return False
            if not levels or (value and not is_plain(value.values(), atoms, levels - 1)):
                return False
        elif kind is not float or value - value != 0.0:  # true for the infinities and NaN
            return False
    return True


class Copier:
    """Copies values into plain types, and raises for what is not portable.

    Instances of subclasses of portable types become the plain value underneath (an `OrderedDict` a dict, a named tuple a list, a `numpy.float64` a
    float), bytearrays and memoryviews become bytes. Members of enumerations are refused even where they are integers or strings, because a receiver
    cannot tell which of both the sender meant: the name or the value.

    Args:
        substitute: What is sent in place of what is not portable; by default nothing is.
    """

    def __init__(self, substitute: Substitute | None = None) -> None:
        self._substitute = substitute

    def copy_message(self, message: Message, wire: Sequence[Any]) -> list[Any]:
        """Return a plain copy of a message's wire form.

        Raises:
            SerializationError: A value is not portable. The text begins with its place, for example `kwargs["x"][2]`.
        """
        fields = zip(message.__struct_fields__, wire[1:], strict=False)  # absent optional fields have no element
        return [wire[0], *(self.copy(value, (name,), _BELOW_MESSAGE) for name, value in fields)]

    def copy(self, value: Any, path: tuple[Any, ...], levels: int) -> Any:
        """Return a plain copy of a value at a place in a message, with at most `levels` levels of containers."""
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if issubclass(kind, Enum):
            why = f"{kind.__name__} is an enumeration; send a member's name or value"
            return self.copy(self._instead(value, path, why), path, levels)
        for kinds, convert in _CONVERSIONS:
            if issubclass(kind, kinds):
                return convert(self, value, path, levels)
        why = f"a value of type {kind.__name__} has no form that every serializer carries"
        return self.copy(self._instead(value, path, why), path, levels)

    def _instead(self, value: Any, path: tuple[Any, ...], why: str, *, is_key: bool = False) -> Any:
        """Return what is sent in place of what is not portable."""
        other = value if self._substitute is None else self._substitute(value, is_key)
        if other is value:
            raise not_portable(path, why)
        return other

    def text(self, value: str, path: tuple[Any, ...]) -> str:
        """Return a string as the codec shall get it."""
        try:
            value.encode()
        except UnicodeEncodeError:
            raise not_portable(path, "the string has a lone surrogate") from None
        return value

    def octets(self, value: bytes, path: tuple[Any, ...]) -> Any:  # noqa: ARG002 - JSON has a use for it
        """Return octets as the codec shall get them."""
        return value

    def _text(self, value: str, path: tuple[Any, ...], _levels: int) -> str:
        return self.text(str.__str__(value), path)

    def _octets(self, value: bytes | bytearray | memoryview, path: tuple[Any, ...], _levels: int) -> Any:
        return self.octets(bytes(value), path)

    def _integer(self, value: int, path: tuple[Any, ...], _levels: int) -> int:
        if -(2**63) <= value < 2**64:
            return int.__int__(value)
        raise not_portable(path, "the integer is not in the range from -2**63 to 2**64 - 1")

    def _number(self, value: float, path: tuple[Any, ...], _levels: int) -> float:
        if isfinite(value):
            return float.__float__(value)
        raise not_portable(path, f"{float.__float__(value)} is not a finite number")

    def _list(self, value: Sequence[Any], path: tuple[Any, ...], levels: int) -> list[Any]:
        _check_depth(path, levels)
        return [self.copy(item, (*path, index), levels - 1) for index, item in enumerate(value)]

    def _dict(self, value: dict[Any, Any], path: tuple[Any, ...], levels: int) -> dict[str, Any]:
        _check_depth(path, levels)
        return {self._key(key, path): self.copy(item, (*path, key), levels - 1) for key, item in dict.items(value)}

    def _key(self, key: Any, path: tuple[Any, ...]) -> str:
        if not issubclass(type(key), str) or issubclass(type(key), Enum):
            key = self._instead(key, path, f"a key is of type {type(key).__name__}; keys must be strings", is_key=True)
        return Copier.text(self, str.__str__(key), (*path, key))


_CONVERSIONS: Final[tuple[tuple[Any, Callable[..., Any]], ...]] = (
    (str, Copier._text),
    (int, Copier._integer),
    (float, Copier._number),
    ((list, tuple), Copier._list),
    (dict, Copier._dict),
    ((bytes, bytearray, memoryview), Copier._octets),
)


def _check_depth(path: tuple[Any, ...], levels: int) -> None:
    if not levels:
        raise not_portable(path[:1], f"values are nested more than {MAX_DEPTH} deep")


def not_portable(path: tuple[Any, ...], words: str) -> SerializationError:
    """Return the error for the value at a place: the field's name, then keys and indices."""
    return SerializationError(f"{path[0]}{''.join(map(_subscript, path[1:]))}: {words}")


def _subscript(step: Any) -> str:
    return f'["{ascii(str.__str__(step)[:40])[1:-1]}"]' if isinstance(step, str) else f"[{step}]"


def plain_payload(raw: Any, atoms: frozenset[type]) -> dict[str, Any]:
    """Return a decoded payload, which must be a dictionary of portable values.

    Raises:
        RemoteProtocolError: It is something else.
    """
    if type(raw) is not dict or not all(type(key) is str for key in raw):
        raise RemoteProtocolError("a payload must be a dictionary with names as keys")
    if not is_plain(raw.values(), atoms):
        raise refuse(list(raw.values()))
    return raw


def refuse(raw: Any) -> RemoteProtocolError:
    """Return the error for a decoded message that is not plain, with the place and the reason."""
    try:
        Copier().copy(raw, ("message",), MESSAGE_DEPTH)
    except SerializationError as fault:
        return RemoteProtocolError(str(fault))
    return RemoteProtocolError("the message holds a value that not every serializer carries")
