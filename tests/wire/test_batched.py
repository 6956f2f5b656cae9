from __future__ import annotations

import pytest

from tests.wire.pairs import exchange, websocket_pair
from trowamp._exceptions import RemoteProtocolError
from trowamp.messages import Call, Result
from trowamp.wire.serializers import SERIALIZERS, JsonSerializer, SeparatedSerializer, Serializer

NAMES = ("json.batched", "msgpack.batched", "cbor.batched")
MESSAGES = [Call(1, {}, "com.x", ["\x1e\x18", b"\x1e\x18"]), Result(2, {}), Call(3, {}, "com.y", [], {"a": 1})]

each_batched = pytest.mark.parametrize("serializer", [SERIALIZERS[name] for name in NAMES], ids=NAMES)


def plain(serializer: Serializer) -> Serializer:
    return SERIALIZERS[serializer.name.removesuffix(".batched")]


@each_batched
@pytest.mark.checklist("BAT-B1", "BAT-B5", "BAT-B6")
def test_encoded_messages_in_a_row_are_a_batch_in_that_order(serializer: Serializer) -> None:
    body = b"".join(map(serializer.encode, MESSAGES))
    assert list(serializer.decode_all(body)) == MESSAGES


@each_batched
@pytest.mark.checklist("BAT-B2")
def test_one_message_is_framed_like_many(serializer: Serializer) -> None:
    body = serializer.encode(MESSAGES[1])
    inner = plain(serializer).encode(MESSAGES[1])
    assert body == (inner + b"\x1e" if serializer.name == "json.batched" else bytes((0, 0, 0, len(inner))) + inner)
    assert serializer.decode(body) == MESSAGES[1]


@each_batched
@pytest.mark.checklist("BAT-B2")
def test_a_batch_of_nothing_is_a_violation(serializer: Serializer) -> None:
    with pytest.raises(RemoteProtocolError, match="a batch without messages"):
        list(serializer.decode_all(b""))


@each_batched
@pytest.mark.checklist("BAT-B3", "BAT-B6")
def test_a_truncated_batch_gives_its_whole_messages_and_then_a_violation(serializer: Serializer) -> None:
    body = b"".join(map(serializer.encode, MESSAGES))
    last = len(serializer.encode(MESSAGES[2]))
    for cut in range(1, last):
        messages = iter(serializer.decode_all(body[:-cut]))
        assert [next(messages), next(messages)] == MESSAGES[:2]
        with pytest.raises(RemoteProtocolError):
            next(messages)


@each_batched
@pytest.mark.checklist("BAT-B6")
def test_messages_before_a_violation_are_handed_out(serializer: Serializer) -> None:
    broken = {"json": b"[35]\x1e", "msgpack": b"\0\0\0\x02\x91\x23", "cbor": b"\0\0\0\x03\x81\x18\x23"}
    body = serializer.encode(MESSAGES[0]) + broken[plain(serializer).name] + serializer.encode(MESSAGES[2])
    messages = iter(serializer.decode_all(body))
    assert next(messages) == MESSAGES[0]
    with pytest.raises(RemoteProtocolError, match="UNSUBSCRIBED"):
        next(messages)


@each_batched
@pytest.mark.checklist("BAT-B3")
def test_where_one_message_is_expected_a_batch_of_two_is_a_violation(serializer: Serializer) -> None:
    with pytest.raises(RemoteProtocolError, match="a batch of 2 messages where one was expected"):
        serializer.decode(b"".join(map(serializer.encode, MESSAGES[:2])))


@pytest.mark.parametrize("body", [b"\x1e", b"[35,1]\x1e\x1e", b"\x1e[35,1]\x1e", b"[35,1]", b"[35,1]\x1e "])
@pytest.mark.checklist("BAT-B3")
def test_empty_and_unterminated_json_messages_are_violations(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        list(SERIALIZERS["json.batched"].decode_all(body))


@pytest.mark.parametrize("prefix", [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0", b"\0\0\0\x01"])
@pytest.mark.checklist("BAT-B3")
def test_a_length_that_does_not_fit_is_a_violation(prefix: bytes) -> None:
    for name in NAMES[1:]:
        with pytest.raises(RemoteProtocolError):
            list(SERIALIZERS[name].decode_all(prefix))


@pytest.mark.checklist("BAT-B4")
def test_json_is_written_with_the_separator_of_the_specification_and_read_with_both() -> None:
    serializer = SERIALIZERS["json.batched"]
    assert serializer.encode(Result(2, {})) == b"[50,2,{}]\x1e"
    assert list(serializer.decode_all(b"[50,2,{}]\x18[50,3,{}]\x1e[50,4,{}]\x18")) == [Result(n, {}) for n in (2, 3, 4)]


@pytest.mark.checklist("BAT-B4")
def test_the_separator_that_autobahn_expects_can_be_chosen() -> None:
    serializer = SeparatedSerializer(JsonSerializer(), separator=b"\x18")
    assert serializer.encode(Result(2, {})) == b"[50,2,{}]\x18"


@pytest.mark.checklist("BAT-B4")
def test_who_sends_batches_like_autobahn_is_answered_alike() -> None:
    like_autobahn = SeparatedSerializer(JsonSerializer(), separator=b"\x18")
    links = [websocket_pair(like_autobahn), websocket_pair(like_autobahn), websocket_pair(SERIALIZERS["json.batched"])]
    for client, server in links:
        exchange(client, server)
        assert server.encode(Result(1, {})).endswith(b"\x1e")
        client.send(Result(2, {}))
        exchange(client, server)
        assert server.received() == [Result(2, {})]
    first, second, by_the_book = (server for _, server in links)
    assert first.encode(Result(1, {})).endswith(b"[50,1,{}]\x18")
    assert by_the_book.encode(Result(1, {})).endswith(b"[50,1,{}]\x1e")
    assert first.wire_format == second.wire_format != by_the_book.wire_format
