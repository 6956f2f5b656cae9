"""Serializers of plain values, for what is not a whole message: encrypted payloads, tools, tests."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar, Final

import cbor2
import msgspec

from .interfaces import IObjectSerializer

__all__ = ["CBORObjectSerializer", "JsonObjectSerializer", "MsgPackObjectSerializer"]

_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_DECIMAL: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")

_SEPARATORS: Final = re.compile(rb"[\x18\x1e]")  # Autobahn's, which is written here, and the specification's


class JsonObjectSerializer(IObjectSerializer):
    """JSON. Octets are strings of U+0000 and base64.

    Args:
        batched: Whether each value is followed by the octet 0x18.
        use_binary_hex_encoding: Whether octets are "0x" and hexadecimal digits instead, and such strings octets.
        use_decimal_from_str: Whether strings that are decimal numbers are read as `Decimal`.
    """

    NAME = "json"
    BINARY = False

    def __init__(
        self, batched: bool = False, use_binary_hex_encoding: bool = False, use_decimal_from_str: bool = False
    ) -> None:
        self._batched = batched
        self._is_hex = use_binary_hex_encoding
        self._has_decimals = use_decimal_from_str

    def serialize(self, obj: Any) -> bytes:
        """Return the octets for a value.

        Raises:
            TypeError: JSON cannot carry it.
        """
        body = msgspec.json.encode(self._to_json(obj))
        return body + b"\x18" if self._batched else body

    def unserialize(self, payload: bytes) -> list[Any]:
        """Return the values in a body.

        Raises:
            ValueError: It is no JSON, or a batch that ends within a value.
        """
        if not self._batched:
            return [self._from_json(msgspec.json.decode(payload))]
        *parts, rest = _SEPARATORS.split(payload)
        if rest or not parts:
            raise ValueError("a batch does not end with a separator")
        return [self._from_json(msgspec.json.decode(part)) for part in parts]

    def _to_json(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return "0x" + value.hex() if self._is_hex else "\0" + base64.b64encode(value).decode("ascii")
        if isinstance(value, list | tuple):
            return [self._to_json(item) for item in value]
        if isinstance(value, dict):
            return {key: self._to_json(item) for key, item in value.items()}
        return str(value) if isinstance(value, Decimal) else value

    def _from_json(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._from_json(item) for item in value]
        if isinstance(value, dict):
            return {key: self._from_json(item) for key, item in value.items()}
        return self._from_text(value) if isinstance(value, str) else value

    def _from_text(self, text: str) -> Any:
        if self._is_hex:
            if _HEX.fullmatch(text):
                return bytes.fromhex(text[2:])
        elif text.startswith("\0"):
            return base64.b64decode(text[1:])
        return Decimal(text) if self._has_decimals and _DECIMAL.fullmatch(text) else text


class _BinaryObjectSerializer(IObjectSerializer):
    """What MessagePack and CBOR have in common.

    Args:
        batched: Whether each value follows its length: 32 bits, big-endian.
    """

    NAME = ""
    BINARY = True

    _dumps: ClassVar[Any]
    _loads: ClassVar[Any]

    def __init__(self, batched: bool = False) -> None:
        self._batched = batched

    def serialize(self, obj: Any) -> bytes:
        """Return the octets for a value.

        Raises:
            TypeError: The format cannot carry it.
        """
        body: bytes = self._dumps(obj)
        return len(body).to_bytes(4, "big") + body if self._batched else body

    def unserialize(self, payload: bytes) -> list[Any]:
        """Return the values in a body.

        Raises:
            ValueError: It is not of this format, or a batch that ends within a value.
        """
        return [self._loads(body) for body in (_unframed(payload) if self._batched else [payload])]


def _unframed(payload: bytes) -> Iterable[bytes]:
    start = 0
    while start < len(payload):
        begin = start + 4
        end = begin + int.from_bytes(payload[start:begin], "big")
        if begin > len(payload) or end > len(payload):
            raise ValueError("a batch ends within a value")
        yield payload[begin:end]
        start = end


class MsgPackObjectSerializer(_BinaryObjectSerializer):
    """MessagePack."""

    NAME = "msgpack"

    _dumps = staticmethod(msgspec.msgpack.encode)
    _loads = staticmethod(msgspec.msgpack.decode)


class CBORObjectSerializer(_BinaryObjectSerializer):
    """CBOR."""

    NAME = "cbor"

    _dumps = staticmethod(cbor2.dumps)
    _loads = staticmethod(cbor2.loads)
