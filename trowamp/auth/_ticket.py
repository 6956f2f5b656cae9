"""Tickets: the client shows a secret as it is. Use them over TLS only, and prefer random ones, which are worth nothing elsewhere."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ..messages import Authenticate
from ..messages import Challenge as ChallengeMessage
from ._client import ClientAttempt, Stateless
from ._octets import from_hex, same, sha256
from ._principals import Directory, Principal, accepted, ask, no_authid, not_available
from ._router import REFUSED, Attempt, Challenge, Outcome

METHOD: Final = "ticket"


class Ticket(Stateless):
    """Authenticates a client with a ticket.

    Args:
        authid: The identity to claim.
        ticket: The ticket: a password, a token.
    """

    method: str = METHOD

    def __init__(self, authid: str, ticket: str) -> None:
        self.authid: str | None = authid
        self._ticket = ticket

    def __repr__(self) -> str:
        return f"Ticket(authid={self.authid!r})"

    def begin(self, nonce: bytes) -> ClientAttempt:
        """Begin a handshake; nothing has to be remembered."""
        return self

    def answer(self, challenge: ChallengeMessage) -> Authenticate:
        """Show the ticket."""
        return Authenticate(self._ticket, {})


class TicketCredential(msgspec.Struct, frozen=True):
    """What a router knows of a ticket: its SHA-256 digest."""

    digest: bytes

    def __repr__(self) -> str:
        return "<TicketCredential>"

    def shadow(self, entropy: bytes) -> TicketCredential:
        """Make a credential of the same shape that nobody has the secret for."""
        return TicketCredential(entropy)

    @classmethod
    def read(cls, value: Any, place: str) -> TicketCredential:
        """Read it from a configuration: the ticket itself, or `{"sha256": "…"}`.

        Raises:
            ValueError: It is neither; the text names the place.
        """
        if isinstance(value, str) and value:
            return cls(sha256(value.encode("utf-8", "surrogatepass")))
        if isinstance(value, dict) and value.keys() == {"sha256"}:
            return cls(from_hex(value["sha256"], f"{place}.sha256", 32))
        raise ValueError(f"{place} must be a text, or a table with the key sha256")


class TicketAuthenticator:
    """Asks clients for their tickets.

    Args:
        directory: Who the clients are.
    """

    method: str = METHOD

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def begin(self, attempt: Attempt) -> Outcome:
        """Ask for the ticket (TK-B1)."""
        claim = attempt.claim(METHOD)
        if not claim.authid:
            return no_authid(METHOD)
        principal = self._directory.find(claim)
        if principal is not None and METHOD not in principal.credentials:
            return not_available(METHOD)
        return Challenge({})  # whoever has to be asked is asked when the ticket is there, and told of it

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        """Compare the ticket."""
        digest = sha256(signature.encode("utf-8", "surrogatepass"))

        def judge(principal: Principal) -> Outcome:
            known = principal.credentials.get(METHOD)
            if known is True:  # whoever was asked has seen the ticket
                return accepted(principal, attempt)
            if isinstance(known, TicketCredential) and same(digest, known.digest):  # TK-R1
                return accepted(principal, attempt)
            return REFUSED

        return ask(self._directory, attempt.claim(METHOD, ticket=signature), judge)
