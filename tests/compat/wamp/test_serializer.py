"""Serializers of the vocabulary."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from trowamp_compat.wamp.exception import InvalidUriError, ProtocolError, SerializationError
from trowamp_compat.wamp.interfaces import IObjectSerializer, ISerializer
from trowamp_compat.wamp.message import Call, Published
from trowamp_compat.wamp.serializer import (
    RAWSOCKET_OFFER,
    SERID_TO_OBJSER,
    SERID_TO_SER,
    WEBSOCKET_OFFER,
    JsonObjectSerializer,
    JsonSerializer,
    Serializer,
    create_transport_serializer,
    create_transport_serializers,
)

from trowamp import messages as core

NAMES = [name + suffix for name in SERID_TO_SER for suffix in ("", ".batched")]
CALL = Call(1, "com.example.add2", [2, b"\0\xff", "ü"], {"k": None, "deep": [{"x": 1.5}]})


@pytest.mark.autobahn("S-25")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_serialized_is_read_again(name: str) -> None:
    serializer = create_transport_serializer(name)
    octets, is_binary = serializer.serialize(CALL)
    assert (serializer.SERIALIZER_ID, is_binary) == (name, not name.startswith("json"))
    assert serializer.unserialize(octets, is_binary) == [CALL]
    assert serializer.unserialize(octets) == [CALL]
    assert serializer.serialize(CALL.to_core()) == (octets, is_binary)
    assert isinstance(serializer, ISerializer)


@pytest.mark.parametrize("name", [name for name in NAMES if "batched" in name])
def test_a_batch_holds_several_messages(name: str) -> None:
    serializer = create_transport_serializer(name)
    batch = serializer.serialize(CALL)[0] + serializer.serialize(Published(1, 2))[0]
    assert serializer.unserialize(batch) == [CALL, Published(1, 2)]


@pytest.mark.autobahn("W-13")
def test_batches_of_json_are_separated_as_autobahn_has_it_and_understood_both_ways() -> None:
    serializer = JsonSerializer(batched=True)
    octets, _ = serializer.serialize(Published(1, 2))
    assert octets == b"[17,1,2]\x18"
    assert serializer.unserialize(octets.replace(b"\x18", b"\x1e")) == [Published(1, 2)]
    assert serializer.core.encode(core.Published(1, 2)) == octets


@pytest.mark.parametrize("name", ["ubjson", "flatbuffers", "flatbuffers.batched", "json.zipped", "x", ""])
def test_what_is_not_offered_is_told(name: str) -> None:
    for kind in (RuntimeError, ValueError):
        with pytest.raises(kind, match="available: json, msgpack, cbor"):
            create_transport_serializer(name)


def test_serializers_of_a_transport_are_made_in_its_order() -> None:
    transport = SimpleNamespace(serializers=["json", "cbor.batched"])
    assert [each.SERIALIZER_ID for each in create_transport_serializers(transport)] == ["json", "cbor.batched"]
    assert [each.SERIALIZER_ID for each in create_transport_serializers(WEBSOCKET_OFFER)] == list(WEBSOCKET_OFFER)
    assert [each.RAWSOCKET_SERIALIZER_ID for each in create_transport_serializers(RAWSOCKET_OFFER)] == [3, 2, 1]


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_no_message_is_refused(name: str) -> None:
    serializer = create_transport_serializer(name)
    for wrong in (b"\xff\xff\xff\xff\xff", b"", serializer.serialize(CALL)[0][:-2]):
        with pytest.raises(ProtocolError):
            serializer.unserialize(wrong)
    with pytest.raises(ProtocolError, match="binary"):
        serializer.unserialize(serializer.serialize(CALL)[0], name.startswith("json"))


def test_a_uri_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidUriError, match="procedure"):
        JsonSerializer().unserialize(b'[48,1,{},"a b"]')


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [object(), float("nan"), 2**70, {(1, 2): 3}])
def test_what_cannot_be_carried_is_told(name: str, value: object) -> None:
    with pytest.raises(SerializationError):
        create_transport_serializer(name).serialize(Call(1, "a.b", [value]))


def test_octets_and_decimals_can_be_texts_in_json() -> None:
    serializer = JsonSerializer(use_binary_hex_encoding=True, use_decimal_from_str=True)
    octets, _ = serializer.serialize(Call(1, "a.b", [b"xx", Decimal("1.50"), "text"]))
    assert octets == b'[48,1,{},"a.b",["0x7878","1.50","text"]]'
    (made,) = serializer.unserialize(octets)
    assert isinstance(made, Call)
    assert made.args == [b"xx", Decimal("1.50"), "text"]
    assert serializer.serialize(made.to_core())[0] == octets
    for wrong in (b"x", b"[999]", b"[]", b"{}"):
        with pytest.raises(ProtocolError):
            serializer.unserialize(wrong)


@pytest.mark.parametrize("name", list(SERID_TO_OBJSER))
@pytest.mark.parametrize("batched", [False, True])
def test_plain_values_are_serialized_and_read_again(name: str, batched: bool) -> None:
    serializer: Any = SERID_TO_OBJSER[name](batched=batched)
    value = {"a": [1, b"\0x", "ü", None, True, 1.5], "b": {}}
    octets = serializer.serialize(value)
    assert serializer.unserialize(octets) == [value]
    assert isinstance(serializer, IObjectSerializer)
    assert (name, name != "json") == (serializer.NAME, serializer.BINARY)
    if batched:
        assert serializer.unserialize(octets + serializer.serialize([1])) == [value, [1]]
        with pytest.raises(ValueError, match="batch"):
            serializer.unserialize(octets[:-1])


def test_a_payload_is_serialized_as_the_messages_would_hold_it() -> None:
    assert JsonSerializer(batched=True).serialize_payload([b"x"]) == JsonObjectSerializer().serialize([b"x"])


def test_messages_and_octets_are_counted() -> None:
    serializer = JsonSerializer()
    octets, _ = serializer.serialize(Published(1, 2))
    serializer.unserialize(octets)
    serializer.serialize(Call(1, "a.b", ["x" * 1000]))
    size = len(octets)
    assert (serializer.stats_messages(), serializer.stats_rated_messages()) == (3, 4)
    assert serializer.stats_bytes() > 1000 + 2 * size
    told = serializer.stats(reset=False, details=True)
    assert told["unserialized"] == {"bytes": size, "messages": 1, "rated_messages": 1}
    assert told["serialized"]["messages"] == 2
    assert serializer.stats()["messages"] == 3
    after = serializer.stats()
    assert (after["messages"], after["cycle"], after["serializer"]) == (0, told["cycle"] + 1, "json")
    serializer.serialize(Published(1, 2))
    assert serializer.stats_reset() > 0
    assert serializer.stats_bytes() == 0


@pytest.mark.parametrize(("rated", "duration"), [(2, None), (None, 1), (0, 1)])
def test_counters_begin_anew_when_enough_has_happened(rated: int | None, duration: int | None) -> None:
    serializer: Serializer = JsonSerializer()
    told: list[dict[str, Any]] = []
    serializer.set_stats_autoreset(rated, duration, told.append, reset_now=True)
    serializer.serialize(Published(1, 2))
    serializer.serialize(Published(1, 2))
    assert sum(each["messages"] for each in told) == 2
    assert serializer.stats_messages() == 0
    with pytest.raises(AssertionError, match="needed"):
        serializer.set_stats_autoreset(None, None, told.append)
