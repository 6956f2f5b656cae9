"""The serializers of connections: those of `trowamp.wire`, but some values that they refuse are sent as Autobahn sends them.

Members of enumerations that are strings or numbers become their values. In JSON, keys become what Python's `json` makes of them, and a
`Decimal` becomes text. MessagePack and CBOR have words of their own for other keys, which routers and peers do not all understand: there they stay
refused.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from trowamp.wire import Serializer, serializers
from trowamp.wire.serializers import (
    CborSerializer,
    JsonSerializer,
    MessagePackSerializer,
    PrefixedSerializer,
    SeparatedSerializer,
)

_WORDS: Final[dict[Any, str]] = {None: "null", True: "true", False: "false"}


def _member(value: Any, is_key: bool) -> Any:
    """Return the string or number that a member of an enumeration is; any other value as it is."""
    if isinstance(value, Enum):
        for kind in (str,) if is_key else (str, int, float):
            if isinstance(value, kind):
                return kind(value.value)
    return value


def _for_json(value: Any, is_key: bool) -> Any:
    if is_key:
        if value is None or isinstance(value, bool):
            return _WORDS[value]
        for kind in (int, float):
            if isinstance(value, kind):
                return kind.__repr__(value)
    elif isinstance(value, Decimal):
        return str(value)
    return _member(value, is_key)


_cbor: Final = CborSerializer(_member)
_msgpack: Final = MessagePackSerializer(_member)
_json: Final = JsonSerializer(_for_json)

_EACH: Final[tuple[Serializer, ...]] = (
    _cbor,
    _msgpack,
    _json,
    PrefixedSerializer(_cbor),
    PrefixedSerializer(_msgpack),
    SeparatedSerializer(_json),
)

SERIALIZERS: Final = MappingProxyType({each.name: each for each in _EACH})

#: As that of `trowamp.wire`, among the serializers of connections.
get_serializer: Final = functools.partial(serializers.get_serializer, among=SERIALIZERS)
