"""Who may join: principals, and directories that know them.

Rules of this file:

1. Whoever claims an identity that does not exist is treated like a principal, with credentials that nobody has the secret for: a shadow. Methods have
   no branch for unknown identities, so there is nothing by which to tell them apart (AU-R5).
2. A shadow is never accepted, and looks the same each time: it is derived from the router's secret and the name.
3. Whether a principal may join the realm is looked at last, when it has proved who it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ._octets import derived
from ._router import REFUSED, Accept, Attempt, Claim, Outcome, Pending, Skip


class Credential(Protocol):
    """What a router knows of a principal's secret, for one method."""

    def shadow(self, entropy: bytes) -> Credential:
        """Make a credential of the same shape that nobody has the secret for."""
        ...


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may join.

    Attributes:
        authid: The identity.
        role: The role of its sessions.
        realms: The realms it may join; None for all.
        realm: The realm that it joins instead of the one it asks for, or None.
        provider: Who vouches for it, for WELCOME.
        extra: Additions to `WELCOME.Details.authextra`.
        credentials: What is known of its secrets, by method; True where whoever told us of the principal has checked the proof already.
        is_shadow: Whether it does not exist.
    """

    authid: str
    role: str
    realms: tuple[str, ...] | None = None
    realm: str | None = None
    provider: str = "static"
    extra: dict[str, Any] = {}
    credentials: Mapping[str, Credential | bool]
    is_shadow: bool = False

    def __repr__(self) -> str:
        return f"<Principal {self.authid!r}, role {self.role!r}: {', '.join(self.credentials)}>"

    def may_join(self, realm: str) -> bool:
        """Say whether it may join a realm."""
        return self.realms is None or realm in self.realms


class Directory(Protocol):
    """Knows principals."""

    def find(self, claim: Claim) -> Principal | None:
        """Return the principal that a client claims to be, or its shadow; None if somebody else has to be asked."""
        ...


class Shadows:
    """Makes up principals that do not exist.

    Args:
        secret: 32 octets that nobody else knows; who knows them can tell shadows from principals.
        models: Whom shadows look like.
    """

    def __init__(self, secret: bytes, models: Iterable[Principal]) -> None:
        self._secret = secret
        self._models = list(models)

    def of(self, claim: Claim) -> Principal:
        """Return the shadow that answers to a claim."""
        name = claim.authid or claim.public_key or ""
        if not self._models:
            return Principal(authid=name, role="", credentials={}, is_shadow=True)
        choice = int.from_bytes(derived(self._secret, "model", name), "big")
        model = self._models[choice % len(self._models)]
        credentials = {
            method: credential
            if isinstance(credential, bool)
            else credential.shadow(derived(self._secret, method, name))
            for method, credential in model.credentials.items()
        }
        return msgspec.structs.replace(model, authid=name, credentials=credentials, is_shadow=True)


class Principals:
    """A table of principals that does not change.

    Args:
        principals: The principals.
        secret: 32 octets that nobody else knows. With another secret, identities that do not exist get other challenges: keep it if that matters.

    Raises:
        ValueError: Two principals have the same authid.
    """

    def __init__(self, principals: Iterable[Principal], secret: bytes) -> None:
        self._by_authid: dict[str, Principal] = {}
        self._by_key: dict[str, list[Principal]] = {}
        for principal in principals:
            if principal.authid in self._by_authid:
                raise ValueError(f"two principals have the authid {principal.authid!r}")
            self._by_authid[principal.authid] = principal
            for key in getattr(principal.credentials.get("cryptosign"), "public_keys", ()):
                self._by_key.setdefault(key, []).append(principal)
        self._shadows = Shadows(secret, self._by_authid.values())

    def __len__(self) -> int:
        return len(self._by_authid)

    def __repr__(self) -> str:
        return f"<{len(self)} principals>"

    def known(self, claim: Claim) -> Principal | None:
        """Return the principal that a client claims to be; None if there is none, or if its key is that of several."""
        if claim.authid:
            return self._by_authid.get(claim.authid)
        owners = self._by_key.get(claim.public_key or "", ())  # CS-R2
        candidates = [principal for principal in owners if principal.may_join(claim.realm)]
        return candidates[0] if len(candidates) == 1 else None

    def find(self, claim: Claim) -> Principal:
        """Return the principal that a client claims to be, or a shadow."""
        shadow = self._shadows.of(claim)  # also for those who exist: both take the same time
        return self.known(claim) or shadow


class Inquiry:
    """A directory that has somebody else decide about everybody who is not in a table.

    Args:
        table: Who is known without asking: the authenticator itself, for example.
        shadows: Makes up principals for those whom the authenticator does not know.
        methods: The methods that it is asked about.
    """

    def __init__(self, table: Principals, shadows: Shadows, methods: Iterable[str]) -> None:
        self._table = table
        self._shadows = shadows
        self._methods = frozenset(methods)

    def find(self, claim: Claim) -> Principal | None:
        """Return a principal of the table; None if somebody else has to be asked."""
        known = self._table.known(claim)
        if known is None and claim.method not in self._methods:
            return self._table.find(claim)
        return known

    def unknown(self, claim: Claim) -> Principal:
        """Return what stands for somebody whom the authenticator does not know."""
        return self._shadows.of(claim)


def ask(directory: Directory, claim: Claim, judge: Callable[[Principal], Outcome]) -> Outcome:
    """Judge whoever the directory says a client is, now or when it has been found out."""
    principal = directory.find(claim)
    return Pending(claim, judge) if principal is None else judge(principal)


def accepted(principal: Principal, attempt: Attempt, **extra: Any) -> Outcome:
    """Let somebody in who has proved who it is.

    Args:
        principal: Who.
        attempt: What for.
        extra: What the method adds to `WELCOME.Details.authextra`.
    """
    if principal.is_shadow or not principal.may_join(attempt.realm):
        return REFUSED
    return Accept(
        authid=principal.authid,
        role=principal.role,
        realm=principal.realm,
        provider=principal.provider,
        extra={**principal.extra, **extra},
    )


def no_authid(method: str) -> Skip:
    """Leave a client to its next method: this one is for those who say who they are."""
    return Skip(f"{method} needs an authid")


def not_available(method: str) -> Skip:
    """Leave a client to its next method: the router has no credential of this one."""
    return Skip(f"{method} is not available for this identity")
