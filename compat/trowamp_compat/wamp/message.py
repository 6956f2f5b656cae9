"""The messages of WAMP as Autobahn has them: one class each, with options as attributes.

    >>> Call(1, "com.example.add2", args=[2, 3], timeout=1000).marshal()
    [48, 1, {'timeout': 1000}, 'com.example.add2', [2, 3]]

`from_core` makes them of the messages of `trowamp.messages`, and `to_core` those of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trowamp import messages
from trowamp.uris import is_pattern

from ._described import require
from ._message import BY_CORE, Carrying, Message, describe, from_core
from ._message_checks import check_or_raise_extra, check_or_raise_id, check_or_raise_realm_name, check_or_raise_uri
from .exception import InvalidUriError, ProtocolError
from .role import ROLE_NAME_TO_CLASS, RoleFeatures

__all__ = [
    "MESSAGE_TYPE_MAP",
    "Abort",
    "Authenticate",
    "Call",
    "Cancel",
    "Challenge",
    "Error",
    "Event",
    "EventReceived",
    "Goodbye",
    "Hello",
    "Interrupt",
    "Invocation",
    "Message",
    "Publish",
    "Published",
    "Register",
    "Registered",
    "Result",
    "Subscribe",
    "Subscribed",
    "Unregister",
    "Unregistered",
    "Unsubscribe",
    "Unsubscribed",
    "Welcome",
    "Yield",
    "check_or_raise_extra",
    "check_or_raise_id",
    "check_or_raise_realm_name",
    "check_or_raise_uri",
    "from_core",
]

# What has to be given, although a parameter before it may be left out.
_NEEDED: Any = None

ForwardFor = list[dict[str, Any]] | None
Payload = dict[str, Any] | None

_ENCODING: Final = "enc_algo enc_key enc_serializer"
_CALLER: Final = "caller caller_authid caller_authrole"
_CALLEE: Final = "callee callee_authid callee_authrole"


class _Introducing(Message):
    """What HELLO and WELCOME have in common: roles with their features."""

    roles: Any

    def marshal_options(self) -> dict[str, Any]:
        """Return the details as the wire has them."""
        return {
            "roles": {role: _role_to_wire(self.roles[role]) for role in self.roles},
            **super().marshal_options(),
        }

    def _take_options(self, options: dict[str, Any]) -> None:
        super()._take_options(options)
        self.roles = {role: _role_from_wire(role, told) for role, told in options["roles"].items()}


def _role_to_wire(features: Any) -> dict[str, Any]:
    if isinstance(features, RoleFeatures):
        announced = features.announced()
        return {"features": announced} if announced else {}
    return dict(features) if isinstance(features, Mapping) else {}


def _role_from_wire(role: str, told: dict[str, Any]) -> RoleFeatures:
    if role not in ROLE_NAME_TO_CLASS:
        raise ProtocolError(f"there is no role {role!r:.40}")
    return ROLE_NAME_TO_CLASS[role](**told.get("features", {}))


@describe(
    messages.Hello,
    "realm options",
    "authmethods authid authrole authextra resumable resume_session:resume-session resume_token:resume-token",
    "realm",
)
@dataclass(eq=False, repr=False)
class Hello(_Introducing):
    """HELLO: a client opens a session."""

    realm: str | None = None
    roles: Any = None
    authmethods: list[str] | None = None
    authid: str | None = None
    authrole: str | None = None
    authextra: Payload = None
    resumable: bool | None = None
    resume_session: int | None = None
    resume_token: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(isinstance(self.roles, dict), "roles must be a dictionary")


@describe(
    messages.Welcome,
    "session options",
    "realm authid authrole authmethod authprovider authextra resumed resumable resume_token",
)
@dataclass(eq=False, repr=False)
class Welcome(_Introducing):
    """WELCOME: the router accepts a session. What it tells by keys that begin with "x_" is in `custom`."""

    session: int = _NEEDED
    roles: Any = None
    realm: str | None = None
    authid: str | None = None
    authrole: str | None = None
    authmethod: str | None = None
    authprovider: str | None = None
    authextra: Payload = None
    resumed: bool | None = None
    resumable: bool | None = None
    resume_token: str | None = None
    custom: Payload = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(isinstance(self.roles, dict), "roles must be a dictionary")
        self.custom = self.custom or {}
        require(all(key.startswith("x_") for key in self.custom), 'the keys of custom must begin with "x_"')

    def marshal_options(self) -> dict[str, Any]:
        """Return the details as the wire has them."""
        return {**(self.custom or {}), **super().marshal_options()}

    def _take_options(self, options: dict[str, Any]) -> None:
        super()._take_options(options)
        self.custom = {key: value for key, value in options.items() if key.startswith("x_")}


@describe(messages.Abort, "options reason", "message", "reason")
@dataclass(eq=False, repr=False)
class Abort(Message):
    """ABORT: a session is refused, or ended because the protocol was broken."""

    reason: str = _NEEDED
    message: str | None = None


@describe(messages.Challenge, "method extra")
@dataclass(eq=False, repr=False)
class Challenge(Message):
    """CHALLENGE: the router asks for a proof."""

    method: str = _NEEDED
    extra: dict[str, Any] = _NEEDED

    def __post_init__(self) -> None:
        self.extra = self.extra or {}
        super().__post_init__()


@describe(messages.Authenticate, "signature extra")
@dataclass(eq=False, repr=False)
class Authenticate(Message):
    """AUTHENTICATE: the client's proof."""

    signature: str = _NEEDED
    extra: dict[str, Any] = _NEEDED

    def __post_init__(self) -> None:
        self.extra = self.extra or {}
        super().__post_init__()


@describe(messages.Goodbye, "options reason", "message resumable", "reason")
@dataclass(eq=False, repr=False)
class Goodbye(Message):
    """GOODBYE: one side leaves, and the other answers with the same."""

    DEFAULT_REASON = "wamp.close.normal"

    reason: str = "wamp.close.normal"
    message: str | None = None
    resumable: bool | None = None


@describe(messages.Error, "request_type request options error", f"{_ENCODING} {_CALLEE} forward_for", "error")
@dataclass(eq=False, repr=False)
class Error(Carrying):
    """ERROR: a request failed."""

    request_type: int = _NEEDED
    request: int = _NEEDED
    error: str = _NEEDED
    args: Any = None
    kwargs: Any = None
    payload: bytes | None = None
    enc_algo: str | None = None
    enc_key: str | None = None
    enc_serializer: str | None = None
    callee: int | None = None
    callee_authid: str | None = None
    callee_authrole: str | None = None
    forward_for: ForwardFor = None


@describe(
    messages.Publish,
    "request options topic",
    "acknowledge exclude_me exclude exclude_authid exclude_authrole eligible eligible_authid eligible_authrole retain "
    f"transaction_hash {_ENCODING} forward_for",
    "topic",
)
@dataclass(eq=False, repr=False)
class Publish(Carrying):
    """PUBLISH: an event for the broker."""

    request: int = _NEEDED
    topic: str = _NEEDED
    args: Any = None
    kwargs: Any = None
    payload: bytes | None = None
    acknowledge: bool | None = None
    exclude_me: bool | None = None
    exclude: list[int] | None = None
    exclude_authid: list[str] | None = None
    exclude_authrole: list[str] | None = None
    eligible: list[int] | None = None
    eligible_authid: list[str] | None = None
    eligible_authrole: list[str] | None = None
    retain: bool | None = None
    transaction_hash: str | None = None
    enc_algo: str | None = None
    enc_key: str | None = None
    enc_serializer: str | None = None
    forward_for: ForwardFor = None


@describe(messages.Published, "request publication")
@dataclass(eq=False, repr=False)
class Published(Message):
    """PUBLISHED: the broker acknowledges a publication."""

    request: int = _NEEDED
    publication: int = _NEEDED


class _Matching(Message):
    """What SUBSCRIBE and REGISTER have in common: a URI that may be a pattern."""

    MATCH_EXACT = "exact"
    MATCH_PREFIX = "prefix"
    MATCH_WILDCARD = "wildcard"

    match: str | None

    def check_uris(self) -> None:
        """Check the URI for its way of matching.

        Raises:
            InvalidUriError: It is none.
        """
        (name,) = self.URIS
        uri = getattr(self, name)
        if not is_pattern(uri, self.match or "exact"):
            raise InvalidUriError(f"'{name}' in {self.CORE.name}: invalid value \"{uri}\" for URI")


@describe(messages.Subscribe, "request options topic", "match get_retained forward_for", "topic")
@dataclass(eq=False, repr=False)
class Subscribe(_Matching):
    """SUBSCRIBE: ask for events."""

    request: int = _NEEDED
    topic: str = _NEEDED
    match: str | None = None
    get_retained: bool | None = None
    forward_for: ForwardFor = None


@describe(messages.Subscribed, "request subscription")
@dataclass(eq=False, repr=False)
class Subscribed(Message):
    """SUBSCRIBED: the broker agrees."""

    request: int = _NEEDED
    subscription: int = _NEEDED


@describe(messages.Unsubscribe, "request subscription options", "forward_for")
@dataclass(eq=False, repr=False)
class Unsubscribe(Message):
    """UNSUBSCRIBE: no more events."""

    request: int = _NEEDED
    subscription: int = _NEEDED
    forward_for: ForwardFor = None


@describe(messages.Unsubscribed, "request options", "reason subscription", "reason")
@dataclass(eq=False, repr=False)
class Unsubscribed(Message):
    """UNSUBSCRIBED: done; with the request 0 the broker itself ends a subscription."""

    request: int = _NEEDED
    subscription: int | None = None
    reason: str | None = None


@describe(
    messages.Event,
    "subscription publication options",
    "publisher publisher_authid publisher_authrole topic retained transaction_hash x_acknowledged_delivery "
    f"{_ENCODING} forward_for",
    "topic",
)
@dataclass(eq=False, repr=False)
class Event(Carrying):
    """EVENT: an event for a subscriber."""

    subscription: int = _NEEDED
    publication: int = _NEEDED
    args: Any = None
    kwargs: Any = None
    payload: bytes | None = None
    publisher: int | None = None
    publisher_authid: str | None = None
    publisher_authrole: str | None = None
    topic: str | None = None
    retained: bool | None = None
    transaction_hash: str | None = None
    x_acknowledged_delivery: bool | None = None
    enc_algo: str | None = None
    enc_key: str | None = None
    enc_serializer: str | None = None
    forward_for: ForwardFor = None


@describe(messages.EventReceived, "publication")
@dataclass(eq=False, repr=False)
class EventReceived(Message):
    """EVENT_RECEIVED: a subscriber acknowledges an event; an extension of Autobahn's."""

    publication: int = _NEEDED


@describe(
    messages.Call,
    "request options procedure",
    f"timeout receive_progress transaction_hash {_ENCODING} {_CALLER} forward_for",
    "procedure",
)
@dataclass(eq=False, repr=False)
class Call(Carrying):
    """CALL: call a procedure."""

    request: int = _NEEDED
    procedure: str = _NEEDED
    args: Any = None
    kwargs: Any = None
    payload: bytes | None = None
    timeout: int | None = None
    receive_progress: bool | None = None
    transaction_hash: str | None = None
    enc_algo: str | None = None
    enc_key: str | None = None
    enc_serializer: str | None = None
    caller: int | None = None
    caller_authid: str | None = None
    caller_authrole: str | None = None
    forward_for: ForwardFor = None


@describe(messages.Cancel, "request options", "mode forward_for")
@dataclass(eq=False, repr=False)
class Cancel(Message):
    """CANCEL: the caller gives a call up."""

    SKIP = "skip"
    KILL = "kill"
    KILLNOWAIT = "killnowait"

    request: int = _NEEDED
    mode: str | None = None
    forward_for: ForwardFor = None


@describe(messages.Result, "request options", f"progress {_ENCODING} {_CALLEE} forward_for")
@dataclass(eq=False, repr=False)
class Result(Carrying):
    """RESULT: the answer to a call, or a part of it."""

    request: int = _NEEDED
    args: Any = None
    kwargs: Any = None
    payload: bytes | None = None
    progress: bool | None = None
    enc_algo: str | None = None
    enc_key: str | None = None
    enc_serializer: str | None = None
    callee: int | None = None
    callee_authid: str | None = None
    callee_authrole: str | None = None
    forward_for: ForwardFor = None


@describe(
    messages.Register,
    "request options procedure",
    "match invoke concurrency force_reregister forward_for",
    "procedure",
)
@dataclass(eq=False, repr=False)
class Register(_Matching):
    """REGISTER: offer a procedure."""

    INVOKE_SINGLE = "single"
    INVOKE_FIRST = "first"
    INVOKE_LAST = "last"
    INVOKE_ROUNDROBIN = "roundrobin"
    INVOKE_RANDOM = "random"

    request: int = _NEEDED
    procedure: str = _NEEDED
    match: str | None = None
    invoke: str | None = None
    concurrency: int | None = None
    force_reregister: bool | None = None
    forward_for: ForwardFor = None


@describe(messages.Registered, "request registration")
@dataclass(eq=False, repr=False)
class Registered(Message):
    """REGISTERED: the dealer agrees."""

    request: int = _NEEDED
    registration: int = _NEEDED


@describe(messages.Unregister, "request registration options", "forward_for")
@dataclass(eq=False, repr=False)
class Unregister(Message):
    """UNREGISTER: withdraw a procedure."""

    request: int = _NEEDED
    registration: int = _NEEDED
    forward_for: ForwardFor = None


@describe(messages.Unregistered, "request options", "reason registration", "reason")
@dataclass(eq=False, repr=False)
class Unregistered(Message):
    """UNREGISTERED: done; with the request 0 the dealer itself ends a registration."""

    request: int = _NEEDED
    registration: int | None = None
    reason: str | None = None


@describe(
    messages.Invocation,
    "request registration options",
    f"timeout receive_progress {_CALLER} procedure transaction_hash {_ENCODING} forward_for",
    "procedure",
)
@dataclass(eq=False, repr=False)
class Invocation(Carrying):
    """INVOCATION: a call for a callee."""

    request: int = _NEEDED
    registration: int = _NEEDED
    args: Any = None
    kwargs: Any = None
    payload: bytes | None = None
    timeout: int | None = None
    receive_progress: bool | None = None
    caller: int | None = None
    caller_authid: str | None = None
    caller_authrole: str | None = None
    procedure: str | None = None
    transaction_hash: str | None = None
    enc_algo: str | None = None
    enc_key: str | None = None
    enc_serializer: str | None = None
    forward_for: ForwardFor = None


@describe(messages.Interrupt, "request options", "mode reason forward_for", "reason")
@dataclass(eq=False, repr=False)
class Interrupt(Message):
    """INTERRUPT: the callee shall stop."""

    KILL = "kill"
    KILLNOWAIT = "killnowait"

    request: int = _NEEDED
    mode: str | None = None
    reason: str | None = None
    forward_for: ForwardFor = None


@describe(messages.Yield, "request options", f"progress {_ENCODING} {_CALLEE} forward_for")
@dataclass(eq=False, repr=False)
class Yield(Carrying):
    """YIELD: the callee's answer, or a part of it."""

    request: int = _NEEDED
    args: Any = None
    kwargs: Any = None
    payload: bytes | None = None
    progress: bool | None = None
    enc_algo: str | None = None
    enc_key: str | None = None
    enc_serializer: str | None = None
    callee: int | None = None
    callee_authid: str | None = None
    callee_authrole: str | None = None
    forward_for: ForwardFor = None


#: Every message class by its number on the wire.
MESSAGE_TYPE_MAP: Final[dict[int, type[Message]]] = {cls.MESSAGE_TYPE: cls for cls in BY_CORE.values()}
