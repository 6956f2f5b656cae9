"""Message objects: the way to the wire and back, and to the core's messages and back."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp import message as module
from trowamp_compat.wamp.exception import InvalidUriError, ProtocolError
from trowamp_compat.wamp.message import (
    MESSAGE_TYPE_MAP,
    Call,
    Cancel,
    Challenge,
    Error,
    Event,
    Hello,
    Interrupt,
    Invocation,
    Message,
    Publish,
    Register,
    Result,
    Subscribe,
    Unregistered,
    Unsubscribed,
    Welcome,
    Yield,
    check_or_raise_extra,
    check_or_raise_id,
    check_or_raise_realm_name,
    check_or_raise_uri,
    from_core,
)
from trowamp_compat.wamp.role import RoleBrokerFeatures, RoleCallerFeatures
from trowamp_compat.wamp.serializer import JsonObjectSerializer, JsonSerializer

from trowamp import messages as core

HOPS = [{"session": 1, "authid": "joe", "authrole": "user"}]

WIRES: list[list[Any]] = [
    [1, "realm1", {"roles": {"caller": {"features": {"call_timeout": True}}}, "resume-session": 7}],
    [2, 3, {"roles": {"broker": {}}, "authid": "joe", "x_more": 1}],
    [3, {"message": "words"}, "a.b"],
    [4, "ticket", {"a": 1}],
    [5, "signature", {"a": 1}],
    [6, {"message": "words", "resumable": True}, "a.b"],
    [8, 48, 1, {"callee": 3, "forward_for": HOPS}, "a.b", [1], {"k": 2}],
    [16, 1, {"exclude_me": False, "eligible_authid": ["joe"]}, "a.b", [1]],
    [17, 1, 2],
    [32, 1, {"match": "wildcard", "get_retained": True}, "a..b"],
    [33, 1, 2],
    [34, 1, 2, {"forward_for": HOPS}],
    [35, 0, {"subscription": 2, "reason": "a.b"}],
    [36, 1, 2, {"publisher": 3, "topic": "a.b", "retained": True}, [1], {"k": 2}],
    [48, 1, {"timeout": 5, "receive_progress": True}, "a.b", [1]],
    [49, 1, {"mode": "kill"}],
    [50, 1, {"progress": True}, [1], {"k": 2}],
    [64, 1, {"match": "prefix", "invoke": "roundrobin", "concurrency": 3}, "a."],
    [65, 1, 2],
    [66, 1, 2],
    [67, 0, {"registration": 2}],
    [68, 1, 2, {"caller": 3, "procedure": "a.b", "timeout": 5}, [1]],
    [69, 1, {"mode": "killnowait", "reason": "a.b"}],
    [70, 1, {"progress": True}, [1]],
    [337, 3],
]


def test_there_is_a_class_for_every_message() -> None:
    assert sorted(MESSAGE_TYPE_MAP) == sorted(core.MESSAGE_BY_CODE)
    assert len(MESSAGE_TYPE_MAP) == 25
    assert {each.__name__ for each in MESSAGE_TYPE_MAP.values()} <= set(module.__all__)
    assert all(code == kind.MESSAGE_TYPE for code, kind in MESSAGE_TYPE_MAP.items())


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: MESSAGE_TYPE_MAP[wire[0]].__name__)
def test_a_message_goes_to_the_wire_and_to_the_core_and_back(wire: list[Any]) -> None:
    made = MESSAGE_TYPE_MAP[wire[0]].parse(wire)
    assert made.marshal() == wire
    assert made == MESSAGE_TYPE_MAP[wire[0]].parse(made.marshal())
    assert isinstance(made.to_core(), core.Message)
    again = from_core(core.parse(wire))
    assert again == made
    assert type(again) is type(made)
    assert str(made).startswith(f"{type(made).__name__.upper()}::\n    [{wire[0]},")


def test_options_are_attributes_and_unknown_ones_are_passed_over() -> None:
    made = Call.parse([48, 1, {"timeout": 5, "caller": 7, "from_the_future": 1}, "a.b", [2], {"k": 3}])
    assert (made.request, made.procedure, made.args, made.kwargs) == (1, "a.b", [2], {"k": 3})
    assert (made.timeout, made.caller, made.receive_progress) == (5, 7, None)
    assert made.marshal() == [48, 1, {"timeout": 5, "caller": 7}, "a.b", [2], {"k": 3}]


@pytest.mark.parametrize("made", [Call(1, "a.b", [], {}), Call(1, "a.b"), Call(1, "a.b", args=())])
def test_an_empty_payload_is_none(made: Message) -> None:
    assert made.marshal() == [48, 1, {}, "a.b"]
    assert made == Call(1, "a.b")


def test_an_encoded_payload_stands_in_the_place_of_the_arguments() -> None:
    made = Publish(1, "a.b", payload=b"xx", enc_algo="cryptobox", enc_key="k", enc_serializer="json")
    wire = [16, 1, {"enc_algo": "cryptobox", "enc_key": "k", "enc_serializer": "json"}, "a.b", b"xx"]
    assert made.marshal() == wire
    again = Publish.parse(wire)
    assert (again.payload, again.args, again.kwargs) == (b"xx", None, None)
    with pytest.raises(AssertionError, match="either"):
        Publish(1, "a.b", [1], payload=b"xx")


def test_roles_are_objects() -> None:
    made = Hello.parse([1, "realm1", {"roles": {"caller": {"features": {"call_timeout": True}}}}])
    assert made.roles == {"caller": RoleCallerFeatures(call_timeout=True)}
    assert Hello("realm1", {"caller": {"features": {"x": True}}}).marshal()[2]["roles"] == {
        "caller": {"features": {"x": True}}
    }
    with pytest.raises(ProtocolError, match="no role"):
        Hello.parse([1, "realm1", {"roles": {"king": {}}}])
    with pytest.raises(AssertionError, match="roles"):
        Hello("realm1", None)


def test_a_welcome_keeps_what_else_the_router_says() -> None:
    made = Welcome(3, {"broker": RoleBrokerFeatures()}, custom={"x_more": 1})
    assert Welcome.parse(made.marshal()).custom == {"x_more": 1}
    with pytest.raises(AssertionError, match="x_"):
        Welcome(3, {}, custom={"more": 1})


def test_constants_stand_at_their_messages() -> None:
    assert (Cancel.SKIP, Interrupt.KILL, Register.INVOKE_ROUNDROBIN, Subscribe.MATCH_WILDCARD) == (
        "skip",
        "kill",
        "roundrobin",
        "wildcard",
    )
    assert module.Goodbye().reason == module.Goodbye.DEFAULT_REASON == "wamp.close.normal"


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (Call, [48, 1]),
        (Call, [48, "x", {}, "a.b"]),
        (Call, [48, 1, [], "a.b"]),
        (Call, [48, 1, {"timeout": "x"}, "a.b"]),
        (Call, [48, 1, {}, "a.b", "x"]),
        (Call, [999]),
        (Call, []),
        (Call, [50, 1, {}]),
        (Welcome, [2, 1, {}]),
        (Error, [8, 99, 1, {}, "a.b"]),
        (Subscribe, [32, 1, {"match": "some"}, "a.b"]),
    ],
)
def test_what_is_no_such_message_is_refused(kind: type[Message], wire: list[Any]) -> None:
    with pytest.raises(ProtocolError):
        kind.parse(wire)


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (Call, [48, 1, {}, "a b"]),
        (Call, [48, 1, {}, "a..b"]),
        (Register, [64, 1, {}, "a..b"]),
        (Register, [64, 1, {"match": "prefix"}, "a..b"]),
        (Subscribe, [32, 1, {}, "a#"]),
        (Error, [8, 48, 1, {}, ""]),
        (module.Goodbye, [6, {}, "a b"]),
    ],
)
def test_a_uri_that_is_none_is_refused(kind: type[Message], wire: list[Any]) -> None:
    with pytest.raises(InvalidUriError):
        kind.parse(wire)


@pytest.mark.autobahn("W-26")
@pytest.mark.parametrize(
    "make",
    [
        Call,
        lambda: Call("x", "a.b"),  # type: ignore[arg-type]
        lambda: Call(True, "a.b"),
        lambda: Call(1, 3),  # type: ignore[arg-type]
        lambda: Call(1, "a.b", "x"),
        lambda: Call(1, "a.b", [], []),
        lambda: Call(1, "a.b", payload="x"),  # type: ignore[arg-type]
        lambda: Call(1, "a.b", timeout="x"),  # type: ignore[arg-type]
        lambda: Cancel(1, "soon"),
        lambda: Register(1, "a.b", "some"),
        lambda: Event(1),
    ],
)
def test_a_message_is_not_made_of_wrong_values(make: Any) -> None:
    with pytest.raises(AssertionError, match=r"must"):
        make()


def test_octets_are_remembered_until_they_are_forgotten() -> None:
    made, serializer, objects = Call(1, "a.b", [2]), JsonSerializer(), JsonObjectSerializer()
    assert made.serialize(objects) == made.serialize(serializer) == b'[48,1,{},"a.b",[2]]'
    made.args = [3]
    assert made.serialize(serializer) == b'[48,1,{},"a.b",[2]]'
    made.uncache()
    assert made.serialize(serializer) == b'[48,1,{},"a.b",[3]]'


def test_correlation_is_local() -> None:
    made = Yield(1)
    assert made.correlation_id is None
    made.correlation_id = "trace"
    made.correlation_is_last = True
    assert made == Yield(1)
    assert Yield(1).correlation_id is None


def test_revocations_tell_what_is_revoked() -> None:
    assert Unregistered(0, 2, "a.b").to_core().details == {"registration": 2, "reason": "a.b"}
    assert Unsubscribed(0, 2).to_core().details == {"subscription": 2}
    assert Challenge("ticket").marshal() == [4, "ticket", {}]


def test_messages_of_different_classes_are_not_equal() -> None:
    assert Result(1) != Yield(1)
    assert Result(1) != [50, 1, {}]
    assert Invocation(1, 2, [1]) != Invocation(1, 2, [2])


def test_checks_return_what_they_have_checked() -> None:
    assert check_or_raise_id(7) == 7
    assert check_or_raise_uri("a.b") == "a.b"
    assert check_or_raise_uri("a..b", allow_empty_components=True) == "a..b"
    assert check_or_raise_uri("a.", allow_last_empty=True) == "a."
    assert check_or_raise_uri(None, allow_none=True) is None
    assert check_or_raise_realm_name("realm1") == "realm1"
    assert check_or_raise_extra({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("check", "value", "error"),
    [
        (check_or_raise_id, "x", ProtocolError),
        (check_or_raise_id, True, ProtocolError),
        (check_or_raise_id, 2**53 + 1, ProtocolError),
        (check_or_raise_uri, 3, InvalidUriError),
        (check_or_raise_uri, "a..b", InvalidUriError),
        (check_or_raise_realm_name, 3, InvalidUriError),
        (check_or_raise_realm_name, "a", InvalidUriError),
        (check_or_raise_realm_name, "realm1\n", InvalidUriError),
        (check_or_raise_extra, [], ProtocolError),
        (check_or_raise_extra, {1: 2}, ProtocolError),
    ],
)
def test_checks_say_what_is_wrong(check: Any, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="here: invalid"):
        check(value, "here")
