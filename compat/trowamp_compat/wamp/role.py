"""The roles of a session, and which features of the advanced profile a peer says it has in them."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from trowamp.protocol import CLIENT_ROLES

from .exception import ProtocolError

__all__ = [
    "DEFAULT_CLIENT_ROLES",
    "ROLE_NAME_TO_CLASS",
    "RoleBrokerFeatures",
    "RoleCalleeFeatures",
    "RoleCallerFeatures",
    "RoleDealerFeatures",
    "RoleFeatures",
    "RolePublisherFeatures",
    "RoleSubscriberFeatures",
]


class RoleFeatures:
    """The features of one role: each an attribute that is True, False or None for "not told". Unknown features are passed over.

    Args:
        values: Features by position, in the order of `FEATURES`.
        features: Features by name.

    Raises:
        ProtocolError: A feature is neither a bool nor None.

    Attributes:
        ROLE: The role's name.
        FEATURES: The names of its features.
    """

    ROLE: ClassVar[str | None] = None
    FEATURES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *values: bool | None, **features: Any) -> None:
        if len(values) > len(self.FEATURES):
            raise TypeError(f"the role {self.ROLE} has {len(self.FEATURES)} features, not {len(values)}")
        given = {**features, **dict(zip(self.FEATURES, values, strict=False))}
        for name in self.FEATURES:
            value = given.get(name)
            if value is not None and not isinstance(value, bool):
                raise ProtocolError(
                    f"the feature {name!r} of the role {self.ROLE!r} must be True or False, not {value!r}"
                )
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the role {self.ROLE!r} has no feature {name!r}")

    def announced(self) -> dict[str, bool]:
        """Return the features that are told, as HELLO and WELCOME carry them."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # its features can be changed

    def __str__(self) -> str:
        return json.dumps(vars(self))

    def __repr__(self) -> str:
        features = ", ".join(f"{name}={value}" for name, value in self.announced().items())
        return f"{self.ROLE}({features})"


# Features that came to the specification after the order of the constructors' parameters was fixed stand at the end.
class RoleBrokerFeatures(RoleFeatures):
    """What a broker says of itself."""

    ROLE = "broker"
    FEATURES = (
        "publisher_identification",
        "publication_trustlevels",
        "pattern_based_subscription",
        "session_meta_api",
        "subscription_meta_api",
        "subscriber_blackwhite_listing",
        "publisher_exclusion",
        "subscription_revocation",
        "event_history",
        "payload_transparency",
        "x_acknowledged_event_delivery",
        "payload_encryption_cryptobox",
        "event_retention",
        "payload_passthru_mode",
    )


class RoleSubscriberFeatures(RoleFeatures):
    """What a subscriber says of itself."""

    ROLE = "subscriber"
    FEATURES = (
        "publisher_identification",
        "publication_trustlevels",
        "pattern_based_subscription",
        "subscription_revocation",
        "event_history",
        "payload_transparency",
        "payload_encryption_cryptobox",
        "payload_passthru_mode",
    )


class RolePublisherFeatures(RoleFeatures):
    """What a publisher says of itself."""

    ROLE = "publisher"
    FEATURES = (
        "publisher_identification",
        "subscriber_blackwhite_listing",
        "publisher_exclusion",
        "payload_transparency",
        "x_acknowledged_event_delivery",
        "payload_encryption_cryptobox",
        "payload_passthru_mode",
    )


class RoleDealerFeatures(RoleFeatures):
    """What a dealer says of itself."""

    ROLE = "dealer"
    FEATURES = (
        "caller_identification",
        "call_trustlevels",
        "pattern_based_registration",
        "session_meta_api",
        "registration_meta_api",
        "shared_registration",
        "call_timeout",
        "call_canceling",
        "progressive_call_results",
        "registration_revocation",
        "payload_transparency",
        "testament_meta_api",
        "payload_encryption_cryptobox",
        "progressive_call_invocations",
        "call_reroute",
        "payload_passthru_mode",
    )


class RoleCallerFeatures(RoleFeatures):
    """What a caller says of itself."""

    ROLE = "caller"
    FEATURES = (
        "caller_identification",
        "call_timeout",
        "call_canceling",
        "progressive_call_results",
        "payload_transparency",
        "payload_encryption_cryptobox",
        "progressive_call_invocations",
        "payload_passthru_mode",
    )


class RoleCalleeFeatures(RoleFeatures):
    """What a callee says of itself."""

    ROLE = "callee"
    FEATURES = (
        "caller_identification",
        "call_trustlevels",
        "pattern_based_registration",
        "shared_registration",
        "call_timeout",
        "call_canceling",
        "progressive_call_results",
        "registration_revocation",
        "payload_transparency",
        "payload_encryption_cryptobox",
        "progressive_call_invocations",
        "call_reroute",
        "payload_passthru_mode",
    )


ROLE_NAME_TO_CLASS: Final[dict[str, type[RoleFeatures]]] = {
    str(kind.ROLE): kind
    for kind in (
        RoleBrokerFeatures,
        RoleSubscriberFeatures,
        RolePublisherFeatures,
        RoleDealerFeatures,
        RoleCallerFeatures,
        RoleCalleeFeatures,
    )
}

# Sessions of this package can have a payload codec, which the core's own sessions know nothing of.
_OF_CODECS: Final = {"payload_transparency": True, "payload_encryption_cryptobox": True}

#: What the sessions of this package say of themselves.
DEFAULT_CLIENT_ROLES: Final[dict[str, RoleFeatures]] = {
    role: ROLE_NAME_TO_CLASS[role](**{**description["features"], **_OF_CODECS})
    for role, description in CLIENT_ROLES.items()
}
