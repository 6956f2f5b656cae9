"""What a serializer is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..messages import Message
    from ._pieces import Octets


class PayloadSerializer(Protocol):
    """Turns a payload that is serialized by itself, before its message is, into octets and back."""

    def encode_payload(self, payload: dict[str, Any]) -> bytes:
        """Serialize a dictionary.

        Raises:
            SerializationError: A value in it is not portable; the text names its place, for example `kwargs["x"][2]`.
        """
        ...

    def decode_payload(self, octets: bytes) -> dict[str, Any]:
        """Deserialize exactly one dictionary, held to the same rules as messages.

        Raises:
            RemoteProtocolError: The octets are something else.
        """
        ...


class Serializer(Protocol):
    """Turns messages into octets and back. Serializers hold no state: one can serve any number of connections and threads.

    Attributes:
        name: What users call it: "json", "msgpack", "cbor", or one of these with ".batched" after it.
        subprotocol: Its id in the WebSocket handshake, for example "wamp.2.json".
        rawsocket_id: Its number in the RawSocket handshake, or 0 if it has none.
        is_binary: Whether WebSocket carries it in binary messages.
    """

    @property
    def name(self) -> str: ...
    @property
    def subprotocol(self) -> str: ...
    @property
    def rawsocket_id(self) -> int: ...
    @property
    def is_binary(self) -> bool: ...

    def encode(self, message: Message) -> bytes:
        """Serialize one message.

        Raises:
            SerializationError: A value in it is not portable; the text names its place, for example `kwargs["x"][2]`.
        """
        ...

    def encode_in_pieces(self, message: Message) -> Octets:
        """Serialize as `encode` does, but leave a large payload that is only passed on in the octets that it came in."""
        ...

    def decode(self, body: bytes) -> Message:
        """Deserialize a body that holds exactly one message.

        Raises:
            RemoteProtocolError: The octets, or the message in them, break a rule.
        """
        ...

    def decode_to_pass_on(self, body: bytes) -> Message:
        """Deserialize as `decode` does, for a router: a large payload keeps the octets it came in for receivers with the same serializer.

        What the message holds must not be changed.
        """
        ...

    def decode_all(self, body: bytes) -> Iterable[Message]:
        """Deserialize every message of a body: always one, except in a batched form.

        Messages of a batch come one by one, so that those before a violation can be handled (BAT-B6).

        Raises:
            RemoteProtocolError: As in `decode`; for a batch, when the iteration arrives at the violation.
        """
        ...
