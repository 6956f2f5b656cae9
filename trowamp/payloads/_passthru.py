"""Payloads that are serialized by themselves and not encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..wire.serializers import PAYLOAD_SERIALIZERS
from ._codec import NATIVE, WAMP, Encoded, PayloadCodec, RandomOctets, Subject, is_scheme, serialized


class Passthru(PayloadCodec):
    """Serializes calls and events by themselves: `session.with_options(payload_codec=Passthru("mqtt", serializer="json")).publish(...)`.

    The router carries the octets as they are, between sessions with whatever serializers.

    Args:
        scheme: "mqtt", "wamp", or a name of your own that begins with "x_".
        serializer: "cbor", "msgpack", "json", or "native", which leaves it to the session's serializer. The scheme "wamp" has "cbor" only.

    Raises:
        ValueError: There is no such scheme or serializer.
    """

    def __init__(self, scheme: str, *, serializer: str = "cbor") -> None:
        if not is_scheme(scheme):
            raise ValueError(f'scheme must be "mqtt", "wamp" or begin with "x_", not {scheme!r}')
        names = ("cbor",) if scheme == WAMP else (*PAYLOAD_SERIALIZERS, NATIVE)
        if serializer not in names:
            raise ValueError(f"serializer must be one of {', '.join(names)}, not {serializer!r}")
        self._scheme = scheme
        self._serializer = serializer

    def encode(
        self, subject: Subject, args: Sequence[Any], kwargs: dict[str, Any], random_octets: RandomOctets
    ) -> Encoded | None:
        """Serialize a call or an event; an answer has the form of its request."""
        if subject.is_answer:
            return super().encode(subject, args, kwargs, random_octets)
        return serialized(self._scheme, self._serializer, args, kwargs)

    def __repr__(self) -> str:
        return f"Passthru({self._scheme!r}, serializer={self._serializer!r})"
