"""WAMP over HTTP long-polling (checklist §1.4): bodies of requests and answers, without I/O. HTTP itself is in `_http.py`.

A client opens a transport with `POST …/open` and gets an id for it. It asks for what the router has to say with `POST …/<id>/receive`, sends with
`POST …/<id>/send`, and ends with `POST …/<id>/close`. The link lives as long as the transport, whatever HTTP connections carry the requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from .._exceptions import ConnectError, MessageTooLarge, RemoteProtocolError
from ..messages import Goodbye
from ._batched import BatchedSerializer
from ._frames import TOO_BIG
from ._link import DEFAULT_MAX_SIZE
from ._whole import Bodies, WholeMessages

if TYPE_CHECKING:
    from ..messages import Message
    from ._link import Link
    from ._pieces import Octets
    from .serializers import Serializer

LARGEST_OPEN: Final = 65536  # octets of what opens a transport
_BATCH: Final = 65536  # octets; a batch that has them is not made larger
_LONGEST_FRAME: Final = 4  # octets beside a message in a batch
_LONGEST_ID: Final = 200

_TYPES: Final = {"json": "application/json", "msgpack": "application/x-msgpack", "cbor": "application/cbor"}
_OPEN: Final = msgspec.json.Decoder()


class Target(NamedTuple):
    """What a request is about.

    Attributes:
        operation: "open", "receive", "send" or "close".
        transport: The id of the transport; empty for "open".
    """

    operation: str
    transport: str


def parse_path(path: str) -> Target | None:
    """Return what the path of a request means, or None if it means nothing. Whatever comes before is the application's, or a proxy's."""
    head, _, operation = path.rpartition("/")
    if operation == "open":
        return Target("open", "")
    if operation in {"receive", "send", "close"}:
        return Target(operation, head.rpartition("/")[2])
    return None


def long_poll(
    serializer: Serializer, *, max_size: int = DEFAULT_MAX_SIZE, max_send_size: int | None = None
) -> LongPollLink:
    """Make the link of an open transport, for either side.

    Args:
        serializer: What was agreed on.
        max_size: Octets accepted for one incoming message.
        max_send_size: Octets a message may have on its way out, as peers do not tell; the same as `max_size` if None.
    """
    link = LongPollLink(PolledBodies(), max_size=max_size, max_send_size=max_send_size)
    link.opened(
        PolledBodies(),
        serializer,
        max_send_size=link.max_send_size,
        wire_format=("whole", serializer, link.max_send_size),
    )
    return link


class LongPollLink(WholeMessages):
    """A link whose owner moves bodies: one per `receive_data`, one per `take_body`.

    It carries one session: when both sides have said goodbye, and the router's goodbye has been taken, it is closed (LP-R6).
    """

    __slots__ = ("_has_heard_goodbye", "_has_said_goodbye")

    def __init__(self, framing: Bodies, *, max_size: int, max_send_size: int | None) -> None:
        super().__init__(framing, max_size=max_size, max_send_size=max_send_size)
        self._has_said_goodbye = self._has_heard_goodbye = False

    def receive_data(self, data: bytes | str) -> None:
        """Take one whole body; HTTP does not tell text from octets."""
        octets = data.encode() if isinstance(data, str) else data
        self.received_octets += len(octets)
        if not self.is_closed:
            self.pass_on(octets)

    def received(self) -> list[Message]:
        """Return the messages that arrived since the last time."""
        messages = super().received()
        if any(type(message) is Goodbye for message in messages):
            self._has_heard_goodbye = True
        return messages

    def encode_in_pieces(self, message: Message) -> Octets:
        """Serialize a message; nothing is queued."""
        octets = super().encode_in_pieces(message)
        if type(message) is Goodbye:
            self._has_said_goodbye = True
        return octets

    @property
    def max_body(self) -> int:
        """Octets accepted for one body: a message, or a batch of such. Peers make batches without knowing how large a message may be here."""
        if isinstance(self.serializer, BatchedSerializer):
            return max(self.max_size, _BATCH) + _LONGEST_FRAME
        return self.max_size

    @property
    def has_bodies(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._sizes)

    def take_body(self) -> bytes:
        """Take what one request or answer carries: one message, or of a batched serializer those that wait, up to a good size (LP-R1).

        It counts as sent from here on. Empty if nothing waits.
        """
        sizes = self._sizes
        if not sizes:
            return b""
        size = sizes.popleft()
        if isinstance(self.serializer, BatchedSerializer):
            while sizes and size + sizes[0] <= _BATCH:
                size += sizes.popleft()
        body = bytes(self.data_to_send()[:size])
        self.data_sent(size)
        if not sizes and self._has_said_goodbye and self._has_heard_goodbye:
            self.is_open = False
            self.ended("both sides have said goodbye")
        return body


class PolledBodies(Bodies):
    """Bodies that may be batches: what a message may have is not what they may have together."""

    __slots__ = ()

    def receive(self, link: Link, data: bytes) -> None:
        serializer = link.serializer
        if len(data) <= link.max_size or not isinstance(serializer, BatchedSerializer):
            super().receive(link, data)
            return
        largest = serializer.largest(data)
        if largest > link.max_size:
            link.fail(MessageTooLarge(largest, link.max_size), TOO_BIG)
            return
        try:
            link.deliver(data)
        except RemoteProtocolError as error:
            link.fail(error)


def content_type(serializer: Serializer) -> str:
    """Return how HTTP names the content of a serializer's bodies."""
    return _TYPES[serializer.name.partition(".")[0]]


def is_foreign(content: str, serializer: Serializer) -> bool:
    """Whether a request names another serializer's content; clients that name none, or a general one, are taken at their body's word."""
    named = content.partition(";")[0].strip().lower()
    return named in _TYPES.values() and named != content_type(serializer)


# ---- opening


class Choice(NamedTuple):
    """What a transport speaks.

    Attributes:
        serializer: Its serializer.
        protocol: How the client has called that.
    """

    serializer: Serializer
    protocol: str


def open_request(offer: Iterable[Serializer]) -> bytes:
    """Return the body that opens a transport."""
    return msgspec.json.encode({"protocols": [serializer.subprotocol for serializer in offer]})


def choose(body: bytes, known: Iterable[Serializer]) -> Choice | str:
    """Return the first protocol of the client's list that is known, or in words why there is none.

    Protocols are named as WebSocket's subprotocols are, `wamp.2.json`, or by the serializer alone, `json`.
    """
    try:
        request = _OPEN.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "the body is no JSON"
    protocols = request.get("protocols") if isinstance(request, dict) else None
    if not isinstance(protocols, list):
        return 'the body has to be {"protocols": [...]}, with the protocols in order of preference'
    by_name = _named(known)
    for protocol in protocols:
        if isinstance(protocol, str) and protocol in by_name:
            return Choice(by_name[protocol], protocol)
    speaks = ", ".join(serializer.subprotocol for serializer in dict.fromkeys(by_name.values()))
    return f"none of the protocols is known here; this router speaks {speaks}"


def opened(choice: Choice, transport: str, poll_timeout: float) -> bytes:
    """Return the answer to who opened a transport; that it tells `poll_timeout` is this project's own."""
    return msgspec.json.encode({"protocol": choice.protocol, "transport": transport, "poll_timeout": poll_timeout})


class Opened(NamedTuple):
    """What a router says of a transport.

    Attributes:
        serializer: What it speaks.
        transport: Its id.
        poll_timeout: Seconds within which the router answers every request for messages; None if it does not say.
    """

    serializer: Serializer
    transport: str
    poll_timeout: float | None


def parse_opened(body: bytes, offer: Iterable[Serializer]) -> Opened:
    """Read the router's answer.

    Raises:
        ConnectError: It is none, or it chose what was not offered.
    """
    try:
        answer = _OPEN.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ConnectError("what answers there is no WAMP router: the answer is no JSON object")
    protocol, transport = answer.get("protocol"), answer.get("transport")
    serializer = _named(offer).get(protocol) if isinstance(protocol, str) else None
    if serializer is None:
        raise ConnectError(f"the router chose the protocol {protocol!r:.100}, which was not offered")
    if not (isinstance(transport, str) and is_id(transport)):
        raise ConnectError(f"the router gave a transport id that cannot stand in a URL: {transport!r:.100}")
    return Opened(serializer, transport, _seconds(answer))


def is_id(transport: str) -> bool:
    """Whether a transport id can stand in a path as it is."""
    return 0 < len(transport) <= _LONGEST_ID and all(
        char.isascii() and (char.isalnum() or char in "-_.~") for char in transport
    )


def _seconds(answer: Mapping[str, Any]) -> float | None:
    seconds = answer.get("poll_timeout")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 86400:
        return float(seconds)
    return None


def _named(serializers: Iterable[Serializer]) -> dict[str, Serializer]:
    found: dict[str, Serializer] = {}
    for serializer in serializers:
        found[serializer.subprotocol] = found[serializer.name] = serializer
    return found
