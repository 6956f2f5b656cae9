"""Messages: from lists and back, and every way in which a list is no message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp import messages
from trowamp._exceptions import RemoteProtocolError
from trowamp._ids import MAX_ID
from trowamp.messages import MESSAGE_BY_CODE, Message, parse

# What stands at each position after the code; what comes after the bar is optional.
SHAPES = {
    1: "uri roles |",
    2: "id roles |",
    3: "dict uri | args kwargs",
    4: "string dict |",
    5: "string dict |",
    6: "dict uri |",
    8: "type id dict uri | args kwargs",
    16: "id dict uri | args kwargs",
    17: "id id |",
    32: "id dict uri |",
    33: "id id |",
    34: "id id | dict",
    35: "id0 | dict",
    36: "id id dict | args kwargs",
    48: "id dict uri | args kwargs",
    49: "id dict |",
    50: "id dict | args kwargs",
    64: "id dict uri |",
    65: "id id |",
    66: "id id | dict",
    67: "id0 | dict",
    68: "id id dict | args kwargs",
    69: "id dict |",
    70: "id dict | args kwargs",
    337: "id |",
}
NAMES = {
    1: "HELLO",
    2: "WELCOME",
    3: "ABORT",
    4: "CHALLENGE",
    5: "AUTHENTICATE",
    6: "GOODBYE",
    8: "ERROR",
    16: "PUBLISH",
    17: "PUBLISHED",
    32: "SUBSCRIBE",
    33: "SUBSCRIBED",
    34: "UNSUBSCRIBE",
    35: "UNSUBSCRIBED",
    36: "EVENT",
    48: "CALL",
    49: "CANCEL",
    50: "RESULT",
    64: "REGISTER",
    65: "REGISTERED",
    66: "UNREGISTER",
    67: "UNREGISTERED",
    68: "INVOCATION",
    69: "INTERRUPT",
    70: "YIELD",
    337: "EVENT_RECEIVED",
}
GOOD: dict[str, Any] = {
    "uri": "com.example.thing",
    "roles": {"roles": {"broker": {"features": {"made_up": True}}, "caller": {}}},
    "id": 7,
    "id0": 7,
    "dict": {"_custom": [1, None]},
    "string": "some text",
    "type": 48,
    "args": [1, "two", None, {"three": 3}],
    "kwargs": {"key": None},
}
NO_DICTS: list[Any] = [None, [], "x", 1, True, {1: 2}, {None: 1}, {b"key": 1}]
NO_IDS: list[Any] = [-1, MAX_ID + 1, 2**64, 1.0, True, False, "1", None, [1], {}]
NO_STRINGS: list[Any] = [None, b"octets", 5, 1.5, True, ["x"], {}]
BAD: dict[str, list[Any]] = {
    "uri": NO_STRINGS,
    "roles": [*NO_DICTS, {}, {"roles": {}}, {"roles": None}, {"roles": {"caller": None}}],
    "id": [0, *NO_IDS],
    "id0": NO_IDS,
    "dict": NO_DICTS,
    "string": NO_STRINGS,
    "type": [0, 1, 17, 36, 49, 70, 337, True, 48.0, "48", None],
    "args": ["text", 1, True, 1.5, {}, {"a": 1}],
    "kwargs": [[], "x", 1, True, {1: 2}, {None: 1}],
}
WITH_PAYLOAD = [code for code, shape in SHAPES.items() if "args" in shape]


def kinds(code: int) -> tuple[list[str], list[str]]:
    required, optional = SHAPES[code].split("|")
    return required.split(), optional.split()


def sample(code: int, optional: int = 0) -> list[Any]:
    """Return a legal list with so many of its optional elements."""
    required, extra = kinds(code)
    return [code, *(GOOD[kind] for kind in required + extra[:optional])]


SAMPLES = [sample(code, optional) for code in SHAPES for optional in range(len(kinds(code)[1]) + 1)]
WRONG_TYPES = [
    (code, position, value)
    for code in SHAPES
    for position, kind in enumerate((*kinds(code)[0], *kinds(code)[1]), 1)
    for value in BAD[kind]
    if not (value is None and position > len(kinds(code)[0]))  # null in place of what is optional means absent
]
ID_POSITIONS = [
    (code, position)
    for code in SHAPES
    for position, kind in enumerate(kinds(code)[0], 1)
    if kind in {"id", "id0"}
]  # fmt: skip


@pytest.mark.checklist("MSG-B1")
def test_every_message_of_the_specification_and_event_received_is_known_by_its_code() -> None:
    assert {code: cls.name for code, cls in MESSAGE_BY_CODE.items()} == NAMES
    assert all(cls.code == code for code, cls in MESSAGE_BY_CODE.items())
    public = {getattr(messages, name) for name in messages.__all__ if isinstance(getattr(messages, name), type)}
    assert public == {Message, *MESSAGE_BY_CODE.values()}


@pytest.mark.checklist("MSG-B1", "SER-B1")
@pytest.mark.parametrize("raw", SAMPLES, ids=lambda raw: f"{NAMES[raw[0]]}-{len(raw)}")
def test_a_legal_list_becomes_a_message_with_its_values_and_the_same_list_again(raw: list[Any]) -> None:
    message = parse(raw)
    assert type(message) is MESSAGE_BY_CODE[raw[0]]
    values = [getattr(message, field) for field in message.__struct_fields__]
    assert values == raw[1:] + [None] * (len(values) + 1 - len(raw))
    assert list(message.to_wire()) == raw
    assert parse(list(message.to_wire())) == message


@pytest.mark.checklist("MSG-B1", "PV-B")
@pytest.mark.parametrize("code", SHAPES, ids=NAMES.get)
def test_a_list_that_is_too_short_or_too_long_is_refused_with_the_legal_lengths(code: int) -> None:
    longest = sample(code, 2)
    shortest = sample(code)
    for raw in ([code], shortest[:-1], [*longest, {}], [*longest, None], [*longest, 1, 2, 3]):
        with pytest.raises(RemoteProtocolError, match=rf"^{NAMES[code]} must have {len(shortest)}\b.*not {len(raw)}$"):
            parse(raw)


@pytest.mark.checklist("MSG-B1", "SER-B1", "SER-B8", "ID-B1", "MSG-B3", "SES-C1", "SES-R1")
@pytest.mark.parametrize(("code", "position", "value"), WRONG_TYPES)
def test_a_value_of_the_wrong_type_is_refused_by_the_name_of_its_field(code: int, position: int, value: object) -> None:
    raw = sample(code, 2)
    raw[position] = value
    field = MESSAGE_BY_CODE[code].__struct_fields__[position - 1]
    with pytest.raises(RemoteProtocolError, match=rf"^{NAMES[code]}\.({field}|{field.title()}\.roles)\b"):
        parse(raw)


@pytest.mark.checklist("ID-B1")
@pytest.mark.parametrize(("code", "position"), ID_POSITIONS)
def test_ids_go_from_1_to_2_to_the_53rd(code: int, position: int) -> None:
    for value in (1, 2**53):
        raw = sample(code)
        raw[position] = value
        assert list(parse(raw).to_wire()) == raw


@pytest.mark.checklist("ID-B1", "RV-C1")
@pytest.mark.parametrize("code", [35, 67])
def test_request_0_is_legal_where_the_router_revokes(code: int) -> None:
    key = "subscription" if code == 35 else "registration"
    raw = [code, 0, {key: 5, "reason": "com.example.because"}]
    assert list(parse(raw).to_wire()) == raw


@pytest.mark.checklist("MSG-B3", "PV-C")
def test_an_error_answers_only_the_seven_kinds_of_request() -> None:
    legal = []
    for code in range(400):
        try:
            parse([8, code, 1, {}, "com.example.error"])
        except RemoteProtocolError:
            continue
        legal.append(code)
    assert legal == [16, 32, 34, 48, 64, 66, 68]


@pytest.mark.checklist("BP-C4", "SER-B4")
@pytest.mark.parametrize("code", WITH_PAYLOAD, ids=NAMES.get)
def test_absent_null_and_empty_payloads_are_the_same_and_none_is_sent(code: int) -> None:
    bare = sample(code)
    payloads: list[list[Any]] = [[], [[]], [None], [[], {}], [None, None], [[], None], [None, {}]]
    for payload in payloads:
        assert list(parse([*bare, *payload]).to_wire()) == bare


@pytest.mark.checklist("BP-C4", "SER-B4")
@pytest.mark.parametrize("code", WITH_PAYLOAD, ids=NAMES.get)
def test_keywords_alone_follow_an_empty_list_however_they_came(code: int) -> None:
    expected = [*sample(code), [], {"key": 1}]
    empty: list[Any] = [None, []]
    for args in empty:
        assert list(parse([*sample(code), args, {"key": 1}]).to_wire()) == expected


@pytest.mark.checklist("BP-C4", "SER-B4")
@pytest.mark.parametrize("code", WITH_PAYLOAD, ids=NAMES.get)
def test_positional_values_alone_have_no_empty_keywords_behind_them(code: int) -> None:
    empty: list[list[Any]] = [[], [None], [{}]]
    for kwargs in empty:
        assert list(parse([*sample(code), [None], *kwargs]).to_wire()) == [*sample(code), [None]]


def test_the_payload_is_handed_on_without_being_copied() -> None:
    raw = sample(48, 2)
    message = parse(raw)
    assert isinstance(message, messages.Call)
    assert message.args is raw[4]


@pytest.mark.parametrize("code", WITH_PAYLOAD, ids=NAMES.get)
def test_octets_in_place_of_the_arguments_are_an_opaque_payload_that_stands_alone(code: int) -> None:
    raw = [*sample(code), b"\x00opaque"]
    assert list(parse(raw).to_wire()) == raw
    for kwargs in ({}, {"key": 1}, None):
        with pytest.raises(RemoteProtocolError, match=rf"^{NAMES[code]}\.kwargs"):
            parse([*raw, kwargs])


def test_keys_about_an_opaque_payload_count_only_where_there_is_one() -> None:
    wrong = {"enc_algo": "nonsense", "enc_serializer": 5}
    parse([48, 1, wrong, "com.example.f", ["plain"]])
    with pytest.raises(RemoteProtocolError, match=r"CALL\.Options\.enc_algo"):
        parse([48, 1, wrong, "com.example.f", b"opaque"])
    for algorithm in ("cryptobox", "mqtt", "xbr", "x_mine"):
        parse([48, 1, {"enc_algo": algorithm, "enc_key": "k"}, "com.example.f", b"opaque"])


@pytest.mark.checklist("MSG-B2", "PV-B")
@pytest.mark.parametrize("code", [0, 7, 9, 15, 37, 71, 255, 256, 336, 338, 1023, -1, 2**70])
def test_an_unknown_code_is_refused(code: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"unknown message code {code}"):
        parse([code, 1, {}])


@pytest.mark.checklist("MSG-B1", "SER-B8")
@pytest.mark.parametrize("code", [True, 48.0, "48", None, [48], {}, b"0"])
def test_a_code_that_is_not_exactly_an_integer_is_refused(code: object) -> None:
    with pytest.raises(RemoteProtocolError, match="unknown message code"):
        parse([code, 1, {}, "com.example.f"])


@pytest.mark.checklist("PV-B", "SER-B1")
@pytest.mark.parametrize("raw", [[], None, 5, "text", "", b"", b"0aaa", {}, {0: 48}, {0: 48, 1: 1, 2: {}, 3: "a"}])
def test_what_is_not_a_list_or_is_empty_is_refused(raw: Any) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(raw)


def test_a_refusal_quotes_no_more_than_the_beginning_of_a_long_value() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse([32, 1, {"match": "x" * 10_000}, "com.example.topic"])
    assert len(str(caught.value)) < 100
    with pytest.raises(RemoteProtocolError) as caught:
        parse(["x" * 10_000])
    assert len(str(caught.value)) < 100


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
almost_messages = st.sampled_from(SAMPLES).flatmap(
    lambda raw: st.lists(st.tuples(st.integers(0, len(raw)), json_like), max_size=2).map(
        lambda changes: [
            *(dict(changes).get(position, value) for position, value in enumerate(raw)),
            *(value for position, value in changes if position == len(raw)),
        ]
    )
)


@pytest.mark.checklist("MSG-B1", "PV-B")
@given(st.lists(json_like, max_size=7) | almost_messages)
def test_any_list_is_a_message_or_a_protocol_violation_and_nothing_else(raw: list[Any]) -> None:
    try:
        message = parse(raw)
    except RemoteProtocolError:
        return
    shortest = list(message.to_wire())
    assert None not in shortest
    assert list(parse(shortest).to_wire()) == shortest
