"""Testaments: events that a session leaves to be published when it is over, however it ends (checklist §4.18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .. import uris
from .._exceptions import InvalidArgument, InvalidUri, NotAuthorized, RemoteProtocolError
from .._uri_pattern import is_reserved, is_uri
from ..messages import Publish, parse
from ._meta import Arguments, MetaProcedure, MetaProcedures
from ._payload_size import payload_size

if TYPE_CHECKING:
    from ._grants import Grant
    from ._options import RouterOptions
    from ._session import Session

Scope = Literal["detached", "destroyed"]


class _Add(Arguments):
    topic: str
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    publish_options: dict[str, Any] | None = None
    scope: Scope = "destroyed"


class _Flush(Arguments):
    scope: Scope = "destroyed"


class Testament(msgspec.Struct, frozen=True):
    """One event of a testament.

    Attributes:
        scope: When it is due. Without session resumption a session is destroyed as soon as it is detached.
        message: What will be published.
        grant: What the session was allowed when it made this.
        size: About how many octets it takes.
    """

    scope: Scope
    message: Publish
    grant: Grant
    size: int


class TestamentMeta:
    """The procedures `wamp.session.add_testament` and `flush_testaments` of one realm.

    Args:
        options: Limits.
    """

    def __init__(self, options: RouterOptions) -> None:
        self._options = options
        self.procedures: MetaProcedures = {
            uris.SESSION_ADD_TESTAMENT: MetaProcedure(_Add, self._add),
            uris.SESSION_FLUSH_TESTAMENTS: MetaProcedure(_Flush, self._flush),
        }

    def _add(self, caller: Session, arguments: _Add, now: float) -> list[Any]:
        options = self._options
        topic = arguments.topic
        if is_reserved(topic) or not is_uri(topic, strict=options.strict_uris):  # TM-R8
            raise InvalidUri("not a legal topic to publish to")
        size = payload_size(*msgspec.structs.astuple(arguments))
        testament = Testament(arguments.scope, _publication(arguments), caller.grant, size)
        if len(caller.testaments) >= options.max_testaments:
            raise NotAuthorized(f"more than {options.max_testaments} testaments")
        if sum(each.size for each in caller.testaments) + testament.size > options.max_testament_octets:
            raise NotAuthorized(f"testaments of more than {options.max_testament_octets} octets")
        caller.testaments.append(testament)
        return []

    def _flush(self, caller: Session, arguments: _Flush, now: float) -> list[Any]:
        caller.testaments[:] = [each for each in caller.testaments if each.scope != arguments.scope]
        return []


def in_order(testaments: list[Testament]) -> list[Testament]:
    """Return what is to be published: what was left for being detached first, each scope in the order of adding (TM-R3)."""
    return [each for scope in ("detached", "destroyed") for each in testaments if each.scope == scope]


def _publication(arguments: _Add) -> Publish:
    """Make the PUBLISH of a testament; nobody will be there to have it acknowledged (TM-R5).

    Raises:
        InvalidArgument: The options are no options of PUBLISH.
    """
    options = dict(arguments.publish_options or {})
    options.pop("acknowledge", None)
    try:
        message = parse([Publish.code, 1, options, arguments.topic, arguments.args, arguments.kwargs])
    except RemoteProtocolError as error:
        raise InvalidArgument(str(error)) from None
    assert isinstance(message, Publish)
    return message
