"""What octets are thrown at. A target takes any octets and returns; whatever else than the errors that are named here comes out of it is a defect.

`corpus` has honest conversations to begin from. Inputs that once broke a target are kept in `crashes/NAME/`, and are tried first.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from trowamp import ConnectError, MessageTooLarge, RemoteProtocolError, SerializationError, SessionDetails
from trowamp.messages import (
    Call,
    Cancel,
    Goodbye,
    Hello,
    Message,
    Publish,
    Register,
    Subscribe,
    Yield,
)
from trowamp.protocol import ClientSession, Join
from trowamp.router import Peer, Router
from trowamp.wire import (
    SERIALIZERS,
    Link,
    get_serializer,
    rawsocket_client,
    rawsocket_server,
    universal_server,
    websocket_client,
    websocket_server,
)

Target = Callable[[bytes], None]

URL: Final = "ws://localhost/ws"
PLAIN: Final = ("json", "msgpack", "cbor")
_ALL: Final = tuple(SERIALIZERS.values())
_MAX_SIZE: Final = 65536
_CRASHES: Final = Path(__file__).parent / "crashes"
_ROLES: Final[dict[str, Any]] = {
    role: {"features": {"call_canceling": True, "progressive_call_results": True}}
    for role in ("caller", "callee", "publisher", "subscriber")
}


def octets(count: int) -> bytes:
    """Return what stands in for randomness."""
    return bytes(1 + index % 255 for index in range(count))


def take(link: Link) -> bytes:
    """Take what a link wants to send."""
    data = bytes(link.data_to_send())
    link.data_sent(len(data))
    return data


class RouterEnd:
    """A router without a shell, and one connection to it."""

    def __init__(self) -> None:
        ids = random.Random(1)
        self._router = Router(
            ["realm1"], random_id=lambda: ids.randint(1, 2**53), utc_now=lambda: datetime(2026, 1, 1, tzinfo=UTC)
        )
        self.link = universal_server(_ALL, compression="deflate", max_size=_MAX_SIZE)
        self.peer: Peer = self._router.attach(self.link, transport={"type": "test"}, now=0.0)

    def receive(self, data: bytes) -> bytes:
        """Take octets as the shell does; return what goes back."""
        self.link.receive_data(data)
        for message in self.link.received():
            self._router.receive(self.peer, message, 1.0)
        if self.link.error is not None:
            self._router.violation(self.peer, self.link.error, 1.0)
        self._router.take_dirty()
        return take(self.link)

    def end(self) -> None:
        """The connection is gone; nothing may be left of it."""
        self.link.receive_eof()
        self._router.tick(100.0)
        self._router.detach(self.peer, "gone", 100.0)
        left = self._router.statistics()
        assert (left.connections, left.sessions, left.registrations, left.subscriptions) == (0, 0, 0, 0)
        assert (left.calls_in_flight, left.deadlines) == (0, 0)


def client_link(framing: str, serializer: str) -> Link:
    """Return a client's link."""
    if framing == "rawsocket":
        return rawsocket_client(get_serializer(serializer), max_size=_MAX_SIZE)
    return websocket_client(
        URL, [get_serializer(serializer)], random_octets=octets, max_size=_MAX_SIZE, compression="deflate"
    )


@functools.cache
def conversation(framing: str, serializer: str) -> tuple[bytes, bytes]:
    """Return what a client and the router say in a short life."""
    end, link = RouterEnd(), client_link(framing, serializer)
    said = [b"", b""]

    def turn() -> None:
        there = take(link)
        back = end.receive(there)
        said[0] += there
        said[1] += back
        link.receive_data(back)

    turn()
    turn()
    ids = itertools.count(1)
    sayings: list[Message] = [
        Hello("realm1", {"roles": _ROLES}),
        Subscribe(next(ids), {}, "com.example.topic"),
        Register(next(ids), {}, "com.example.procedure"),
        Publish(next(ids), {"acknowledge": True, "exclude_me": False}, "com.example.topic", [1, "x"], {"a": None}),
        Call(next(ids), {"receive_progress": True}, "com.example.procedure", [b"\0", 1.5]),
        Yield(1, {"progress": True}, [1]),
        Cancel(4, {"mode": "kill"}),
        Goodbye({}, "wamp.close.close_realm"),
    ]
    for saying in sayings:
        link.send(saying)
        turn()
    return said[0], said[1]


# ---- parsers


def _harmless(link: Link) -> None:
    assert isinstance(link.error, RemoteProtocolError | MessageTooLarge | ConnectError | None), repr(link.error)
    for message in link.received():
        message.to_wire()
    link.receive_eof()
    assert link.is_closed
    link.close()


def _parses(make_link: Callable[[], Link], prefix: Callable[[], bytes], data: bytes) -> None:
    """Feed a link in two pieces, after what brought it to where the octets are interesting."""
    link = make_link()
    take(link)
    link.receive_data(prefix())
    take(link)
    half = len(data) // 2
    link.receive_data(data[:half])
    link.receive_data(data[half:])
    _harmless(link)


def _nothing() -> bytes:
    return b""


@functools.cache
def _request() -> bytes:
    return take(client_link("websocket", "cbor"))


@functools.cache
def _response() -> bytes:
    server = websocket_server(_ALL, compression="deflate")
    server.receive_data(_request())
    return take(server)


def decode_with(name: str) -> Target:
    """Return the target that decodes bodies, and demands that all who might get what came out can have it."""
    serializer = SERIALIZERS[name]

    def decode(data: bytes) -> None:
        try:
            message = serializer.decode(data)
        except RemoteProtocolError:
            return
        for other in PLAIN:
            try:
                SERIALIZERS[other].encode(message)
            except SerializationError as error:
                assert "U+0000" in str(error), repr(message)  # noqa: PT017  # the one thing that JSON cannot carry

    return decode


# ---- pipes: everything between the socket and the shell


def router_pipe(data: bytes) -> None:
    """Throw octets at a router, before anybody has said who it is."""
    end = RouterEnd()
    half = len(data) // 2
    end.receive(data[:half])
    end.receive(data[half:])
    end.end()


def joined_pipe(data: bytes) -> None:
    """Throw octets at a router that knows the session."""
    end = RouterEnd()
    link = client_link("rawsocket", PLAIN[len(data) % 3])
    link.receive_data(end.receive(take(link)))
    link.send(Hello("realm1", {"roles": _ROLES}))
    end.receive(take(link))
    end.receive(data)
    end.end()


def client_pipe(data: bytes) -> None:
    """Throw octets at a client that joins, and at its session if they let it in."""
    link = client_link(("rawsocket", "websocket")[len(data) % 2], PLAIN[len(data) % 3])
    take(link)
    link.receive_data(data)
    if link.error is not None or not link.is_open:
        _harmless(link)
        return
    messages = link.received()
    try:
        join = Join(link, "realm1", agent="")
    except MessageTooLarge:  # the router has announced that it takes next to nothing
        return
    session: ClientSession[Any, Any, Any] | None = None
    for message in messages:
        if session is not None:
            session.receive(message)
            continue
        outcome = join.receive(message)
        if isinstance(outcome, SessionDetails):
            session = ClientSession(link, outcome)
            session.call("com.example.procedure", (), {}, {}, "waiter")
            session.subscribe("com.example.topic", {}, "handler", "waiter")
            session.register("com.example.procedure", {}, "handler", "waiter")
        elif outcome is not None:
            return
    if session is not None:
        session.lose("the end")
        left = session.statistics()
        assert (left.pending_calls, left.pending_registers, left.pending_subscribes) == (0, 0, 0)
    _harmless(link)


TARGETS: Final[dict[str, Target]] = {
    "websocket_frames_to_router": functools.partial(
        _parses, lambda: websocket_server(_ALL, compression="deflate", max_size=_MAX_SIZE), _request
    ),
    "websocket_frames_to_client": functools.partial(_parses, lambda: client_link("websocket", "cbor"), _response),
    "http_request": functools.partial(_parses, lambda: universal_server(_ALL, compression="deflate"), _nothing),
    "http_response": functools.partial(_parses, lambda: client_link("websocket", "json"), _nothing),
    "rawsocket_to_router": functools.partial(_parses, lambda: rawsocket_server(_ALL, max_size=_MAX_SIZE), _nothing),
    "rawsocket_to_client": functools.partial(_parses, lambda: client_link("rawsocket", "cbor"), _nothing),
    "json": decode_with("json"),
    "msgpack": decode_with("msgpack"),
    "cbor": decode_with("cbor"),
    "router_pipe": router_pipe,
    "joined_pipe": joined_pipe,
    "client_pipe": client_pipe,
}


def corpus(name: str) -> list[bytes]:
    """Return what to begin from."""
    talks = [conversation(framing, serializer) for framing in ("rawsocket", "websocket") for serializer in PLAIN]
    if name in PLAIN:
        return _bodies(name)
    if name == "websocket_frames_to_router":
        return [said[len(_request()) :] for said, _ in talks[3:]]
    if name == "websocket_frames_to_client":
        return [heard[heard.index(b"\r\n\r\n") + 4 :] for _, heard in talks[3:]]
    if name == "joined_pipe":
        return [said[4:] for said, _ in talks[:3]]
    from_client = name in {"http_request", "rawsocket_to_router", "router_pipe"}
    return [said if from_client else heard for said, heard in talks]


def _bodies(serializer: str) -> list[bytes]:
    said, heard = conversation("rawsocket", serializer)
    bodies = []
    for stream in (said[4:], heard[4:]):
        position = 0
        while position < len(stream):
            size = int.from_bytes(stream[position + 1 : position + 4], "big")
            bodies.append(stream[position + 4 : position + 4 + size])
            position += 4 + size
    return bodies


def crashes(name: str) -> list[Path]:
    """Return the inputs that once broke a target."""
    return sorted((_CRASHES / name).glob("*"))
