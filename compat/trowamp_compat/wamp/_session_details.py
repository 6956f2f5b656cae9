"""What is known of a connection, and of the session on it."""

from __future__ import annotations

import pprint
from collections.abc import Callable
from typing import Any, ClassVar, Final, Self

__all__ = ["SessionDetails", "TransportDetails"]


class _Marshalled:
    """Base of what can be written as a dictionary and read from one. Equal are those whose fields are.

    Attributes:
        FIELDS: The fields, with what each has to be and the words for it.
    """

    __slots__ = ()

    FIELDS: ClassVar[dict[str, tuple[Callable[[Any], bool], str]]] = {}

    def marshal(self) -> dict[str, Any]:
        """Return it as a dictionary."""
        return {name: getattr(self, name) for name in self.FIELDS}

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Self:
        """Read what `marshal` writes; keys that are not known are passed over.

        Raises:
            ValueError: A value has the wrong type.
            AssertionError: It is no dictionary.
        """
        if not isinstance(data, dict):
            raise AssertionError(f"a dictionary is needed, not {type(data).__name__}")
        made = cls()
        for name, (is_right, words) in cls.FIELDS.items():
            value = data.get(name)
            if value is None:
                continue
            if not is_right(value):
                raise ValueError(f'"{name}" must be {words}, was {type(value)}')
            setattr(made, name, made._read(name, value))
        return made

    def _read(self, name: str, value: Any) -> Any:  # noqa: ARG002 - for subclasses
        return value

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]  # its fields can be changed

    def __str__(self) -> str:
        return pprint.pformat(self.marshal())

    __repr__ = __str__


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


_STRING: Final = (_is_string, "a string")
_INT: Final = (_is_int, "an int")
_BOOL: Final = (_is_bool, "a bool")
_DICT: Final = (_is_dict, "a dict with strings as keys")
_LIST: Final = (_is_list, "a list")


def _reversed(names: dict[int, str]) -> dict[str, int]:
    return {name: number for number, name in names.items()}


class TransportDetails(_Marshalled):
    """What is known of a connection.

    Attributes:
        channel_type: One of `CHANNEL_TYPE_…`.
        channel_framing: One of `CHANNEL_FRAMING_…`.
        channel_serializer: One of `CHANNEL_SERIALIZER_…`.
        own: This side's address, for example "tcp4:127.0.0.1:48902".
        peer: The other side's address, for example "tcp4:127.0.0.1:8080" or "unix:/run/router.sock".
        is_server: Whether this side listened.
        own_pid: This side's process id.
        own_tid: This side's thread id.
        own_fd: This side's file descriptor.
        is_secure: Whether it is encrypted by TLS.
        channel_id: Ids of the TLS channel by their type, 32 octets each, for channel binding.
        peer_cert: The other side's certificate.
        websocket_protocol: The WebSocket subprotocol in use.
        websocket_extensions_in_use: The WebSocket extensions in use.
        http_headers_received: The headers of the opening handshake that were received.
        http_headers_sent: Those that were sent.
        http_cbtid: The cookie that tracks the client.
    """

    CHANNEL_TYPE_NONE = 0
    CHANNEL_TYPE_FUNCTION = 1
    CHANNEL_TYPE_MEMORY = 2
    CHANNEL_TYPE_SERIAL = 3
    CHANNEL_TYPE_TCP = 4
    CHANNEL_TYPE_TLS = 5
    CHANNEL_TYPE_UDP = 6
    CHANNEL_TYPE_DTLS = 7
    CHANNEL_TYPE_TO_STR: ClassVar = dict(
        enumerate(("null", "function", "memory", "serial", "tcp", "tls", "udp", "dtls"))
    )
    CHANNEL_TYPE_FROM_STR: ClassVar = _reversed(CHANNEL_TYPE_TO_STR)

    CHANNEL_FRAMING_NONE = 0
    CHANNEL_FRAMING_NATIVE = 1
    CHANNEL_FRAMING_WEBSOCKET = 2
    CHANNEL_FRAMING_RAWSOCKET = 3
    CHANNEL_FRAMING_TO_STR: ClassVar = dict(enumerate(("null", "native", "websocket", "rawsocket")))
    CHANNEL_FRAMING_FROM_STR: ClassVar = _reversed(CHANNEL_FRAMING_TO_STR)

    CHANNEL_SERIALIZER_NONE = 0
    CHANNEL_SERIALIZER_JSON = 1
    CHANNEL_SERIALIZER_MSGPACK = 2
    CHANNEL_SERIALIZER_CBOR = 3
    CHANNEL_SERIALIZER_UBJSON = 4
    CHANNEL_SERIALIZER_FLATBUFFERS = 5
    CHANNEL_SERIALIZER_TO_STR: ClassVar = dict(enumerate(("null", "json", "msgpack", "cbor", "ubjson", "flatbuffers")))
    CHANNEL_SERIALIZER_FROM_STR: ClassVar = _reversed(CHANNEL_SERIALIZER_TO_STR)

    FIELDS: ClassVar = {
        "channel_type": (CHANNEL_TYPE_FROM_STR.__contains__, "the name of a type of channel"),
        "channel_framing": (CHANNEL_FRAMING_FROM_STR.__contains__, "the name of a framing"),
        "channel_serializer": (CHANNEL_SERIALIZER_FROM_STR.__contains__, "the name of a serializer"),
        "own": _STRING,
        "peer": _STRING,
        "is_server": _BOOL,
        "own_pid": _INT,
        "own_tid": _INT,
        "own_fd": _INT,
        "is_secure": _BOOL,
        "channel_id": _DICT,
        "peer_cert": _DICT,
        "websocket_protocol": _STRING,
        "websocket_extensions_in_use": _LIST,
        "http_headers_received": _DICT,
        "http_headers_sent": _DICT,
        "http_cbtid": _STRING,
    }
    __slots__ = tuple(FIELDS)

    _NUMBERED: ClassVar = {
        "channel_type": (CHANNEL_TYPE_TO_STR, CHANNEL_TYPE_FROM_STR),
        "channel_framing": (CHANNEL_FRAMING_TO_STR, CHANNEL_FRAMING_FROM_STR),
        "channel_serializer": (CHANNEL_SERIALIZER_TO_STR, CHANNEL_SERIALIZER_FROM_STR),
    }

    def __init__(
        self,
        channel_type: int | None = None,
        channel_framing: int | None = None,
        channel_serializer: int | None = None,
        own: str | None = None,
        peer: str | None = None,
        is_server: bool | None = None,
        own_pid: int | None = None,
        own_tid: int | None = None,
        own_fd: int | None = None,
        is_secure: bool | None = None,
        channel_id: dict[str, bytes] | None = None,
        peer_cert: dict[str, Any] | None = None,
        websocket_protocol: str | None = None,
        websocket_extensions_in_use: list[Any] | None = None,
        http_headers_received: dict[str, Any] | None = None,
        http_headers_sent: dict[str, Any] | None = None,
        http_cbtid: str | None = None,
    ) -> None:
        self.channel_type = channel_type
        self.channel_framing = channel_framing
        self.channel_serializer = channel_serializer
        self.own = own
        self.peer = peer
        self.is_server = is_server
        self.own_pid = own_pid
        self.own_tid = own_tid
        self.own_fd = own_fd
        self.is_secure = is_secure
        self.channel_id = channel_id if channel_id is not None else {}
        self.peer_cert = peer_cert
        self.websocket_protocol = websocket_protocol
        self.websocket_extensions_in_use = websocket_extensions_in_use
        self.http_headers_received = http_headers_received
        self.http_headers_sent = http_headers_sent
        self.http_cbtid = http_cbtid

    @property
    def channel_typeid(self) -> str:
        """Type, framing and serializer in one name, for example "tcp-websocket-cbor"."""
        return "-".join(to_str[getattr(self, name) or 0] for name, (to_str, _) in self._NUMBERED.items())

    def marshal(self) -> dict[str, Any]:
        """Return it as a dictionary; types, framings and serializers by their names."""
        found = super().marshal()
        for name, (to_str, _) in self._NUMBERED.items():
            if found[name] is not None:
                found[name] = to_str.get(found[name])
        found["channel_id"] = found["channel_id"] or None
        return found

    def _read(self, name: str, value: Any) -> Any:
        if name in self._NUMBERED:
            return self._NUMBERED[name][1][value]
        if name == "channel_id":
            return {kind: _channel_id(kind, octets) for kind, octets in value.items()}
        return value


def _channel_id(kind: str, value: Any) -> bytes:
    """Take 32 octets, or 64 hexadecimal digits."""
    try:
        octets = value if isinstance(value, bytes) else bytes.fromhex(value)
    except (TypeError, ValueError):
        octets = b""
    if len(octets) != 32:
        raise ValueError(f'"channel_id" must hold 32 octets in hexadecimal digits for {kind}')
    return octets


class SessionDetails(_Marshalled):
    """What is known of a session that has been joined.

    Attributes:
        realm: The realm.
        session: The session's id.
        authid: Who it is to the router.
        authrole: In which role.
        authmethod: How that was proved.
        authprovider: Who decided.
        authextra: What the router tells besides.
        serializer: The serializer in use, for example "cbor.batched".
        transport: What is known of the connection.
        resumed: Whether an earlier session goes on.
        resumable: Whether this one could.
        resume_token: The secret for that.
    """

    FIELDS: ClassVar = {
        "realm": _STRING,
        "session": _INT,
        "authid": _STRING,
        "authrole": _STRING,
        "authmethod": _STRING,
        "authprovider": _STRING,
        "authextra": _DICT,
        "serializer": _STRING,
        "transport": _DICT,
        "resumed": _BOOL,
        "resumable": _BOOL,
        "resume_token": _STRING,
    }
    __slots__ = tuple(FIELDS)

    def __init__(
        self,
        realm: str | None = None,
        session: int | None = None,
        authid: str | None = None,
        authrole: str | None = None,
        authmethod: str | None = None,
        authprovider: str | None = None,
        authextra: dict[str, Any] | None = None,
        serializer: str | None = None,
        transport: TransportDetails | None = None,
        resumed: bool | None = None,
        resumable: bool | None = None,
        resume_token: str | None = None,
    ) -> None:
        self.realm = realm
        self.session = session
        self.authid = authid
        self.authrole = authrole
        self.authmethod = authmethod
        self.authprovider = authprovider
        self.authextra = authextra
        self.serializer = serializer
        self.transport = transport
        self.resumed = resumed
        self.resumable = resumable
        self.resume_token = resume_token

    def marshal(self) -> dict[str, Any]:
        """Return it as a dictionary."""
        found = super().marshal()
        found["transport"] = self.transport.marshal() if self.transport else None
        return found

    def _read(self, name: str, value: Any) -> Any:
        return TransportDetails.parse(value) if name == "transport" else value
