"""What an authentication method looks like from the client's side."""

from __future__ import annotations

from typing import Any, Protocol

from ..messages import Authenticate, Challenge


class ClientAuthenticator(Protocol):
    """Answers the router's challenges for one authentication method.

    Attributes:
        method: The method's name in HELLO, for example `"ticket"`.
        authid: The identity to claim, or None.
        authrole: The role to ask for, or None.
    """

    method: str
    authid: str | None
    authrole: str | None

    def authextra(self) -> dict[str, Any]:
        """Return what the method adds to `HELLO.Details.authextra`."""
        ...

    def answer(self, challenge: Challenge) -> Authenticate:
        """Answer a challenge.

        Raises:
            ValueError: The challenge is not acceptable; the session is given up.
        """
        ...

    def check_welcome(self, authextra: dict[str, Any]) -> None:
        """Check what the router proves of itself in `WELCOME.Details.authextra`; asked also if there was no CHALLENGE at all.

        Raises:
            ValueError: The proof is missing or wrong; the session is given up.
        """
        ...
