"""The roles and features that a trowamp client announces in HELLO: exactly what it implements (FEAT-B1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

_PASSTHRU: Final = ("payload_passthru_mode", "payload_transparency", "payload_encryption_cryptobox")

_CLIENT_FEATURES: Final[dict[str, tuple[str, ...]]] = {
    "caller": (
        "progressive_call_results",
        "call_canceling",
        "call_timeout",
        "caller_identification",
        "progressive_call_invocations",
        *_PASSTHRU,
    ),
    "callee": (
        "progressive_call_results",
        "progressive_call_invocations",
        "call_canceling",
        "call_timeout",
        "caller_identification",
        "pattern_based_registration",
        "shared_registration",
        "registration_revocation",
        "call_reroute",
        "call_trustlevels",
        *_PASSTHRU,
    ),
    "publisher": ("publisher_identification", "publisher_exclusion", "subscriber_blackwhite_listing", *_PASSTHRU),
    "subscriber": (
        "publisher_identification",
        "pattern_based_subscription",
        "subscription_revocation",
        "publication_trustlevels",
        *_PASSTHRU,
    ),
}

CLIENT_ROLES: Final[dict[str, Any]] = {
    role: {"features": dict.fromkeys(features, True)} for role, features in _CLIENT_FEATURES.items()
}


def announced(roles: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Read a `roles` dictionary: role name to the names of the features that are true (FEAT-B2)."""
    return {
        role: _shared(frozenset(name for name, supported in description.get("features", {}).items() if supported))
        for role, description in roles.items()
    }


@lru_cache(16)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """Return the same object for the same names: routers announce much, all of them nearly the same, and a client may have many sessions."""
    return names
