"""Small public values that travel between the cores and the shells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Result:
    """What a procedure returns when one plain value is not enough: several positional values, or keywords.

    Return one from a procedure to answer with several values; a call returns one when the answer is not exactly one positional value.

    Args:
        args: Positional values.
        kwargs: Keyword values.

    Attributes:
        args: The positional values, a tuple.
        kwargs: The keyword values, a dict.
    """

    __slots__ = ("args", "kwargs")

    def __init__(self, /, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self.args == other.args and self.kwargs == other.kwargs

    __hash__ = None  # type: ignore[assignment]  # holds arbitrary, mutable values

    def __repr__(self) -> str:
        parts = [*map(repr, self.args), *(f"{key}={value!r}" for key, value in self.kwargs.items())]
        return f"Result({', '.join(parts)})"


def positional(args: list[Any] | tuple[Any, ...] | bytes | None) -> Sequence[Any]:
    """Turn the positional payload of a message into arguments; an opaque payload is one argument."""
    if not args:
        return ()
    return (args,) if isinstance(args, bytes) else args


def unwrap(args: list[Any] | tuple[Any, ...] | bytes | None, kwargs: dict[str, Any] | None) -> Any:
    """Turn the payload of a RESULT into what a call returns: nothing is None, one value is itself, the rest is a `Result`."""
    if not kwargs:
        if not args:
            return None
        if isinstance(args, bytes):
            return args
        if len(args) == 1:
            return args[0]
    return Result(*(args or ()), **(kwargs or {}))


class SessionDetails(msgspec.Struct, frozen=True):
    """Who this session is, as the router said in WELCOME.

    Attributes:
        session_id: The session's id, unique on the router.
        realm: The realm that was joined (the router may have chosen another one than asked for).
        authid: The identity the router gave the session, or None.
        authrole: Its role, or None.
        authmethod: How it was authenticated, or None.
        authprovider: Who authenticated it, or None.
        authextra: What the authentication method added.
        agent: The router's software, or None.
        features: The router's announced features: role (`"broker"`, `"dealer"`) to the set of feature names.
        details: `WELCOME.Details` as received.
    """

    session_id: int
    realm: str
    authid: str | None
    authrole: str | None
    authmethod: str | None
    authprovider: str | None
    authextra: dict[str, Any]
    agent: str | None
    features: dict[str, frozenset[str]]
    details: dict[str, Any]

    def supports(self, role: str, feature: str) -> bool:
        """Tell whether the router announced `feature` for its role `role` ("broker" or "dealer")."""
        return feature in self.features.get(role, ())
