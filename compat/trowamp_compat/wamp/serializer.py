"""Serializers: messages to octets and back, in JSON, MessagePack and CBOR, one by one or in batches.

They are those of `trowamp.wire`, whose `core` attribute a driver can use without this layer. Batches of JSON end each message with the octet 0x18, as
Autobahn and Crossbar.io have it; the specification's 0x1E is understood as well (W-13).

UBJSON and FlatBuffers are not offered. Of UBJSON there are two libraries that write different octets, and the schemas of FlatBuffers for WAMP are no
part of the specification; every router that knows one of them knows CBOR.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import trowamp
from trowamp import RemoteProtocolError
from trowamp.messages import Message as CoreMessage
from trowamp.wire import Serializer as CoreSerializer
from trowamp.wire.serializers import SeparatedSerializer

from ._object_serializers import CBORObjectSerializer, JsonObjectSerializer, MsgPackObjectSerializer
from ._serializer_statistics import SerializerStatistics
from ._serializers import get_serializer
from .exception import ProtocolError, SerializationError
from .interfaces import IMessage, IObjectSerializer, ISerializer
from .message import MESSAGE_TYPE_MAP, Message, from_core

__all__ = [
    "RAWSOCKET_OFFER",
    "SERID_TO_OBJSER",
    "SERID_TO_SER",
    "WEBSOCKET_OFFER",
    "CBORObjectSerializer",
    "CBORSerializer",
    "JsonObjectSerializer",
    "JsonSerializer",
    "MsgPackObjectSerializer",
    "MsgPackSerializer",
    "Serializer",
    "create_transport_serializer",
    "create_transport_serializers",
]

#: What the WebSocket factories offer when not told otherwise, the preferred one first.
WEBSOCKET_OFFER: Final = ("cbor.batched", "cbor", "msgpack.batched", "msgpack", "json.batched", "json")

#: What the RawSocket factories take, likewise.
RAWSOCKET_OFFER: Final = ("cbor", "msgpack", "json")


class Serializer(SerializerStatistics, ISerializer):
    """Turns messages into octets and back, and counts them.

    Args:
        object_serializer: What serializes plain values in this format.
        batched: Whether messages are framed for batches.

    Attributes:
        SERIALIZER_ID: Its name, for example "cbor.batched".
        core: The serializer of `trowamp.wire` that does the work.
    """

    MESSAGE_TYPE_MAP: ClassVar[dict[int, type[IMessage]]] = dict(MESSAGE_TYPE_MAP)
    SERIALIZER_ID = ""
    RAWSOCKET_SERIALIZER_ID = 0
    PAYLOAD_SERIALIZER_ID = ""
    MIME_TYPE = ""

    def __init__(self, object_serializer: IObjectSerializer, batched: bool = False) -> None:
        super().__init__()
        self._serializer = object_serializer
        if batched:
            self.SERIALIZER_ID = f"{self.SERIALIZER_ID}.batched"
        self.core = _core_serializer(self.SERIALIZER_ID)

    def serialize(self, message: IMessage | CoreMessage) -> tuple[bytes, bool]:
        """Return the octets of a message, and whether they are binary.

        Raises:
            SerializationError: A value in it cannot be carried.
        """
        try:
            octets = self._encode(message)
        except (trowamp.SerializationError, TypeError, OverflowError) as error:
            raise SerializationError(str(error)) from error
        self._count("serialized", len(octets), 1)
        return octets, self.core.is_binary

    def unserialize(self, payload: bytes, is_binary: bool | None = None) -> list[IMessage]:
        """Return the messages in a body.

        Args:
            payload: The body.
            is_binary: Whether it came as binary; None if nobody knows.

        Raises:
            ProtocolError: It holds no legal messages.
            InvalidUriError: A URI in it is none.
        """
        if is_binary not in (None, self.core.is_binary):
            raise ProtocolError(f"{self.SERIALIZER_ID} is {'' if self.core.is_binary else 'not '}binary")
        try:
            found: list[IMessage] = list(self._decode(payload))
        except RemoteProtocolError as error:
            raise ProtocolError(str(error)) from None
        self._count("unserialized", len(payload), len(found))
        return found

    def serialize_payload(self, payload: Any) -> bytes:
        """Return the octets of plain values, as messages in this format would hold them."""
        return _unbatched(self._serializer).serialize(payload)

    def _encode(self, message: Any) -> bytes:
        return self.core.encode(message if isinstance(message, CoreMessage) else message.to_core())

    def _decode(self, payload: bytes) -> list[Message]:
        found = [from_core(core) for core in self.core.decode_all(payload)]
        for message in found:
            message.check_uris()
        return found


class JsonSerializer(Serializer):
    """JSON.

    Args:
        batched: Whether each message is followed by the octet 0x18.
        use_binary_hex_encoding: Whether octets are "0x" and hexadecimal digits, instead of U+0000 and base64; with both sides alike only.
        use_decimal_from_str: Whether strings that are decimal numbers are read as `Decimal`.
    """

    SERIALIZER_ID = "json"
    RAWSOCKET_SERIALIZER_ID = 1
    PAYLOAD_SERIALIZER_ID = "json"
    MIME_TYPE = "application/json"

    def __init__(
        self, batched: bool = False, use_binary_hex_encoding: bool = False, use_decimal_from_str: bool = False
    ) -> None:
        super().__init__(JsonObjectSerializer(batched, use_binary_hex_encoding, use_decimal_from_str), batched)
        self._is_special = use_binary_hex_encoding or use_decimal_from_str

    def _encode(self, message: Any) -> bytes:
        if not self._is_special:
            return super()._encode(message)
        core = message if isinstance(message, CoreMessage) else message.to_core()
        return self._serializer.serialize(list(core.to_wire()))

    def _decode(self, payload: bytes) -> list[Message]:
        if not self._is_special:
            return super()._decode(payload)
        try:
            values = self._serializer.unserialize(payload)
        except ValueError as error:
            raise ProtocolError(f"not JSON: {error}") from error
        return [_parsed(value) for value in values]


class MsgPackSerializer(Serializer):
    """MessagePack.

    Args:
        batched: Whether each message follows its length.
    """

    SERIALIZER_ID = "msgpack"
    RAWSOCKET_SERIALIZER_ID = 2
    PAYLOAD_SERIALIZER_ID = "msgpack"
    MIME_TYPE = "application/x-msgpack"

    def __init__(self, batched: bool = False) -> None:
        super().__init__(MsgPackObjectSerializer(batched), batched)


class CBORSerializer(Serializer):
    """CBOR.

    Args:
        batched: Whether each message follows its length.
    """

    SERIALIZER_ID = "cbor"
    RAWSOCKET_SERIALIZER_ID = 3
    PAYLOAD_SERIALIZER_ID = "cbor"
    MIME_TYPE = "application/cbor"

    def __init__(self, batched: bool = False) -> None:
        super().__init__(CBORObjectSerializer(batched), batched)


#: The classes of serializers by their names.
SERID_TO_SER: Final[dict[str, Any]] = {
    "json": JsonSerializer,
    "msgpack": MsgPackSerializer,
    "cbor": CBORSerializer,
}

#: The classes of serializers of plain values by their names.
SERID_TO_OBJSER: Final[dict[str, Any]] = {
    "json": JsonObjectSerializer,
    "msgpack": MsgPackObjectSerializer,
    "cbor": CBORObjectSerializer,
}

_NOT_OFFERED: Final = {
    "ubjson": "its libraries write different octets",
    "flatbuffers": "its schemas are no part of WAMP",
}


class _UnknownSerializerError(RuntimeError, ValueError):
    """There is no such serializer."""


def create_transport_serializer(serializer_id: str) -> Serializer:
    """Return the serializer with a name.

    Args:
        serializer_id: "json", "msgpack" or "cbor", or one of these with ".batched" after it.

    Raises:
        RuntimeError: There is none with this name; it is also a ValueError.
    """
    name, dot, batched = serializer_id.partition(".")
    if name in SERID_TO_SER and (not dot or batched == "batched"):
        made: Serializer = SERID_TO_SER[name](batched=bool(dot))
        return made
    why = f": {_NOT_OFFERED[name]}" if name in _NOT_OFFERED else ""
    offered = ", ".join(SERID_TO_SER)
    raise _UnknownSerializerError(
        f"could not create serializer for {serializer_id!r}{why} (available: {offered}, and these with .batched)"
    )


def create_transport_serializers(transport: Any) -> list[Serializer]:
    """Return the serializers that a transport is configured with.

    Args:
        transport: An object whose `serializers` are names, or the names themselves.

    Raises:
        RuntimeError: There is none with a name; it is also a ValueError.
    """
    return [create_transport_serializer(name) for name in getattr(transport, "serializers", transport)]


def _core_serializer(name: str) -> CoreSerializer:
    if name == "json.batched":
        return SeparatedSerializer(get_serializer("json"), b"\x18")
    return get_serializer(name)


def _unbatched(serializer: IObjectSerializer) -> IObjectSerializer:
    made: IObjectSerializer = SERID_TO_OBJSER[serializer.NAME]()
    return made


def _parsed(value: Any) -> Message:
    code = value[0] if isinstance(value, list) and value else None
    kind = MESSAGE_TYPE_MAP.get(code) if isinstance(code, int) else None
    if kind is None:
        raise ProtocolError(f"invalid WAMP message type {code!r:.40}")
    return kind.parse(value)
