"""The roles and features that the router announces in WELCOME: exactly what it implements (FEAT-B1)."""

from __future__ import annotations

from typing import Any, Final

_FEATURES: Final[dict[str, tuple[str, ...]]] = {
    "broker": (
        "publisher_exclusion",
        "publisher_identification",
        "subscriber_blackwhite_listing",
        "pattern_based_subscription",
        "subscription_revocation",
        "subscription_meta_api",
        "session_meta_api",
        "event_retention",
        "event_history",
        "publication_trustlevels",
        "payload_passthru_mode",
        "payload_transparency",
        "payload_encryption_cryptobox",
    ),
    "dealer": (
        "progressive_call_results",
        "progressive_call_invocations",
        "call_canceling",
        "call_timeout",
        "caller_identification",
        "pattern_based_registration",
        "shared_registration",
        "registration_revocation",
        "registration_meta_api",
        "session_meta_api",
        "testament_meta_api",
        "call_trustlevels",
        "call_reroute",
        "payload_passthru_mode",
        "payload_transparency",
        "payload_encryption_cryptobox",
    ),
}

ROUTER_ROLES: Final[dict[str, Any]] = {
    role: {"features": dict.fromkeys(features, True)} for role, features in _FEATURES.items()
}


def announces(roles: dict[str, Any], role: str, *names: str) -> bool:
    """Tell whether a `roles` dictionary announces a feature, under any of its spellings, for a role (FEAT-B2)."""
    features = roles.get(role, {}).get("features", {})
    for name in names:  # noqa: SIM110  # a session asks a dozen times; a generator would double what that costs
        if features.get(name) is True:
            return True
    return False
