"""Batched forms: a body is a sequence of framed messages, at least one (checklist §1.2)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from .._exceptions import RemoteProtocolError

if TYPE_CHECKING:
    from ..messages import Message
    from ._serializer import Serializer

# The specification's 0x1E, and 0x18, which Autobahn and Crossbar.io write and expect instead (checklist T1). Neither can be part of JSON text.
_SEPARATORS: Final = re.compile(rb"[\x1e\x18]")
_AUTOBAHNS: Final = b"\x18"


class BatchedSerializer(ABC):
    """What both framings have in common. `encode` returns one framed message; concatenated, they make a batch.

    Args:
        inner: The serializer of the single messages.
    """

    rawsocket_id = 0  # RawSocket knows no batches (RS-B5)

    def __init__(self, inner: Serializer) -> None:
        self._inner = inner
        self.name = inner.name + ".batched"
        self.subprotocol = inner.subprotocol + ".batched"
        self.is_binary = inner.is_binary

    @abstractmethod
    def encode(self, message: Message) -> bytes:
        """Serialize one message and frame it; see `Serializer.encode`."""

    def encode_in_pieces(self, message: Message) -> bytes:
        """Serialize one message and frame it; see `Serializer.encode_in_pieces`."""
        return self.encode(message)

    @abstractmethod
    def _split(self, body: bytes) -> Iterator[bytes]:
        """Yield the octets of each message."""

    def decode(self, body: bytes) -> Message:
        """Deserialize a batch that holds exactly one message; see `Serializer.decode`."""
        message, *others = self.decode_all(body)
        if others:
            raise RemoteProtocolError(f"a batch of {1 + len(others)} messages where one was expected")
        return message

    def decode_to_pass_on(self, body: bytes) -> Message:
        """Deserialize as `decode` does; payloads of batches are encoded again."""
        return self.decode(body)

    def answering(self, body: bytes) -> BatchedSerializer:  # noqa: ARG002 - for who has a choice
        """Return the serializer for answers to whoever sent this batch."""
        return self

    def largest(self, body: bytes) -> int:
        """Return how many octets the largest message of a batch has, as far as it is one."""
        found = 0
        with suppress(RemoteProtocolError):  # decoding tells
            for part in self._split(body):
                found = max(found, len(part))
        return found

    def decode_all(self, body: bytes) -> Iterator[Message]:
        """Deserialize a batch message by message; see `Serializer.decode_all`."""
        if not body:
            raise RemoteProtocolError("a batch without messages")  # BAT-B2
        return map(self._inner.decode, self._split(body))


class SeparatedSerializer(BatchedSerializer):
    """JSON with a separator octet after each message (BAT-B1, BAT-B4). Both separators in use are understood.

    Args:
        inner: The serializer of the single messages; its octets must not contain a separator.
        separator: What `encode` writes after a message; the octet 0x18 for peers that are built on Autobahn.
    """

    def __init__(self, inner: Serializer, separator: bytes = b"\x1e") -> None:
        super().__init__(inner)
        self._separator = separator
        self._like_autobahn = self if separator == _AUTOBAHNS else SeparatedSerializer(inner, _AUTOBAHNS)

    def answering(self, body: bytes) -> BatchedSerializer:
        """Return the serializer that writes the separator which ends this batch."""
        return self._like_autobahn if body.endswith(_AUTOBAHNS) else self

    def encode(self, message: Message) -> bytes:
        """Serialize one message and the separator after it; see `Serializer.encode`."""
        return self._inner.encode(message) + self._separator

    def _split(self, body: bytes) -> Iterator[bytes]:
        *parts, rest = _SEPARATORS.split(body)
        yield from parts
        if rest:
            raise RemoteProtocolError("a batch does not end with a separator")  # BAT-B3


class PrefixedSerializer(BatchedSerializer):
    """A binary format with the length before each message: 32 bits, big-endian (BAT-B1)."""

    def encode(self, message: Message) -> bytes:
        """Serialize one message with its length before it; see `Serializer.encode`."""
        body = self._inner.encode(message)
        return len(body).to_bytes(4, "big") + body

    def _split(self, body: bytes) -> Iterator[bytes]:
        start = 0
        while start < len(body):
            begin = start + 4
            end = begin + int.from_bytes(body[start:begin], "big")
            if begin > len(body) or end > len(body):
                raise RemoteProtocolError("a batch ends within a message")  # BAT-B3
            yield body[begin:end]
            start = end
