"""The messages of WAMP v2 as typed values: all 24 of the specification, and Autobahn's EVENT_RECEIVED.

A message on the wire is a list: an integer code, then fields by position, optional ones at the end. Each class states its form in the first
line of its docstring, quoting the specification's names. `parse` turns a decoded list into a message and refuses whatever the
specification does not allow; `Message.to_wire` gives the shortest list for a message.

    >>> parse([48, 1, {}, "com.example.add2", [2, 3]])
    Call(request_id=1, options={}, procedure='com.example.add2', args=[2, 3], kwargs=None)

Absent, null and empty payloads mean the same (BP-C4); none is ever written. The syntax of URIs is not checked here: a malformed URI is
answered with an ERROR, while everything refused here ends the session.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import msgspec

from . import _options
from ._exceptions import RemoteProtocolError
from ._ids import MAX_ID

__all__ = [
    "MESSAGE_BY_CODE",
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
    "parse",
]

Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Dict = dict[str, Any]

if TYPE_CHECKING:
    RequestType = int  # a message's `code`
    Args = list[Any] | tuple[Any, ...] | bytes | None
else:
    RequestType = Literal[16, 32, 34, 48, 64, 66, 68]  # what an ERROR can answer (MSG-B3)
    # `parse` checks this field itself: msgspec would copy the list, and read a string as base64 octets.
    Args = Any


class Message(msgspec.Struct, array_like=True, gc=False):
    """Base of all messages. Fields are positional as on the wire, after the code."""

    code: ClassVar[int]
    name: ClassVar[str]
    dictionary: ClassVar[str | None] = None  # the field that holds Options, Details or Extra, if any
    checks: ClassVar[_options.Checks] = {}
    required: ClassVar[tuple[str, ...]] = ()  # keys that the dictionary must hold
    shortest: ClassVar[int]  # legal list lengths, the code included
    longest: ClassVar[int]
    payload_at: ClassVar[int | None] = (
        None  # where the positional payload stands in the list, if the message can carry one
    )

    def to_wire(self) -> tuple[Any, ...]:
        """Return the message as the shortest legal sequence, the code first (SER-B4).

        Messages with a payload, the busy ones, spell this out: it is their hot path.
        """
        fields = msgspec.structs.astuple(self)
        end = len(fields)
        while end >= self.shortest and not fields[end - 1]:
            end -= 1
        return (self.code, *fields[:end])


def _with_payload(head: tuple[Any, ...], args: Args, kwargs: Dict | None) -> tuple[Any, ...]:
    if kwargs:
        return (*head, [] if args is None else args, kwargs)
    if args:
        return (*head, args)
    return head


class Hello(Message, tag=1):
    """[HELLO, Realm|uri, Details|dict]: the client opens a session."""

    realm: str
    details: Dict

    dictionary = "details"
    checks = _options.HELLO
    required = ("roles",)


class Welcome(Message, tag=2):
    """[WELCOME, Session|id, Details|dict]: the router accepts the session."""

    session_id: Id
    details: Dict

    dictionary = "details"
    checks = _options.WELCOME
    required = ("roles",)


class Abort(Message, tag=3):
    """[ABORT, Details|dict, Reason|uri, Arguments|list, ArgumentsKw|dict]: a session is refused, or ended after a violation."""

    details: Dict
    reason: str
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "details"
    checks = _options.ABORT
    payload_at = 3

    def to_wire(self) -> tuple[Any, ...]:
        return _with_payload((3, self.details, self.reason), self.args, self.kwargs)


class Challenge(Message, tag=4):
    """[CHALLENGE, AuthMethod|string, Extra|dict]: the router asks for a proof."""

    method: str
    extra: Dict


class Authenticate(Message, tag=5):
    """[AUTHENTICATE, Signature|string, Extra|dict]: the client's proof. Its repr does not show it: a ticket is the secret itself."""

    signature: str
    extra: Dict

    def __repr__(self) -> str:
        return f"Authenticate(signature=<{len(self.signature)} characters>, extra={self.extra!r})"


class Goodbye(Message, tag=6):
    """[GOODBYE, Details|dict, Reason|uri]: one side leaves; the other answers with the same."""

    details: Dict
    reason: str

    dictionary = "details"
    checks = _options.GOODBYE


class Error(Message, tag=8):
    """[ERROR, REQUEST.Type|int, REQUEST.Request|id, Details|dict, Error|uri, Arguments|list, ArgumentsKw|dict]: a request failed."""

    request_type: RequestType
    request_id: Id
    details: Dict
    error: str
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "details"
    checks = _options.ERROR
    payload_at = 5

    def to_wire(self) -> tuple[Any, ...]:
        head = (8, self.request_type, self.request_id, self.details, self.error)
        return _with_payload(head, self.args, self.kwargs)


class Publish(Message, tag=16):
    """[PUBLISH, Request|id, Options|dict, Topic|uri, Arguments|list, ArgumentsKw|dict]: an event for the broker."""

    request_id: Id
    options: Dict
    topic: str
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "options"
    checks = _options.PUBLISH
    payload_at = 4

    def to_wire(self) -> tuple[Any, ...]:
        if self.args and not self.kwargs:
            return (16, self.request_id, self.options, self.topic, self.args)
        return _with_payload((16, self.request_id, self.options, self.topic), self.args, self.kwargs)


class Published(Message, tag=17):
    """[PUBLISHED, PUBLISH.Request|id, Publication|id]: the broker acknowledges a publication."""

    request_id: Id
    publication_id: Id


class Subscribe(Message, tag=32):
    """[SUBSCRIBE, Request|id, Options|dict, Topic|uri]: ask for events."""

    request_id: Id
    options: Dict
    topic: str

    dictionary = "options"
    checks = _options.SUBSCRIBE


class Subscribed(Message, tag=33):
    """[SUBSCRIBED, SUBSCRIBE.Request|id, Subscription|id]: the broker agrees."""

    request_id: Id
    subscription_id: Id


class Unsubscribe(Message, tag=34):
    """[UNSUBSCRIBE, Request|id, SUBSCRIBED.Subscription|id, Options|dict]: no more events. Options are Autobahn's."""

    request_id: Id
    subscription_id: Id
    options: Dict | None = None

    dictionary = "options"
    checks = _options.FORWARDED


class Unsubscribed(Message, tag=35):
    """[UNSUBSCRIBED, UNSUBSCRIBE.Request|id, Details|dict]: done; with Request 0 the broker itself ends a subscription."""

    request_id: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
    details: Dict | None = None

    dictionary = "details"
    checks = _options.UNSUBSCRIBED


class Event(Message, tag=36):
    """[EVENT, Subscription|id, Publication|id, Details|dict, Arguments|list, ArgumentsKw|dict]: an event for a subscriber."""

    subscription_id: Id
    publication_id: Id
    details: Dict
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "details"
    checks = _options.EVENT
    payload_at = 4

    def to_wire(self) -> tuple[Any, ...]:
        if self.args and not self.kwargs:
            return (36, self.subscription_id, self.publication_id, self.details, self.args)
        head = (36, self.subscription_id, self.publication_id, self.details)
        return _with_payload(head, self.args, self.kwargs)


class Call(Message, tag=48):
    """[CALL, Request|id, Options|dict, Procedure|uri, Arguments|list, ArgumentsKw|dict]: call a procedure."""

    request_id: Id
    options: Dict
    procedure: str
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "options"
    checks = _options.CALL
    payload_at = 4

    def to_wire(self) -> tuple[Any, ...]:
        if self.args and not self.kwargs:
            return (48, self.request_id, self.options, self.procedure, self.args)
        return _with_payload((48, self.request_id, self.options, self.procedure), self.args, self.kwargs)


class Cancel(Message, tag=49):
    """[CANCEL, CALL.Request|id, Options|dict]: the caller gives a call up."""

    request_id: Id
    options: Dict

    dictionary = "options"
    checks = _options.CANCEL


class Result(Message, tag=50):
    """[RESULT, CALL.Request|id, Details|dict, Arguments|list, ArgumentsKw|dict]: the answer to a call, or a part of it."""

    request_id: Id
    details: Dict
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "details"
    checks = _options.RESULT
    payload_at = 3

    def to_wire(self) -> tuple[Any, ...]:
        if self.args and not self.kwargs:
            return (50, self.request_id, self.details, self.args)
        return _with_payload((50, self.request_id, self.details), self.args, self.kwargs)


class Register(Message, tag=64):
    """[REGISTER, Request|id, Options|dict, Procedure|uri]: offer a procedure."""

    request_id: Id
    options: Dict
    procedure: str

    dictionary = "options"
    checks = _options.REGISTER


class Registered(Message, tag=65):
    """[REGISTERED, REGISTER.Request|id, Registration|id]: the dealer agrees."""

    request_id: Id
    registration_id: Id


class Unregister(Message, tag=66):
    """[UNREGISTER, Request|id, REGISTERED.Registration|id, Options|dict]: withdraw a procedure. Options are Autobahn's."""

    request_id: Id
    registration_id: Id
    options: Dict | None = None

    dictionary = "options"
    checks = _options.FORWARDED


class Unregistered(Message, tag=67):
    """[UNREGISTERED, UNREGISTER.Request|id, Details|dict]: done; with Request 0 the dealer itself ends a registration."""

    request_id: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
    details: Dict | None = None

    dictionary = "details"
    checks = _options.UNREGISTERED


class Invocation(Message, tag=68):
    """[INVOCATION, Request|id, REGISTERED.Registration|id, Details|dict, Arguments|list, ArgumentsKw|dict]: a call for a callee."""

    request_id: Id
    registration_id: Id
    details: Dict
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "details"
    checks = _options.INVOCATION
    payload_at = 4

    def to_wire(self) -> tuple[Any, ...]:
        if self.args and not self.kwargs:
            return (68, self.request_id, self.registration_id, self.details, self.args)
        head = (68, self.request_id, self.registration_id, self.details)
        return _with_payload(head, self.args, self.kwargs)


class Interrupt(Message, tag=69):
    """[INTERRUPT, INVOCATION.Request|id, Options|dict]: the callee shall stop."""

    request_id: Id
    options: Dict

    dictionary = "options"
    checks = _options.INTERRUPT


class Yield(Message, tag=70):
    """[YIELD, INVOCATION.Request|id, Options|dict, Arguments|list, ArgumentsKw|dict]: the callee's answer, or a part of it."""

    request_id: Id
    options: Dict
    args: Args = None
    kwargs: Dict | None = None

    dictionary = "options"
    checks = _options.YIELD
    payload_at = 3

    def to_wire(self) -> tuple[Any, ...]:
        if self.args and not self.kwargs:
            return (70, self.request_id, self.options, self.args)
        return _with_payload((70, self.request_id, self.options), self.args, self.kwargs)


class EventReceived(Message, tag=337):
    """[EVENT_RECEIVED, EVENT.Publication|id]: Autobahn's extension; parsed, never sent (ACK-B1)."""

    publication_id: Id


def _describe(cls: type[Message]) -> type[Message]:
    """Fill in what follows from the declaration: code, name, legal lengths."""
    tag = cls.__struct_config__.tag
    assert isinstance(tag, int)
    optional = len(cls.__struct_defaults__)
    cls.code = tag
    cls.name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).upper()
    cls.longest = 1 + len(cls.__struct_fields__)
    cls.shortest = cls.longest - optional
    return cls


MESSAGE_BY_CODE: Final[dict[int, type[Message]]] = {cls.code: cls for cls in map(_describe, Message.__subclasses__())}


def parse(raw: list[Any]) -> Message:
    """Turn a decoded list into a message.

    Args:
        raw: What a serializer decoded. The message keeps the payload's objects; do not change them afterwards.

    Returns:
        The message, an instance of the class registered in `MESSAGE_BY_CODE`.

    Raises:
        RemoteProtocolError: `raw` is no legal message: not a list, an unknown code, a wrong length or type, an id out of range, a known option
            with a wrong value (checklist MSG-B1 to MSG-B4). The text names the field or option.
    """
    try:
        cls = MESSAGE_BY_CODE[raw[0]]
    except (TypeError, KeyError, IndexError):
        raise RemoteProtocolError(_not_a_message(raw)) from None
    if type(raw[0]) is not int or not cls.shortest <= len(raw) <= cls.longest:
        raise RemoteProtocolError(_not_a_message(raw, cls))
    try:
        message = msgspec.convert(raw, cls)
    except msgspec.ValidationError as error:
        raise RemoteProtocolError(_name_the_field(cls, str(error))) from None
    payload_at = cls.payload_at
    if payload_at is not None and len(raw) > payload_at:
        args = raw[payload_at]
        if type(args) is not list and args is not None:
            _check_octets(cls, raw, message, args)
    if cls.dictionary is not None:
        options = getattr(message, cls.dictionary)
        if options or cls.required:
            check_options(cls, options)
    return message


def _check_octets(cls: type[Message], raw: list[Any], message: Message, args: Any) -> None:
    """Check what stands in place of the list of arguments: it must be octets."""
    if type(args) is not bytes:
        raise RemoteProtocolError(f"{cls.name}.args: expected `array`, got `{type(args).__name__}`")
    if len(raw) - 1 != cls.payload_at:
        raise RemoteProtocolError(f"{cls.name}.kwargs: a transparent payload has no keyword arguments")
    assert cls.dictionary is not None
    _refuse_wrong_key(cls, getattr(message, cls.dictionary), _options.TRANSPARENT)


def check_options(cls: type[Message], options: dict[str, Any] | None) -> None:
    """Check a message's dictionary.

    Raises:
        RemoteProtocolError: A known key has a wrong value, or a required one is missing (MSG-B4).
    """
    _refuse_wrong_key(cls, options or {}, cls.checks)
    for key in cls.required:
        if key not in (options or {}):
            raise RemoteProtocolError(f"{cls.name}.{(cls.dictionary or '').title()}.{key} is missing")


def _refuse_wrong_key(cls: type[Message], options: dict[str, Any], checks: _options.Checks) -> None:
    key = _options.wrong_key(options, checks)
    if key is not None:
        value = repr(options[key])
        shown = value if len(value) <= 40 else value[:37] + "..."
        raise RemoteProtocolError(f"{cls.name}.{(cls.dictionary or '').title()}.{key} must not be {shown}")


def _not_a_message(raw: Any, cls: type[Message] | None = None) -> str:
    if not isinstance(raw, list):
        return f"a message must be a list, not {type(raw).__name__}"
    if not raw:
        return "a message must not be an empty list"
    if cls is None or type(raw[0]) is not int:
        return f"unknown message code {raw[0]!r:.40}"
    lengths = f"{cls.shortest}" if cls.shortest == cls.longest else f"{cls.shortest} to {cls.longest}"
    return f"{cls.name} must have {lengths} elements, not {len(raw)}"


_PLACE = re.compile(r"(?P<what>.*) - at (?P<key>`key` in )?`\$\[(?P<index>\d+)\](?P<rest>.*)`", re.DOTALL)


def _name_the_field(cls: type[Message], text: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$[1]`" into "CALL.request_id: expected `int`, got `str`"."""
    found = _PLACE.fullmatch(text)
    if found is None:
        return f"{cls.name}: {text}"
    field = cls.__struct_fields__[int(found["index"]) - 1]
    what = found["what"]
    return f"{cls.name}.{field}: {what[0].lower()}{what[1:]}"
