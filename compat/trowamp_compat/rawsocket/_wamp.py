"""WAMP over RawSocket: what the factories and protocols of both frameworks have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from trowamp.wire import DEFAULT_MAX_SIZE, Link, Serializer, rawsocket_client, rawsocket_server

from ..wamp._described import require
from ..wamp._serializers import get_serializer

DEFAULT_SERIALIZER: Final = "cbor"
SERVER_SERIALIZERS: Final = ("cbor", "msgpack", "json")


def serializer_named(serializer: Any) -> Serializer:
    """Return the serializer of the core for an object of the API, or for a name such as "cbor" or "json.batched".

    Raises:
        ValueError: There is none.
    """
    name = serializer if isinstance(serializer, str) else getattr(serializer, "SERIALIZER_ID", None)
    if not isinstance(name, str):
        raise ValueError(f"not a serializer: {serializer!r}")
    return get_serializer(name)


class RawSocketFactory:
    """Makes connections, each with a session of its own.

    Args:
        factory: Makes the session: a callable without arguments, or a session.
        link: Makes the link, for the `max_size` of a message.

    Attributes:
        protocol: The class of the connections.
    """

    protocol: Any

    def __init__(self, factory: Callable[[], Any] | Any, link: Callable[..., Link]) -> None:
        self._factory = factory
        self._link = link
        self.resetProtocolOptions()

    def setProtocolOptions(self, maxMessagePayloadSize: int | None = None) -> None:
        """Change options.

        Args:
            maxMessagePayloadSize: Octets of the largest message that is accepted: 512 to 16 MiB.

        Raises:
            AssertionError: It is none of these.
        """
        if maxMessagePayloadSize is not None:
            require(512 <= maxMessagePayloadSize <= 2**24, "maxMessagePayloadSize must be from 512 to 2**24")
            self._max_message_size = maxMessagePayloadSize

    def resetProtocolOptions(self) -> None:
        """Take all options back."""
        self._max_message_size = DEFAULT_MAX_SIZE

    def _make_session(self) -> Any:
        """Make what handles the messages of a connection."""
        return self._factory() if callable(self._factory) else self._factory

    def _make_link(self) -> Link:
        return self._link(max_size=min(self._max_message_size, DEFAULT_MAX_SIZE))

    def _make_connection(self) -> Any:
        connection = self.protocol()
        connection.factory = self
        return connection


class RawSocketClientFactory(RawSocketFactory):
    """Makes the client side.

    Args:
        factory: Makes the session.
        serializer: The serializer; default: CBOR.
    """

    def __init__(self, factory: Callable[[], Any] | Any, serializer: Any = None) -> None:
        chosen = serializer_named(serializer if serializer is not None else DEFAULT_SERIALIZER)
        super().__init__(factory, partial(rawsocket_client, chosen))


class RawSocketServerFactory(RawSocketFactory):
    """Makes the server side.

    Args:
        factory: Makes the session.
        serializers: What is accepted; default: CBOR, MessagePack and JSON.
    """

    def __init__(self, factory: Callable[[], Any] | Any, serializers: Sequence[Any] | None = None) -> None:
        accepted = [serializer_named(each) for each in serializers or SERVER_SERIALIZERS]
        super().__init__(factory, partial(rawsocket_server, accepted))
