"""Whatever a peer sends: nothing is raised, and nothing grows beyond the limits."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp import ConnectError, MessageTooLarge, RemoteProtocolError
from trowamp.messages import Call, Event
from trowamp.wire import Link, rawsocket_client, rawsocket_server, universal_server, websocket_client, websocket_server

from .pairs import ALL, CBOR, COMBINATIONS, PAIRS, URL, cuts, feed, fixed_octets, open_pair, take

CALL = Call(7, {}, "com.example.add2", [2, 3], {"text": "gr\u00fc\u00dfe"})
LINKS: dict[str, Callable[[], Link]] = {
    "rawsocket client": lambda: rawsocket_client(CBOR),
    "rawsocket router": lambda: rawsocket_server(ALL),
    "websocket client": lambda: websocket_client(URL, ALL, random_octets=fixed_octets, compression="deflate"),
    "websocket router": lambda: websocket_server(ALL, compression="deflate"),
    "universal router": lambda: universal_server(ALL, compression="deflate"),
}
PREFIXES = (
    b"",
    b"\x7f",
    b"\x7f\xf3\0\0",
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n",
    b"HTTP/1.1 101 X\r\n",
    b"HTTP/1.1 404 ",
)


def assert_harmless(link: Link) -> None:
    assert isinstance(link.error, RemoteProtocolError | MessageTooLarge | ConnectError | None)
    assert link.is_closed or link.error is None
    for message in link.received():
        message.to_wire()
    link.receive_eof()
    assert link.is_closed
    assert link.close_reason
    link.close()
    take(link)


@given(st.data(), st.sampled_from(sorted(LINKS)), st.sampled_from(PREFIXES), st.binary(max_size=300))
def test_garbage_during_the_handshake_does_no_harm(
    data: st.DataObject, name: str, prefix: bytes, garbage: bytes
) -> None:
    link = LINKS[name]()
    feed(link, data.draw(cuts(prefix + garbage)))
    assert_harmless(link)


@given(st.data(), st.sampled_from(COMBINATIONS), st.booleans(), st.binary(max_size=300))
def test_garbage_after_the_handshake_does_no_harm(
    data: st.DataObject, combination: tuple[str, str], is_client: bool, garbage: bytes
) -> None:
    client, server = open_pair(*combination)
    link = client if is_client else server
    feed(link, data.draw(cuts(garbage)))
    assert_harmless(link)


def recorded(framing: str, serializer: str) -> dict[str, bytes]:
    """Return what each side says in a short conversation, handshake included."""
    client, server = PAIRS[framing](next(each for each in ALL if each.name == serializer))
    said = {"client": b"", "server": b""}

    def turn() -> None:
        there, back = take(client), take(server)
        said["client"] += there
        said["server"] += back
        server.receive_data(there)
        client.receive_data(back)

    turn()
    turn()
    for _ in range(2):
        for link in (client, server):
            link.send(CALL)
            link.send(Event(1, 2, {}, ["x" * 200]))
            link.ping()
        turn()
    client.close()
    turn()
    turn()
    return said


@pytest.mark.parametrize(("framing", "serializer"), COMBINATIONS)
@pytest.mark.parametrize("is_client", [False, True])
def test_mutated_conversations_do_no_harm(framing: str, serializer: str, is_client: bool) -> None:
    said = recorded(framing, serializer)["server" if is_client else "client"]
    source = random.Random(f"{framing} {serializer} {is_client}")
    for _ in range(60):
        octets = bytearray(said)
        for _ in range(source.randint(1, 4)):
            mutate(octets, source)
        client, server = PAIRS[framing](next(each for each in ALL if each.name == serializer))
        link = client if is_client else server
        middle = source.randrange(len(octets) + 1)
        feed(link, [bytes(octets[:middle]), bytes(octets[middle:])])
        assert_harmless(link)


def mutate(octets: bytearray, source: random.Random) -> None:
    """Change a bit or an octet, drop, double or insert a few."""
    at = source.randrange(len(octets)) if octets else 0
    match source.randrange(5):
        case 0 if octets:
            octets[at] ^= 1 << source.randrange(8)
        case 1 if octets:
            octets[at] = source.randrange(256)
        case 2:
            del octets[at : at + source.randint(1, 9)]
        case 3:
            octets[at:at] = octets[at : at + source.randint(1, 30)]
        case _:
            octets[at:at] = source.randbytes(source.randint(1, 9))


@pytest.mark.parametrize("framing", ["rawsocket", "websocket", "websocket-deflate"])
def test_an_announced_message_costs_only_what_was_sent_of_it(framing: str) -> None:
    client, server = open_pair(framing, "cbor")
    octets = client.encode(Event(1, 1, {}, [random.Random(1).randbytes(2**23)]))
    tracemalloc.start()
    try:
        server.receive_data(octets[:1000])
        assert tracemalloc.get_traced_memory()[0] < 10000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("framing", ["rawsocket", "websocket"])
def test_a_large_message_in_small_pieces_is_copied_only_a_few_times(framing: str) -> None:
    client, server = open_pair(framing, "cbor")
    message = Event(1, 1, {}, [bytes(2**23)])
    octets = client.encode(message)
    tracemalloc.start()
    try:
        feed(server, (octets[start : start + 4096] for start in range(0, len(octets), 4096)))
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**23
    finally:
        tracemalloc.stop()
    assert server.received() == [message]


@pytest.mark.parametrize("name", sorted(LINKS))
def test_an_endless_handshake_is_cut_off(name: str) -> None:
    link = LINKS[name]()
    take(link)
    link.receive_data(b"GET / HTTP/1.1\r\n")
    feed(link, [b"X: " + b"y" * 1000 + b"\r\n"] * 100)
    assert link.error is not None
    assert len(link.data_to_send()) < 1000


@pytest.mark.parametrize(("framing", "limit"), [("rawsocket", 2000), ("websocket", 3000), ("websocket-deflate", 65536)])
def test_an_idle_connection_costs_little(framing: str, limit: int) -> None:
    open_pair(framing, "cbor")
    tracemalloc.start()
    try:
        servers = [open_pair(framing, "cbor")[1] for _ in range(20)]
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < limit * len(servers)
    finally:
        tracemalloc.stop()
