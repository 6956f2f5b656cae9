"""Random payloads and random octets: what goes in comes out, and whatever octets arrive, only messages and violations come out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp._exceptions import RemoteProtocolError, SerializationError
from trowamp.messages import Call, Error, Event, Message, Publish, Result, Yield
from trowamp.wire.serializers import DEFAULT_OFFER, SERIALIZERS

NAMES = tuple(SERIALIZERS)
bounded = settings(max_examples=150, deadline=None)

texts = st.text(max_size=20).filter(lambda text: not text.startswith("\0"))  # those cannot be carried in JSON
integers = st.integers(-(2**63), 2**64 - 1) | st.integers(-300, 300)
atoms = (
    st.none()
    | st.booleans()
    | integers
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.binary(max_size=20)
)
values = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
args = st.lists(values, min_size=1, max_size=4)
kwargs = st.dictionaries(st.text(max_size=10), values, min_size=1, max_size=4)
ids = st.integers(1, 2**53)
options = st.dictionaries(texts.map("_x".__add__), values, max_size=2)

messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Call, ids, options, texts, args, kwargs),
    st.builds(Publish, ids, options, texts, args),
    st.builds(Event, ids, ids, options, args, kwargs),
    st.builds(Result, ids, options, args),
    st.builds(Yield, ids, options, args, kwargs),
    st.builds(Error, st.just(48), ids, options, texts, args),
)  # fmt: skip


def exactly(message: Message) -> str:
    """Return a text that tells 1 from True and from 1.0, and 0.0 from -0.0, which `==` does not."""
    return repr(message)


@bounded
@given(message=messages)
@pytest.mark.checklist("SER-R1")
def test_every_serializer_returns_exactly_the_message_that_went_in(message: Message) -> None:
    for name in NAMES:
        serializer = SERIALIZERS[name]
        assert exactly(serializer.decode(serializer.encode(message))) == exactly(message), name


@bounded
@given(batch=st.lists(messages, min_size=1, max_size=4))
@pytest.mark.checklist("BAT-B1", "BAT-B5")
def test_batches_return_exactly_the_messages_that_went_in(batch: list[Message]) -> None:
    for name in NAMES[3:]:
        serializer = SERIALIZERS[name]
        assert list(map(exactly, serializer.decode_all(b"".join(map(serializer.encode, batch))))) == list(
            map(exactly, batch)
        )


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5) | st.binary(max_size=5)
    | st.complex_numbers() | st.dates() | st.datetimes() | st.timedeltas() | st.decimals() | st.uuids(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.sets(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3) | st.integers() | st.none() | st.binary(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@bounded
@given(payload=st.lists(ANYTHING, min_size=1, max_size=3))
def test_what_one_serializer_accepts_all_accept_and_return_alike(payload: list[Any]) -> None:
    outcomes = set()
    for name in DEFAULT_OFFER:
        serializer = SERIALIZERS[name]
        try:
            outcomes.add(exactly(serializer.decode(serializer.encode(Result(1, {}, payload)))))
        except SerializationError as error:
            if "U+0000" not in str(error):  # the one thing that JSON alone cannot carry
                outcomes.add("refused")
    assert len(outcomes) <= 1


def is_violation_or_fit_for_all(name: str, body: bytes) -> bool:
    """Decode a body; tell whether what came out, if anything, can be encoded by every serializer."""
    try:
        decoded = list(SERIALIZERS[name].decode_all(body))
    except RemoteProtocolError:
        return True
    return all(is_fit_for(other, message) for message in decoded for other in DEFAULT_OFFER)


def is_fit_for(name: str, message: Message) -> bool:
    serializer = SERIALIZERS[name]
    try:
        return serializer.decode(serializer.encode(message)).to_wire() == message.to_wire()
    except SerializationError as error:
        return "U+0000" in str(error)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=60))
def test_random_octets_are_a_violation(name: str, body: bytes) -> None:
    assert is_violation_or_fit_for_all(name, body)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200, deadline=None)
@given(payload=st.binary(max_size=60))
def test_random_octets_as_payload_are_fit_for_all_or_a_violation(name: str, payload: bytes) -> None:
    heads = {"json": b"[50,1,{},[", "msgpack": b"\x94\x32\x01\x80\x91", "cbor": b"\x84\x18\x32\x01\xa0\x81"}
    head = heads[name.removesuffix(".batched")]
    body = head + payload + (b"]]" if name.startswith("json") else b"")
    if name == "json.batched":
        body += b"\x1e"
    elif name.endswith(".batched"):
        body = len(body).to_bytes(4, "big") + body
    assert is_violation_or_fit_for_all(name, body)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200, deadline=None)
@given(message=messages, data=st.data())
def test_mutated_messages_are_messages_or_violations(name: str, message: Message, data: st.DataObject) -> None:
    body = bytearray(SERIALIZERS[name].encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert is_violation_or_fit_for_all(name, bytes(body))
