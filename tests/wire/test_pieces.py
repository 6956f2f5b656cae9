"""Large octets leave in the places where they lie, in order and completely, however little of them is taken at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp.messages import Call, Event
from trowamp.wire import get_serializer
from trowamp.wire._passing import PassedArgs
from trowamp.wire._pieces import LARGE, LargeOctets, Octets, Outgoing, put_before

from .pairs import COMBINATIONS, exchange, open_pair

SIZES = (5, 40_000, 5, 100_000, 40_000, 5)
sizes = st.sampled_from([0, 1, 3, 100, LARGE - 1, LARGE, 65535, 65536, 65537, 200_000])


def octets_of(number: int, size: int) -> bytes:
    return bytes((number + each) % 256 for each in range(251)) * (size // 251 + 1)


@st.composite
def queued(draw: st.DrawFn) -> list[Octets]:
    """Draw octets as frames are: small ones whole, large ones behind a head."""
    return [
        put_before(b"head", octets_of(number, size)[:size])
        for number, size in enumerate(draw(st.lists(sizes, max_size=8)))
    ]


@given(queued(), st.data())
def test_whatever_is_queued_leaves_once_and_in_order(octets: list[Octets], data: st.DataObject) -> None:
    outgoing, sent, expected = Outgoing(), bytearray(), b"".join(map(bytes, octets))
    for each in octets:
        outgoing.queue(each)
        if data.draw(st.booleans()):
            front = b"".join(outgoing.pieces())
            count = data.draw(st.integers(0, len(front)))
            sent += front[:count]
            outgoing.drop(count)
            assert outgoing or not outgoing.behind
    assert bool(outgoing) == (len(sent) < sum(map(len, octets)))
    while outgoing:
        front = b"".join(outgoing.pieces())
        count = data.draw(st.integers(1, len(front)))
        sent += front[:count]
        outgoing.drop(count)
    assert bytes(sent) == expected
    assert not outgoing.behind


@given(queued())
def test_gathered_is_the_same_in_one_piece(octets: list[Octets]) -> None:
    outgoing = Outgoing()
    for each in octets:
        outgoing.queue(each)
    outgoing.gather()
    assert bytes(outgoing) == b"".join(map(bytes, octets))
    assert not outgoing.behind


def test_what_is_large_is_not_copied_and_what_is_small_is_put_together() -> None:
    body, outgoing = bytes(LARGE), Outgoing()
    for octets in (put_before(b"1", body), b"2", b"3", put_before(b"4", body), b"5"):
        outgoing.queue(octets)
    assert [bytes(each[:4]) for each in outgoing.pieces()] == [b"1", bytes(4), b"234", bytes(4), b"5"]
    assert outgoing.behind[0] is body is outgoing.behind[2]


def test_a_head_goes_before_octets_of_any_size() -> None:
    small, large = put_before(b"a", b"b" * 10), put_before(b"a", b"b" * LARGE)
    assert small == b"a" + b"b" * 10
    assert isinstance(large, LargeOctets)
    further = put_before(b"0", large)
    assert bytes(further) == b"0a" + b"b" * LARGE
    assert len(further) == LARGE + 2


@pytest.mark.parametrize(("framing", "serializer"), COMBINATIONS)
def test_large_and_small_messages_keep_their_order_on_every_link(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    sent = [Event(1, number, {}, ["x" * size]) for number, size in enumerate(SIZES, 1)]
    for message in sent:
        client.send(message)
        server.send(message)
        client.ping()
    assert client.queued_octets - client.sent_octets == len(client.data_to_send())
    exchange(client, server)
    assert client.received() == server.received() == sent


def test_receivers_of_an_event_share_its_large_payload() -> None:
    serializer = get_serializer("msgpack")
    event = Event(1, 2, {}, [bytes(LARGE)])
    passed = serializer.decode_to_pass_on(serializer.encode(Call(1, {}, "com.example.f", event.args)))
    assert isinstance(passed, Call)
    assert type(passed.args) is PassedArgs
    assert type(passed.args[0]) is memoryview  # of the octets that came
    event.args = passed.args
    links = [open_pair("rawsocket", "msgpack")[1] for _ in range(3)]
    octets = links[0].encode_in_pieces(event)
    for link in links:
        link.send_encoded(octets)
    assert len({id(link.outgoing.behind[0]) for link in links}) == 1
    assert bytes(links[0].data_to_send()) == links[0].encode(event)


def test_a_batch_takes_what_came_alone() -> None:
    single, batched = get_serializer("msgpack"), get_serializer("msgpack.batched")
    passed = single.decode_to_pass_on(single.encode(Call(1, {}, "com.example.f", [bytes(LARGE), {"a": b"b"}])))
    assert list(batched.decode_all(batched.encode(passed))) == [
        Call(1, {}, "com.example.f", [bytes(LARGE), {"a": b"b"}])
    ]
