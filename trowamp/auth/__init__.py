"""Authentication: what proves to a router who joins, one file per method, client and router side together.

Anonymous sessions need none of it. `ClientAuthenticator` and `RouterAuthenticator` say what a method of your own has to look like.
"""

from __future__ import annotations

from ._anonymous import AnonymousAuthenticator
from ._client import ClientAuthenticator
from ._router import Accept, Attempt, Challenge, Deny, RouterAuthenticator

__all__ = [
    "Accept",
    "AnonymousAuthenticator",
    "Attempt",
    "Challenge",
    "ClientAuthenticator",
    "Deny",
    "RouterAuthenticator",
]
