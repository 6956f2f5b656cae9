"""What an authentication method looks like from the router's side.

A method is one object, shared by all connections: what belongs to one handshake lives in its `Attempt`. Every step returns an outcome: let the
session in, ask for a proof, or refuse. Nothing here does I/O; whoever constructs a method gives it its secrets and its source of randomness.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    """The session may join.

    Attributes:
        authid: The identity that the session has from now on.
        role: Its role.
        realm: The realm it joins, or None for the one it asked for.
        provider: Who vouches for the identity, or None.
        extra: What the method adds to `WELCOME.Details.authextra`.
    """

    authid: str
    role: str
    realm: str | None = None
    provider: str | None = None
    extra: dict[str, Any] = {}


class Challenge(msgspec.Struct, frozen=True):
    """The client has to prove something first; `extra` is CHALLENGE.Extra."""

    extra: dict[str, Any]


class Deny(msgspec.Struct, frozen=True):
    """The session is refused: the reason's URI, and words for people that tell an attacker nothing."""

    reason: str
    message: str


Outcome = Accept | Challenge | Deny


class Attempt(msgspec.Struct):
    """One client's attempt to join, from HELLO to the outcome.

    Attributes:
        realm: The realm that the client asks for.
        details: `HELLO.Details` as received: `authid`, `authrole`, `authextra` are claims, not facts.
        transport: What is known of the connection, for example its peer's address or certificate.
        session_id: The id that the session will have.
        state: Whatever the method has to remember between its steps.
    """

    realm: str
    details: dict[str, Any]
    transport: dict[str, Any]
    session_id: int
    state: Any = None


class RouterAuthenticator(Protocol):
    """One authentication method of a router.

    Attributes:
        method: The method's name in HELLO and CHALLENGE, for example `"ticket"`.
    """

    method: str

    def begin(self, attempt: Attempt) -> Outcome:
        """Judge a HELLO that offers this method."""
        ...

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        """Judge the AUTHENTICATE that followed the last challenge; another challenge is another factor (S14)."""
        ...
