"""What every link does, whatever its framing and serializer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp import MessageTooLarge, RemoteProtocolError, SerializationError
from trowamp.messages import Call, Event, Hello, Message, Welcome
from trowamp.wire import DEFAULT_MAX_SIZE
from trowamp.wire._cbor import CborSerializer

from .pairs import CBOR, COMBINATIONS, PAIRS, cuts, exchange, feed, messages, octets_of, open_pair, rawsocket_pair, take

CALL = Call(7, {}, "com.example.add2", [2, 3])
EVENT = Event(1, 2, {}, [], {"text": "gr\u00fc\u00dfe", "octets": b"\0\xff"})
every_combination = pytest.mark.parametrize(("framing", "serializer"), COMBINATIONS)


@every_combination
def test_messages_arrive_in_order_and_in_both_directions(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    there: list[Message] = [Hello("realm1", {"roles": {"caller": {}}}), CALL, EVENT]
    back: list[Message] = [Welcome(1, {"roles": {"dealer": {}}}), EVENT, CALL]
    for message in there:
        client.send(message)
    for message in back:
        server.send(message)
    exchange(client, server)
    assert server.received() == there
    assert client.received() == back
    assert server.received() == client.received() == []
    assert client.serializer.name == server.serializer.name == serializer
    assert client.error is server.error is None


@every_combination
def test_octet_by_octet_means_the_same_as_in_one_piece(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    client.send(CALL)
    client.ping()
    client.send(EVENT)
    feed(server, octets_of(take(client)))
    assert server.received() == [CALL, EVENT]
    feed(client, octets_of(take(server)))
    assert client.pongs == 1


@given(st.data(), st.sampled_from(COMBINATIONS), st.lists(messages, max_size=5))
def test_any_messages_survive_any_cuts(data: st.DataObject, combination: tuple[str, str], sent: list[Message]) -> None:
    client, server = open_pair(*combination)
    for message in sent:
        client.send(message)
    feed(server, data.draw(cuts(take(client))))
    assert [message.to_wire() for message in server.received()] == [message.to_wire() for message in sent]
    assert server.error is None


@every_combination
@pytest.mark.parametrize("size", [0, 1, 100, 125, 126, 65535, 65536, 300000])
def test_lengths_around_the_limits_of_the_formats_work(framing: str, serializer: str, size: int) -> None:
    client, server = open_pair(framing, serializer)
    message = Event(1, 1, {}, ["x" * size])
    client.send(message)
    server.send(message)
    exchange(client, server)
    assert client.received() == server.received() == [message]


@every_combination
def test_octets_are_counted(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    before = client.queued_octets
    assert client.sent_octets == before == server.received_octets > 0
    client.send(CALL)
    client.ping()
    waiting = len(client.data_to_send())
    assert client.queued_octets == before + waiting
    assert client.sent_octets == before
    octets = bytes(client.data_to_send())
    client.data_sent(3)
    assert bytes(client.data_to_send()) == octets[3:]
    assert client.sent_octets == before + 3
    client.data_sent(10**9)
    assert client.queued_octets == client.sent_octets == before + waiting


@every_combination
def test_all_octets_can_be_taken_and_count_as_sent(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    assert client.take_data_to_send() == b""
    client.send(CALL)
    client.send(Event(1, 1, {}, ["x" * 100_000]))
    server.receive_data(client.take_data_to_send())
    assert [type(message) for message in server.received()] == [Call, Event]
    assert client.queued_octets == client.sent_octets == server.received_octets
    assert not client.data_to_send()


@every_combination
def test_encoding_queues_nothing_and_failing_to_encode_neither(framing: str, serializer: str) -> None:
    client, _ = open_pair(framing, serializer)
    client.encode(CALL)
    with pytest.raises(SerializationError):
        client.send(Event(1, 1, {}, [object()]))
    assert not client.data_to_send()


@pytest.mark.checklist("BAT-B6")
@pytest.mark.parametrize("serializer", ["json.batched", "msgpack.batched", "cbor.batched"])
def test_messages_of_a_batch_before_a_violation_are_handed_out(serializer: str) -> None:
    client, server = open_pair("websocket", serializer)
    good = client.serializer.encode(CALL)
    bad = good.replace(b"com.example.add2", b"com.example.add\xff")
    server.receive_data(bytes(client._frame(good + good)))
    assert server.received() == [CALL, CALL]
    server.receive_data(bytes(client._frame(good + bad + good)))
    assert isinstance(server.error, RemoteProtocolError)
    assert server.received() == ([] if serializer.startswith("json") else [CALL])


@every_combination
def test_after_a_violation_nothing_is_read(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    server.receive_data(client.encode(CALL) + bytes(client._frame(b"\xc1")) + client.encode(CALL))
    server.receive_data(client.encode(CALL))
    assert server.received() == [CALL]
    assert isinstance(server.error, RemoteProtocolError)
    assert server.is_closed
    assert server.is_open
    assert server.close_reason == str(server.error)


@every_combination
def test_a_closed_link_takes_no_more_messages(framing: str, serializer: str) -> None:
    client, server = open_pair(framing, serializer)
    octets = client.encode(CALL)
    client.close()
    client.close()
    take(client)
    queued = client.queued_octets
    client.send(CALL)
    client.send_encoded(octets)
    client.ping()
    assert client.queued_octets == queued
    assert not client.is_open
    assert client.close_reason == "closed by this side"
    server.receive_eof()
    server.receive_eof()
    server.receive_data(octets)
    assert server.is_closed
    assert server.received() == []


def test_a_message_that_is_too_large_is_encoded_once_and_refused() -> None:
    asked: list[object] = []

    def substitute(value: object, is_key: bool) -> str:
        asked.append(value)
        return "x" * (1000 if len(asked) == 1 else 1)

    client, server = rawsocket_pair(CborSerializer(substitute))
    exchange(client, server)
    client.max_send_size = 512
    with pytest.raises(MessageTooLarge):
        client.send(Event(1, 1, {}, [object()]))
    assert len(asked) == 1
    assert not client.data_to_send()


def test_what_closes_the_link_while_a_message_is_encoded_keeps_it_from_leaving() -> None:
    def substitute(value: object, is_key: bool) -> str:
        client.close()
        return ""

    client, server = rawsocket_pair(CborSerializer(substitute))
    exchange(client, server)
    client.send(Event(1, 1, {}, [object()]))
    assert not client.data_to_send()


def test_both_directions_have_the_same_limit_unless_told_otherwise() -> None:
    for framing in PAIRS:
        client, server = open_pair(framing, "cbor")
        assert client.max_send_size == server.max_send_size == DEFAULT_MAX_SIZE == 2**24 - 1


def test_a_link_describes_itself() -> None:
    assert repr(PAIRS["rawsocket"](CBOR)[0]) == "<Link opening>"
    client, _ = open_pair("rawsocket", "cbor")
    assert repr(client) == "<Link open cbor>"
    client.close(1000, "done")
    assert repr(client) == "<Link closing cbor: done>"
    client.receive_eof()
    assert repr(client) == "<Link closed cbor: done>"
