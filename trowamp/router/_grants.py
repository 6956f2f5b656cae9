"""What a session is allowed for one request, and what the router's authorizer answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Disclosure = Literal["on_request", "never", "always"]
TakeOver = Literal["authid", "authrole", "anybody"]
Need = tuple[
    Literal["call", "register", "publish", "subscribe"], str, str
]  # what for: the action, the URI and its matching policy


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to whether a session may do something, and how.

    Attributes:
        allow: Whether it may.
        ask: Whether that has to be asked first.
        cache: Whether what is answered then holds until the end of the session.
        never_discloses, always_discloses: Whether the session's identity is never told, or always. Neither: on request.
        take_over: From whom a procedure may be taken with `force_reregister`: sessions of the same authid, also those of the same role, or anybody.
    """

    allow: bool = True
    ask: bool = False
    cache: bool = False
    never_discloses: bool = False
    always_discloses: bool = False
    take_over: TakeOver = "authid"

    @classmethod
    def of(
        cls, disclosure: Disclosure, take_over: TakeOver, *, allow: bool = True, ask: bool = False, cache: bool = False
    ) -> Grant:
        """Make a grant from the words of a configuration."""
        return cls(
            allow=allow,
            ask=ask,
            cache=cache,
            never_discloses=disclosure == "never",
            always_discloses=disclosure == "always",
            take_over=take_over,
        )


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an authorizer answers.

    Attributes:
        allow: Whether the session may do it.
        disclose: Whether the session is disclosed to callees or subscribers. Default: as the rule says.
        cache: Whether the answer holds until the end of the session. Default: as the rule says.
    """

    allow: bool
    disclose: bool | None = None
    cache: bool | None = None

    def apply(self, grant: Grant) -> Grant:
        """Return what a rule that had the authorizer asked grants now."""
        changes: dict[str, Any] = {"allow": self.allow, "ask": False}
        if self.cache is not None:
            changes["cache"] = self.cache
        if self.disclose is not None:
            changes |= {"always_discloses": self.disclose, "never_discloses": not self.disclose}
        return msgspec.structs.replace(grant, **changes)


def verdict_from_answer(answer: Any) -> Verdict:
    """Read what an authorizer returned: True, False, or a mapping with `allow` and perhaps `disclose` and `cache` (AZ-R5).

    Raises:
        ValueError: It is none of these.
    """
    if answer is True or answer is False:
        return Verdict(allow=answer)
    if not isinstance(answer, Mapping):
        raise ValueError(f"an authorizer returns a bool or a dict with 'allow', not {type(answer).__name__}")
    try:
        return msgspec.convert(dict(answer), Verdict)
    except msgspec.ValidationError as error:
        raise ValueError(f"not an authorizer's answer: {error}") from None
