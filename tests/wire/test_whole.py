from __future__ import annotations

import pytest

from trowamp import MessageTooLarge, RemoteProtocolError
from trowamp.messages import Call, Event
from trowamp.wire import SERIALIZERS, get_serializer, whole_messages

from .pairs import CBOR, JSON

CALL = Call(7, {}, "com.example.add2", [2, 3])


@pytest.mark.parametrize("name", SERIALIZERS)
def test_a_body_is_a_message(name: str) -> None:
    link = whole_messages(get_serializer(name))
    assert link.is_open
    link.send(CALL)
    link.send_encoded(link.encode(CALL))
    bodies = link.bodies_to_send()
    assert bodies == [link.serializer.encode(CALL)] * 2
    for body in bodies:
        link.receive_data(body if link.serializer.is_binary else body.decode())
    assert link.received() == [CALL, CALL]
    assert link.received_octets == link.sent_octets == link.queued_octets == sum(map(len, bodies))


def test_bodies_are_handed_out_once() -> None:
    link = whole_messages(CBOR)
    link.send(CALL)
    assert len(link.data_to_send()) == link.queued_octets - link.sent_octets > 0
    assert len(link.bodies_to_send()) == 1
    assert link.bodies_to_send() == []
    assert not link.data_to_send()
    link.data_sent(1000)
    assert link.sent_octets == link.queued_octets


@pytest.mark.checklist("WS-B2")
def test_text_and_binary_must_not_be_mixed_up() -> None:
    link = whole_messages(CBOR)
    link.receive_data("[]")
    assert str(link.error) == "text message, but wamp.2.cbor is not carried by them"
    link = whole_messages(JSON)
    link.receive_data(JSON.encode(CALL))
    assert str(link.error) == "binary message, but wamp.2.json is not carried by them"
    assert link.is_closed


def test_a_violation_leaves_room_for_an_abort() -> None:
    link = whole_messages(CBOR)
    link.receive_data(CBOR.encode(CALL))
    link.receive_data(b"\xff")
    link.receive_data(CBOR.encode(CALL))
    assert link.received() == [CALL]
    assert isinstance(link.error, RemoteProtocolError)
    assert link.is_closed
    assert link.is_open
    assert link.close_code == 1002
    link.send(CALL)
    assert len(link.bodies_to_send()) == 1
    link.close()
    link.send(CALL)
    assert link.bodies_to_send() == []


@pytest.mark.parametrize("body", ["\ud800", "", "[]"])
def test_text_that_is_no_message_is_a_violation(body: str) -> None:
    link = whole_messages(JSON)
    link.receive_data(body)
    assert isinstance(link.error, RemoteProtocolError)


def test_limits_hold_in_both_directions() -> None:
    message = Event(1, 1, {}, [b"x" * 100])
    link = whole_messages(CBOR, max_size=100)
    with pytest.raises(MessageTooLarge):
        link.send(message)
    assert link.bodies_to_send() == []
    link.receive_data(CBOR.encode(message))
    assert isinstance(link.error, MessageTooLarge)
    assert link.close_code == 1009


def test_the_end_is_told_in_words() -> None:
    link = whole_messages(CBOR)
    link.receive_eof()
    assert link.is_closed
    assert not link.is_open
    assert link.error is None
    assert link.close_reason == "the peer ended the connection"


def test_links_share_encoded_messages_if_their_serializers_and_limits_are_the_same() -> None:
    assert whole_messages(CBOR).wire_format == whole_messages(CBOR).wire_format is not None
    assert whole_messages(CBOR).wire_format != whole_messages(JSON).wire_format
    assert whole_messages(CBOR).wire_format != whole_messages(CBOR, max_send_size=512).wire_format
