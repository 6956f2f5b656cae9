"""What opening handshakes ask and answer. The order of the constructors' parameters is part of the API."""

from __future__ import annotations

from typing import Any, ClassVar

from ..wamp._described import Described, require
from ..wamp.types import TransportDetails

__all__ = [
    "ConnectingRequest",
    "ConnectionAccept",
    "ConnectionDeny",
    "ConnectionRequest",
    "ConnectionResponse",
    "IncomingMessage",
    "Message",
    "OutgoingMessage",
    "Ping",
    "TransportDetails",
]


class _Shown(Described):
    __slots__ = ()

    def __json__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.SHOWN}


class ConnectionRequest(_Shown):
    """What a client asks for.

    Attributes:
        peer: The client's address, for example "tcp4:127.0.0.1:48902".
        headers: The headers by their names in lower case.
        host: The host that was asked for, without port.
        path: The path that was asked for.
        params: The query: lists of values by their names.
        version: The version of the protocol.
        origin: The origin of the web page that connects; None if it is no web page.
        protocols: The subprotocols offered, in order of preference.
        extensions: The extensions offered, with their parameters.
    """

    SHOWN: ClassVar = ("peer", "headers", "host", "path", "params", "version", "origin", "protocols", "extensions")
    __slots__ = SHOWN

    def __init__(
        self,
        peer: str,
        headers: dict[str, str],
        host: str,
        path: str,
        params: dict[str, list[str]],
        version: int,
        origin: str | None,
        protocols: list[str],
        extensions: list[Any],
    ) -> None:
        self.peer = peer
        self.headers = headers
        self.host = host
        self.path = path
        self.params = params
        self.version = version
        self.origin = origin
        self.protocols = protocols
        self.extensions = extensions


class ConnectionResponse(_Shown):
    """What a server answers.

    Attributes:
        peer: The server's address.
        headers: The headers by their names in lower case.
        version: The version of the protocol.
        protocol: The subprotocol selected, or None.
        extensions: The extensions selected.
    """

    SHOWN: ClassVar = ("peer", "headers", "version", "protocol", "extensions")
    __slots__ = SHOWN

    def __init__(
        self, peer: str, headers: dict[str, str], version: int, protocol: str | None, extensions: list[Any]
    ) -> None:
        self.peer = peer
        self.headers = headers
        self.version = version
        self.protocol = protocol
        self.extensions = extensions


class ConnectingRequest(_Shown):
    """What a client is about to ask for; `onConnecting` may return one of its own.

    Attributes:
        host: The host to ask for.
        port: Its port.
        resource: Path and query to ask for.
        headers: More headers.
        useragent: Value of the User-Agent header; None sends none.
        origin: Value of the Origin header; None sends none.
        protocols: The subprotocols to offer, in order of preference.
    """

    SHOWN: ClassVar = ("host", "port", "resource", "headers", "useragent", "origin", "protocols")
    __slots__ = SHOWN

    def __init__(
        self,
        host: str | None = None,
        port: int | str | None = None,
        resource: str | None = None,
        headers: dict[str, Any] | None = None,
        useragent: str | None = None,
        origin: str | None = None,
        protocols: list[str] | None = None,
    ) -> None:
        self.host = host or "localhost"
        self.port = port or 80
        self.resource = resource or "/"
        self.headers = headers or {}
        self.useragent = useragent
        self.origin = origin
        self.protocols = protocols or []


class ConnectionAccept(_Shown):
    """What a server's `onConnect` may return.

    Attributes:
        subprotocol: The subprotocol to use, one of those offered, or None.
        headers: More headers for the answer.
    """

    SHOWN: ClassVar = ("subprotocol", "headers")
    __slots__ = SHOWN

    def __init__(self, subprotocol: str | None = None, headers: dict[str, Any] | None = None) -> None:
        require(subprotocol is None or isinstance(subprotocol, str), "subprotocol must be a string or None")
        self.subprotocol = subprotocol
        self.headers = headers or {}


class ConnectionDeny(Exception):
    """Raised in a server's `onConnect` to refuse the client.

    Attributes:
        code: The HTTP status.
        reason: Words for the client.
    """

    BAD_REQUEST = 400
    FORBIDDEN = 403
    NOT_FOUND = 404
    NOT_ACCEPTABLE = 406
    REQUEST_TIMEOUT = 408
    INTERNAL_SERVER_ERROR = 500
    NOT_IMPLEMENTED = 501
    SERVICE_UNAVAILABLE = 503

    def __init__(self, code: int, reason: str | None = None) -> None:
        require(isinstance(code, int) and 400 <= code < 600, "code must be an HTTP status from 400 to 599")
        require(reason is None or isinstance(reason, str), "reason must be a string or None")
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Message:
    """Base of messages."""

    __slots__ = ()


class IncomingMessage(Message):
    """A message that was received.

    Attributes:
        payload: Its octets.
        is_binary: Whether it is binary; otherwise it is UTF-8.
    """

    __slots__ = ("is_binary", "payload")

    def __init__(self, payload: bytes, is_binary: bool = False) -> None:
        require(isinstance(payload, bytes), "payload must be bytes")
        require(isinstance(is_binary, bool), "is_binary must be bool")
        self.payload = payload
        self.is_binary = is_binary


class OutgoingMessage(Message):
    """A message to send.

    Attributes:
        payload: Its octets.
        is_binary: Whether it is binary; otherwise it is UTF-8.
        skip_compress: Whether to leave it uncompressed.
    """

    __slots__ = ("is_binary", "payload", "skip_compress")

    def __init__(self, payload: bytes, is_binary: bool = False, skip_compress: bool = False) -> None:
        require(isinstance(payload, bytes), "payload must be bytes")
        require(isinstance(is_binary, bool), "is_binary must be bool")
        require(isinstance(skip_compress, bool), "skip_compress must be bool")
        self.payload = payload
        self.is_binary = is_binary
        self.skip_compress = skip_compress


class Ping:
    """A ping.

    Attributes:
        payload: Up to 125 octets, or None.
    """

    __slots__ = ("payload",)

    def __init__(self, payload: bytes | None = None) -> None:
        require(payload is None or (isinstance(payload, bytes) and len(payload) <= 125), "payload: 125 octets at most")
        self.payload = payload
