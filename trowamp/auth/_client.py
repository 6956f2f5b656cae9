"""What an authentication method looks like from the client's side.

What a user constructs is a `ClientAuthenticator`: an identity with its secret, good for any number of connections. What belongs to one handshake
lives in the `ClientAttempt` that it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from ..messages import Authenticate, Challenge

MIN_NONCE = 16  # octets; fewer can be guessed


class Work(msgspec.Struct, frozen=True):
    """An answer that takes time: the shell computes it where it stops nobody else, and hands it to `Join.resume`, or its `ValueError` to `refuse`.

    Attributes:
        run: Computes the answer; raises ValueError if the challenge is not acceptable.
    """

    run: Callable[[], Authenticate]


class ClientAttempt(Protocol):
    """Answers the router's challenges for one authentication method, in one handshake."""

    @property
    def method(self) -> str:
        """The method's name in HELLO, for example `"ticket"`."""
        ...

    @property
    def authid(self) -> str | None:
        """The identity to claim, or None."""
        ...

    @property
    def authrole(self) -> str | None:
        """The role to ask for, or None."""
        ...

    def authextra(self) -> dict[str, Any]:
        """Return what the method adds to `HELLO.Details.authextra`."""
        ...

    def answer(self, challenge: Challenge) -> Authenticate | Work:
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


class ClientAuthenticator(Protocol):
    """One way to authenticate, as `auth=` takes it. A method that remembers nothing between its steps may be its own attempt: `return self`."""

    def begin(self, nonce: bytes) -> ClientAttempt:
        """Begin a handshake.

        Args:
            nonce: 32 random octets that were never used before. All methods of one handshake get the same, for they share one `authextra`.
        """
        ...


class Stateless:
    """Base of methods that remember nothing between their steps, add nothing to HELLO and demand nothing of WELCOME."""

    authrole: str | None = None

    def authextra(self) -> dict[str, Any]:
        """Add nothing."""
        return {}

    def check_welcome(self, authextra: dict[str, Any]) -> None:
        """Demand nothing: the router proves nothing by this method."""
