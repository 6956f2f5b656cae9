"""Authentication: what proves to a router who joins, one file per method, client and router side together.

For clients: `Ticket`, `WampCra`, `Scram` (and `CrossbarScram`), `Cryptosign`, `Anonymous`; `auth=` of `open_session` and `Component` takes one or
several. Anonymous sessions need none of it. For routers: `principals_from_mapping` reads who may join, `open_router` takes it. `ClientAuthenticator`
and `RouterAuthenticator` say what a method of your own has to look like.
"""

from __future__ import annotations

from ._anonymous import Anonymous, AnonymousAuthenticator
from ._authority import Authority, claim_arguments
from ._client import ClientAttempt, ClientAuthenticator, Work
from ._cryptosign import ChannelBinding, Cryptosign, CryptosignAuthenticator, Signer
from ._keys import private_key_from
from ._methods import METHODS, principals_from_mapping, router_authenticators
from ._principals import Directory, Inquiry, Principal, Principals, Shadows
from ._router import Accept, Attempt, Challenge, Claim, Deny, Pending, RouterAuthenticator, Skip, Sources
from ._scram import CrossbarScram, Scram, ScramAuthenticator
from ._ticket import Ticket, TicketAuthenticator
from ._wampcra import WampCra, WampCraAuthenticator

__all__ = [
    "METHODS",
    "Accept",
    "Anonymous",
    "AnonymousAuthenticator",
    "Attempt",
    "Authority",
    "Challenge",
    "ChannelBinding",
    "Claim",
    "ClientAttempt",
    "ClientAuthenticator",
    "CrossbarScram",
    "Cryptosign",
    "CryptosignAuthenticator",
    "Deny",
    "Directory",
    "Inquiry",
    "Pending",
    "Principal",
    "Principals",
    "RouterAuthenticator",
    "Scram",
    "ScramAuthenticator",
    "Shadows",
    "Signer",
    "Skip",
    "Sources",
    "Ticket",
    "TicketAuthenticator",
    "WampCra",
    "WampCraAuthenticator",
    "Work",
    "claim_arguments",
    "principals_from_mapping",
    "private_key_from",
    "router_authenticators",
]
