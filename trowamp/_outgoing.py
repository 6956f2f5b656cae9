"""Options of calls and publishes, checked once when a view of the session is made and merged cheaply ever after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ._exceptions import FeatureNotSupported
from ._types import SessionDetails
from .payloads import PayloadCodec

CANCEL_MODES: Final = ("killnowait", "kill", "skip")
INVOCATION_POLICIES: Final = ("single", "first", "last", "roundrobin", "random")


class CallOptions(msgspec.Struct, frozen=True):
    """What `with_options` adds to calls."""

    wire: dict[str, Any] = {}
    timeout: float | None = None
    cancel_mode: str = "killnowait"
    buffer: int = 10_000
    result_type: Any = Any
    streams_inputs: bool = False
    lacks: str | None = None  # what the router would need for `wire`, where publishes can do without it
    codec: PayloadCodec | None = None


class PublishOptions(msgspec.Struct, frozen=True):
    """What `with_options` adds to publishes."""

    wire: dict[str, Any] = {}
    lacks: str | None = None  # what the router would need for `wire`, where calls can do without it
    codec: PayloadCodec | None = None

    @property
    def is_acknowledged(self) -> bool:
        """Whether the router answers."""
        return bool(self.wire.get("acknowledge"))


# option -> (role, feature) of the router that gives it a meaning
_CALL_FEATURES: Final[dict[str, tuple[str, str]]] = {
    "disclose_me": ("dealer", "caller_identification"),
    "progress": ("dealer", "progressive_call_invocations"),
    "receive_progress": ("dealer", "progressive_call_results"),
    "cancel_mode": ("dealer", "call_canceling"),
}
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
    "forward_timeout": ("dealer", "call_timeout"),
}
_SUBSCRIBE_FEATURES: Final[dict[str, tuple[str, str]]] = {
    "match": ("broker", "pattern_based_subscription"),
    "get_retained": ("broker", "event_retention"),
}

_FEATURES_BY_REQUEST: Final = {
    "call": _CALL_FEATURES,
    "publish": _PUBLISH_FEATURES,
    "register": _REGISTER_FEATURES,
    "subscribe": _SUBSCRIBE_FEATURES,
}


def check_range(*, timeout: float | None, cancel_mode: str | None, buffer: int | None) -> None:
    """Refuse options of a call that are out of range.

    Raises:
        ValueError: One is.
    """
    if cancel_mode is not None and cancel_mode not in CANCEL_MODES:
        raise ValueError(f"cancel_mode must be one of {', '.join(CANCEL_MODES)}, not {cancel_mode!r}")
    if timeout is not None and not timeout > 0:  # NaN is not either
        raise ValueError(f"timeout must be more than 0 seconds, not {timeout}")
    if buffer is not None and buffer < 1:
        raise ValueError(f"buffer must be at least 1 result, not {buffer}")


def missing_feature(details: SessionDetails, request: str, options: Iterable[str]) -> str | None:
    """Return the name of a feature that one of these options needs and this router does not announce, or None."""
    features = _FEATURES_BY_REQUEST[request]
    for option in options:
        needed = features.get(option)
        if needed is not None and not details.supports(*needed):
            return needed[1]
    return None


def require_features(details: SessionDetails, request: str, options: Iterable[str]) -> None:
    """Refuse options that this router would ignore without a word.

    Raises:
        FeatureNotSupported: The router does not announce what an option needs.
    """
    missing = missing_feature(details, request, options)
    if missing is not None:
        raise FeatureNotSupported(missing)


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
