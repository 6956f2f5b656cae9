"""How compression of messages is offered and agreed on, whatever compresses them: each method is a table of what a side can be held to.

A client has offers; its server looks at them and returns an accept, which is sent as the response; the client looks at that, and returns an accept of
its own. An accept can ask less of its own side than was agreed, never more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from trowamp.wire.websocket import Compressor

from ..wamp._described import Described

__all__ = [
    "PerMessageCompress",
    "PerMessageCompressOffer",
    "PerMessageCompressOfferAccept",
    "PerMessageCompressResponse",
    "PerMessageCompressResponseAccept",
]

Parameters = Mapping[
    str, Sequence[Any]
]  # as a header has them: a list of values for each name; True for one without value


class Parameter(NamedTuple):
    """Something that either side can be held to.

    Attributes:
        name: Its name in headers, after "client_" or "server_", and in fields, after "accept_", "request_", "client_" or "server_".
        own: The field by which a side holds itself to it.
        values: The numbers to choose from, the last of which is meant where nothing is said; none if there are no numbers.
        foreign: Numbers that only the peer can be held to.
        why: Why.
        is_implied: Whether every client can be held to it, without having offered that.
    """

    name: str
    own: str
    values: tuple[int, ...] = ()
    foreign: tuple[int, ...] = ()
    why: str = ""
    is_implied: bool = False

    def check(self, field: str, value: object, *more: object) -> None:
        """Check a value that the program has set; `more` values are good, too.

        Raises:
            Exception: It cannot be that.
        """
        if self.values:
            check_among(field, value, (*more, *self.values))
        elif not isinstance(value, bool):
            raise Exception(f"invalid type {type(value)} for {field}")

    def check_own(self, value: Any, agreed: Any) -> None:
        """Check what a side sets for itself, None for nothing, against what was agreed for it.

        Raises:
            Exception: It cannot be that.
        """
        if value is None:
            return
        self.check(self.own, value)
        if agreed and (value > agreed if self.values else not value):
            raise Exception(f"invalid value {value} for {self.own}: the peer asked for {agreed}")

    def in_header(self, side: str, value: Any) -> str:
        """Return it as a header has it."""
        return f"{side}_{self.name}={value}" if self.values else f"{side}_{self.name}"

    def from_header(self, value: Any, *, may_be_bare: bool) -> Any:
        """Return what a header says; None if it makes no sense."""
        if value is True:
            return True if may_be_bare or not self.values else None
        numbers = {str(number): number for number in (*self.values, *self.foreign)}  # no leading zeros
        return numbers.get(value)


def check_among(field: str, value: object, permissible: Sequence[object]) -> None:
    """Check that a value is one of those that can be chosen.

    Raises:
        Exception: It is not.
    """
    if isinstance(value, bool) or value not in permissible:
        raise Exception(f"invalid value {value} for {field} - permissible values {list(permissible)}")


class _Method(Described):
    """Base of all: knows the table of its method.

    Attributes:
        EXTENSION_NAME: The name of the method in headers.
        PARAMETERS: The table.
    """

    EXTENSION_NAME: ClassVar[str]
    PARAMETERS: ClassVar[tuple[Parameter, ...]]

    def __init_subclass__(cls) -> None:
        fields = [name for name, kind in vars(cls).get("__annotations__", {}).items() if "ClassVar" not in str(kind)]
        if fields and "SHOWN" not in vars(cls):
            cls.SHOWN = tuple(fields)

    def __json__(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in self.SHOWN}
        return {"extension": self.EXTENSION_NAME} | {
            name: value.__json__() if hasattr(value, "__json__") else value for name, value in shown.items()
        }

    @classmethod
    def _read(cls, params: Parameters, reader: str, *, are_hints: bool) -> dict[str, Any]:
        """Return the parameters of a header; `are_hints` says that those of the client may be without a number."""
        known = {f"{side}_{each.name}": (side, each) for side in ("client", "server") for each in cls.PARAMETERS}
        found: dict[str, Any] = {}
        for name, values in params.items():
            if len(values) > 1:
                raise Exception(f"{name!r} of {cls.EXTENSION_NAME} is there more than once")
            if name not in known:
                raise Exception(f"{name!r} is no parameter of {cls.EXTENSION_NAME}")
            side, parameter = known[name]
            value = parameter.from_header(values[0], may_be_bare=are_hints and side == "client")
            if value is None:
                raise Exception(f"illegal value {values[0]!r} for {name!r} of {cls.EXTENSION_NAME}")
            if side == reader and value is not True and value in parameter.foreign:
                raise Exception(parameter.why)
            found[name] = value
        return found


class PerMessageCompressOffer(_Method):
    """Base of what clients offer: `accept_…` is what the client can be held to, `request_…` what the server must do."""

    def __post_init__(self) -> None:
        for each in self.PARAMETERS:
            accepts = getattr(self, f"accept_{each.name}")
            if not isinstance(accepts, bool):
                raise Exception(f"invalid type {type(accepts)} for accept_{each.name}")
            each.check(f"request_{each.name}", getattr(self, f"request_{each.name}"), 0)

    @classmethod
    def parse(cls, params: Parameters) -> Self:
        """Read what a client offers.

        Raises:
            Exception: The parameters are not those of the method.
        """
        found = cls._read(params, "server", are_hints=True)
        fields: dict[str, Any] = {}
        for each in cls.PARAMETERS:
            fields[f"accept_{each.name}"] = each.is_implied or f"client_{each.name}" in found
            fields[f"request_{each.name}"] = found.get(f"server_{each.name}", 0 if each.values else False)
        return cls(**fields)

    def get_extension_string(self) -> str:
        """Return it as the header has it."""
        accepted = [f"client_{each.name}" for each in self.PARAMETERS if getattr(self, f"accept_{each.name}")]
        return "; ".join([self.EXTENSION_NAME, *accepted, *_asked(self, "server")])


class PerMessageCompressOfferAccept(_Method):
    """Base of what servers return for an offer that they accept.

    Attributes:
        OF: The class of such offers.
        offer: The offer.
    """

    OF: ClassVar[type[PerMessageCompressOffer]]

    offer: Any

    def __post_init__(self) -> None:
        if not isinstance(self.offer, self.OF):
            raise Exception(f"invalid type {type(self.offer)} for offer")
        for each in self.PARAMETERS:
            field = f"request_{each.name}"
            asked = getattr(self, field)
            each.check(field, asked, 0)
            if asked and not getattr(self.offer, f"accept_{each.name}"):
                raise Exception(f"invalid value {asked} for {field}: not offered")
            each.check_own(getattr(self, each.own), getattr(self.offer, field))

    def get_extension_string(self) -> str:
        """Return the response as the header has it."""
        return "; ".join([self.EXTENSION_NAME, *_asked(self.offer, "server"), *_asked(self, "client")])


class PerMessageCompressResponse(_Method):
    """Base of what servers answer: `client_…` is what the client must do, `server_…` what the server will do."""

    @classmethod
    def parse(cls, params: Parameters) -> Self:
        """Read what a server answers.

        Raises:
            Exception: The parameters are not those of the method.
        """
        found = cls._read(params, "client", are_hints=False)
        fields = {
            f"{side}_{each.name}": found.get(f"{side}_{each.name}", 0 if each.values else False)
            for side in ("client", "server")
            for each in cls.PARAMETERS
        }
        return cls(**fields)

    def answers(self, offer: Any) -> bool:
        """Tell whether it is a legal answer to an offer (RFC 7692 §7.1)."""
        if offer.EXTENSION_NAME != self.EXTENSION_NAME:
            return False
        for each in self.PARAMETERS:
            asked, given = getattr(offer, f"request_{each.name}"), getattr(self, f"server_{each.name}")
            if asked and not 0 < given <= asked:
                return False
            can = each.is_implied or getattr(offer, f"accept_{each.name}")
            if getattr(self, f"client_{each.name}") and not can:
                return False
        return True


class PerMessageCompressResponseAccept(_Method):
    """Base of what clients return for a response that they accept.

    Attributes:
        OF: The class of such responses.
        response: The response.
    """

    OF: ClassVar[type[PerMessageCompressResponse]]

    response: Any

    def __post_init__(self) -> None:
        if not isinstance(self.response, self.OF):
            raise Exception(f"invalid type {type(self.response)} for response")
        for each in self.PARAMETERS:
            each.check_own(getattr(self, each.own), getattr(self.response, f"client_{each.name}"))


class PerMessageCompress(_Method, ABC):
    """Base of what was agreed on, as `websocket_extensions_in_use` has it.

    Attributes:
        EXTRAS: Fields that accepts have beyond the table.
        max_message_size: Octets that an inflated message may have; None sets no limit but the factory's.
    """

    EXTRAS: ClassVar[tuple[str, ...]] = ()

    max_message_size: int | None = None

    def __post_init__(self) -> None:
        for each in self.PARAMETERS:
            for field in (f"server_{each.name}", f"client_{each.name}"):
                if each.values and not getattr(self, field):
                    setattr(self, field, each.values[-1])

    @classmethod
    def create_from_offer_accept(cls, is_server: bool, accept: Any) -> Self:
        """Return what a server's accept comes to."""
        agreed = {"is_server": is_server} | {name: getattr(accept, name) for name in cls.EXTRAS}
        for each in cls.PARAMETERS:
            own = getattr(accept, each.own)
            agreed[f"server_{each.name}"] = getattr(accept.offer, f"request_{each.name}") if own is None else own
            agreed[f"client_{each.name}"] = getattr(accept, f"request_{each.name}")
        return cls(**agreed)

    @classmethod
    def create_from_response_accept(cls, is_server: bool, accept: Any) -> Self:
        """Return what a client's accept comes to."""
        agreed = {"is_server": is_server} | {name: getattr(accept, name) for name in cls.EXTRAS}
        for each in cls.PARAMETERS:
            own = getattr(accept, each.own)
            agreed[f"server_{each.name}"] = getattr(accept.response, f"server_{each.name}")
            agreed[f"client_{each.name}"] = getattr(accept.response, f"client_{each.name}") if own is None else own
        return cls(**agreed)

    @abstractmethod
    def engine(self) -> Compressor:
        """Return what compresses and inflates."""


def _asked(holder: _Method, side: str) -> list[str]:
    """Return what is requested of a side, as a header has it."""
    asked = ((each, getattr(holder, f"request_{each.name}")) for each in holder.PARAMETERS)
    return [each.in_header(side, value) for each, value in asked if value]
