"""Principals of all methods with cheap secrets, and the pieces that a method is constructed from."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from trowamp import RouterAuth
from trowamp.auth import Attempt, Claim, Cryptosign, Principal, Principals, RouterAuthenticator, Sources
from trowamp.auth._client import ClientAttempt, Work
from trowamp.auth._methods import principals_from_mapping, router_authenticators
from trowamp.auth._scram import ScramCredential
from trowamp.auth._scram_dialects import CROSSBAR, SPECIFICATION
from trowamp.auth._scram_keys import Costs
from trowamp.messages import Authenticate
from trowamp.messages import Challenge as ChallengeMessage

CHEAP: Final = Costs("pbkdf2", 4096)
CHEAP_ARGON2: Final = Costs("argon2id13", iterations=4, memory=8 * 1024)
SEED: Final = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"
ROUTER_SEED: Final = "6e1fde9cf9e2359a87420b65a87dc0c66136e66945196ba2475990d8a0c3a25b"
PASSWORD: Final = "canary-password"
TICKET: Final = "canary-ticket"
SECRET: Final = "canary-secret"
NONCE: Final = bytes(range(32))

PRINCIPALS: Final[dict[str, dict[str, Any]]] = {
    "joe": {
        "role": "user",
        "ticket": TICKET,
        "wampcra": SECRET,
        "wamp-scram": ScramCredential.of(SPECIFICATION, PASSWORD, b"salt" * 4, CHEAP).write(),
        "scram": ScramCredential.of(CROSSBAR, PASSWORD, b"salt" * 4, CHEAP_ARGON2).write(),
        "cryptosign": Cryptosign(private_key=SEED).public_key,
    }
}


def router_auth(**more: Any) -> RouterAuth:
    """Return the configuration of a router that knows joe."""
    return RouterAuth(**{"principals": PRINCIPALS, "private_key": ROUTER_SEED, **more})


def sources() -> Sources:
    """Return octets that are told apart easily, and a time that stands still."""
    counter = itertools.count(1)
    return Sources(
        random_bytes=lambda size: next(counter).to_bytes(size, "big"),
        utc_now=lambda: datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC),
    )


def directory(mapping: dict[str, Any] | None = None, secret: bytes = b"s" * 32) -> Principals:
    """Return a table of principals."""
    return Principals(principals_from_mapping(PRINCIPALS if mapping is None else mapping), secret)


def method(name: str, mapping: dict[str, Any] | None = None, **more: Any) -> RouterAuthenticator:
    """Return a router's authenticator for one method."""
    (found,) = router_authenticators(directory(mapping), sources(), methods=[name], **more)
    return found


def attempt(authid: str | None = "joe", realm: str = "realm1", **authextra: Any) -> Attempt:
    """Return an attempt to join."""
    details: dict[str, Any] = {"roles": {"caller": {}}, "authid": authid, "authextra": authextra}
    return Attempt(realm, details, {"type": "test"}, 4711)


def claim(authid: str | None, **more: Any) -> Claim:
    """Return what a client says of itself."""
    return attempt(authid).claim(more.pop("method", "ticket"), **more)


def principal(authid: str, **credentials: Any) -> Principal:
    """Return a principal."""
    return Principal(authid=authid, role="user", credentials=credentials)


def finished(answer: Authenticate | Work) -> Authenticate:
    """Do the work, if there is any."""
    return answer.run() if isinstance(answer, Work) else answer


def answered(begun: ClientAttempt, message: ChallengeMessage) -> Authenticate | Work | ValueError:
    """Return the answer to a challenge, or why there is none."""
    try:
        return begun.answer(message)
    except ValueError as error:
        return error


def challenge(name: str, **extra: Any) -> ChallengeMessage:
    """Return the message that carries a challenge."""
    return ChallengeMessage(name, extra)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=40)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def extras(*keys: str, **likely: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return dicts with the keys that matter, each with anything at all, or something nearly right, or missing."""
    values = {key: likely.get(key, st.nothing()) | ANYTHING for key in keys}
    return st.fixed_dictionaries({}, optional=values)
