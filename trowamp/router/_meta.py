"""Procedures of the reserved namespace, which the router itself serves.

A meta procedure is a class that says which arguments it takes, and a function that returns the positional payload of the result or raises an
`ApplicationError`, as a procedure anywhere does. Arguments may be given by position or by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .. import uris
from .._exceptions import ApplicationError, InvalidArgument, MessageTooLarge, SerializationError
from ..messages import Call, Result
from ._session import NOTHING

if TYPE_CHECKING:
    from ._session import Session


class Arguments(msgspec.Struct, forbid_unknown_fields=True):
    """Base of the arguments of a meta procedure; those that take none use it itself."""


A = TypeVar("A", bound=Arguments)
Run = Callable[
    ["Session", Any, float], list[Any]
]  # the caller, its arguments and the time; returns the positional payload


class MetaProcedure(msgspec.Struct, frozen=True):
    """One procedure of the router's own.

    Attributes:
        arguments: What it takes.
        run: What it does.
    """

    arguments: type[Arguments]
    run: Run


MetaProcedures = dict[str, MetaProcedure]


class MetaApi:
    """The procedures that the router serves in one realm.

    Args:
        tables: Procedures by their URIs.
    """

    def __init__(self, tables: Iterable[MetaProcedures]) -> None:
        self._procedures = {uri: procedure for table in tables for uri, procedure in table.items()}

    def call(self, caller: Session, message: Call, now: float) -> None:
        """Answer a CALL of a reserved URI."""
        call_id = message.request_id
        procedure = self._procedures.get(message.procedure)
        if procedure is None:
            text = f"the router does not serve {message.procedure!r:.200}"
            caller.refuse(Call.code, call_id, uris.ERROR_NO_SUCH_PROCEDURE, text)
            return
        try:
            payload = procedure.run(caller, read(message, procedure.arguments), now)
        except ApplicationError as error:
            caller.refuse(Call.code, call_id, error.uri, *map(str, error.args))
            return
        try:
            octets = caller.link.encode_in_pieces(Result(call_id, NOTHING, payload))
        except (SerializationError, MessageTooLarge) as error:
            caller.refuse_payload(Call.code, call_id, error)
        else:
            caller.outbox.queue(octets)


def read(message: Call, kind: type[A]) -> A:
    """Read the arguments of a call.

    Raises:
        InvalidArgument: They are not what the procedure takes; the text says why.
    """
    names = kind.__struct_fields__
    args, kwargs = message.args or (), message.kwargs or {}
    if len(args) > len(names):
        raise InvalidArgument(f"{len(args)} positional arguments instead of {len(names)} at most")
    by_position = dict(zip(names, args, strict=False))
    if not by_position.keys().isdisjoint(kwargs):
        raise InvalidArgument(f"given twice: {', '.join(by_position.keys() & kwargs.keys())}")
    try:
        return msgspec.convert(by_position | kwargs, kind)
    except msgspec.ValidationError as error:
        raise InvalidArgument(str(error)) from None
