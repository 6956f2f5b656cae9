"""What is known of Options and Details dictionaries: the type of every key that the specification (or Autobahn) defines.

Unknown keys are kept and ignored; a known key with a value of the wrong type, or outside its enumeration, is a protocol violation
(checklist §2.1, MSG-B4). The tables map a key to a predicate; messages look keys up only when a dictionary is not empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._ids import MAX_ID

Check = Callable[[Any], bool]
Checks = dict[str, Check]


def _boolean(value: Any) -> bool:
    return value is True or value is False


def _string(value: Any) -> bool:
    return type(value) is str


def _identifier(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_ID


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _positive(value: Any) -> bool:
    return type(value) is int and value >= 1


def _dictionary(value: Any) -> bool:
    return type(value) is dict


def _list_of(check: Check) -> Check:
    def is_list(value: Any) -> bool:
        return type(value) is list and all(map(check, value))

    return is_list


def _one_of(*values: str) -> Check:
    def is_one(value: Any) -> bool:
        return type(value) is str and value in values

    return is_one


def _or_null(check: Check) -> Check:
    """Accept null for a key that the peer does not have a value for, as Autobahn writes it."""

    def is_or_null(value: Any) -> bool:
        return value is None or check(value)

    return is_or_null


def _roles(value: Any) -> bool:
    return type(value) is dict and bool(value) and all(map(_role, value.values()))


def _role(value: Any) -> bool:
    if type(value) is not dict:
        return False
    features = value.get("features", {})
    return type(features) is dict and all(map(_boolean, features.values()))


def _forwarder(value: Any) -> bool:
    """One hop of `forward_for` (R2R-B1)."""
    return (
        type(value) is dict
        and _identifier(value.get("session"))
        and all(value.get(key) is None or _string(value[key]) for key in ("authid", "authrole"))
    )


def _algorithm(value: Any) -> bool:
    return type(value) is str and (value in ("cryptobox", "mqtt", "xbr") or value.startswith("x_"))


_PASSTHRU: Checks = {"ppt_scheme": _string, "ppt_serializer": _string, "ppt_cipher": _string, "ppt_keyid": _string}
_FORWARDED: Checks = {"forward_for": _list_of(_forwarder)}
_TRACED: Checks = {"transaction_hash": _string}
_CALLEE: Checks = {"callee": _identifier, "callee_authid": _string, "callee_authrole": _string}
_IDENTITY: Checks = {
    "agent": _string,
    "realm": _string,
    "authid": _string,
    "authrole": _string,
    "authmethod": _string,
    "authprovider": _string,
    "authextra": _dictionary,
}
_MATCH: Checks = {"match": _one_of("exact", "prefix", "wildcard")}

HELLO: Checks = {
    "roles": _roles,
    "agent": _string,
    "authmethods": _list_of(_string),
    "authid": _or_null(_string),
    "authrole": _or_null(_string),
    "authextra": _or_null(_dictionary),
}
WELCOME: Checks = {"roles": _roles} | {key: _or_null(check) for key, check in _IDENTITY.items()}
ABORT: Checks = {"message": _or_null(_string), "scram": _string}
GOODBYE: Checks = {"message": _or_null(_string)}
PUBLISH: Checks = {
    "acknowledge": _boolean,
    "exclude_me": _boolean,
    "exclude": _list_of(_identifier),
    "exclude_authid": _list_of(_string),
    "exclude_authrole": _list_of(_string),
    "eligible": _list_of(_identifier),
    "eligible_authid": _list_of(_string),
    "eligible_authrole": _list_of(_string),
    "disclose_me": _boolean,
    "retain": _boolean,
    **_PASSTHRU,
    **_FORWARDED,
    **_TRACED,
}
SUBSCRIBE: Checks = {**_MATCH, "get_retained": _boolean, **_FORWARDED}
UNSUBSCRIBED: Checks = {"subscription": _identifier, "reason": _string}
EVENT: Checks = {
    "publisher": _identifier,
    "publisher_authid": _string,
    "publisher_authrole": _string,
    "topic": _string,
    "trustlevel": _count,
    "retained": _boolean,
    "payload_limit_exceeded": _boolean,
    "x_acknowledged_delivery": _boolean,
    **_PASSTHRU,
    **_FORWARDED,
    **_TRACED,
}
CALL: Checks = {
    "receive_progress": _boolean,
    "progress": _boolean,
    "timeout": _count,
    "disclose_me": _boolean,
    "caller": _identifier,
    "caller_authid": _string,
    "caller_authrole": _string,
    **_PASSTHRU,
    **_FORWARDED,
    **_TRACED,
}
CANCEL: Checks = {"mode": _one_of("skip", "kill", "killnowait"), **_FORWARDED}
RESULT: Checks = {"progress": _boolean, **_PASSTHRU, **_CALLEE, **_FORWARDED}
REGISTER: Checks = {
    **_MATCH,
    "invoke": _one_of("single", "roundrobin", "random", "first", "last"),
    "disclose_caller": _boolean,
    "forward_timeout": _boolean,
    "concurrency": _positive,
    "force_reregister": _boolean,
    **_FORWARDED,
}
UNREGISTERED: Checks = {"registration": _identifier, "reason": _string}
INVOCATION: Checks = {
    "receive_progress": _boolean,
    "progress": _boolean,
    "timeout": _count,
    "caller": _identifier,
    "caller_authid": _string,
    "caller_authrole": _string,
    "trustlevel": _count,
    "procedure": _string,
    **_PASSTHRU,
    **_FORWARDED,
    **_TRACED,
}
INTERRUPT: Checks = {"mode": _one_of("kill", "killnowait"), "reason": _string, **_FORWARDED}
YIELD: Checks = {"progress": _boolean, **_PASSTHRU, **_CALLEE, **_FORWARDED}
ERROR: Checks = {**_PASSTHRU, **_CALLEE, **_FORWARDED}
FORWARDED: Checks = _FORWARDED

# Autobahn's transparent payloads: these keys count only when the payload is raw octets (checklist P1, §5.4)
TRANSPARENT: Checks = {
    "enc_algo": _algorithm,
    "enc_serializer": _string,
    "enc_key": _string,
}


def wrong_key(options: dict[str, Any], checks: Checks) -> str | None:
    """Return the first key of `options` whose value is not what `checks` allows, or None."""
    for key, value in options.items():
        check = checks.get(key)
        if check is not None and not check(value):
            return key
    return None
