"""Options of calls and publishes, checked once when a view of the session is made and merged cheaply ever after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ._exceptions import FeatureNotSupported
from ._types import SessionDetails

CANCEL_MODES: Final = ("killnowait", "kill", "skip")


class CallOptions(msgspec.Struct, frozen=True):
    """What `with_options` adds to calls."""

    wire: dict[str, Any] = {}
    timeout: float | None = None
    cancel_mode: str = "killnowait"
    buffer: int = 10_000


class PublishOptions(msgspec.Struct, frozen=True):
    """What `with_options` adds to publishes."""

    wire: dict[str, Any] = {}

    @property
    def is_acknowledged(self) -> bool:
        """Whether the router answers."""
        return bool(self.wire.get("acknowledge"))


# option -> (role, feature) of the router that gives it a meaning
_CALL_FEATURES: Final[dict[str, tuple[str, str]]] = {"disclose_me": ("dealer", "caller_identification")}
_PUBLISH_FEATURES: Final[dict[str, tuple[str, str]]] = {
    "disclose_me": ("broker", "publisher_identification"),
    "exclude_me": ("broker", "publisher_exclusion"),
    "retain": ("broker", "event_retention"),
    **dict.fromkeys(
        ("exclude", "exclude_authid", "exclude_authrole", "eligible", "eligible_authid", "eligible_authrole"),
        ("broker", "subscriber_blackwhite_listing"),
    ),
}
_REGISTER_FEATURES: Final[dict[str, tuple[str, str]]] = {
    "match": ("dealer", "pattern_based_registration"),
    "invoke": ("dealer", "shared_registration"),
}
_SUBSCRIBE_FEATURES: Final[dict[str, tuple[str, str]]] = {
    "match": ("broker", "pattern_based_subscription"),
    "get_retained": ("broker", "event_retention"),
}

FEATURES_BY_REQUEST: Final = {
    "call": _CALL_FEATURES,
    "publish": _PUBLISH_FEATURES,
    "register": _REGISTER_FEATURES,
    "subscribe": _SUBSCRIBE_FEATURES,
}


def require_features(details: SessionDetails, request: str, options: dict[str, Any]) -> None:
    """Refuse options that this router would ignore without a word.

    Raises:
        FeatureNotSupported: The router does not announce what an option needs.
    """
    features = FEATURES_BY_REQUEST[request]
    for option in options:
        needed = features.get(option)
        if needed is not None and not details.supports(*needed):
            raise FeatureNotSupported(needed[1])


def present(**options: Any) -> dict[str, Any]:
    """Keep the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def as_list(values: Iterable[Any] | None) -> list[Any] | None:
    """Turn a list option given as any iterable into what goes on the wire.

    Raises:
        TypeError: It is text, whose letters nobody means.
    """
    if isinstance(values, str):
        raise TypeError(f"give a list of names: [{values!r}]")
    return None if values is None else list(values)
