"""Options and Details: known keys have a type, unknown keys are let through."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp import messages
from trowamp._exceptions import RemoteProtocolError
from trowamp.messages import MESSAGE_BY_CODE, parse

Values = tuple[list[Any], list[Any]]  # legal ones, illegal ones

BOOLEAN: Values = ([True, False], [None, 0, 1, "true", []])
STRING: Values = (["", "text"], [None, 0, True, b"octets", ["text"]])
MAYBE_STRING: Values = (["text", None], [0, True, b"octets", ["text"]])
MAYBE_DICT: Values = ([{}, {"a": 1}, None], [0, True, "x", []])
ID: Values = ([1, 2**53], [None, 0, -1, 2**53 + 1, True, 1.0, "1"])
COUNT: Values = ([0, 5, 2**60], [None, -1, True, 1.0, "1"])
POSITIVE: Values = ([1, 5], [None, 0, -1, True, 1.0, "1"])
IDS: Values = ([[], [1, 2**53]], [None, 1, [0], [True], ["1"], [1.0], {}, {1: 1}])
STRINGS: Values = ([[], ["a", "b"]], [None, "a", [1], [None], {}, {"a": 1}])
MATCH: Values = (["exact", "prefix", "wildcard"], [None, "", "EXACT", "regex", 1, ["exact"]])
INVOKE: Values = (["single", "roundrobin", "random", "first", "last"], [None, "", "all", 1, ["single"]])
CANCEL_MODE: Values = (["skip", "kill", "killnowait"], [None, "", "abort", 1, ["kill"]])
INTERRUPT_MODE: Values = (["kill", "killnowait"], [None, "", "skip", "abort", 1])
ROLES: Values = (
    [
        {"broker": {}},
        {"x_made_up": {"features": {}}},
        {"dealer": {"features": {"a": True, "b": False}, "reflection": 1}},
    ],
    [None, {}, [], "broker", {"broker": None}, {"broker": {"features": None}}, {"broker": {"features": {"a": 1}}}],
)
FORWARD: Values = (
    [[], [{"session": 1}], [{"session": 2**53, "authid": "a", "authrole": None}, {"session": 3, "authrole": "r"}]],
    [None, {}, [1], [{}], [{"session": 0}], [{"session": "1"}], [{"session": 1, "authid": 5}]],
)

PASSTHRU: dict[str, Values] = dict.fromkeys(("ppt_scheme", "ppt_serializer", "ppt_cipher", "ppt_keyid"), STRING)
CALLER: dict[str, Values] = {"caller": ID, "caller_authid": STRING, "caller_authrole": STRING}
CALLEE: dict[str, Values] = {"callee": ID, "callee_authid": STRING, "callee_authrole": STRING}
AB: dict[str, Values] = {"transaction_hash": STRING, "forward_for": FORWARD}

# message name -> (a list with a place for the dictionary, known keys)
KNOWN: dict[str, tuple[list[Any], dict[str, Values]]] = {
    "HELLO": (
        [1, "com.example.realm", ...],
        {
            "roles": ROLES,
            "agent": STRING,
            "authmethods": STRINGS,
            "authid": MAYBE_STRING,
            "authrole": MAYBE_STRING,
            "authextra": MAYBE_DICT,
        },
    ),
    "WELCOME": (
        [2, 1, ...],
        {
            "roles": ROLES,
            **dict.fromkeys(("agent", "realm", "authid", "authrole", "authmethod", "authprovider"), MAYBE_STRING),
            "authextra": MAYBE_DICT,
        },
    ),
    "ABORT": ([3, ..., "com.example.reason"], {"message": MAYBE_STRING, "scram": STRING}),
    "GOODBYE": ([6, ..., "com.example.reason"], {"message": MAYBE_STRING}),
    "ERROR": ([8, 48, 1, ..., "com.example.error"], {**PASSTHRU, **CALLEE, "forward_for": FORWARD}),
    "PUBLISH": (
        [16, 1, ..., "com.example.topic"],
        {
            **dict.fromkeys(("acknowledge", "exclude_me", "disclose_me", "retain"), BOOLEAN),
            "exclude": IDS,
            "eligible": IDS,
            **dict.fromkeys(("exclude_authid", "exclude_authrole", "eligible_authid", "eligible_authrole"), STRINGS),
            **PASSTHRU,
            **AB,
        },
    ),
    "SUBSCRIBE": (
        [32, 1, ..., "com.example.topic"],
        {"match": MATCH, "get_retained": BOOLEAN, "forward_for": FORWARD},
    ),
    "UNSUBSCRIBE": ([34, 1, 1, ...], {"forward_for": FORWARD}),
    "UNSUBSCRIBED": ([35, 0, ...], {"subscription": ID, "reason": STRING}),
    "EVENT": (
        [36, 1, 1, ...],
        {
            "publisher": ID,
            "publisher_authid": STRING,
            "publisher_authrole": STRING,
            "topic": STRING,
            "trustlevel": COUNT,
            "retained": BOOLEAN,
            "payload_limit_exceeded": BOOLEAN,
            "x_acknowledged_delivery": BOOLEAN,
            **PASSTHRU,
            **AB,
        },
    ),
    "CALL": (
        [48, 1, ..., "com.example.f"],
        {
            "receive_progress": BOOLEAN,
            "progress": BOOLEAN,
            "timeout": COUNT,
            "disclose_me": BOOLEAN,
            **CALLER,
            **PASSTHRU,
            **AB,
        },
    ),
    "CANCEL": ([49, 1, ...], {"mode": CANCEL_MODE, "forward_for": FORWARD}),
    "RESULT": ([50, 1, ...], {"progress": BOOLEAN, **PASSTHRU, **CALLEE, "forward_for": FORWARD}),
    "REGISTER": (
        [64, 1, ..., "com.example.f"],
        {
            "match": MATCH,
            "invoke": INVOKE,
            "disclose_caller": BOOLEAN,
            "forward_timeout": BOOLEAN,
            "concurrency": POSITIVE,
            "force_reregister": BOOLEAN,
            "forward_for": FORWARD,
        },
    ),
    "UNREGISTER": ([66, 1, 1, ...], {"forward_for": FORWARD}),
    "UNREGISTERED": ([67, 0, ...], {"registration": ID, "reason": STRING}),
    "INVOCATION": (
        [68, 1, 1, ...],
        {
            "receive_progress": BOOLEAN,
            "progress": BOOLEAN,
            "timeout": COUNT,
            **CALLER,
            "trustlevel": COUNT,
            "procedure": STRING,
            **PASSTHRU,
            **AB,
        },
    ),
    "INTERRUPT": ([69, 1, ...], {"mode": INTERRUPT_MODE, "reason": STRING, "forward_for": FORWARD}),
    "YIELD": ([70, 1, ...], {"progress": BOOLEAN, **PASSTHRU, **CALLEE, "forward_for": FORWARD}),
}
GOOD_CASES = [
    (name, key, value) for name, (_, keys) in KNOWN.items() for key, (good, _) in keys.items() for value in good
]
BAD_CASES = [(name, key, value) for name, (_, keys) in KNOWN.items() for key, (_, bad) in keys.items() for value in bad]
WITH_FREE_DICTIONARIES: list[list[Any]] = [[4, "ticket", ...], [5, "signature", ...]]


def filled(template: list[Any], options: dict[str, Any]) -> list[Any]:
    """Put a dictionary in its place; HELLO and WELCOME get roles with it."""
    if template[0] in {1, 2}:
        options = {"roles": {"dealer": {}}} | options
    return [options if element is ... else element for element in template]


@pytest.mark.checklist("MSG-B4", "CT-R4")
@pytest.mark.parametrize(("name", "key", "value"), GOOD_CASES)
def test_a_known_key_with_a_legal_value_is_kept(name: str, key: str, value: object) -> None:
    raw = filled(KNOWN[name][0], {key: value})
    assert list(parse(raw).to_wire()) == raw


@pytest.mark.checklist("MSG-B4", "CT-R4", "CC-R7")
@pytest.mark.parametrize(("name", "key", "value"), BAD_CASES)
def test_a_known_key_with_an_illegal_value_is_refused_by_its_name(name: str, key: str, value: object) -> None:
    with pytest.raises(RemoteProtocolError, match=rf"^{name}\.(Options|Details)\.{key} must not be "):
        parse(filled(KNOWN[name][0], {key: value}))


@pytest.mark.checklist("MSG-B4", "SH-B2", "R2R-B1")
@pytest.mark.parametrize("template", [template for template, _ in KNOWN.values()] + WITH_FREE_DICTIONARIES)
def test_unknown_keys_are_kept_whatever_they_hold(template: list[Any]) -> None:
    unknown = {"_custom": None, "x_old": [1], "runmode": 5, "rkey": [], "nkey": None, "future_key": {"a": b"b"}}
    raw = filled(template, unknown)
    assert list(parse(raw).to_wire()) == raw


@pytest.mark.checklist("SES-C1", "SES-R1")
@pytest.mark.parametrize("raw", [[1, "com.example.realm", {}], [2, 1, {"realm": "com.example.realm"}]])
def test_roles_cannot_be_left_out(raw: list[Any]) -> None:
    with pytest.raises(RemoteProtocolError, match=r"\.Details\.roles is missing"):
        parse(raw)


def test_this_table_knows_every_message_that_has_checked_keys() -> None:
    checked = {cls.name for cls in MESSAGE_BY_CODE.values() if cls.checks}
    assert checked == set(KNOWN)
    for name, (template, keys) in KNOWN.items():
        assert set(MESSAGE_BY_CODE[template[0]].checks) == set(keys), name
    assert not messages.Challenge.checks
