"""Roles that a router is told of have to be among those that it has: a name that is misspelt would be no error to it, nobody would have that role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..auth._authority import RouterAuth
from ..auth._reading import check_word
from ._rules import Role, role_exists


def check_role_names(
    roles: Sequence[Role] | None, auth: RouterAuth, trust_levels: Mapping[str, int] | None, *, place: str = ""
) -> None:
    """Refuse principals that could never join, because the role that they have is none of the router's, and trust in roles that nobody has.

    Args:
        roles: The router's roles; None: there is every role.
        auth: Who may join.
        trust_levels: How far roles are trusted.
        place: What stands before the names of places in errors.

    Raises:
        ValueError: There is no such role; the text names the place.
    """
    if roles is None:
        return
    known = [role.name for role in roles]
    for authid, principal in auth.principals.items():
        name, where = principal["role"], f"{place}auth.principals.{authid}.role"
        check_word(name, known, where)
        for realm in (principal.get("realm"), *(principal.get("realms") or ())):
            if realm is not None and not role_exists(roles, name, realm):
                raise ValueError(f"{where}: there is no role {name!r} in realm {realm!r}")
    if auth.anonymous_role is not None:
        check_word(auth.anonymous_role, known, f"{place}auth.anonymous_role")
    for name in trust_levels or ():
        if name not in known:
            raise ValueError(f"{place}trust_levels.{name}: there is no such role; known: {', '.join(known) or 'none'}")
