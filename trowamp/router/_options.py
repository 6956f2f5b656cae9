"""What a router can be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from .._version import __version__
from ..auth._router import RouterAuthenticator
from ._grants import Disclosure
from ._history_rule import HistoryRule
from ._rules import Role

SlowConsumerPolicy = Literal["drop_connection", "drop_events"]


class RouterOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, times and policies of a router. All times are seconds, all sizes octets.

    Attributes:
        agent: How the router names itself in WELCOME.
        authenticators: The authentication methods; None stands for anonymous only, an empty sequence for nobody at all.
        roles: What the roles of sessions may do. None: everybody may do everything. Otherwise a session whose role is not among them cannot join.
        authorizer_timeout: How long the authorizer may take for an answer, where the rules want it asked.
        trust_levels: How far calls and publications of a role are trusted, 0 being the least; those who announced that they want to know are told.
        auto_realms: Whether a realm that does not exist is made for the first session that asks for it, and forgotten with its last one.
        handshake_timeout: How long a connection may take until its session is established: all that follows together.
        opening_timeout: How long it may take for TLS, and then for the handshake of WebSocket or RawSocket, each.
        hello_timeout: How long it may take for HELLO after that.
        authentication_timeout: How long it may take for AUTHENTICATE after CHALLENGE.
        max_failed_attempts: How many failed attempts to authenticate, for one identity from one address within a minute, cost nothing. After that
            attempts are refused unheard, for a second, then for two, and so on up to a minute. An address as a whole may fail ten times as often.
        goodbye_timeout: How long a peer may take to answer the router's GOODBYE.
        outbox_limit: How much may wait for a peer that does not read.
        outbox_soft_limit: How much may wait for longer than `outbox_soft_timeout`: a peer that does not take as much in that time does not read fast
            enough either. Under the policy "drop_events" nobody looks.
        outbox_soft_timeout: The time.
        slow_consumer: What happens to a peer above `outbox_limit`: "drop_connection" ends its session, "drop_events" withholds events until it has
            read on, and ends its session only if the rest (results, invocations, replies) makes twice the limit.
        disclosure: Whether callers and publishers are disclosed: "on_request" if they ask for it or a registration does, "never" refuses such
            requests, "always" does it unasked.
        max_session_entries: How many registrations and subscriptions together a session may have.
        max_session_calls: How many calls of a session may be without a final answer.
        max_session_invocations: How many calls a session may have to answer; for more it is unavailable.
        max_testaments, max_testament_octets: How many testaments a session may have, and about how large they may be together.
        max_retained_topics, max_retained_octets: How many topics of a realm may have a retained event, and about how large these events may be
            together. Beyond that the topics that were published to longest ago lose theirs.
        event_history: The topics whose events are kept for `wamp.subscription.get_events`.
        max_uri_length: How many characters a realm and what is registered or subscribed to may have: they are kept.
        strict_uris: Allow lower-case letters, digits and underscores only in URIs.
        strict_request_ids: Abort sessions whose request ids are not 1, 2, 3 and so on (ID-R1). Some client libraries leave gaps.
        strict_roles: Abort sessions that send messages of roles they did not announce (MSG-B5).
        send_subscription_revocation: Tell subscribers that a subscription was revoked. Autobahn announces the feature, but ends its session over it.

    Raises:
        ValueError: A number is not more than 0, or a word is none of those above.
    """

    agent: str = f"trowamp-{__version__}"
    authenticators: Sequence[RouterAuthenticator] | None = None
    roles: Sequence[Role] | None = None
    authorizer_timeout: float = 10.0
    trust_levels: Mapping[str, int] | None = None
    auto_realms: bool = False
    handshake_timeout: float = 15.0
    opening_timeout: float = 5.0
    hello_timeout: float = 5.0
    authentication_timeout: float = 10.0
    max_failed_attempts: int = 10
    goodbye_timeout: float = 5.0
    outbox_limit: int = 8 * 1024 * 1024
    outbox_soft_limit: int = 1024 * 1024
    outbox_soft_timeout: float = 10.0
    slow_consumer: SlowConsumerPolicy = "drop_connection"
    disclosure: Disclosure = "on_request"
    max_session_entries: int = 10_000
    max_session_calls: int = 1024
    max_session_invocations: int = 10_000
    max_testaments: int = 100
    max_testament_octets: int = 1024 * 1024
    max_retained_topics: int = 10_000
    max_retained_octets: int = 8 * 1024 * 1024
    event_history: Sequence[HistoryRule] = ()
    max_uri_length: int = 1024
    strict_uris: bool = False
    strict_request_ids: bool = False
    strict_roles: bool = False
    send_subscription_revocation: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} must be one of {', '.join(words)}, not {getattr(self, name)!r}")
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) in (int, float) and not value > 0:  # NaN is not either
                raise ValueError(f"{name} must be more than 0, not {value}")
        for role, level in (self.trust_levels or {}).items():
            if type(level) is not int or level < 0:
                raise ValueError(f"trust_levels[{role!r}] must be an integer of 0 or more, not {level!r}")


_WORDS: Final = {"slow_consumer": get_args(SlowConsumerPolicy), "disclosure": get_args(Disclosure)}
