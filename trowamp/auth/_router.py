"""What an authentication method looks like from the router's side.

A method is one object, shared by all connections: what belongs to one handshake lives in its `Attempt`. Every step returns an outcome: let the
session in, ask for a proof, refuse, leave it to the client's next method, or have somebody else decide. Nothing here does I/O; whoever constructs
a method gives it its secrets, its source of randomness and its clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from .. import uris

if TYPE_CHECKING:
    from ._principals import Principal


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


class Skip(msgspec.Struct, frozen=True):
    """This method is of no use for what the client says of itself; its next one is tried (AU-R2). Only an answer to HELLO.

    Attributes:
        message: Why, in words, for the case that no method is left.
    """

    message: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of itself: what a dynamic authenticator decides by. None of it is proved, but for the `public_key` after its challenge.

    Attributes:
        method: The authentication method in use.
        realm: The realm that the client asks for.
        authid: The identity it claims, or None.
        authrole: The role it asks for, or None.
        ticket: The ticket it presents, for the method "ticket".
        public_key: The key it says it has, in hex, for the method "cryptosign".
        authextra: `HELLO.Details.authextra` as received.
        transport: What is known of the connection: `{"type": "tcp", "peer": …}`.
        session_id: The id that the session will have.
    """

    method: str
    realm: str
    authid: str | None
    authrole: str | None
    ticket: str | None = None
    public_key: str | None = None
    authextra: dict[str, Any]
    transport: dict[str, Any]
    session_id: int

    def __repr__(self) -> str:
        return f"<Claim by {self.method}: {self.authid!r} in {self.realm!r}>"  # nothing of a ticket


class Pending(msgspec.Struct, frozen=True):
    """Somebody else has to be asked: the router waits, the shell asks and hands the outcome to `Router.resolve`.

    Attributes:
        claim: What to ask about.
        judge: Turns the answer, who the client is if its proof is right, into the outcome.
    """

    claim: Claim
    judge: Callable[[Principal], Outcome]


Outcome = Accept | Challenge | Deny | Skip | Pending

# One answer for an unknown identity and for a wrong secret: what differs can be told apart (AU-R5).
REFUSED: Final = Deny(uris.ERROR_AUTHENTICATION_DENIED, "no such identity, or the proof of it is wrong")


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

    def claim(self, method: str, **more: Any) -> Claim:
        """Return what the client says of itself.

        Args:
            method: The method in use.
            more: Other attributes of the claim.
        """
        details = self.details
        return Claim(
            method=method,
            realm=self.realm,
            authid=details.get("authid"),
            authrole=details.get("authrole"),
            authextra=details.get("authextra") or {},
            transport=self.transport,
            session_id=self.session_id,
            **more,
        )


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


class Sources(msgspec.Struct, frozen=True):
    """What methods take from outside, for they have no randomness and no clock of their own.

    Attributes:
        random_bytes: Returns so many unpredictable octets: `os.urandom`.
        utc_now: Returns the time, in UTC.
    """

    random_bytes: Callable[[int], bytes]
    utc_now: Callable[[], datetime]


def malformed(message: str) -> Deny:
    """Refuse what a client did not say as its method demands; the words are for its programmer."""
    return Deny(uris.ERROR_AUTHENTICATION_FAILED, message)
