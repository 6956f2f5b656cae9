"""Two links that talk to each other without a network, streams cut into pieces, and messages that every serializer carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hypothesis import strategies as st

from trowamp.messages import Call, Message
from trowamp.wire import (
    SERIALIZERS,
    Link,
    Serializer,
    get_serializer,
    rawsocket_client,
    rawsocket_server,
    universal_server,
    websocket_client,
    websocket_server,
)

CBOR, MSGPACK, JSON = (get_serializer(name) for name in ("cbor", "msgpack", "json"))
ALL = tuple(SERIALIZERS.values())
URL = "ws://router.example/ws"


def fixed_octets(count: int) -> bytes:
    """Return what stands in for randomness: the same every time, and every octet different from zero."""
    return bytes(1 + index % 255 for index in range(count))


def rawsocket_pair(serializer: Serializer) -> tuple[Link, Link]:
    return rawsocket_client(serializer), rawsocket_server(ALL)


def websocket_pair(serializer: Serializer) -> tuple[Link, Link]:
    return websocket_client(URL, [serializer], random_octets=fixed_octets), websocket_server(ALL)


def compressed_pair(serializer: Serializer) -> tuple[Link, Link]:
    client = websocket_client(URL, [serializer], random_octets=fixed_octets, compression="deflate")
    return client, websocket_server(ALL, compression="deflate")


def universal_rawsocket_pair(serializer: Serializer) -> tuple[Link, Link]:
    return rawsocket_client(serializer), universal_server(ALL)


def universal_websocket_pair(serializer: Serializer) -> tuple[Link, Link]:
    return websocket_client(URL, [serializer], random_octets=fixed_octets), universal_server(ALL)


PAIRS: dict[str, Callable[[Serializer], tuple[Link, Link]]] = {
    "rawsocket": rawsocket_pair,
    "websocket": websocket_pair,
    "websocket-deflate": compressed_pair,
    "universal-rawsocket": universal_rawsocket_pair,
    "universal-websocket": universal_websocket_pair,
}
COMBINATIONS = [
    (framing, serializer.name)
    for framing in PAIRS
    for serializer in ALL
    if serializer.rawsocket_id or "websocket" in framing
]


def take(link: Link) -> bytes:
    """Take what a link wants to send, as if it had been written."""
    octets = bytes(link.data_to_send())
    link.data_sent(len(octets))
    return octets


def exchange(one: Link, other: Link) -> None:
    """Carry octets both ways until nobody has anything to say."""
    while True:
        there, back = take(one), take(other)
        if not there and not back:
            return
        if there:
            other.receive_data(there)
        if back:
            one.receive_data(back)


def open_pair(framing: str, serializer: str) -> tuple[Link, Link]:
    """Return a client's and a router's link after their handshake."""
    client, server = PAIRS[framing](get_serializer(serializer))
    exchange(client, server)
    assert client.is_open
    assert server.is_open
    return client, server


def feed(link: Link, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        link.receive_data(piece)


def octets_of(stream: bytes) -> Iterator[bytes]:
    return (stream[index : index + 1] for index in range(len(stream)))


@st.composite
def cuts(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """Cut a stream into pieces anywhere."""
    places = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:stop] for start, stop in zip([0, *places], [*places, len(stream)], strict=True)]


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | _TEXT | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
messages: st.SearchStrategy[Message] = st.builds(
    Call,
    request_id=st.integers(1, 2**53),
    options=st.just({}),
    procedure=st.just("com.example.echo"),
    args=st.none() | st.lists(_VALUES, min_size=1, max_size=3),
    kwargs=st.none() | st.dictionaries(_TEXT, _VALUES, min_size=1, max_size=3),
)
