"""The realms that a configuration speaks of must be those that it has: nobody would ever join one whose name is misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..auth._authority import RouterAuth
from ..auth._reading import check_word
from ..router import Role


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
