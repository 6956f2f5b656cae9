"""What all message classes have in common: the way to and from the wire, and to and from the messages of `trowamp.messages`.

A class is described by its tables, and this module does the rest. The core's messages hold options in a dictionary as the wire has it; here each
known option is an attribute, and unknown ones are passed over.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pprint import pformat
from typing import Any, ClassVar, Final, Self, TypeVar

from trowamp import RemoteProtocolError, messages

from ._described import require
from ._message_checks import check_or_raise_uri
from .exception import ProtocolError
from .interfaces import IMessage

__all__ = ["Carrying", "Message", "from_core"]


class Message(IMessage):
    """Base of all messages. Two are equal if they are of one class and look the same on the wire.

    Attributes:
        MESSAGE_TYPE: The number on the wire.
        CORE: The class in `trowamp.messages`.
        WIRE: The attributes in the order of the wire; "options" stands for the dictionary of options.
        OPTIONS: The attributes that are options, by the names they have on the wire.
        URIS: The attributes that hold URIs.
        correlation_id: What ties messages together in a trace; local, as the three that follow.
        correlation_uri: The URI that the trace began with.
        correlation_is_anchor: Whether the trace begins here.
        correlation_is_last: Whether it ends here.
    """

    MESSAGE_TYPE: ClassVar[int] = 0
    CORE: ClassVar[type[messages.Message]]
    WIRE: ClassVar[tuple[str, ...]]
    OPTIONS: ClassVar[dict[str, str]] = {}
    URIS: ClassVar[tuple[str, ...]] = ()

    correlation_id: Any = None
    correlation_uri: Any = None
    correlation_is_anchor: Any = None
    correlation_is_last: Any = None
    _serialized: Any = None

    def __post_init__(self) -> None:
        for name in self.WIRE:
            value = None if name == "options" else getattr(self, name)
            if name not in {"options", "realm"} or value is not None:  # a router may choose the realm
                _check(name, value)
        for name in self.OPTIONS.values():
            value = getattr(self, name)
            if value is not None:
                _check(name, value)

    @classmethod
    def parse(cls, wmsg: list[Any]) -> Self:
        """Make the message of a decoded list.

        Raises:
            ProtocolError: It is no legal message of this class; the text says why.
            InvalidUriError: A URI in it is none.
        """
        try:
            core = messages.parse(list(wmsg))
        except RemoteProtocolError as error:
            raise ProtocolError(str(error)) from None
        if type(core) is not cls.CORE:
            raise ProtocolError(f"{core.name} where {cls.CORE.name} was expected")
        message = cls.from_core(core)
        message.check_uris()
        return message

    @classmethod
    def from_core(cls, core: Any) -> Self:
        """Make the message of one of the core's, which is not checked again."""
        made = cls.__new__(cls)
        for name, field in zip(cls.WIRE, core.__struct_fields__, strict=False):
            value = getattr(core, field)
            if name == "options":
                made._take_options(value or {})
            else:
                setattr(made, name, value)
        return made

    def to_core(self) -> Any:
        """Return the core's message for this one."""
        return self.CORE(*[self.marshal_options() if name == "options" else getattr(self, name) for name in self.WIRE])

    def check_uris(self) -> None:
        """Check the syntax of the URIs.

        Raises:
            InvalidUriError: One is none.
        """
        for name in self.URIS:
            value = getattr(self, name)
            if value is not None:
                check_or_raise_uri(value, f"'{name}' in {self.CORE.name}")

    def marshal_options(self) -> dict[str, Any]:
        """Return the options as the wire has them."""
        found = {}
        for key, name in self.OPTIONS.items():
            value = getattr(self, name)
            if value is not None:
                found[key] = value
        return found

    def _take_options(self, options: dict[str, Any]) -> None:
        for key, name in self.OPTIONS.items():
            setattr(self, name, options.get(key))

    def marshal(self) -> list[Any]:
        """Return the message as the list that is serialized."""
        return list(self.to_core().to_wire())

    def serialize(self, serializer: Any) -> bytes:
        """Return the octets of this message; they are remembered for each serializer.

        Args:
            serializer: An `IObjectSerializer` or an `ISerializer`.
        """
        if self._serialized is None:
            self._serialized = {}
        if serializer not in self._serialized:
            made = serializer.serialize(self if hasattr(serializer, "SERIALIZER_ID") else self.marshal())
            self._serialized[serializer] = made if isinstance(made, bytes) else made[0]
        return bytes(self._serialized[serializer])

    def uncache(self) -> None:
        """Forget the octets."""
        self._serialized = None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.marshal() == other.marshal()

    __hash__ = None  # type: ignore[assignment]  # its fields can be changed

    def __str__(self) -> str:
        return f"{type(self).__name__.upper()}::\n{textwrap.indent(pformat(self.marshal()), '    ')}"


class Carrying(Message):
    """Base of the messages with a payload: either `args` and `kwargs`, or `payload`, the octets that a codec has made of them."""

    args: Any
    kwargs: Any
    payload: bytes | None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.args is None or isinstance(self.args, list | tuple), "args must be a list or a tuple")
        require(self.kwargs is None or isinstance(self.kwargs, dict), "kwargs must be a dictionary")
        require(self.payload is None or isinstance(self.payload, bytes), "payload must be octets")
        is_plain = self.args is None and self.kwargs is None
        require(self.payload is None or is_plain, "a message has either args and kwargs or a payload")

    @classmethod
    def from_core(cls, core: Any) -> Self:
        """Make the message of one of the core's, which is not checked again."""
        made = super().from_core(core)
        args = core.args
        if type(args) is bytes:
            made.args, made.kwargs, made.payload = None, None, args
        else:
            made.args, made.kwargs, made.payload = args, core.kwargs, None
        return made

    def to_core(self) -> Any:
        """Return the core's message for this one."""
        core = super().to_core()
        if self.payload is None:
            core.args, core.kwargs = self.args, self.kwargs
        else:
            core.args = self.payload
        return core


M = TypeVar("M", bound=Message)


def from_core(core: messages.Message) -> Message:
    """Make the message of one of the core's."""
    return BY_CORE[type(core)].from_core(core)


#: Every message class by its class in `trowamp.messages`; filled by `describe`.
BY_CORE: Final[dict[type[messages.Message], type[Message]]] = {}


def describe(
    core: type[messages.Message], wire: str, options: str = "", uris: str = ""
) -> Callable[[type[M]], type[M]]:
    """Decorate a message class with its tables.

    Args:
        core: The class in `trowamp.messages`.
        wire: The attributes in the order of the wire; "options" stands for the dictionary of options.
        options: The attributes that are options; `attribute:name` if the wire has another name for one.
        uris: The attributes that hold URIs.
    """

    def decorate(cls: type[M]) -> type[M]:
        cls.MESSAGE_TYPE = core.code
        cls.CORE = core
        cls.WIRE = tuple(wire.split())
        pairs = (option.partition(":") for option in options.split())
        cls.OPTIONS = {name or attribute: attribute for attribute, _, name in pairs}
        cls.URIS = tuple(uris.split())
        BY_CORE[core] = cls
        return cls

    return decorate


_TEXT: Final = (str,)
_NUMBER: Final = (int,)
_FLAG: Final = (bool,)
_DICT: Final = (dict,)
_LIST: Final = (list, tuple)

# The type of each attribute: one name means one thing in all messages.
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(
        (
            "authid",
            "authmethod",
            "authprovider",
            "authrole",
            "callee_authid",
            "callee_authrole",
            "caller_authid",
            "caller_authrole",
            "enc_algo",
            "enc_key",
            "enc_serializer",
            "error",
            "invoke",
            "match",
            "message",
            "method",
            "mode",
            "procedure",
            "publisher_authid",
            "publisher_authrole",
            "realm",
            "reason",
            "resume_token",
            "signature",
            "topic",
            "transaction_hash",
        ),
        _TEXT,
    ),
    **dict.fromkeys(
        (
            "callee",
            "caller",
            "concurrency",
            "publication",
            "publisher",
            "registration",
            "request",
            "request_type",
            "resume_session",
            "session",
            "subscription",
            "timeout",
        ),
        _NUMBER,
    ),
    **dict.fromkeys(
        (
            "acknowledge",
            "exclude_me",
            "force_reregister",
            "get_retained",
            "progress",
            "receive_progress",
            "resumable",
            "resumed",
            "retain",
            "retained",
            "x_acknowledged_delivery",
        ),
        _FLAG,
    ),
    **dict.fromkeys(("authextra", "extra", "roles"), _DICT),
    **dict.fromkeys(
        (
            "authmethods",
            "eligible",
            "eligible_authid",
            "eligible_authrole",
            "exclude",
            "exclude_authid",
            "exclude_authrole",
            "forward_for",
        ),
        _LIST,
    ),
}

# Attributes with few legal values.
_VALUES: Final[dict[str, tuple[str, ...]]] = {
    "match": ("exact", "prefix", "wildcard"),
    "invoke": ("single", "first", "last", "roundrobin", "random"),
    "mode": ("skip", "kill", "killnowait"),
}


def _check(name: str, value: Any) -> None:
    kinds = _KINDS[name]
    is_right = isinstance(value, kinds) and (not isinstance(value, bool) or kinds is _FLAG)
    require(is_right, f"{name} must be {' or '.join(kind.__name__ for kind in kinds)}, not {value!r:.40}")
    require(name not in _VALUES or value in _VALUES[name], f"{name} must not be {value!r:.40}")
