"""The link: one connection's octets to messages and back, whatever the framing, without I/O.

A link owns what every framing shares: counters, the outgoing buffer, decoded messages, the reasons of its end. How octets are cut into messages is
the business of its current `Framing`, an object that holds the receiving state of one phase and replaces itself when the phase ends: first octet
-> handshake -> frames. That is why one link can begin before anybody knows whether it will speak WebSocket or RawSocket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from .._exceptions import ConnectError, LocalProtocolError, MessageTooLarge, RemoteProtocolError
from ._batched import BatchedSerializer
from ._closing import is_sendable
from ._pieces import Outgoing

if TYPE_CHECKING:
    from ..messages import Message
    from ._pieces import Octets
    from .serializers import Serializer

DEFAULT_MAX_SIZE: Final = 2**24 - 1  # octets; the largest message that every RawSocket implementation frames alike

_MAX_UNSENT_PONGS: Final = 2**18  # octets; one more answer, of any size, is taken beyond it
_PING_PAYLOAD: Final = Struct(">Q")


class Framing(ABC):
    """One phase of a connection: a handshake, or the frames after it.

    Methods get the link as an argument, so that no reference cycle keeps a finished connection alive.
    """

    __slots__ = ()

    words: str  # what the phase is, for "the connection ended during …"
    answers_pings = False  # whether every peer answers them

    def start(self, link: Link) -> None:  # noqa: B027 - most phases begin silently
        """Queue what this side has to say first."""

    @abstractmethod
    def receive(self, link: Link, data: bytes) -> None:
        """Take octets; hand complete messages to the link."""

    def receive_eof(self, link: Link) -> None:
        """The peer sends nothing more: before the link is open that is a refusal."""
        link.fail(ConnectError(f"the connection ended during the {self.words}"))

    def frame(self, body: Octets) -> Octets:  # noqa: ARG002 - for those that can
        """Return the octets that carry one serialized message."""
        raise LocalProtocolError("the transport handshake is not done")

    def ping(self, link: Link, payload: bytes) -> None:  # noqa: B027 - a handshake has no pings
        """Queue a ping."""

    def close(self, link: Link, code: int, reason: str) -> None:  # noqa: B027 - not every framing has a farewell
        """Queue what ends the connection in good order."""


class Link:
    """One connection, client or router side: octets in, messages out, and back.

    Made by the functions of `trowamp.wire`, for example `rawsocket_client`. The owner moves octets: what it reads goes into `receive_data`, messages
    come out of `received`; what is to be written lies in `data_to_send`, and `data_sent` tells how much of it was written.

    Attributes:
        serializer: The serializer of this connection; set once `is_open`.
        is_open: Whether messages can be sent: the transport handshake is done, and neither side has closed. Stays True after a violation by the
            peer, so that an ABORT can still be sent before `close`.
        is_closed: Whether nothing will be received any more: the peer closed, the stream ended, or the link failed.
        error: Why the link failed: `RemoteProtocolError`, `MessageTooLarge`, or `ConnectError` if the handshake did. None otherwise, also after the
            end of an open connection, however sudden.
        close_reason: Words for people about the end of the connection; empty until there is one.
        close_code: The WebSocket close code that suits the end: 1000, or the one for `error`.
        max_size: Octets accepted for one incoming message. The owner may change it at any time, for example between HELLO and WELCOME.
        announced_size: What the peer may expect `max_size` to be: RawSocket announces a power of two.
        max_send_size: Octets the peer accepts for one message.
        peer_details: What the handshake told of the peer. On the router side of WebSocket it has `http`: the request's `path`, and its `headers` by
            their names in lower case. The owner may put a dict of its own here, to have it filled in.
        wire_format: Links with an equal value that is not None accept each other's `encode` output: encode once, send to many.
        pongs: How many pongs answered a ping of this side.
        queued_octets: Octets ever queued for sending.
        sent_octets: Octets ever reported by `data_sent`; the difference to `queued_octets` is what waits in `data_to_send`.
        received_octets: Octets ever received.
        decode: Reads one message; for framings that know no batches.
        messages: What has arrived and was not handed out by `received`; for framings.
        unread: What was received of a protocol that is none of this link's, if the owner has said that it serves such: the link is closed without
            having failed, and the connection is to be served otherwise.
    """

    __slots__ = (
        "_batched",
        "_encode",
        "_frame",
        "_framing",
        "_last_pong",
        "_outgoing",
        "_passes_on",
        "_pings",
        "_unsent_pongs",
        "announced_size",
        "close_code",
        "close_reason",
        "decode",
        "error",
        "is_closed",
        "is_open",
        "max_send_size",
        "max_size",
        "messages",
        "peer_details",
        "pongs",
        "queued_octets",
        "received_octets",
        "sent_octets",
        "serializer",
        "unread",
        "wire_format",
    )

    serializer: Serializer
    error: Exception | None
    wire_format: Hashable | None
    _batched: BatchedSerializer | None  # the serializer, if it is one
    decode: Callable[[bytes], Message]
    _encode: Callable[[Message], Octets]
    _frame: Callable[[Octets], Octets]

    def __init__(self, framing: Framing, *, max_size: int = DEFAULT_MAX_SIZE, max_send_size: int | None = None) -> None:
        self.is_open = False
        self.is_closed = False
        self.error = None
        self.close_reason = ""
        self.close_code = 1000
        self.max_size = max_size
        self.announced_size = max_size
        self.max_send_size = max_size if max_send_size is None else max_send_size
        self.wire_format = None
        self.peer_details: dict[str, Any] = {}
        self.unread = b""
        self.pongs = self.queued_octets = self.sent_octets = self.received_octets = 0
        self.messages: list[Message] = []
        self._passes_on = False
        self._outgoing = Outgoing()
        self._pings = self._last_pong = self._unsent_pongs = 0
        self.become(framing)
        framing.start(self)

    def __repr__(self) -> str:
        state = (
            "open" if self.is_open else "closed" if self.is_closed else "closing" if self.close_reason else "opening"
        )
        serializer = f" {self.serializer.name}" if hasattr(self, "serializer") else ""
        return f"<Link {state}{serializer}{': ' + self.close_reason if self.close_reason else ''}>"

    # What the owner uses

    def receive_data(self, data: bytes) -> None:
        """Take octets from the peer, in chunks of any size; never raises for what the peer did."""
        self.received_octets += len(data)
        if data and not self.is_closed:
            self._framing.receive(self, data)

    def receive_eof(self) -> None:
        """Take note that the peer sends nothing more, or that the connection broke."""
        if not self.is_closed:
            self._framing.receive_eof(self)
        self.is_open = False

    def received(self) -> list[Message]:
        """Return the messages that arrived since the last time; those before a violation are among them."""
        messages = self.messages
        if messages:
            self.messages = []
        return messages

    def encode(self, message: Message) -> bytes:
        """Serialize and frame a message; nothing is queued.

        Raises:
            SerializationError, MessageTooLarge, LocalProtocolError: As for `encode_in_pieces`.
        """
        return bytes(self.encode_in_pieces(message))

    def encode_in_pieces(self, message: Message) -> Octets:
        """Serialize and frame a message for `send_encoded`, without copying what is large; nothing is queued.

        Raises:
            SerializationError: The payload holds a value that cannot be carried faithfully.
            MessageTooLarge: The message is larger than `max_send_size`.
            LocalProtocolError: The transport handshake is not done.
        """
        if not self.is_open:
            self._refuse_to_encode()
        body = self._encode(message)
        if len(body) > self.max_send_size:  # RS-B1
            raise MessageTooLarge(len(body), self.max_send_size)
        return self._frame(body)

    def send_encoded(self, octets: Octets) -> None:
        """Queue what was encoded, here or on a link of the same `wire_format`; after `close` it goes nowhere, as on any closed connection."""
        if self.is_open:
            self.queue(octets)

    def send(self, message: Message) -> None:
        """Encode and queue a message.

        Raises:
            SerializationError, MessageTooLarge, LocalProtocolError: As for `encode_in_pieces`; nothing was queued.
        """
        if not self.is_open:
            self.encode_in_pieces(message)  # says what is wrong; after `close` the rest goes nowhere
            return
        body = self._encode(message)
        if len(body) > self.max_send_size:  # RS-B1
            raise MessageTooLarge(len(body), self.max_send_size)
        octets = self._frame(body)
        if self.is_open:  # a program that replaces values may have closed it meanwhile
            self.queue(octets)

    def pass_payloads_on(self) -> None:
        """From now on, messages are for a router: it does not change them, and sends large payloads on in the octets they came in where it can."""
        self._passes_on = True
        if hasattr(self, "serializer"):
            self.decode = self.serializer.decode_to_pass_on

    def data_to_send(self) -> bytearray:
        """Return the outgoing buffer itself, in one piece; report what was written of its front with `data_sent`."""
        if self._outgoing.behind:
            self._outgoing.gather()
        return self._outgoing

    @property
    def outgoing(self) -> Outgoing:
        """The outgoing buffer itself, for those who can send pieces."""
        return self._outgoing

    def data_sent(self, count: int) -> None:
        """Drop `count` octets from the front of the outgoing buffer: they are on their way."""
        outgoing = self._outgoing
        count = min(count, self.queued_octets - self.sent_octets)
        if outgoing.behind:
            outgoing.drop(count)
        else:
            del outgoing[:count]
        self.sent_octets += count
        if not outgoing:
            self._unsent_pongs = 0

    def take_data_to_send(self) -> bytes:
        """Return all that is to be sent, and drop it: for an owner whose transport keeps what cannot be written yet."""
        outgoing = self._outgoing
        if outgoing.behind:
            outgoing.gather()
        data = bytes(outgoing)
        outgoing.clear()
        self.sent_octets = self.queued_octets
        self._unsent_pongs = 0
        return data

    def ping(self) -> None:
        """Queue a ping with a payload of its own, if the link is open; see `pongs`."""
        if self.is_open:
            self._pings += 1
            self._framing.ping(self, _PING_PAYLOAD.pack(self._pings))

    @property
    def answers_pings(self) -> bool:
        """Whether the peer must answer pings: in WebSocket it must (RFC 6455 §5.5.2); some RawSocket peers drop a connection that pings."""
        return self.is_open and self._framing.answers_pings

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say farewell to the peer; no message can be sent afterwards, and closing again does nothing.

        Args:
            code: WebSocket close code; the one that suits `error` is sent instead if the link failed. RawSocket has none: there the owner closes
                the transport.
            reason: Words for the peer, shortened to what a Close frame can carry.

        Raises:
            ValueError: `code` must not stand in a Close frame (RFC 6455 §7.4).
        """
        if not is_sendable(code):
            raise ValueError(f"{code} is no close code that may be sent")
        if self.error is None:
            self.close_code = code
        if self.is_open:
            self._framing.close(self, self.close_code, reason or (self.close_reason if self.error else ""))
            self.is_open = False
        elif not hasattr(self, "serializer"):
            self.is_closed = True  # nothing of a handshake is worth waiting for
        self.close_reason = self.close_reason or reason or "closed by this side"

    # What framings use

    def become(self, framing: Framing) -> None:
        """Enter the next phase."""
        self._framing = framing
        self._frame = framing.frame

    def opened(
        self, framing: Framing, serializer: Serializer, *, max_send_size: int, wire_format: Hashable | None
    ) -> None:
        """The handshake succeeded: messages can flow, framed by `framing`."""
        self.serializer = serializer
        self.max_send_size = max_send_size
        self.wire_format = wire_format
        self.decode = serializer.decode_to_pass_on if self._passes_on else serializer.decode
        self._encode = serializer.encode_in_pieces
        self._batched = serializer if isinstance(serializer, BatchedSerializer) else None
        self.become(framing)
        self.is_open = True

    def pass_on(self, data: bytes) -> None:
        """Give octets to the current phase that its predecessor had received already."""
        self._framing.receive(self, data)

    def deliver(self, body: bytes) -> None:
        """Decode one unframed body and keep its message for `received`; its messages, if the serializer is batched.

        Raises:
            RemoteProtocolError: The body is no message. Those of a batch before the violation are kept (BAT-B6).
        """
        batched = self._batched
        if batched is not None:
            self._answer_alike(batched.answering(body))
            for message in batched.decode_all(body):
                self.messages.append(message)
        else:
            self.messages.append(self.decode(body))

    def _answer_alike(self, serializer: BatchedSerializer) -> None:
        """Write batches as the peer does."""
        if serializer is not self._batched:
            self.serializer = self._batched = serializer
            self._encode = serializer.encode_in_pieces
            if self.wire_format is not None:
                self.wire_format = (self.wire_format, serializer)

    def queue(self, octets: Octets) -> None:
        """Queue octets; those that are no message, too: handshake, ping, farewell."""
        outgoing = self._outgoing
        if type(octets) is bytes and not outgoing.behind:  # the usual case
            outgoing += octets
        else:
            outgoing.queue(octets)
        self.queued_octets += len(octets)

    def queue_pong(self, octets: bytes) -> None:
        """Queue the answer to a ping.

        Raises:
            RemoteProtocolError: The peer pings on and on without reading the answers.
        """
        if self._unsent_pongs > _MAX_UNSENT_PONGS:
            raise RemoteProtocolError("the peer sends pings without reading the answers")
        self._unsent_pongs += len(octets)
        self.queue(octets)

    def pong_received(self, payload: bytes) -> None:
        """Count a pong if it answers a ping of ours; anything else is ignored (RS-B3, RFC 6455 §5.5.3)."""
        if len(payload) == _PING_PAYLOAD.size:
            number = _PING_PAYLOAD.unpack(payload)[0]
            if self._last_pong < number <= self._pings:
                self._last_pong = number
                self.pongs += 1

    def fail(self, error: Exception, code: int = 1002) -> None:
        """The peer broke a rule, or the handshake failed: nothing it sends counts any more."""
        self.error = error
        self.close_code = code
        self.ended(str(error))

    def ended(self, reason: str) -> None:
        """Nothing will be received any more."""
        self.is_closed = True
        self.close_reason = self.close_reason or reason

    def leave(self, unread: bytes, what: str) -> None:
        """What began the connection is another protocol: somebody else goes on with it."""
        self.unread = unread
        self.ended(what)

    def _refuse_to_encode(self) -> None:
        if not hasattr(self, "serializer"):
            raise LocalProtocolError("the transport handshake is not done")
