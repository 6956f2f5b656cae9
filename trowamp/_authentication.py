"""Who may join an embedded router, and how it is found out on Trio."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from ._complaints import Complaints
from ._exceptions import ApplicationError
from .auth._authority import Authority, RouterAuth, claim_arguments
from .auth._router import Claim, Outcome, Pending, RouterAuthenticator, Sources

__all__ = ["Authentication", "RouterAuth"]


class Authentication:
    """The authenticators of one router, and how what they leave open is found out.

    Args:
        auth: What its operator says.
        call: Calls a procedure: realm, URI, arguments.
        complaints: Where it is told what is wrong with the authenticator.

    Attributes:
        authenticators: The router's methods.

    Raises:
        ValueError: A principal, a key or a method is not legal; the text names the place, and shows no secret.
    """

    def __init__(self, auth: RouterAuth, call: Callable[..., Awaitable[Any]], complaints: Complaints) -> None:
        self._complaints = complaints
        self._call = call
        self._auth = auth
        self._authority = Authority(auth, Sources(os.urandom, _utc_now))
        self.authenticators: list[RouterAuthenticator] = self._authority.authenticators

    async def find_out(self, pending: Pending) -> Outcome:
        """Ask the authenticator; whatever it does, there is an outcome."""
        claim = pending.claim
        try:
            return self._authority.outcome(pending, await self._ask(claim))
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, one client must not end the router
            refusal, is_meant = self._authority.refusal(error)
            if isinstance(error, ApplicationError) and not is_meant:
                self._complaints.tell(logging.ERROR, "the authenticator failed for %r: %s", claim, error.uri)
            elif not is_meant:
                self._complaints.tell(logging.ERROR, "the authenticator failed for %r", claim, error=error)
            return refusal

    async def _ask(self, claim: Claim) -> Any:
        authenticator = self._auth.authenticator
        if callable(authenticator):
            return await authenticator(claim)
        return await self._call(self._auth.realm or claim.realm, authenticator, *claim_arguments(claim))


def _utc_now() -> datetime:
    return datetime.now(UTC)
