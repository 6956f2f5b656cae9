from __future__ import annotations

import pytest

from trowamp._exceptions import RemoteProtocolError, SerializationError
from trowamp.messages import Call, Event, Hello, Message, Publish, Result, Unsubscribed
from trowamp.wire.serializers import (
    BY_RAWSOCKET_ID,
    BY_SUBPROTOCOL,
    DEFAULT_OFFER,
    SERIALIZERS,
    Serializer,
    get_serializer,
)

JSON = SERIALIZERS["json"]
PLAIN = tuple(SERIALIZERS[name] for name in DEFAULT_OFFER)
each_plain = pytest.mark.parametrize("serializer", PLAIN, ids=DEFAULT_OFFER)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "subprotocol", "number", "is_binary"),
        [
            ("json", "wamp.2.json", 1, False),
            ("msgpack", "wamp.2.msgpack", 2, True),
            ("cbor", "wamp.2.cbor", 3, True),
            ("json.batched", "wamp.2.json.batched", 0, False),
            ("msgpack.batched", "wamp.2.msgpack.batched", 0, True),
            ("cbor.batched", "wamp.2.cbor.batched", 0, True),
        ],
    )
    @pytest.mark.checklist("WS-B1", "RS-B5")
    def test_each_serializer_has_the_ids_of_the_specification(
        self, name: str, subprotocol: str, number: int, is_binary: bool
    ) -> None:
        serializer = get_serializer(name)
        assert (serializer.name, serializer.subprotocol) == (name, subprotocol)
        assert (serializer.rawsocket_id, serializer.is_binary) == (number, is_binary)

    def test_serializers_are_found_by_what_handshakes_call_them(self) -> None:
        assert BY_SUBPROTOCOL["wamp.2.cbor.batched"] is SERIALIZERS["cbor.batched"]
        assert {number: each.name for number, each in BY_RAWSOCKET_ID.items()} == {1: "json", 2: "msgpack", 3: "cbor"}
        assert len(BY_SUBPROTOCOL) == len(SERIALIZERS) == 6

    def test_batched_forms_are_not_offered_unasked(self) -> None:
        assert DEFAULT_OFFER == ("cbor", "msgpack", "json")

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(ValueError, match=r"no serializer is named 'xml'; there are cbor, msgpack, json, cbor\.b"):
            get_serializer("xml")


class TestMessages:
    @pytest.mark.parametrize(
        ("message", "json"),
        [
            (Call(1, {}, "com.x"), b'[48,1,{},"com.x"]'),
            (Call(1, {}, "com.x", [], {}), b'[48,1,{},"com.x"]'),
            (Call(1, {}, "com.x", (1, 2)), b'[48,1,{},"com.x",[1,2]]'),
            (Call(1, {}, "com.x", None, {"a": None}), b'[48,1,{},"com.x",[],{"a":null}]'),
            (Hello("realm1", {"roles": {"caller": {}}}), b'[1,"realm1",{"roles":{"caller":{}}}]'),
            (Unsubscribed(5), b"[35,5]"),
            (Result(1, {}, [True, False, None, -0.0, 1e300, "é\u2028\n"]), '[50,1,{},[true,false,null,-0.0,1e300,"é\u2028\\n"]]'.encode()),
        ],
    )  # fmt: skip
    @pytest.mark.checklist("SER-B1", "SER-B4")
    def test_a_message_is_written_as_its_shortest_list(self, message: Message, json: bytes) -> None:
        assert JSON.encode(message) == json

    @pytest.mark.checklist("SER-B2")
    def test_msgpack_keeps_strings_and_octets_apart(self) -> None:
        octets = SERIALIZERS["msgpack"].encode(Result(1, {}, ["a" * 40, b"a" * 40]))
        assert octets == b"\x94\x32\x01\x80\x92" + b"\xd9\x28" + b"a" * 40 + b"\xc4\x28" + b"a" * 40

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("json", b' [48, 7 ,{},"com.x",[null]]\n'),
            ("msgpack", b"\x95\xcd\x00\x30\xcf" + bytes(7) + b"\x07\x80\xa5com.x\x91\xc0"),
            ("msgpack", b"\xdd\x00\x00\x00\x05\x30\xd3" + bytes(7) + b"\x07\xde\x00\x00\xd9\x05com.x\xdc\x00\x01\xc0"),
            ("cbor", b"\x85\x19\x00\x30\x1b" + bytes(7) + b"\x07\xa0\x65com.x\x81\xf6"),
            ("cbor", b"\x9f\x18\x30\x07\xbf\xff\x7f\x63com\x62.x\xff\x9f\xf6\xff\xff"),
        ],
    )
    @pytest.mark.checklist("SER-B8")
    def test_every_legal_width_and_spacing_is_read(self, name: str, body: bytes) -> None:
        assert SERIALIZERS[name].decode(body) == Call(7, {}, "com.x", [None])

    @pytest.mark.parametrize(
        ("payload", "value"),
        [
            (b"\xc2\x40", 0),
            (b"\xc2\x41\x05", 5),
            (b"\xc2\x48" + b"\xff" * 8, 2**64 - 1),
            (b"\xc3\x41\x05", -6),
            (b"\xc3\x48\x7f" + b"\xff" * 7, -(2**63)),
            (b"\xd8\x40\x42\x00\xff", b"\x00\xff"),
        ],
    )
    def test_what_javascript_writes_for_big_numbers_and_octets_is_read(self, payload: bytes, value: object) -> None:
        """BigInt and Uint8Array: AutobahnJS and wampy.js send these over CBOR."""
        message = SERIALIZERS["cbor"].decode(b"\x84\x18\x32\x01\xa0\x81" + payload)
        assert message == Result(1, {}, [value])
        assert SERIALIZERS["json"].decode(SERIALIZERS["json"].encode(message)) == message

    @pytest.mark.parametrize(("name", "undefined"), [("cbor", b"\xf7"), ("msgpack", b"\xd4\0\0")])
    def test_what_is_undefined_in_javascript_is_null_in_a_list_and_absent_from_a_dictionary(
        self, name: str, undefined: bytes
    ) -> None:
        raw = ["VALUE", {"a": "VALUE", "b": [1.5, "VALUE"]}]
        body = SERIALIZERS[name].encode(Call(1, {"x": "VALUE"}, "com.x", raw))
        placeholder = SERIALIZERS[name].encode(Call(1, {}, "VALUE"))[-6:]
        assert SERIALIZERS[name].decode(body.replace(placeholder, undefined)) == Call(
            1, {}, "com.x", [None, {"b": [1.5, None]}]
        )

    @pytest.mark.parametrize("request_id", [b"1.0", b"true", b'"1"', b"null", b"0", b"9007199254740993"])
    @pytest.mark.checklist("SER-B1", "SER-B8")
    def test_what_is_not_an_integer_from_1_to_2_to_the_53_is_no_id(self, request_id: bytes) -> None:
        with pytest.raises(RemoteProtocolError, match="CALL.request_id"):
            JSON.decode(b"[48,%s,{}," % request_id + b'"com.x"]')

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("json", b'[50,1,{},[],{"a":1,"a":2}]'),
            ("msgpack", b"\x95\x32\x01\x80\x90\x82\xa1a\x01\xa1a\x02"),
            ("cbor", b"\x85\x18\x32\x01\xa0\x80\xa2\x61a\x01\x61a\x02"),
        ],
    )
    @pytest.mark.checklist("SER-B6")
    def test_of_values_with_the_same_key_the_last_one_counts(self, name: str, body: bytes) -> None:
        assert SERIALIZERS[name].decode(body) == Result(1, {}, [], {"a": 2})

    @each_plain
    def test_a_body_that_is_no_list_is_no_message(self, serializer: Serializer) -> None:
        body = {"json": b'{"a":1}', "msgpack": b"\x81\xa1a\x01", "cbor": b"\xa1\x61a\x01"}[serializer.name]
        with pytest.raises(RemoteProtocolError, match="a message must be a list, not dict"):
            serializer.decode(body)

    @each_plain
    def test_a_plain_body_holds_one_message_for_decode_all_too(self, serializer: Serializer) -> None:
        message = Call(1, {}, "com.x")
        assert list(serializer.decode_all(serializer.encode(message))) == [message]


class TestOctetsInJson:
    @pytest.mark.parametrize(
        ("octets", "text"),
        [(b"", b""), (b"\x00", b"AA=="), (b"\xfb\xff", b"+/8="), (b"abc", b"YWJj")],
    )
    @pytest.mark.checklist("SER-B3")
    def test_octets_are_a_nul_and_base64(self, octets: bytes, text: bytes) -> None:
        body = b'[50,1,{},["\\u0000%s"]]' % text
        assert JSON.encode(Result(1, {}, [octets])) == body
        assert JSON.decode(body) == Result(1, {}, [octets])

    @pytest.mark.checklist("SER-B3")
    def test_the_rule_reaches_every_level_of_the_message(self) -> None:
        message = Publish(1, {"_x": [b"1"]}, "com.x", [b"2", {"a": [b"3"]}], {"b": (b"4", {"c": b"5"})})
        body = JSON.encode(message)
        assert body.count(b"\\u0000") == 5
        assert JSON.decode(body) == Publish(1, {"_x": [b"1"]}, "com.x", [b"2", {"a": [b"3"]}], {"b": [b"4", {"c": b"5"}]})  # fmt: skip

    @pytest.mark.checklist("SER-B3")
    def test_an_opaque_payload_is_octets_in_place_of_the_list(self) -> None:
        message = Event(1, 2, {"enc_algo": "cryptobox"}, b"\x82")
        assert JSON.encode(message) == b'[36,1,2,{"enc_algo":"cryptobox"},"\\u0000gg=="]'
        assert JSON.decode(JSON.encode(message)) == message

    @pytest.mark.parametrize("text", ["\0", "\0YWJj", "\0hello"])
    @pytest.mark.checklist("SER-B3")
    def test_a_string_that_would_arrive_as_octets_is_not_sent(self, text: str) -> None:
        for payload in ([text], [b"octets elsewhere", text]):
            with pytest.raises(SerializationError, match=r"^args\[\d\]: a string that begins with U\+0000"):
                JSON.encode(Result(1, {}, payload))

    @pytest.mark.parametrize("value", ["a\0b", "\\u0000", "\\\0", {"\0key": 1}])
    @pytest.mark.checklist("SER-B3")
    def test_a_nul_elsewhere_is_a_character_like_others(self, value: object) -> None:
        for payload in ([value], [value, b"octets elsewhere"]):
            assert JSON.decode(JSON.encode(Result(1, {}, payload))) == Result(1, {}, payload)

    @pytest.mark.parametrize("text", ["YQ", "YQ=", "Y", "YQ==YQ==", "Y Q=", "====", "_-8=", "é", "YWJj\n", "\\u0000"])
    @pytest.mark.checklist("SER-B3")
    def test_what_is_not_base64_after_the_nul_is_a_violation(self, text: str) -> None:
        with pytest.raises(RemoteProtocolError, match="is not base64|not JSON"):
            JSON.decode(f'[50,1,{{}},["\\u0000{text}"]]'.encode())
