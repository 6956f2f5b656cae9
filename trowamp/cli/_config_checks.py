"""What names in a configuration must have in common: the roles and realms that it speaks of are those that it has.

A name that is misspelt would be no error to the router: nobody joins that realm, or has that role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..auth import METHODS
from ..auth._authority import RouterAuth
from ..router import Role
from ..router._rules import check_principal


def check_word(word: Any, known: Sequence[str], place: str) -> None:
    """Refuse a word that is none of those that are known.

    Raises:
        ValueError: It is another one; the text names the place and the known ones.
    """
    if word not in known:
        raise ValueError(f"{place} must be one of {', '.join(known) or 'none'}, not {word!r}")


def check_roles(auth: RouterAuth | None, roles: Sequence[Role] | None, trust_levels: Mapping[str, int] | None) -> None:
    """Refuse principals that could never join, because the role that they have is none of the router's, and trust in roles that nobody has.

    Raises:
        ValueError: There is no such role; the text names the place.
    """
    if roles is None:
        return
    known = [role.name for role in roles]
    for authid, principal in () if auth is None else auth.principals.items():
        place = f"router.auth.principals.{authid}.role"
        check_word(principal["role"], known, place)
        check_principal(principal, roles, place)
    if auth is not None and auth.anonymous_role is not None:
        check_word(auth.anonymous_role, known, "router.auth.anonymous_role")
    for name in trust_levels or ():
        if name not in known:
            raise ValueError(f"router.trust_levels.{name}: there is no such role; known: {', '.join(known) or 'none'}")


def check_methods(auth: RouterAuth, keys: Iterable[str]) -> None:
    """Refuse an authenticator that nobody would ever ask, and what is said about an authenticator where there is none.

    Args:
        auth: Who may join.
        keys: What the configuration says of that.

    Raises:
        ValueError: It is asked about no method, or there is none.
    """
    for key in sorted({"realm", "methods"}.intersection(keys)):
        if auth.authenticator is None:
            raise ValueError(f"router.auth.{key} is about router.auth.authenticator, and there is none")
    if auth.authenticator is not None and not auth.methods:
        text = "router.auth.methods is empty, so router.auth.authenticator would never be asked"
        raise ValueError(f"{text}; known: {', '.join(METHODS)}")


def named_realms(auth: RouterAuth | None, roles: Sequence[Role] | None) -> dict[str, str]:
    """Return the realms that a configuration speaks of, by the places where it does."""
    named = {f"router.roles[{index}].realm": role.realm for index, role in enumerate(roles or ())}
    if auth is not None:
        named["router.auth.realm"] = auth.realm
        for authid, principal in auth.principals.items():
            place = f"router.auth.principals.{authid}"
            named[f"{place}.realm"] = principal.get("realm")
            named |= {f"{place}.realms[{index}]": realm for index, realm in enumerate(principal.get("realms") or ())}
    return {place: realm for place, realm in named.items() if realm is not None}


def check_realms(named: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse realms that the router does not have.

    Args:
        named: The realms that the configuration speaks of, by place.
        known: The router's.

    Raises:
        ValueError: It has no such realm; the text names the place.
    """
    realms = list(known)
    for place, realm in named.items():
        check_word(realm, realms, place)
