"""WAMP over WebSocket: what the factories and protocols of both frameworks have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from trowamp import MessageTooLarge, RemoteProtocolError
from trowamp.messages import Message
from trowamp.wire import Serializer

from ..wamp._connection import NativeTransport
from ..wamp._convert import to_compat, to_core
from ..wamp._errors import as_compat_errors
from ..wamp._serializers import get_serializer
from ..wamp.exception import TransportLost
from ._client import WebSocketClientProtocol
from ._connection import WebSocketProtocol
from ._factory import WebSocketFactory
from ._server import WebSocketServerProtocol
from .types import ConnectionDeny, ConnectionRequest, ConnectionResponse

__all__ = [
    "WampWebSocketClientProtocol",
    "WampWebSocketFactory",
    "WampWebSocketProtocol",
    "WampWebSocketServerProtocol",
    "serializers_named",
]

DEFAULT_SERIALIZERS: Final = ("cbor.batched", "cbor", "msgpack.batched", "msgpack", "json.batched", "json")
_AS_AUTOBAHN: Final = b"\x18"  # how a batch of JSON ends until the peer has shown how it ends its own


def serializers_named(serializers: Sequence[Any] | None) -> dict[str, Serializer]:
    """Return serializers of the core by their subprotocols.

    Args:
        serializers: Objects of `trowamp_compat.wamp.serializer`, or names such as "cbor"; None is all.

    Raises:
        ValueError: There is no such serializer, or none at all.
    """
    found = {}
    for each in DEFAULT_SERIALIZERS if serializers is None else serializers:
        name = each if isinstance(each, str) else getattr(each, "SERIALIZER_ID", None)
        if not isinstance(name, str):
            raise ValueError(f"not a serializer: {each!r}")
        serializer = get_serializer(name)
        found[serializer.subprotocol] = serializer
    if not found:
        raise ValueError("at least one serializer is needed")
    return found


class _Link:
    """Where a session puts its messages.

    Attributes:
        serializer: The serializer of this connection.
        is_open: Whether messages can be sent; otherwise they go nowhere.
        queued_octets: Octets of all messages so far.
        sent_octets: Those of them that were written.
    """

    __slots__ = ("_max_size", "_send", "is_open", "queued_octets", "sent_octets", "serializer")

    def __init__(self, serializer: Serializer, send: Callable[[bytes, bool], None], max_size: int) -> None:
        self.serializer: Any = serializer
        self._send = send
        self._max_size = max_size
        self.is_open = True
        self.queued_octets = self.sent_octets = 0

    def send(self, message: Message) -> None:
        """Queue a message.

        Raises:
            SerializationError, MessageTooLarge: It cannot be sent; nothing was queued.
        """
        octets = self.serializer.encode(message)
        if 0 < self._max_size < len(octets):
            raise MessageTooLarge(len(octets), self._max_size)
        if self.is_open:
            self._send(octets, self.serializer.is_binary)
            self.queued_octets += len(octets)

    def messages(self, payload: bytes) -> list[Message]:
        """Return what a message of WebSocket holds.

        Raises:
            RemoteProtocolError: That is no message of WAMP.
        """
        serializer = self.serializer
        if serializer.name.endswith(".batched"):
            self.serializer = serializer.answering(
                payload
            )  # batches of JSON are written as the peer writes them (W-13)
            return list(serializer.decode_all(payload))
        return [serializer.decode(payload)]


class WampWebSocketProtocol(WebSocketProtocol, NativeTransport):
    """The transport that sessions see.

    Attributes:
        link: Where sessions put their messages.
    """

    _session: Any = None
    _is_native = False
    _is_flush_due = False
    _waiters: list[Any]

    def onOpen(self) -> None:
        """Make the session."""
        serializer = self.factory.serializer_of(self.websocket_protocol_in_use)
        self._waiters = []
        self.link = _Link(serializer, self._queue, self.maxMessagePayloadSize)
        if self.transport_details is not None:
            numbers = type(self.transport_details).CHANNEL_SERIALIZER_FROM_STR
            self.transport_details.channel_serializer = numbers.get(serializer.name.partition(".")[0])
            self.transport_details.channel_id = self._wire.channel_ids(is_server=self.is_server)
        session = self.factory.make_session()
        self._is_native = hasattr(session, "_take")
        self._session = session
        session.onOpen(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hand a message to the session."""
        session, link = self._session, self.link
        if session is None:
            return
        try:
            if isBinary is not link.serializer.is_binary:
                raise RemoteProtocolError(f"{link.serializer.subprotocol} does not travel in such frames")
            messages = link.messages(payload)
        except RemoteProtocolError as error:
            self._violated(str(error))
            return
        if self._is_native:
            session._take(messages)  # the seam of both, as in `NativeTransport`
        else:
            for message in messages:
                session.onMessage(to_compat(message))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: ARG002  # sessions do not ask
        """Tell the session."""
        session, self._session = self._session, None
        if session is None:
            return
        self.link.is_open = False
        try:
            session.onClose(wasClean)
        finally:
            for waiter in self._waiters:
                self._face.resolve(waiter)

    def _violated(self, text: str) -> None:
        """The peer does not speak WAMP: say so, and close (W-30)."""
        if self._is_native:
            self._session._violated(text)
        self.failByDrop = False
        self._fail(self.CLOSE_STATUS_CODE_PROTOCOL_ERROR, text)

    def _say_close(self, code: int | None, reason: str | None) -> None:
        super()._say_close(code, reason)
        if self._session is not None:
            self.link.is_open = False

    # ---- what sessions use

    def send(self, message: Any) -> None:
        """Send a message.

        Raises:
            SerializationError, PayloadExceededError, TransportLost: It cannot be sent.
        """
        if not self.isOpen():
            raise TransportLost("the transport is closed")
        with as_compat_errors():
            self.link.send(to_core(message))
        self.flush_soon()

    def close(self) -> None:
        """Close in good order: everything queued is sent before."""
        self.sendClose(self.CLOSE_STATUS_CODE_NORMAL)

    def abort(self) -> None:
        """Close at once."""
        self.dropConnection(abort=True)

    def give_up(self, why: str) -> None:
        """Close at once, and tell why."""
        self._drop(why)

    def flush(self) -> None:
        """Write what is queued."""
        self._is_flush_due = False
        if not self._is_receiving:
            self._flush(at_once=True)

    def flush_soon(self) -> None:
        """Write what is queued together with what else is queued in this turn of the loop."""
        if not (self._is_flush_due or self._is_receiving):
            self._is_flush_due = True
            self._face.call_soon(self.flush)

    def when_closed(self) -> Any:
        """Return a future of one's own that is done when the connection is gone."""
        future = self._face.create_future()
        if self._session is None:
            self._face.resolve(future)
        else:
            self._waiters.append(future)
        return future

    @property
    def is_paused(self) -> bool:
        """Whether the peer does not take what was sent."""
        return self._is_paused

    def _resumed(self) -> None:
        super()._resumed()
        resumed = getattr(self._session, "_resumed", None)  # of a router, which keeps what a slow client does not take
        if resumed is not None:
            resumed()

    def _queue(self, octets: bytes, is_binary: bool) -> None:
        frames = self._channel.send_message(octets, is_binary=is_binary, fragment_size=self.autoFragmentSize)
        self._count_sent(len(octets), frames)

    def _flush(self, *, at_once: bool = False) -> None:
        super()._flush(at_once=at_once)
        if self._session is not None:
            self.link.sent_octets = self.link.queued_octets


class WampWebSocketServerProtocol(WampWebSocketProtocol, WebSocketServerProtocol):
    """The server's side.

    Attributes:
        STRICT_PROTOCOL_NEGOTIATION: Whether clients that offer no serializer we know are refused; otherwise they get JSON.
    """

    STRICT_PROTOCOL_NEGOTIATION: ClassVar[bool] = True

    def onConnect(self, request: ConnectionRequest) -> Any:
        """Choose the first serializer that the client offers.

        Raises:
            ConnectionDeny: There is none that we know.
        """
        for offered in request.protocols:
            if offered in self.factory.protocols:
                return offered, {}
        if self.STRICT_PROTOCOL_NEGOTIATION:
            known = ", ".join(self.factory.protocols)
            raise ConnectionDeny(ConnectionDeny.BAD_REQUEST, f"this server only speaks WebSocket subprotocols {known}")
        return None, {}


class WampWebSocketClientProtocol(WampWebSocketProtocol, WebSocketClientProtocol):
    """The client's side.

    Attributes:
        STRICT_PROTOCOL_NEGOTIATION: Whether a server that selects no serializer is left; otherwise JSON is assumed.
    """

    STRICT_PROTOCOL_NEGOTIATION: ClassVar[bool] = True

    def onConnect(self, response: ConnectionResponse) -> Any:
        """Check what the server selected.

        Raises:
            Exception: It is nothing that we offered.
        """
        if response.protocol not in self.factory.protocols and (
            self.STRICT_PROTOCOL_NEGOTIATION or response.protocol is not None
        ):
            raise Exception(f"the server does not speak any of the WebSocket subprotocols {self.factory.protocols}")


class WampWebSocketFactory(WebSocketFactory):
    """Mixed into factories.

    Args:
        factory: Makes the session: a callable without arguments, or a session.
        args: As for the factory of the framework, without `protocols`.
        serializers: Objects of `trowamp_compat.wamp.serializer`, or names such as "cbor", in order of preference; None is all there are.
        kwargs: As for the factory of the framework.
    """

    def __init__(self, factory: Any, *args: Any, serializers: Sequence[Any] | None = None, **kwargs: Any) -> None:
        self._factory = factory
        self._serializers = serializers_named(serializers)
        super().__init__(*args, **kwargs | {"protocols": list(self._serializers)})

    def make_session(self) -> Any:
        """Make what handles the messages of a connection."""
        return self._factory() if callable(self._factory) else self._factory

    def serializer_of(self, subprotocol: str | None) -> Any:
        """Return the serializer for a subprotocol; JSON for none."""
        serializer = self._serializers.get(subprotocol or "") or get_serializer("json")
        answering = getattr(serializer, "answering", None)
        return serializer if answering is None else answering(_AS_AUTOBAHN)
