"""What the roles of a router may do: static rules (checklist §4.21).

A rule holds for a URI or pattern; of several that match, the best one decides alone: exact, then the longest prefix, then a wildcard. What no
rule matches is denied (AZ-R6). A pattern that somebody wants to register or subscribe to must lie within the rule that allows it, and every better
rule for a part of it must allow that too: the right to a pattern never reaches further than the rights to the URIs it stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from .._uri_pattern import is_pattern
from ._grants import Disclosure, Grant, TakeOver
from ._matching import Matching
from ._pattern_sets import covers, overlap

if TYPE_CHECKING:
    from ._grants import Need

Action = Literal["call", "register", "publish", "subscribe"]

ACTIONS: Final = ("call", "register", "publish", "subscribe")
_MAX_MEMO: Final = 10_000


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What a role may do with a URI, or with all URIs of a pattern.

    Attributes:
        uri: The URI or pattern. Without `match`, a `*` at the end makes a prefix, and an empty component a wildcard pattern.
        match: "exact", "prefix" or "wildcard". Default: what the form of `uri` says.
        allow: What may be done: "call", "register", "publish", "subscribe".
        ask: What the router's authorizer is asked about each time. Everything that is in neither list is denied.
        cache: Whether the authorizer's answers hold until the end of the session, if they do not say so themselves.
        disclose_caller: Whether callers are disclosed: "on_request", "never" or "always". Default: as everywhere in the router.
        disclose_publisher: The same for publishers.
        force_reregister: Whether procedures may be taken over from any other session, not only from those of the same authid.

    Raises:
        ValueError: The pattern is not legal, or an action or a value is none of those above.
    """

    uri: str
    match: Literal["exact", "prefix", "wildcard"] | None = None
    allow: Sequence[Action] = ()
    ask: Sequence[Action] = ()
    cache: bool = False
    disclose_caller: Disclosure | None = None
    disclose_publisher: Disclosure | None = None
    force_reregister: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        uri, match = self.pattern
        if not is_pattern(uri, match):
            raise ValueError(f"not a legal URI ({match}) for a rule: {self.uri!r}")
        if isinstance(self.allow, str) or isinstance(self.ask, str):
            raise ValueError(f"allow and ask of {self.uri!r} are lists of {', '.join(ACTIONS)}")
        for action in (*self.allow, *self.ask):
            if action not in ACTIONS:
                raise ValueError(f"nothing that can be allowed for {self.uri!r}: {action!r} ({', '.join(ACTIONS)})")
        for disclosure in (self.disclose_caller, self.disclose_publisher):
            if disclosure not in (None, "on_request", "never", "always"):
                raise ValueError(f"no way to disclose for {self.uri!r}: {disclosure!r} (on_request, never, always)")

    @property
    def pattern(self) -> tuple[str, str]:
        """The URI and matching policy that are meant."""
        if self.match is not None:
            return self.uri, self.match
        if self.uri.endswith("*"):
            return self.uri[:-1], "prefix"
        return self.uri, "exact" if all(self.uri.split(".")) else "wildcard"


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role and what it may do.

    Attributes:
        name: Its name: the `authrole` of sessions.
        rules: Its rules. Without any it may join, and do nothing.
        realm: The realm in which it exists. Default: everywhere.

    Raises:
        ValueError: Two rules have the same pattern.
    """

    name: str
    rules: Sequence[Rule] = ()
    realm: str | None = None

    def __post_init__(self) -> None:
        """Refuse rules that contradict each other."""
        patterns = [rule.pattern for rule in self.rules]
        for pattern in patterns:
            if patterns.count(pattern) > 1:
                raise ValueError(f"two rules of role {self.name!r} for {pattern[0]!r} ({pattern[1]})")


def role_exists(roles: Sequence[Role] | None, name: str, realm: str) -> bool:
    """Tell whether there is a role in a realm; without roles there is every role everywhere."""
    return roles is None or any(role.name == name and role.realm in (None, realm) for role in roles)


def require_authorizer(roles: Sequence[Role] | None, authorizer: object) -> None:
    """Refuse rules that ask an authorizer where there is none.

    Raises:
        ValueError: They do.
    """
    asks = [role.name for role in roles or () for rule in role.rules if rule.ask]
    if asks and authorizer is None:
        raise ValueError(f"the rules of role {asks[0]!r} ask an authorizer, and there is none")


class _Answer(IntEnum):
    """What a rule says, from the strictest to the most generous."""

    DENY = 0
    ASK = 1
    ALLOW = 2


class RoleRules:
    """The rules of one role, ready to be asked.

    Args:
        role: The role.
        disclosure: How callers and publishers are disclosed where no rule says otherwise.
    """

    __slots__ = ("_disclosure", "_matching", "_memo", "_rules")

    def __init__(self, role: Role, disclosure: Disclosure) -> None:
        self._disclosure = disclosure
        self._rules = [(*rule.pattern, rule) for rule in role.rules]
        self._matching: Matching[Rule] = Matching()
        for uri, match, rule in self._rules:
            self._matching.add(uri, match, rule)
        self._memo: dict[Need, Grant] = {}

    def decide(self, need: Need) -> Grant:
        """Return what the rules say; to be asked is to be told so."""
        grant = self._memo.get(need)
        if grant is None:
            if len(self._memo) >= _MAX_MEMO:
                self._memo.clear()
            grant = self._memo[need] = self._decide(*need)
        return grant

    def _decide(self, action: Action, uri: str, match: str) -> Grant:
        rule = self._best(uri, match)
        if rule is None:
            return Grant(allow=False)
        answer = min(_says(each, action) for each in (rule, *self._better(rule, uri, match)))
        disclosure = {"call": rule.disclose_caller, "publish": rule.disclose_publisher}.get(action)
        take_over: TakeOver = "anybody" if rule.force_reregister else "authid"
        return Grant.of(
            disclosure or self._disclosure,
            take_over,
            allow=answer is _Answer.ALLOW,
            ask=answer is _Answer.ASK,
            cache=rule.cache,
        )

    def _best(self, uri: str, match: str) -> Rule | None:
        """Return the best rule that a URI or pattern lies within."""
        if match == "exact":
            return self._matching.best(uri)
        within: Matching[Rule] = Matching()
        for text, policy, rule in self._rules:
            if covers(text, policy, uri, match):
                within.add(text, policy, rule)
        # Every URI of the pattern matches the rules in `within`; any one of them finds the best.
        return within.best_pattern(".".join(part or "_" for part in uri.split(".")))

    def _better(self, rule: Rule, uri: str, match: str) -> Iterable[Rule]:
        """Yield the rules that decide instead of `rule` for some URIs of a pattern, or may do so."""
        if match == "exact":
            return
        policies = ("exact", "prefix") if rule.pattern[1] == "prefix" else ("exact", "prefix", "wildcard")
        for text, policy, each in self._rules:
            if policy in policies and overlap(text, policy, uri, match) and not covers(text, policy, uri, match):
                yield each


def _says(rule: Rule, action: Action) -> _Answer:
    if action in rule.allow:
        return _Answer.ALLOW
    return _Answer.ASK if action in rule.ask else _Answer.DENY
