"""trowamp/payloads/_codec.py and _passthru.py: payloads that are serialized by themselves, and not encrypted."""

from __future__ import annotations

from typing import Any

import cbor2
import msgspec
import pytest

from trowamp import InvalidArgument, NoPayloadCodec, SerializationError
from trowamp.payloads import Encoded, Passthru, PayloadCodec, Subject

from .keys import random_octets

CALL = Subject("call", "com.example.f")
ARGS = [1, "grüß", b"\0\xff", None, 2.5]
KWARGS = {"a": {"b": [True]}}
CODEC = PayloadCodec()


def read(args: Any, kwargs: Any = None, **options: str) -> Any:
    return CODEC.decode(CALL, Encoded(args, options, kwargs))


@pytest.mark.checklist("PPT-B2", "PPT-B3", "PPT-B4")
@pytest.mark.parametrize(
    ("scheme", "serializer"),
    [
        ("wamp", "cbor"),
        *((scheme, name) for scheme in ("mqtt", "x_a") for name in ("cbor", "msgpack", "json", "native")),
    ],
)
def test_what_is_serialized_by_itself_is_read_by_every_session(scheme: str, serializer: str) -> None:
    encoded = Passthru(scheme, serializer=serializer).encode(CALL, ARGS, KWARGS, random_octets)
    assert encoded is not None
    assert encoded.options == {"ppt_scheme": scheme, "ppt_serializer": serializer}
    assert isinstance(encoded.args[0], dict if serializer == "native" else bytes)
    assert len(encoded.args) == 1
    assert CODEC.decode(CALL, encoded) == (ARGS, KWARGS)


@pytest.mark.checklist("PPT-B2", "PPT-B5")
def test_the_octets_are_those_of_a_dictionary_with_args_and_kwargs() -> None:
    content = {"args": [1, b"\xff"], "kwargs": {"a": 2}}
    made = {
        name: Passthru("mqtt", serializer=name).encode(CALL, [1, b"\xff"], {"a": 2}, random_octets)
        for name in ("cbor", "msgpack", "json")
    }
    assert made["cbor"] is not None
    assert made["msgpack"] is not None
    assert made["json"] is not None
    assert cbor2.loads(made["cbor"].args[0]) == content
    assert msgspec.msgpack.decode(made["msgpack"].args[0]) == content
    assert made["json"].args[0] == b'{"args":[1,"\\u0000/w=="],"kwargs":{"a":2}}'


def test_an_answer_has_the_form_of_its_request() -> None:
    for codec in (CODEC, Passthru("wamp")):
        for options in ({"ppt_scheme": "x_a", "ppt_serializer": "json"}, {"ppt_scheme": "mqtt"}):
            encoded = codec.encode(Subject("result", "com.example.f", request=options), [1], {}, random_octets)
            assert encoded is not None
            assert encoded.options == options
        for options in ({}, {"ppt_scheme": "x_a"}, {"ppt_scheme": "x_a", "ppt_serializer": "x_b"}):
            assert codec.encode(Subject("result", "com.example.f", request=options), [1], {}, random_octets) is None
    assert CODEC.encode(CALL, [1], {}, random_octets) is None


@pytest.mark.checklist("PPT-B4")
def test_a_native_payload_may_be_anything() -> None:
    assert read([{"args": [1]}], ppt_scheme="mqtt") == ([1], {})
    assert read([{"kwargs": {"a": 1}}], ppt_scheme="mqtt", ppt_serializer="native") == ([], {"a": 1})
    for args, kwargs in (([1, 2], None), ([{"args": [1], "b": 2}], None), ([{}], None), ([{"args": [1]}], {"a": 1})):
        assert read(args, kwargs, ppt_scheme="x_raw") == (args, kwargs or {})
    assert read([b"raw"], ppt_scheme="x_raw") == read(b"raw", ppt_scheme="x_raw") == ([b"raw"], {})
    assert read(None, ppt_scheme="x_raw") == ([], {})


@pytest.mark.checklist("PPT-C1")
@pytest.mark.parametrize(
    ("args", "options"),
    [
        ([b"\xa0"], {"ppt_scheme": "unknown", "ppt_serializer": "cbor"}),
        ([b"\xa0"], {"ppt_scheme": "mqtt", "ppt_serializer": "unknown"}),
        ([b"\xa0"], {"ppt_scheme": "x_mine", "ppt_serializer": "x_mine"}),
        ([b"\xa0"], {"ppt_scheme": "wamp"}),
        ([{}], {"ppt_scheme": "wamp", "ppt_serializer": "native"}),
        ([b"{}"], {"ppt_scheme": "wamp", "ppt_serializer": "json"}),
        ([b"\xa0"], {"ppt_scheme": "wamp", "ppt_serializer": "flatbuffers"}),
        ([], {"ppt_scheme": "mqtt", "ppt_serializer": "cbor"}),
        (None, {"ppt_scheme": "mqtt", "ppt_serializer": "cbor"}),
        ([b"\xa0", b"\xa0"], {"ppt_scheme": "mqtt", "ppt_serializer": "cbor"}),
        (["text"], {"ppt_scheme": "mqtt", "ppt_serializer": "cbor"}),
        (b"\xa0", {"ppt_scheme": "mqtt", "ppt_serializer": "json"}),
        ([b"\xa1"], {"ppt_scheme": "mqtt", "ppt_serializer": "cbor"}),
        ([b"\x80"], {"ppt_scheme": "mqtt", "ppt_serializer": "cbor"}),
        ([b"[]"], {"ppt_scheme": "mqtt", "ppt_serializer": "json"}),
        ([b'{"args":1}'], {"ppt_scheme": "mqtt", "ppt_serializer": "json"}),
        ([b'{"kwargs":[]}'], {"ppt_scheme": "mqtt", "ppt_serializer": "json"}),
        ([b'{"args":[1e999]}'], {"ppt_scheme": "mqtt", "ppt_serializer": "json"}),
        ([b'{"args":["\\u0000!"]}'], {"ppt_scheme": "mqtt", "ppt_serializer": "json"}),
        ([b"\x81\xa4args\x91\xc7\x01\x05x"], {"ppt_scheme": "mqtt", "ppt_serializer": "msgpack"}),
        ([{"args": 1}], {"ppt_scheme": "mqtt"}),
    ],
)
def test_what_is_not_known_or_no_payload_is_refused(args: Any, options: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        read(args, **options)


def test_json_may_be_text() -> None:
    assert read(['{"args":["grüß"]}'], ppt_scheme="mqtt", ppt_serializer="json") == (["grüß"], {})
    for args, kwargs in ((["{}"], {"a": 1}), (["\ud800"], None), (["{}", "{}"], None)):
        with pytest.raises(InvalidArgument):
            read(args, kwargs, ppt_scheme="mqtt", ppt_serializer="json")


def test_keywords_beside_the_octets_are_refused() -> None:
    with pytest.raises(InvalidArgument):
        read([b"\xa0"], {"a": 1}, ppt_scheme="mqtt", ppt_serializer="cbor")


@pytest.mark.parametrize("options", [{"ppt_scheme": "wamp", "ppt_cipher": "aes256gcm"}, {"enc_algo": "cryptobox"}])
def test_what_is_encrypted_is_not_for_a_session_without_keys(options: dict[str, str]) -> None:
    with pytest.raises(NoPayloadCodec):
        read([b"opaque"], **options)


def test_undefined_of_javascript_is_read_as_in_messages() -> None:
    octets = b"\xa2\x64args\x82\x01\xf7\x66kwargs\xf7"
    assert read([octets], ppt_scheme="mqtt", ppt_serializer="cbor") == ([1, None], {})


def test_values_that_are_not_portable_are_refused_with_their_place() -> None:
    for name in ("cbor", "msgpack", "json"):
        with pytest.raises(SerializationError, match=r'^kwargs\["a"\]: nan'):
            Passthru("mqtt", serializer=name).encode(CALL, [], {"a": float("nan")}, random_octets)


def test_schemes_and_serializers_that_do_not_exist_are_refused() -> None:
    for scheme, serializer in (("", "cbor"), ("mine", "cbor"), ("wamp", "json"), ("mqtt", "yaml")):
        with pytest.raises(ValueError, match=r"must (be|begin)"):
            Passthru(scheme, serializer=serializer)
    assert repr(Passthru("mqtt")) == "Passthru('mqtt', serializer='cbor')"
    assert not CODEC.refuses_plain(CALL)
